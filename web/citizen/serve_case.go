package citizen

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"yiwang/access"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/form"
	"yiwang/internal/db"
	"yiwang/rule"
	"yiwang/serviceitem"
	"yiwang/web"
)

// dossier is all that the page of a matter is made of.
type dossier struct {
	c       casework.Case
	records []casework.Record
	options []casework.Option
	app     *serviceitem.Application // nil for what was no application, or was erased
	item    serviceitem.Item         // as it stood when it was applied for
	asked   []form.Step
	runs    []algorithm.Run
	rating  *serviceitem.Rating
	answer  string // what the office answered to a bad rating
	kids    []casework.Case
}

// dossier reads a matter, for whoever may read it.
func (p *Pages) dossier(ctx context.Context, tx *db.Tx, a city.Actor, n city.CaseNumber) (d dossier, err error) {
	f, err := p.Cases.CaseFile(ctx, tx, a, n)
	if err != nil {
		return d, err
	}
	d.c, d.records, d.options = f.Case, f.Records, f.Options
	if d.kids, err = p.Cases.Children(ctx, tx, a, d.c.ID); err != nil {
		return d, err
	}
	it, _, ok := p.Items.Item(d.c.Item)
	if !ok || it.Kind != d.c.Kind {
		return d, nil
	}
	app, err := p.Items.Read(ctx, tx, a, n)
	switch city.KindOf(err) {
	case "":
		d.app = &app
		if d.item, d.asked, err = p.Items.Asked(ctx, tx, app); err != nil {
			return d, err
		}
	case city.KindNotFound: // erased
	default:
		return d, err
	}
	if d.runs, err = p.Algorithms.RunsOf(ctx, tx, a, n); err != nil {
		return d, err
	}
	rating, err := p.Items.RatingOf(ctx, tx, a, n)
	switch city.KindOf(err) {
	case "":
		d.rating = &rating
		return d, p.answerTo(ctx, tx, a, rating, &d)
	case city.KindNotFound:
		return d, nil
	}
	return d, err
}

// answerTo adds what came of a bad rating: its case, and the answer once it is
// closed. The case is no child of the matter, so that only the rating leads there.
func (p *Pages) answerTo(ctx context.Context, tx *db.Tx, a city.Actor, r serviceitem.Rating, d *dossier) error {
	if r.FollowUp == "" {
		return nil
	}
	c, err := p.Cases.Get(ctx, tx, a, r.FollowUp)
	if err != nil {
		return err
	}
	d.kids = append(d.kids, c)
	if c.Open {
		return nil
	}
	records, err := p.Cases.History(ctx, tx, a, r.FollowUp)
	for _, rec := range slices.Backward(records) {
		if rec.Words.Reason != "" {
			d.answer = rec.Words.Reason
			break
		}
	}
	return err
}

func (d *dossier) may(action string) bool {
	return slices.ContainsFunc(d.options, func(o casework.Option) bool { return o.Action == action })
}

func caseNumber(r *http.Request) (city.CaseNumber, error) {
	n, err := city.ParseCaseNumber(r.PathValue("number"))
	if err != nil {
		return "", city.NotFound("case.not_found")
	}
	return n, nil
}

func (p *Pages) matter(w http.ResponseWriter, r *http.Request) error {
	return p.showMatter(w, r, http.StatusOK, nil, city.Message{})
}

// fresh shows the matter as it stands now, where what was sent came too late; any
// other error is given back.
func (p *Pages) fresh(w http.ResponseWriter, r *http.Request, err error) error {
	if city.KindOf(err) != city.KindConflict {
		return err
	}
	return p.showMatter(w, r, web.Status(err), nil, messageOf(err))
}

// showMatter shows a matter; rate, when not nil, is a rating that could not be
// taken as it was sent, notice says why what was sent took no effect.
func (p *Pages) showMatter(w http.ResponseWriter, r *http.Request, status int, rate *RateBox, notice city.Message) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	n, err := caseNumber(r)
	if err != nil {
		return err
	}
	var v Case
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		d, err := p.dossier(ctx, tx, a, n)
		if err != nil {
			return err
		}
		v, err = p.casePage(ctx, tx, a, d)
		return err
	})
	if err != nil {
		return err
	}
	v.Notice = notice
	v.Sent = r.URL.Query().Get("sent") == "1" && (v.Soon || v.State.State == web.StateWorking)
	if rate != nil && v.Rate != nil && v.Rate.Action != "" {
		rate.Action = v.Rate.Action
		v.Rate = rate
	}
	if _, err := r.Cookie(scriptCookie); v.Soon && err != nil {
		w.Header().Set("Refresh", "2") // a browser without scripts looks again by itself
	}
	return web.Render(w, r, status, CasePage(v))
}

