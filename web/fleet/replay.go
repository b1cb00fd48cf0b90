package fleet

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"yiwang/access"
	"yiwang/alert"
	"yiwang/city"
	registers "yiwang/fleet"
	"yiwang/fleet/register"
	"yiwang/fleet/track"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/web"
)

// PathDays is where the days of vehicles stand; a vehicle's identifier follows, and
// ?day=2026-03-09.
const PathDays = "/desk/vehicles"

const pathLand = PathDays + "/-/land" // the ground of the map; no plate is a hyphen

// DayPath leads to a day of a vehicle; the zero day is today.
func DayPath(id register.VehicleID, day city.Date) string {
	path := PathDays + "/" + url.PathEscape(string(id))
	if !day.IsZero() {
		path += "?day=" + day.String()
	}
	return path
}

// MayReplay reports whether somebody may see where vehicles were.
func (p *Pages) MayReplay(actor city.Actor) bool {
	return p.Vehicles != nil && actor.Kind == city.Officer && p.Access.Decide(actor, "position.read", access.Resource{Type: "Fleet"}).Allowed
}

// land gives the ground of the map to whoever may see what moves on it.
func (p *Pages) land(w http.ResponseWriter, r *http.Request) error {
	if err := p.Access.Ask(r.Context(), web.ViewOf(r.Context()).Actor, "position.read", access.Resource{Type: "Fleet"}); err != nil {
		return err
	}
	p.Land.ServeHTTP(w, r)
	return nil
}

// Day is the page of a vehicle's day. The driver has no place in it.
type Day struct {
	Doc        web.DeskDoc
	ID         register.VehicleID
	Day        city.Date
	Title      string
	Tags       []web.Tagged
	Facts      []Fact
	Record     string // address of the entry in the register; "" where there is none, or none to be seen
	Noticed    string // address of all alerts about the vehicle; "" where the officer sees none
	Before     string
	After      string // "" where the next day hasn't begun
	Sums       []web.Row
	Map        web.MapView
	Moving     Moving
	Steps      [][]templ.Component
	Alerts     []web.Row // what was noticed; Href in Links
	Links      []string
	Hours      [][]templ.Component
	Chart      chart
	Refused    string
	More       bool
	Unknown    bool // nobody registered it
	Unreadable bool // the register isn't for this officer
}

// Moving is what the script moves: places and words of the day.
type Moving struct {
	Minutes int      `json:"minutes"` // of the day
	Start   int      `json:"start"`   // minute at which the first position is
	Points  [][4]any `json:"points"`  // seconds of the day, longitude, latitude, km/h
	Doing   []doing  `json:"doing"`
	Stays   []moved  `json:"stays"`
	Alerts  []moved  `json:"alerts"`
	Breaks  []int    `json:"breaks"` // points before which nothing was heard
}

type doing struct {
	From  int    `json:"from"` // seconds of the day
	To    int    `json:"to"`
	Kind  string `json:"kind"`
	Words string `json:"words"`
}

type moved struct {
	At    [2]float64 `json:"at"`
	Label string     `json:"label"`
}

// mostDrawn is how many places of a day the browser gets.
const mostDrawn = 4000

func (p *Pages) day(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	v := web.ViewOf(ctx)
	id := register.VehicleID(r.PathValue("id"))
	today := city.DateOf(v.Now.In(v.City.Zone))
	d := Day{ID: id, Day: today, Title: web.T(ctx, "replay.title", "vehicle", string(id))}
	if s := r.URL.Query().Get("day"); s != "" {
		var err error
		if d.Day, err = city.ParseDate(s); err != nil {
			return city.Invalid("directory.date", "date", s)
		}
	}
	did, err := p.Vehicles.Replay(ctx, v.Actor, id, d.Day)
	if err != nil {
		return err
	}
	a := asked{On: d.Day}
	if a.Book, err = p.Registers.On(ctx, v.Actor, d.Day); city.KindOf(err) == city.KindForbidden {
		a.Book, d.Unreadable = nil, true
	} else if err != nil {
		return err
	}
	if err := p.who(ctx, &d, a, len(did.Points) > 0); err != nil {
		return err
	}
	d.Before = DayPath(id, d.Day.AddDays(-1))
	if d.Day.Before(today) {
		d.After = DayPath(id, d.Day.AddDays(1))
	}
	noticed, err := p.noticed(ctx, id, did)
	if err != nil {
		return err
	}
	d.tell(ctx, a, did)
	d.draw(ctx, did, noticed)
	for _, x := range noticed {
		name, _ := p.Alerts.RuleName(x.Rule)
		d.Alerts = append(d.Alerts, web.Row{Name: name, Value: x.Text})
		d.Links = append(d.Links, p.AlertPath(x.ID))
	}
	d.Doc = p.Frame(ctx, v.Actor, "registers")
	d.Doc.Title = d.Title
	return web.Render(w, r, http.StatusOK, dayPage(d))
}

