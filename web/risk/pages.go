package risk

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet"
	"yiwang/fleet/risk"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/web"
)

// Path is where the communities stand; the code of one follows, and ?day=2026-03-09.
const Path = "/desk/risk"

// Deps are what the pages stand on. All are needed.
type Deps struct {
	DB        *db.DB
	Index     *fleet.Index
	Directory *directory.Directory
	// Frame is what stands around a page of the desk.
	Frame func(ctx context.Context, actor city.Actor, section string) web.DeskDoc
	// Link leads to what stands behind a part (risk.Behind.Ref), as of a day; "" where
	// there is nothing, or nothing for this officer.
	Link     func(actor city.Actor, ref string, day city.Date) string
	CasePath func(city.CaseNumber) string
}

// Pages serves the index. It is safe for concurrent use.
type Pages struct{ Deps }

// New makes the pages.
func New(d Deps) *Pages { return &Pages{d} }

// Routes adds the pages.
func (p *Pages) Routes(mux *http.ServeMux) {
	mux.Handle("GET "+Path, web.Page(p.list))
	mux.Handle("GET "+Path+"/{community}", web.Page(p.one))
}

func path(region city.RegionCode, day, today city.Date) string {
	at := Path
	if region != "" {
		at += "/" + string(region)
	}
	if day != today {
		at += "?day=" + day.String()
	}
	return at
}

// patterns tell the levels apart without colours.
var patterns = map[risk.Level]string{risk.Red: "cross", risk.Orange: "slant", risk.Yellow: "lines", risk.Blue: "dots"}

// asked is which day is looked at.
type asked struct {
	Day, Today    city.Date
	Path          string // without the day
	Before, After string // "" where the next day hasn't begun
}

func (p *Pages) ask(r *http.Request, region city.RegionCode) (a asked, err error) {
	a.Today = p.Index.Today()
	a.Day = a.Today
	if s := r.URL.Query().Get("day"); s != "" {
		if a.Day, err = city.ParseDate(s); err != nil {
			return a, city.Invalid("directory.date", "date", s)
		}
	}
	a.Path = path(region, a.Today, a.Today)
	a.Before = path(region, a.Day.AddDays(-1), a.Today)
	if a.Day.Before(a.Today) {
		a.After = path(region, a.Day.AddDays(1), a.Today)
	}
	return a, nil
}

// List is the page of all communities.
type List struct {
	Asked   asked
	At      time.Time // when it was computed
	Columns []web.Column
	Rows    [][]templ.Component
	Map     web.MapView
	Counts  []Counted
	Formula Formula
}

// Counted is how many communities have a level.
type Counted struct {
	Level risk.Level
	N     int
	From  float64
}

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	actor := web.ViewOf(ctx).Actor
	a, err := p.ask(r, "")
	if err != nil {
		return err
	}
	l := List{Asked: a, Formula: formulaOf(p.Index.Formula), Columns: listColumns}
	var list, week []risk.Risk
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if list, l.At, err = p.Index.On(ctx, tx, actor, a.Day); err == nil {
			week, _, err = p.Index.On(ctx, tx, actor, a.Day.AddDays(-7))
		}
		return err
	})
	if err != nil {
		return err
	}
	was := map[city.RegionCode]int{}
	for _, x := range week {
		was[x.Region] = x.Index
	}
	n := map[risk.Level]int{}
	middles := make([]geo.Point, len(list))
	for i, x := range list {
		n[x.Level]++
		c, _ := p.Directory.Region(x.Region)
		middles[i] = geo.Point{Lat: c.Lat, Lon: c.Lon}
		change := web.Text("–")
		if before, known := was[x.Region]; known {
			change = web.Text(signed(x.Index - before))
		}
		l.Rows = append(l.Rows, []templ.Component{leads(path(x.Region, a.Day, a.Today), web.In(ctx, c.Name)), web.Text(web.In(ctx, p.Directory.RegionName(c.Parent))),
			web.Text(strconv.Itoa(x.Index)), levelMark(x.Level), web.Text(hundredth(x.Hazard)), web.Text(hundredth(x.Exposure)), web.Text(hundredth(x.Control)), change})
	}
	l.Map = web.MapView{Name: "risk", Title: web.Words("risk.map"), NoList: true}
	for i, ring := range cells(middles) {
		if len(ring) > 0 {
			x := list[i]
			name := web.In(ctx, p.Directory.RegionName(x.Region))
			l.Map.Areas = append(l.Map.Areas, web.MapArea{Ring: ring, At: middles[i], Tint: string(x.Level), Pattern: patterns[x.Level], Label: strconv.Itoa(x.Index),
				Title: web.T(ctx, "risk.said", "name", name, "n", x.Index, "level", city.Message{Key: "risk.level." + string(x.Level)}), Href: path(x.Region, a.Day, a.Today)})
		}
	}
	for _, level := range risk.Levels {
		l.Counts = append(l.Counts, Counted{level, n[level], p.Index.Formula.Levels[level]})
	}
	doc := p.Frame(ctx, actor, "risk")
	doc.Title = web.T(ctx, "risk.title")
	return web.Render(w, r, http.StatusOK, listPage(doc, l))
}