// scriptCookie is set by our script: with it the page looks again without being
// loaded anew, so that nothing is lost that somebody types meanwhile.
const scriptCookie = "yw_script"

func (p *Pages) casePage(ctx context.Context, tx *db.Tx, a city.Actor, d dossier) (Case, error) {
	c := d.c
	v := Case{Number: c.Number, Name: p.caseName(c), State: p.state(c), Tell: p.tell(c), Then: p.then(c), Soon: p.soon(c),
		Steps: p.steps(d)}
	if !v.Soon {
		v.Clock = p.clock(c)
	}
	if c.Title != "" && (!a.OnBehalf.IsZero() || !a.Firm.IsZero()) {
		v.Subject = c.Title
	}
	if c.State.Has(casework.FlagSupplement) {
		t := Todo{Due: c.State.AnswerBy, Href: CasePath(c.Number, "supply")}
		for _, pt := range pointsOf(d.records) {
			t.Points = append(t.Points, pt.Text)
		}
		v.Todo = &t
	}
	list, err := p.Credentials.ByCase(ctx, tx, a, c.Number)
	if err != nil {
		return v, err
	}
	for _, x := range list {
		v.Licences = append(v.Licences, p.licenceLine(x))
	}
	v.Decision = p.decision(web.ViewOf(ctx).Lang, d)
	v.Rate = rateBox(d)
	for _, k := range d.kids {
		v.Related = append(v.Related, p.line(k))
	}
	if d.app != nil {
		v.Answers = p.answers(d)
	}
	if v.Receipts, err = p.receipts(ctx, tx, aboutCase(c.Number), CasePath(c.Number, "")); err != nil {
		return v, err
	}
	if d.may(casework.ActWithdraw) {
		v.Withdraw = CasePath(c.Number, "withdraw")
	}
	if d.may(casework.ActUrge) && !v.Soon && c.State.Paused == "" && !c.State.Has(casework.FlagUrged) {
		v.Urge = CasePath(c.Number, "urge")
	}
	uses, err := p.Access.Uses(ctx, tx, a, c.Applicant, time.Time{}, 200)
	if city.KindOf(err) == city.KindForbidden { // only the person sees who looked
		v.LooksHidden = true
		return v, nil
	}
	for _, u := range uses {
		if u.Case == c.Number {
			v.Looks = append(v.Looks, p.look(u))
		}
	}
	return v, err
}

// pointsOf are the points of the correction that was asked for.
func pointsOf(records []casework.Record) []casework.Point {
	for _, rec := range slices.Backward(records) {
		if rec.Action == casework.ActSupplement {
			return rec.Words.Points
		}
	}
	return nil
}

func rateBox(d dossier) *RateBox {
	switch {
	case d.rating != nil:
		return &RateBox{Given: int(d.rating.Level), At: d.rating.At, Words: d.rating.Text, Answer: d.answer}
	case d.app != nil && !d.c.Open:
		return &RateBox{Action: CasePath(d.c.Number, "rate")}
	}
	return nil
}

// look is one use of somebody's data.
func (p *Pages) look(u access.Use) Look {
	l := Look{At: u.At, Who: p.post(u.Post), Body: p.body(u.Body), Purpose: purpose(u.Purpose), Case: u.Case}
	if u.Body == "" {
		l.Body = p.Pack.Site.Name
	}
	for _, f := range u.Fields {
		l.What = append(l.What, p.datum(f))
	}
	return l
}

