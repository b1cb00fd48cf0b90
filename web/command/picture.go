package command

import (
	"context"
	"slices"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/scorecard"
	"yiwang/web"
)

// Picture is the city at one moment, as one officer may see it.
type Picture struct {
	At       time.Time
	Signs    []Sign
	Hours    []Hour // matters of the last day, hour by hour
	Now      []Card
	Matters  []incident.Spot
	More     bool // there are more open matters than a map shows
	Officers []Officer
	Sensors  []Sensor // all on the map; which of them in words, the theme says
	Alerts   Alerts
	Fleet    Fleet
	Rules    []RuleRecord // of detection; how often each was right
}

// Sign is one vital sign of the city (城市体征). Every number leads to what is behind
// it.
type Sign struct {
	Value string
	Label city.Message
	Note  city.Message // how it compares; Key "" where there is nothing to compare with
	State web.State    // overdue where somebody has to look
	Href  string
}

// Hour is how many matters were opened in an hour.
type Hour struct {
	From time.Time
	N    int
}

// Card is something that happens now and waits for somebody.
type Card struct {
	Number city.CaseNumber
	State  web.State
	Title  city.Text
	Where  city.Text
	Stage  city.Text
	Left   web.Left
	Asked  int  // how many people told of it
	Send   bool // somebody can be sent
	Href   string
}

// Officer is somebody on duty. At is zero where nobody knows where they are.
type Officer struct {
	Post  city.Text
	At    geo.Point
	Until time.Time
	Hands int // matters in hand
}

// Sensor is how a device stands.
type Sensor struct {
	Name   city.Text
	At     geo.Point
	Values []Value
	Last   time.Time
	Alarm  bool // something it measures is an open alert
	Deaf   bool // in quarantine
}

// Value is what a device measured last.
type Value struct {
	Name city.Text
	N    float64
	Unit string
}

const (
	shownNow    = 8
	hoursShown  = 24
	mostOnDuty  = 5000
	monthsShown = 2 // open and overdue matters of the month before still count
)

// see makes the picture of a theme. What the officer may not see is missing in it.
func (p *Pages) see(ctx context.Context, actor city.Actor, t Theme) (s Picture, err error) {
	s.At = p.Clock.Now()
	if s.Fleet, err = p.fleetNow(ctx, actor, s.At); err != nil {
		return s, err
	}
	book := p.bookFor(ctx, actor)
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if s.Alerts, err = p.alertsNow(ctx, tx, actor, book); err != nil {
			return err
		}
		if t == Overview || t == Hazmat {
			if s.Rules, err = p.rules(ctx, tx, s.Alerts); err != nil {
				return err
			}
		}
		for _, part := range []func(context.Context, *db.Tx, city.Actor, Theme, *Picture) error{p.streets, p.duty, p.signs, p.urgent} {
			if err := part(ctx, tx, actor, t, &s); err != nil && city.KindOf(err) != city.KindForbidden {
				return err
			}
		}
		return nil
	})
	if err == nil && p.Sensors != nil && (t == Overview || t == Environment) {
		if err = p.sensors(ctx, actor, &s); city.KindOf(err) == city.KindForbidden {
			err = nil
		}
	}
	return s, err
}

func (p *Pages) streets(ctx context.Context, tx *db.Tx, actor city.Actor, t Theme, s *Picture) (err error) {
	if s.Matters, s.More, err = p.Incidents.Spots(ctx, tx, actor); err != nil {
		return err
	}
	counts, err := p.Incidents.Hours(ctx, tx, actor, 2*hoursShown)
	if err != nil {
		return err
	}
	first := s.At.Truncate(time.Hour).Add(-(hoursShown - 1) * time.Hour)
	today, before := 0, 0
	for i, n := range counts {
		if i < hoursShown {
			before += n
			continue
		}
		today += n
		s.Hours = append(s.Hours, Hour{From: first.Add(time.Duration(i-hoursShown) * time.Hour), N: n})
	}
	sign := Sign{Value: thousands(today), Label: city.Message{Key: "command.sign.reported"}, Href: pathTable + "#hours"}
	if before > 0 {
		sign.Note = city.Message{Key: "command.sign.than_before", Args: []any{"share", signed(100 * float64(today-before) / float64(before))}}
	}
	if t == Hazmat {
		s.Signs = append(s.Signs, hazmatSigns(*s)...)
		return nil
	}
	s.Signs = append(s.Signs, sign)
	return nil
}

func (p *Pages) duty(ctx context.Context, tx *db.Tx, actor city.Actor, _ Theme, s *Picture) error {
	on, _, err := p.Directory.Everyone(ctx, tx, actor, mostOnDuty)
	if err != nil {
		return err
	}
	ids := make([]city.AccountID, len(on))
	for i, w := range on {
		ids[i] = w.Account
	}
	hands, err := p.inHand(ctx, tx, ids)
	if err != nil {
		return err
	}
	free := 0
	for _, w := range on {
		s.Officers = append(s.Officers, Officer{Post: p.postName(w.Post), At: w.At, Until: w.Until, Hands: hands[w.Account]})
		if hands[w.Account] == 0 {
			free++
		}
	}
	s.Signs = append(s.Signs, Sign{Value: thousands(len(on)), Label: city.Message{Key: "command.sign.on_duty"}, Note: city.Message{Key: "command.sign.free", Args: []any{"n", free}}, Href: pathTable + "#officers"})
	return nil
}

// inHand asks in portions that a statement takes.
func (p *Pages) inHand(ctx context.Context, tx *db.Tx, ids []city.AccountID) (map[city.AccountID]int, error) {
	all := map[city.AccountID]int{}
	for part := range slices.Chunk(ids, 500) {
		hands, err := p.Cases.InHand(ctx, tx, city.SystemActor("incident"), part)
		if err != nil {
			return nil, err
		}
		for id, n := range hands {
			all[id] = n
		}
	}
	return all, nil
}