// who says whose day it is, as the register says it for the day.
func (p *Pages) who(ctx context.Context, d *Day, a asked, heard bool) error {
	if p.Alerts.MaySee(web.ViewOf(ctx).Actor) {
		d.Noticed = p.AlertsPath("vehicle:" + string(d.ID))
	}
	if a.Book == nil {
		return nil
	}
	reg := a.Book.Vehicle(d.ID)
	if reg == nil {
		if d.Unknown = true; !heard {
			if now := p.Registers.Book().Vehicle(d.ID); now == nil {
				return city.NotFound("register.no_vehicle")
			}
		}
		return nil
	}
	on := d.Day
	if on == p.Registers.Book().Day() {
		on = city.Date{}
	}
	d.Record = VehiclePath(d.ID, on)
	d.Tags = append(d.Tags, vehicleTag(reg.Status))
	sheet := Dossier{}
	sheet.firm(a.Book, reg.Firm)
	sheet.say("registers.use", web.T(ctx, "registers.use."+string(reg.Use)))
	sheet.fact("registers.permit.state", permitCell(reg, a.Book.Day()))
	d.Facts = sheet.Facts
	return nil
}

// noticed are the alerts about the vehicle that touch the day, as far as the officer
// may see them.
func (p *Pages) noticed(ctx context.Context, id register.VehicleID, did registers.Replay) (out []alert.Alert, err error) {
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		page, err := p.Alerts.List(ctx, tx, web.ViewOf(ctx).Actor, alert.Query{Subject: "vehicle:" + string(id), Limit: 200})
		for _, a := range page.Alerts {
			if a.Since.Before(did.To) && !a.Last.Before(did.From) {
				out = append(out, a)
			}
		}
		return err
	})
	if city.KindOf(err) == city.KindForbidden {
		err = nil
	}
	return out, err
}

// tell puts the day into words and tables.
func (d *Day) tell(ctx context.Context, a asked, did registers.Replay) {
	row := func(key string, value string) {
		d.Sums = append(d.Sums, web.Row{Name: web.Words(key), Value: web.Plain(value)})
	}
	stood, stays := did.Spent(registers.Stayed)
	drove, _ := did.Spent(registers.Drove)
	quiet, gaps := did.Spent(registers.Quiet)
	row("replay.driven", web.T(ctx, "replay.km", "n", tenth(did.Metres()/1000)))
	row("replay.driving", long(ctx, drove))
	row("replay.stays", web.T(ctx, "replay.times", "n", stays, "long", long(ctx, stood)))
	row("replay.gaps", web.T(ctx, "replay.times", "n", gaps, "long", long(ctx, quiet)))
	d.More = did.More
	bad := 0
	for _, n := range did.Refused {
		bad += n
	}
	row("replay.positions", web.T(ctx, "replay.positions.n", "n", len(did.Points), "bad", bad))
	zone := web.ViewOf(ctx).City.Zone
	for _, s := range did.Steps {
		did, far, fast := web.T(ctx, "replay.did."+string(s.Kind)), dash(), dash()
		if s.No > 0 {
			did = web.T(ctx, "replay.stop", "n", s.No)
		}
		where := place(ctx, a, s.At)
		if s.Kind != registers.Stayed {
			far = web.Text(web.T(ctx, "replay.km", "n", tenth(s.Metres/1000)))
			where = templ.Join(where, web.Text(" → "), place(ctx, a, s.Until))
		}
		if s.Kind == registers.Drove {
			fast = web.Text(strconv.Itoa(int(math.Round(float64(s.Peak)))))
		}
		d.Steps = append(d.Steps, []templ.Component{web.Text(did), web.Text(s.From.In(zone).Format("15:04")),
			web.Text(s.To.In(zone).Format("15:04")), web.Text(long(ctx, s.Long())), where, far, fast})
	}
	d.hours(ctx, did)
}

// hours are the speeds of the day in a table, hour by hour, and in a chart.
func (d *Day) hours(ctx context.Context, did registers.Replay) {
	zone := web.ViewOf(ctx).City.Zone
	for i := 0; i < len(did.Quarters); i += 4 {
		var sum registers.Quarter
		for _, q := range did.Quarters[i:min(i+4, len(did.Quarters))] {
			sum.Heard = sum.Heard || q.Heard
			sum.Metres += q.Metres
			sum.Peak = max(sum.Peak, q.Peak)
		}
		if !sum.Heard {
			continue
		}
		d.Hours = append(d.Hours, []templ.Component{web.Text(did.From.Add(time.Duration(i) * 15 * time.Minute).In(zone).Format("15:04")),
			web.Text(strconv.Itoa(int(math.Round(float64(sum.Peak))))), web.Text(tenth(sum.Metres / 1000))})
	}
	d.Chart = chartOf(did)
}

// place says where something was: a site, a place that is known, a road, or only
// where on earth.
func place(ctx context.Context, a asked, p geo.Point) templ.Component {
	if a.Book != nil {
		if s, metres := a.Book.NearestSite(p, 60); s != nil && metres <= 60 {
			return leads(SitePath(s.ID, a.On), web.In(ctx, s.Name))
		}
		if x, metres := a.Book.NearestPOI(p, 100); x != nil && metres <= 100 {
			return web.Text(web.In(ctx, x.Name))
		}
	}
	return web.Text(whereWords(ctx, p))
}