// decision says how the matter was decided; of one that a rule has given to an
// officer, why.
func (p *Pages) decision(l city.Lang, d dossier) *Decision {
	c := d.c
	var run *algorithm.Run
	if len(d.runs) > 0 {
		run = &d.runs[len(d.runs)-1]
	}
	byRule := run != nil && run.Verdict.Outcome == rule.Grant
	if c.Open && (run == nil || p.soon(c)) {
		return nil
	}
	v := &Decision{Granted: p.state(c).State == web.StateDone, Ended: p.state(c).State == web.StateEnded, Open: c.Open, At: c.ClosedAt}
	if c.Open {
		v.Granted, v.At = false, run.At
	}
	if run != nil {
		v.Clauses = p.clauses(l, *run)
		if byRule || c.Open {
			v.Rule = &web.Link{Text: run.Name, Href: RulePath(run.Verdict.Rule)}
		}
		if run.Review == "" && !c.Open {
			v.Review = CasePath(c.Number, "review")
		}
	}
	if c.Open {
		return v
	}
	last := d.records[len(d.records)-1]
	if resultShapes[c.Result] == web.StateEnded && last.Words.Reason == "" && last.Words.Note == "" {
		return nil // the applicant took it back: nobody decided
	}
	if !byRule {
		v.By = p.who(last.By)
		v.Reasons = sayings(last.Words)
		if run != nil && v.Granted {
			v.Clauses = nil // a person decided; what the rule had found is no reason
		}
	}
	if last.Words.Appeal != "" {
		v.Appeal = web.Plain(last.Words.Appeal)
	} else if !v.Granted && !d.item.Appeal.IsZero() {
		v.Appeal = d.item.Appeal
	}
	return v
}

func sayings(w casework.Words) []string {
	var out []string
	for _, s := range []string{w.Reason, w.Note} {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// clauses are the conditions of a run, what each was judged by, and the law.
func (p *Pages) clauses(l city.Lang, run algorithm.Run) []Clause {
	var out []Clause
	for _, cl := range run.Verdict.Clauses {
		v := Clause{Text: cl.Sentence(), Holds: cl.State == rule.Holds, Legal: cl.Legal}
		for _, name := range cl.Facts {
			i := slices.IndexFunc(run.Used, func(u algorithm.UsedFact) bool { return u.Name == name })
			if i < 0 {
				continue
			}
			u := run.Used[i]
			if s := p.sayFact(l, u); s != "" {
				v.Fact = s
			}
			v.From = p.source(u.Source.String())
		}
		out = append(out, v)
	}
	return out
}

// sayFact says a fact that a rule looked at; long numbers by their ends.
func (p *Pages) sayFact(l city.Lang, u algorithm.UsedFact) string {
	switch x := u.Fact.Value.(type) {
	case nil, bool:
		return ""
	case city.Date:
		return x.String()
	case string:
		if n := p.Directory.RegionName(city.RegionCode(x)); !n.IsZero() {
			return n.In(l)
		}
		if u.Source.Kind == rule.FromAnswer && len(x) > 8 {
			return "…" + x[len(x)-4:]
		}
		return x
	case int64:
		return strconv.FormatInt(x, 10)
	}
	return ""
}

// answers are what was applied for, step by step.
func (p *Pages) answers(d dossier) []CheckPart {
	var parts []CheckPart
	for _, s := range d.asked {
		part := CheckPart{Title: s.Title}
		for _, f := range s.Fields {
			if f.Type == form.File || f.Type == form.Statement {
				continue
			}
			row := web.Answered{Name: f.Label}
			if said := p.say(f, d.app.Answers[f.ID]); !said.IsZero() {
				row.Values = []city.Text{said}
			}
			if m, ok := d.app.Marks[f.ID]; ok {
				row.Source = p.source(m.Source)
			}
			part.Answers = append(part.Answers, row)
		}
		if len(part.Answers) > 0 {
			parts = append(parts, part)
		}
	}
	papers := CheckPart{Title: web.Words("citizen.papers.title")}
	for _, g := range d.app.Materials {
		m, ok := d.item.Material(g.Material)
		if !ok {
			continue
		}
		row := web.Answered{Name: m.Name, Values: []city.Text{web.Words("citizen.given." + string(g.How))}}
		if g.How == serviceitem.Uploaded {
			row.Values = nil
			for _, file := range g.Files {
				row.Values = append(row.Values, web.Plain(file.Name))
			}
		}
		if g.Licence != nil {
			row.Source = g.Licence.Issuer
		}
		papers.Answers = append(papers.Answers, row)
	}
	if len(papers.Answers) > 0 {
		parts = append(parts, papers)
	}
	return parts
}