func (p *Pages) signs(ctx context.Context, tx *db.Tx, actor city.Actor, t Theme, s *Picture) error {
	if t == Hazmat {
		return nil
	}
	until := scorecard.MonthOf(s.At, web.ViewOf(ctx).City.Zone)
	sorts := []scorecard.Sort{scorecard.Incidents}
	if t == Services {
		sorts = []scorecard.Sort{scorecard.Applications}
	}
	for _, sort := range sorts {
		q := scorecard.Query{Sort: sort, From: until - monthsShown + 1, Until: until}
		if !p.Scores.May(actor, q) {
			continue
		}
		all, err := p.Scores.Total(ctx, tx, actor, q)
		if err != nil {
			return err
		}
		q.From = until
		month, err := p.Scores.Total(ctx, tx, actor, q)
		if err != nil {
			return err
		}
		if d, ok := scorecard.DefinitionOf("on_time_rate"); ok {
			if n, of := month.Share(d); of > 0 {
				s.Signs = append(s.Signs, Sign{Value: percent(n, of), Label: city.Message{Key: "command.sign.on_time"},
					Note: city.Message{Key: "command.sign.of", Args: []any{"n", n, "of", of}}, Href: "/desk/scorecard"})
			}
		}
		late := Sign{Value: thousands(int(all.Count(scorecard.Overdue))), Label: city.Message{Key: "command.sign.overdue"},
			Note: city.Message{Key: "command.sign.open", Args: []any{"n", all.Count(scorecard.OpenNow)}}, Href: "/desk/overdue"}
		if all.Count(scorecard.Overdue) > 0 {
			late.State = web.StateOverdue
		}
		s.Signs = append(s.Signs, late)
	}
	return nil
}

// urgent lists what waits the longest beyond its limit, then what came in last.
func (p *Pages) urgent(ctx context.Context, tx *db.Tx, actor city.Actor, t Theme, s *Picture) error {
	if t == Services || t == Environment || t == Hazmat {
		return nil
	}
	noticed := map[city.CaseNumber]bool{} // stand above as alerts
	for _, a := range s.Alerts.top(shownAlerts) {
		noticed[a.Case] = true
	}
	kind := p.Incidents.Settings.Kind
	late, err := p.Cases.Late(ctx, tx, actor, casework.LateQuery{Kind: kind, Limit: shownNow / 2})
	if err != nil && city.KindOf(err) != city.KindForbidden {
		return err
	}
	told := map[city.CaseNumber]incident.Spot{}
	for _, m := range s.Matters {
		told[m.Number] = m
	}
	cases := late.Cases
	for _, m := range s.Matters {
		if len(cases) == shownNow {
			break
		}
		if noticed[m.Number] || slices.ContainsFunc(cases, func(c casework.Case) bool { return c.Number == m.Number }) {
			continue
		}
		c, err := p.Cases.Get(ctx, tx, actor, m.Number)
		if err != nil {
			if k := city.KindOf(err); k == city.KindForbidden || k == city.KindNotFound {
				continue
			}
			return err
		}
		cases = append(cases, c)
	}
	for _, c := range cases {
		s.Now = append(s.Now, p.card(c, told[c.Number], s.At))
	}
	return nil
}

func (p *Pages) card(c casework.Case, spot incident.Spot, now time.Time) Card {
	card := Card{Number: c.Number, Title: p.className(c), Where: p.regionName(c.Region), Stage: c.StageName, Left: web.LeftOf(p.Cases.Calendar(), c, now),
		Asked: spot.Reports, Href: p.CasePath(c.Number)}
	card.State = card.Left.State
	if card.State == "" {
		card.State = web.StateWaiting
	}
	card.Send = len(c.Working) > 0 && !c.Working[0].Called
	return card
}

func (p *Pages) sensors(ctx context.Context, actor city.Actor, s *Picture) error {
	states, err := p.Sensors.States(ctx, actor)
	if err != nil {
		return err
	}
	for _, st := range states {
		_, kind, _ := p.Sensors.Device(st.Device.ID)
		x := Sensor{Name: st.Device.Name, At: geo.Point{Lat: st.Device.Place.Lat, Lon: st.Device.Place.Lon}, Last: st.Last, Alarm: len(st.Open) > 0, Deaf: !st.Quarantined.IsZero()}
		for _, v := range kind.Values {
			if n, ok := st.Values[v.ID]; ok {
				x.Values = append(x.Values, Value{Name: v.Name, N: n, Unit: v.Unit})
			}
		}
		s.Sensors = append(s.Sensors, x)
	}
	return nil
}

// loud are the sensors that somebody has to look at.
func loud(all []Sensor) (some []Sensor) {
	for _, d := range all {
		if d.Alarm || d.Deaf {
			some = append(some, d)
		}
	}
	return some
}

func (p *Pages) className(c casework.Case) city.Text {
	if class, ok := p.Incidents.Class(c.Item); ok {
		return class.Name
	}
	return c.KindName
}

func (p *Pages) regionName(code city.RegionCode) city.Text { return p.Directory.RegionName(code) }

// postName is a post with its body, as colleagues say it.
func (p *Pages) postName(id city.PostID) city.Text {
	post, ok := p.Directory.Post(id)
	if !ok {
		return web.Plain(string(id))
	}
	b, _ := p.Directory.Body(post.Body)
	return city.Text{ZhHans: b.Short.ZhHans + post.Name.ZhHans, En: b.Short.En + ", " + post.Name.En}
}