// One is the page of a community.
type One struct {
	Asked   asked
	At      time.Time
	Name    city.Text
	Street  city.Text
	Risk    risk.Risk
	Sum     string // the formula with its numbers
	Factors []Factor
	Trend   trend
	Days    [][]templ.Component
}

// Factor is a component with its parts.
type Factor struct {
	Of    risk.Component
	Value string
	Parts []PartShown
}

// PartShown is a part with what stands behind it.
type PartShown struct {
	Name, Amount, Score, Weight string
	Known                       bool
	Behind                      []BehindShown
	Others                      int
}

// BehindShown is something that an amount rests on.
type BehindShown struct {
	Name, Href, Why, Amount string
	Case                    city.CaseNumber
	CaseHref                string
}

func (p *Pages) one(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	actor := web.ViewOf(ctx).Actor
	region := city.RegionCode(r.PathValue("community"))
	a, err := p.ask(r, region)
	if err != nil {
		return err
	}
	o := One{Asked: a}
	var days []fleet.DailyRisk
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if o.Risk, o.At, err = p.Index.Of(ctx, tx, actor, region, a.Day); err == nil {
			days, err = p.Index.Trend(ctx, tx, actor, region, a.Day.AddDays(-p.Index.Formula.KeepDays+1))
		}
		return err
	})
	if err != nil {
		return err
	}
	c, _ := p.Directory.Region(region)
	o.Name, o.Street = c.Name, p.Directory.RegionName(c.Parent)
	f := p.Index.Formula
	o.Sum = web.T(ctx, "risk.sum", "hazard", hundredth(o.Risk.Hazard), "exposure", hundredth(o.Risk.Exposure), "least", short(f.Least), "rest", short(1-f.Least),
		"control", hundredth(o.Risk.Control), "power", short(f.Power), "index", o.Risk.Index)
	for _, of := range risk.Components {
		x := Factor{Of: of, Value: hundredth(o.Risk.Of(of))}
		for _, v := range o.Risk.Parts {
			if v.Of == of {
				x.Parts = append(x.Parts, p.part(ctx, actor, v, a.Day))
			}
		}
		o.Factors = append(o.Factors, x)
	}
	var until []fleet.DailyRisk
	for _, d := range days {
		if !a.Day.Before(d.Day) {
			until = append(until, d)
		}
	}
	o.Trend = trendOf(until)
	for i := len(until) - 1; i >= 0; i-- {
		d := until[i]
		o.Days = append(o.Days, []templ.Component{web.CivilDay(d.Day), web.Text(strconv.Itoa(d.Index)), levelMark(f.Level(d.Index))})
	}
	doc := p.Frame(ctx, actor, "risk")
	doc.Title = web.In(ctx, o.Name)
	return web.Render(w, r, http.StatusOK, onePage(doc, o))
}

