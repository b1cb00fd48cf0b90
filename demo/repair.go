package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
)

// Stages of the pack's incidents that the demonstration plays.
const (
	stageReceived = "received"
	stageHandling = "handling"
	stageVerify   = "verify"
)

// repair leads one matter of the streets to its end, as play does an application.
type repair struct {
	play
	t       trouble
	echoes  []time.Time
	wonder  time.Time
	ends    time.Time // when the handler means to be done
	entered time.Time // of the stage that ends is of
	said    []voice   // who can be asked how it went
	again   bool      // was taken up again
}

// voice is a report with the code that its reporter holds.
type voice struct {
	number city.CaseNumber
	code   string
}

// takesReports says whether the city takes reports and the lists know what of.
func (d *Demo) takesReports() bool {
	return d.now.Incidents != nil && len(d.words.Streets.Classes) > 0 && d.Size.Troubles > 0
}

// befall lets something go wrong at its moment and plays it up to the present, in
// one transaction: nobody sees it half way.
func (d *Demo) befall(ctx context.Context, c *crowd, t trouble, until time.Time) error {
	chance := rand.New(rand.NewPCG(d.seed, streamTrouble+uint64(t.n)))
	var rate []rated
	err := d.at(ctx, t.at, func(ctx context.Context, tx *db.Tx) error {
		by, report, err := d.reportOf(ctx, tx, c, t, chance)
		if err != nil {
			return err
		}
		if _, came, err := d.then.Incidents.Filed(ctx, tx, by, report.Source, report.Key); came || err != nil {
			return err
		}
		receipt, err := d.then.Incidents.ReportIn(ctx, tx, by, report)
		if err != nil || receipt.Joined { // somebody was first
			return err
		}
		p := &repair{play: play{d: d, parts: d.then, rand: chance, now: t.at, tardy: -1}, t: t, said: []voice{{receipt.Number, receipt.Code}}}
		for _, e := range t.echoes {
			p.echoes = append(p.echoes, t.at.Add(e))
		}
		slices.SortFunc(p.echoes, time.Time.Compare)
		if t.wonders {
			p.wonder = t.at.Add(time.Duration(20+chance.IntN(240)) * time.Minute)
		}
		cs, err := d.then.Cases.Get(ctx, tx, program, receipt.Number)
		if err == nil {
			cs, err = p.run(ctx, tx, cs, until)
		}
		if err == nil {
			err = p.orders(ctx, tx, cs, until)
		}
		if err == nil && !cs.Open {
			rate, err = p.ratings(ctx, tx, cs, until)
		}
		return err
	})
	for _, x := range rate {
		if err != nil {
			break
		}
		d.past.Set(x.at)
		err = d.then.Incidents.Rate(ctx, x.by, x.number, x.code, x.r)
	}
	if err != nil {
		return fmt.Errorf("demo: incident %d, %s: %w%s", t.n, t.class, err, fieldsOf(err))
	}
	return nil
}

// reportOf is what is said, and by whom.
func (d *Demo) reportOf(ctx context.Context, tx *db.Tx, c *crowd, t trouble, r *rand.Rand) (city.Actor, incident.Report, error) {
	out := incident.Report{Class: t.class, Text: t.text, Key: t.key, Source: "demo",
		Place: city.Place{Lat: t.spot.at.Lat, Lon: t.spot.at.Lon, Address: t.spot.address, Region: t.spot.region}}
	if t.plain {
		out.Class = ""
	} else if guess := d.then.Incidents.Suggest(t.text); len(guess) > 0 && (t.channel == city.ChannelWeb || t.channel == city.ChannelPhone) {
		out.Offered = guess[0].Class // their pages show it
	}
	if t.ask != nil {
		out.Type, out.Class, out.Place = incident.Type(t.ask.Type), "", city.Place{Region: t.spot.region}
	}
	who := r.IntN(len(c.people))
	if r.IntN(100) < 80 {
		out.Reporter = incident.Reporter{Name: c.people[who].Name, Phone: c.people[who].Phone, Lang: city.Chinese}
	}
	post := city.PostID("")
	switch t.channel {
	case city.ChannelPhone:
		post = city.PostID(string(d.now.Pack.Site.Incidents.Office) + "." + d.now.Pack.Site.Incidents.Operator)
	case city.ChannelMobile:
		post = d.walker(t.spot.region)
		out.Reporter = incident.Reporter{}
	case city.ChannelSystem:
		out.Reporter, out.Source = incident.Reporter{}, "alert:"+t.key
		return city.SystemActor("alert"), out, nil
	case city.ChannelAPI:
		out.Source = "open311"
	default:
		if r.IntN(3) == 0 && c.ids[who] != (city.PersonID{}) {
			return city.Actor{Kind: city.Resident, Person: c.ids[who], Name: c.people[who].Name, Assurance: city.AssurancePassword, Channel: city.ChannelWeb}, out, nil
		}
	}
	if post == "" {
		return city.Actor{Kind: city.Anonymous, Channel: t.channel}, out, nil
	}
	list, err := d.officersFor(ctx, tx, post, t.spot.region)
	if err != nil || len(list) == 0 {
		return city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb}, out, err
	}
	a := pick(r, list).Actor
	a.Channel = t.channel
	return a, out, nil
}