func whereWords(ctx context.Context, p geo.Point) string {
	if web.HasMap(ctx) {
		if road := web.NearRoad(ctx, p); road != "" {
			return road
		}
	}
	return strconv.FormatFloat(p.Lat, 'f', 4, 64) + ", " + strconv.FormatFloat(p.Lon, 'f', 4, 64)
}

// draw makes what the map and the script show.
func (d *Day) draw(ctx context.Context, did registers.Replay, noticed []alert.Alert) {
	start := city.Micros(did.From)
	second := func(us int64) int { return int((us - start) / 1_000_000) }
	d.Moving = Moving{Minutes: int(did.To.Sub(did.From) / time.Minute)}
	var quiet []int64
	for _, s := range did.Steps {
		words := web.T(ctx, "replay.did."+string(s.Kind))
		if s.No > 0 {
			words = web.T(ctx, "replay.stay", "n", s.No, "where", whereWords(ctx, s.At))
			d.Moving.Stays = append(d.Moving.Stays, moved{At: web.At(s.At), Label: strconv.Itoa(s.No)})
			if len(d.Map.Pins) < 60 {
				d.Map.Pins = append(d.Map.Pins, web.Pin{At: s.At, Kind: web.PinPlace, Label: strconv.Itoa(s.No), Text: web.Plain(words)})
			}
		}
		if s.Kind == registers.Quiet {
			quiet = append(quiet, city.Micros(s.To))
		}
		d.Moving.Doing = append(d.Moving.Doing, doing{From: second(city.Micros(s.From)), To: second(city.Micros(s.To)), Kind: string(s.Kind), Words: words})
	}
	for _, a := range noticed {
		if at := (geo.Point{Lat: a.Place.Lat, Lon: a.Place.Lon}); !at.IsZero() {
			name := web.In(ctx, a.Text)
			d.Moving.Alerts = append(d.Moving.Alerts, moved{At: web.At(at), Label: name})
			d.Map.Pins = append(d.Map.Pins, web.Pin{At: at, Kind: web.PinOther, Text: a.Text})
		}
	}
	var line []geo.Point
	for _, p := range thin(did.Points, mostDrawn) {
		for len(quiet) > 0 && p.At >= quiet[0] {
			quiet = quiet[1:]
			d.Moving.Breaks = append(d.Moving.Breaks, len(d.Moving.Points))
			d.Map.Lines = append(d.Map.Lines, line)
			line = nil
		}
		at := web.At(p.Place())
		d.Moving.Points = append(d.Moving.Points, [4]any{second(p.At), at[0], at[1], int(math.Round(float64(p.Speed)))})
		line = append(line, p.Place())
	}
	d.Map.Lines = append(d.Map.Lines, line)
	if len(d.Moving.Points) > 0 {
		d.Moving.Start = second(did.Points[0].At) / 60
	}
	d.Map.Name, d.Map.Title, d.Map.NoList = "day", web.Words("replay.map", "vehicle", string(d.ID)), true
}

// thin leaves out places that can't be told from the one before, and then evenly
// until at most so many are left.
func thin(points []track.Point, most int) []track.Point {
	var out []track.Point
	for i, p := range points {
		if i > 0 && i < len(points)-1 {
			last := out[len(out)-1]
			if p.At-last.At < 60_000_000 && geo.Distance(last.Place(), p.Place()) < 15 {
				continue
			}
		}
		out = append(out, p)
	}
	if len(out) <= most {
		return out
	}
	even := make([]track.Point, most)
	for i := range even {
		even[i] = out[i*(len(out)-1)/(most-1)]
	}
	return even
}

// chart is speed over a day: a bar for each quarter of an hour, in units of 960 to
// 100.
type chart struct {
	Bars []bar
	Top  int // km/h at the upper edge
	Wide float64
}

type bar struct{ X, Y, High float64 }

const chartWide, chartHigh = 960.0, 100.0

func chartOf(did registers.Replay) chart {
	c := chart{Top: 40, Wide: chartWide / float64(len(did.Quarters))}
	for _, q := range did.Quarters {
		for float32(c.Top) < q.Peak && c.Top < 200 {
			c.Top += 20
		}
	}
	for i, q := range did.Quarters {
		if q.Heard {
			high := max(1.5, chartHigh*min(1, float64(q.Peak)/float64(c.Top)))
			c.Bars = append(c.Bars, bar{float64(i) * c.Wide, chartHigh - high, high})
		}
	}
	return c
}

func tenth(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) }

func number(f float64) string { return strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64) }

// long says how long something took.
func long(ctx context.Context, d time.Duration) string {
	n := int(d.Round(time.Minute) / time.Minute)
	if n < 60 {
		return web.T(ctx, "replay.minutes", "n", n)
	}
	return web.T(ctx, "replay.hours", "h", n/60, "m", n%60)
}
