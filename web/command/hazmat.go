package command

import (
	"context"
	"slices"
	"sync"
	"time"

	"yiwang/algorithm"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/web"
)

// RuleRecord is a rule of detection with what waits and how often it was right.
type RuleRecord struct {
	ID      string
	Name    city.Text
	Waiting int
	algorithm.Outcomes
	Register string // address of its entry in the algorithm register
	Alerts   string // address of its alerts
}

// Precision says how often the rule was right: "97%", or that nobody has judged yet.
func (r RuleRecord) Precision() (string, bool) {
	share, n := r.Outcomes.Precision()
	if n == 0 {
		return "", false
	}
	return percent(int64(share*float64(n)+0.5), int64(n)), true
}

// recordsFor is how long what the register says of the rules is taken as it was.
const recordsFor = 5 * time.Second

// records are the outcomes of all rules, read once for all who look; they are public.
type records struct {
	mu   sync.Mutex
	read time.Time
	of   map[string]algorithm.Outcomes
}

// rules lists the rules of detection in the order of the pack, those that have noticed
// something.
func (p *Pages) rules(ctx context.Context, tx *db.Tx, a Alerts) (list []RuleRecord, err error) {
	if p.Board == nil || p.Algorithms == nil || !a.Known {
		return nil, nil
	}
	of, err := p.outcomes(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, d := range p.Board.Detectors() {
		r := RuleRecord{ID: d.ID, Name: d.Name, Waiting: a.Counts[d.ID], Outcomes: of[d.ID], Register: "/algorithms/" + d.ID, Alerts: pathDeskAlerts + "?rule=" + d.ID}
		if r.Waiting > 0 || r.Said > 0 {
			list = append(list, r)
		}
	}
	return list, nil
}

func (p *Pages) outcomes(ctx context.Context, tx *db.Tx) (map[string]algorithm.Outcomes, error) {
	c := &p.records
	c.mu.Lock()
	defer c.mu.Unlock()
	now := p.Clock.Now()
	if c.of != nil && now.Sub(c.read) < recordsFor && !now.Before(c.read) {
		return c.of, nil
	}
	of := map[string]algorithm.Outcomes{}
	for _, d := range p.Board.Detectors() {
		r, err := p.Algorithms.Record(ctx, tx, city.RuleID(d.ID))
		if err != nil {
			return nil, err
		}
		of[d.ID] = r.Outcomes
	}
	c.of, c.read = of, now
	return of, nil
}

// hazmatSigns are the vital signs of dangerous goods on the road.
func hazmatSigns(s Picture) (list []Sign) {
	if s.Fleet.Known {
		c := s.Fleet.of(Diamond)
		list = append(list, Sign{Value: thousands(c.Driving()), Label: city.Message{Key: "command.sign.trucks"},
			Note: city.Message{Key: "command.sign.moving", Args: []any{"n", c.Moving}}, Href: pathTable + "#vehicles"})
		silent := Sign{Value: thousands(c.Silent), Label: city.Message{Key: "command.sign.silent"}, Note: city.Message{Key: "command.sign.silent.note", Args: []any{"n", int(quietAfter / time.Minute)}}, Href: pathTable + "#vehicles"}
		if c.Silent > 0 {
			silent.State = web.StateWaiting
		}
		list = append(list, silent)
	}
	if s.Alerts.Known {
		list = append(list, alertSign(s))
	}
	if right, n := judged(s.Rules); n > 0 {
		list = append(list, Sign{Value: percent(int64(right), int64(n)), Label: city.Message{Key: "command.sign.precision"},
			Note: city.Message{Key: "command.sign.of", Args: []any{"n", right, "of", n}}, Href: "/algorithms"})
	}
	return list
}

// alertSign is how many alerts wait for somebody.
func alertSign(s Picture) Sign {
	n := s.Alerts.N()
	sign := Sign{Value: thousands(n), Label: city.Message{Key: "command.sign.alerts"}, Href: pathDeskAlerts}
	if n > 0 {
		sign.State = web.StateWaiting
	}
	return sign
}

// judged counts what was right among what somebody has looked at.
func judged(list []RuleRecord) (right, n int) {
	for _, r := range list {
		right, n = right+r.Right, n+r.Right+r.Wrong
	}
	return right, n
}

// fleetSigns are what the overview says of vehicles.
func fleetSigns(s Picture) (list []Sign) {
	if s.Fleet.Known {
		c := s.Fleet.all()
		list = append(list, Sign{Value: thousands(c.Driving()), Label: city.Message{Key: "command.sign.vehicles"}, Href: pathTable + "#vehicles"})
	}
	if s.Alerts.Known {
		list = append(list, alertSign(s))
	}
	return list
}

// precisions are the rules that were judged most often.
func precisions(list []RuleRecord) []RuleRecord {
	some := slices.DeleteFunc(slices.Clone(list), func(r RuleRecord) bool { return r.Right+r.Wrong == 0 })
	slices.SortStableFunc(some, func(a, b RuleRecord) int { return b.Right + b.Wrong - a.Right - a.Wrong })
	return some[:min(3, len(some))]
}