// walker is the post of whoever walks the streets of a region: a grid worker of the
// street's own office where there is one, or whoever mends most.
func (d *Demo) walker(region city.RegionCode) city.PostID {
	out := city.PostID("")
	for _, c := range d.words.Streets.Crews {
		b, ok := d.now.Pack.Body(c.Post.Body())
		if out == "" || ok && len(b.Region) > 6 && b.Region.Contains(region) {
			out = c.Post
		}
	}
	return out
}

// run plays the matter until it is over, waits for somebody outside, or the past
// ends.
func (p *repair) run(ctx context.Context, tx *db.Tx, c casework.Case, until time.Time) (casework.Case, error) {
	for c.Open {
		m, err := p.next(ctx, tx, c)
		if err != nil {
			return c, err
		}
		next := until.Add(time.Second)
		if m != nil {
			next = m.at
		}
		before := c.Version
		if c, err = p.aside(ctx, tx, c, minTime(next, until)); err != nil {
			return c, err
		}
		if c, err = p.timer(ctx, tx, c, next, until); err != nil {
			return c, err
		}
		if m == nil && c.Version != before {
			continue // the day has come on which it is looked at again
		}
		if m == nil || next.After(until) {
			return c, nil
		}
		if c, err = p.take(ctx, tx, c, *m); err != nil {
			return c, fmt.Errorf("%s %s in %s: %w", c.Number, m.act.Name, c.Stage, err)
		}
		p.now = m.at
		if !c.Open && p.t.goes == takenUp && !p.again {
			at := p.waking(p.now.Add(time.Duration(5+p.rand.IntN(60)) * time.Hour))
			if at.After(until) || c.Result != "resolved" {
				break
			}
			p.again, p.now = true, at
			p.clock(at)
			if c, err = p.parts.Cases.Act(ctx, tx, city.SystemActor("incident"), c.Number,
				casework.Action{Name: casework.ActReopen, Reason: pick(p.rand, p.d.words.Streets.Reopen)}); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// aside is what others report of the same matter before the moment.
func (p *repair) aside(ctx context.Context, tx *db.Tx, c casework.Case, before time.Time) (casework.Case, error) {
	f := &p.d.words.Streets
	for len(p.echoes) > 0 && !p.echoes[0].After(before) {
		at := p.echoes[0]
		p.echoes = p.echoes[1:]
		r := incident.Report{Class: p.t.class, Source: "demo", Key: p.t.key + ":echo:" + strconv.Itoa(len(p.echoes)), Text: strings.ReplaceAll(pick(p.rand, f.Echoes), "{road}", p.t.spot.road)}
		near := geo.Move(p.t.spot.at, p.rand.Float64()*360, p.rand.Float64()*20)
		r.Place = city.Place{Lat: near.Lat, Lon: near.Lon, Address: p.t.spot.address, Region: p.t.spot.region}
		by := city.Actor{Kind: city.Anonymous, Channel: pick(p.rand, []city.Channel{city.ChannelWeb, city.ChannelWeb, city.ChannelAPI})}
		if class, ok := p.parts.Incidents.Class(c.Item); !ok || !class.Public { // strangers can't join what they can't see; an operator can
			operators, err := p.operators(ctx, tx)
			if err != nil || len(operators) == 0 {
				return c, err
			}
			by = pick(p.rand, operators)
		}
		r.Join = c.Number
		p.clock(at)
		receipt, err := p.parts.Incidents.ReportIn(ctx, tx, by, r)
		if err != nil {
			return c, err
		}
		p.said = append(p.said, voice{receipt.Number, receipt.Code})
	}
	const joining = 8 * time.Minute // at most, until an operator has found the two to be one
	if p.wonder.IsZero() || p.wonder.Add(joining).After(before) {
		return c, nil
	}
	return c, p.ask(ctx, tx, c)
}

// operators are those at the hotline.
func (p *repair) operators(ctx context.Context, tx *db.Tx) (all []city.Actor, err error) {
	s := p.d.now.Pack.Site.Incidents
	list, err := p.d.officersFor(ctx, tx, city.PostID(string(s.Office)+"."+s.Operator), "")
	for _, o := range list {
		o.Channel = city.ChannelPhone
		all = append(all, o.Actor)
	}
	return all, err
}

// ask lets somebody ask about the matter, which opens one of its own, and an
// operator join the two.
func (p *repair) ask(ctx context.Context, tx *db.Tx, c casework.Case) error {
	at := p.wonder
	p.wonder = time.Time{}
	f := &p.d.words.Streets
	list, err := p.operators(ctx, tx)
	if err != nil || len(list) == 0 {
		return err
	}
	op := pick(p.rand, list)
	p.clock(at)
	receipt, err := p.parts.Incidents.ReportIn(ctx, tx, op, incident.Report{Type: incident.Consult, Source: "demo", Key: p.t.key + ":asked",
		Text: strings.ReplaceAll(pick(p.rand, f.Wonder), "{road}", p.t.spot.road), Place: city.Place{Region: p.t.spot.region}})
	if err != nil {
		return err
	}
	at = at.Add(time.Duration(2+p.rand.IntN(6)) * time.Minute)
	p.clock(at)
	_, err = p.parts.Cases.Act(ctx, tx, op, receipt.Number, casework.Action{Name: "duplicate", Reason: pick(p.rand, f.Merged), Params: map[string]string{"into": string(c.Number)}})
	return err
}

// next finds what happens next; nil when it waits for a day, or for somebody whom
// the demonstration doesn't play.
func (p *repair) next(ctx context.Context, tx *db.Tx, c casework.Case) (*move, error) {
	if c.State.Paused != "" || len(c.Working) == 0 {
		return nil, nil
	}
	t := c.Working[0]
	for _, w := range c.Working {
		if w.Called && !w.Done {
			t = w
		}
	}
	if p.t.goes == leftAlone || p.t.goes == unchecked && c.Stage == stageVerify || p.t.goes == unhelped && t.Called {
		return nil, nil
	}
	by, err := p.officer(ctx, tx, c, t)
	if err != nil || by.Account.IsZero() {
		return nil, err
	}
	if p.entered != c.State.Entered {
		p.entered, p.ends = c.State.Entered, p.until(c)
	}
	switch {
	case t.Called:
		return p.comes(t, by), nil
	case c.Stage == stageReceived:
		return p.triage(c, t, by), nil
	case c.Stage == stageHandling:
		return p.mend(c, t, by), nil
	case c.Stage == stageVerify:
		return p.check(ctx, tx, c, t)
	}
	return nil, nil
}

// until is when the stage will be over: mostly in time.
func (p *repair) until(c casework.Case) time.Time {
	span := time.Hour
	if c.Due.After(p.now) {
		span = c.Due.Sub(p.now)
	}
	share := 0.08 + 0.75*p.rand.Float64()*p.rand.Float64()
	switch {
	case p.t.goes == unchecked || p.t.goes == unhelped:
		return p.now.Add(50 * time.Minute)
	case p.t.goes == endsLate && c.Stage == stageHandling:
		share = 1.1 + 1.6*p.rand.Float64()
	}
	return p.now.Add(time.Duration(share * float64(span)))
}

// when is a moment at a share of the time that is left, at least some minutes on;
// what has days is done by day.
func (p *repair) when(c casework.Case, share float64, least int) time.Time {
	at := maxTime(p.now.Add(time.Duration(least+p.rand.IntN(least))*time.Minute), p.now.Add(time.Duration(share*float64(p.ends.Sub(p.now)))))
	if !c.Due.IsZero() && c.Due.Sub(c.State.Entered) > 24*time.Hour {
		at = p.waking(at)
	}
	return at.Truncate(time.Millisecond)
}

func (p *repair) act(at time.Time, by city.Actor, t casework.Task, a casework.Action) *move {
	a.Task = t.ID
	return &move{at: at, by: by, act: a}
}

// triage is what an operator does with what the words didn't settle, or what was
// given back.
func (p *repair) triage(c casework.Case, t casework.Task, by city.Actor) *move {
	at := p.now.Add(time.Duration(3+p.rand.IntN(40)) * time.Minute)
	switch a := p.t.ask; {
	case a != nil && a.Ground != "":
		return p.act(at, by, t, casework.Action{Name: "not_accepted", Reason: a.Answer, Params: map[string]string{"ground": a.Ground}})
	case a != nil:
		return p.act(at, by, t, casework.Action{Name: "answered", Reason: a.Answer})
	}
	class := p.t.class
	if class == "" {
		class = c.Item
	}
	if class == "" {
		return nil
	}
	return &move{at: at, by: by, do: func(ctx context.Context, tx *db.Tx) (casework.Case, error) {
		return p.parts.Incidents.DispatchIn(ctx, tx, by, c.Number, incident.To{Class: class})
	}}
}

// mend is what the handler does: on the way, there, done.
func (p *repair) mend(c casework.Case, t casework.Task, by city.Actor) *move {
	f := &p.d.words.Streets
	switch {
	case c.State.Progress == "":
		at := p.when(c, 0.45, 2)
		if p.t.goes == endsLate && at.Before(c.Due) && p.rand.IntN(2) == 0 { // nobody took it in time
			at = c.Due.Add(time.Duration(5+p.rand.IntN(240)) * time.Minute)
		}
		return p.act(at, by, t, casework.Action{Name: casework.ActProgress, Step: "on_the_way"})
	case c.State.Progress == "on_the_way":
		return p.act(p.when(c, 0.4, 4), by, t, casework.Action{Name: casework.ActProgress, Step: "arrived"})
	case p.t.goes == givenBack && !c.State.Has("returned"):
		return p.act(p.when(c, 0.2, 3), by, t, casework.Action{Name: "give_back", Reason: pick(p.rand, f.Back)})
	case p.t.goes == onLedger:
		p.t.goes = endsWell
		at := p.when(c, 0.3, 5)
		until := at.Add(time.Duration(12+p.rand.IntN(50)) * 24 * time.Hour)
		return p.act(at, by, t, casework.Action{Name: casework.ActSuspendLedger, Reason: pick(p.rand, f.Suspend), Until: until})
	case (p.t.goes == withHelp || p.t.goes == unhelped) && !c.State.Has(casework.FlagWhistled):
		if call := p.others(c); len(call) > 0 {
			return p.act(p.when(c, 0.2, 4), by, t, casework.Action{Name: casework.ActWhistle, Note: pick(p.rand, f.Whistle), Bodies: call})
		}
	}
	return p.act(p.when(c, 1, 6), by, t, casework.Action{Name: "done", Note: p.done()})
}

// done is what the handler says was done.
func (p *repair) done() string {
	if plan := p.d.words.Streets.Classes[p.t.class]; plan != nil && len(plan.Done) > 0 {
		return pick(p.rand, plan.Done)
	}
	return pick(p.rand, p.d.words.Streets.Passed[:1])
}

// others are one or two bodies beside the handler's own.
func (p *repair) others(c casework.Case) []city.BodyID {
	list := slices.DeleteFunc(slices.Clone(p.d.words.Streets.Whistled), func(b city.BodyID) bool { return b == c.Body })
	p.rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(len(list), 1+p.rand.IntN(2))]
}

// comes is what somebody does whom a whistle called.
func (p *repair) comes(t casework.Task, by city.Actor) *move {
	if t.In.IsZero() {
		return p.act(p.now.Add(time.Duration(12+p.rand.IntN(80))*time.Minute), by, t, casework.Action{Name: casework.ActCheckIn})
	}
	return p.act(p.now.Add(time.Duration(5+p.rand.IntN(30))*time.Minute), by, t,
		casework.Action{Name: casework.ActCompleteTask, Opinion: "agree", Note: pick(p.rand, p.d.words.Streets.Called)})
}

// check is what somebody says who had no part in it.
func (p *repair) check(ctx context.Context, tx *db.Tx, c casework.Case, t casework.Task) (*move, error) {
	list, err := p.d.officersFor(ctx, tx, t.Post, c.Region)
	list = slices.DeleteFunc(list, func(o officer) bool {
		return o.Account == c.State.Movers[stageHandling] || !t.Assignee.IsZero() && t.Assignee != o.Account
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	by, f := pick(p.rand, list).Actor, &p.d.words.Streets
	at := p.now.Add(time.Duration(8+p.rand.IntN(85)) * time.Minute)
	if p.t.goes == reworked && c.State.Counts["rework"] == 0 {
		return p.act(at, by, t, casework.Action{Name: "failed", Reason: pick(p.rand, f.Failed)}), nil
	}
	return p.act(at, by, t, casework.Action{Name: "passed", Reason: pick(p.rand, f.Passed)}), nil
}