func (p *Pages) part(ctx context.Context, actor city.Actor, v risk.Value, day city.Date) PartShown {
	out := PartShown{Name: web.T(ctx, "risk.part."+string(v.Part)), Known: v.Known, Others: v.Others, Score: hundredth(v.Score), Weight: percent(v.Weight), Amount: amount(ctx, v.Part, v.Amount)}
	for _, b := range v.Behind {
		x := BehindShown{Name: web.In(ctx, b.Name), Href: p.Link(actor, b.Ref, day), Case: b.Case}
		if b.Why != "" {
			x.Why = web.T(ctx, "risk.why."+b.Why)
		}
		if v.Part != risk.Inspections && v.Part != risk.Returned && v.Part != risk.Overdue && v.Part != risk.Visited {
			x.Amount = amount(ctx, v.Part, b.Amount)
		}
		if b.Case != "" {
			x.CaseHref = p.CasePath(b.Case)
		}
		out.Behind = append(out.Behind, x)
	}
	return out
}

// amount says how much of a part there is, with its unit.
func amount(ctx context.Context, part risk.Part, v float64) string {
	n := strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
	switch part {
	case risk.Inspections, risk.Returned:
		n = strconv.Itoa(int(math.Round(v * 100)))
	case risk.Station:
		n = strconv.Itoa(int(math.Round(v/10) * 10))
	}
	return web.T(ctx, "risk.amount."+string(part), "n", n)
}

// Formula is how the index is computed, with the city's numbers.
type Formula struct {
	Least, Rest, Power string
	Parts              []Weighed
}

// Weighed is a line of the formula.
type Weighed struct {
	Of     risk.Component
	Part   risk.Part
	Weight string
	Half   float64
}

func formulaOf(f *risk.Formula) Formula {
	out := Formula{Least: short(f.Least), Rest: short(1 - f.Least), Power: short(f.Power)}
	for _, c := range risk.Components {
		for _, part := range risk.PartsOf(c) {
			w := f.Of(c)[part]
			out.Parts = append(out.Parts, Weighed{c, part, percent(w.Weight), w.Half})
		}
	}
	return out
}

// trend is a line of daily values, in units of 960 to 100.
type trend struct {
	Line       string
	X, Y       float64 // its end
	From, To   city.Date
	Least, Top int
}

const trendWide, trendHigh = 960.0, 100.0

func trendOf(days []fleet.DailyRisk) (t trend) {
	if len(days) == 0 {
		return t
	}
	t.From, t.To, t.Least, t.Top = days[0].Day, days[len(days)-1].Day, days[0].Index, days[0].Index
	from := t.From.In(time.UTC)
	long := max(1, t.To.In(time.UTC).Sub(from).Hours()/24)
	var b strings.Builder
	for i, d := range days {
		t.X, t.Y = d.Day.In(time.UTC).Sub(from).Hours()/24/long*trendWide, trendHigh-float64(d.Index)/100*trendHigh
		if i > 0 {
			b.WriteString("L")
		} else {
			b.WriteString("M")
		}
		b.WriteString(short(t.X) + " " + short(t.Y))
		t.Least, t.Top = min(t.Least, d.Index), max(t.Top, d.Index)
	}
	t.Line = b.String()
	return t
}

var (
	listColumns = []web.Column{{Name: web.Words("risk.community")}, {Name: web.Words("risk.street")}, {Name: web.Words("risk.index"), Number: true}, {Name: web.Words("risk.level")},
		{Name: web.Words("risk.hazard"), Number: true}, {Name: web.Words("risk.exposure"), Number: true}, {Name: web.Words("risk.control"), Number: true}, {Name: web.Words("risk.change"), Number: true}}
	dayColumns = []web.Column{{Name: web.Words("replay.day")}, {Name: web.Words("risk.index"), Number: true}, {Name: web.Words("risk.level")}}
)

func short(f float64) string     { return strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64) }
func hundredth(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }
func percent(f float64) string   { return strconv.Itoa(int(math.Round(f*100))) + "%" }

func signed(n int) string {
	if n > 0 {
		return "+" + strconv.Itoa(n)
	}
	return strings.Replace(strconv.Itoa(n), "-", "−", 1)
}
