package nantong

import (
	"context"

	"yiwang/fleet/detect"
	"yiwang/fleet/register"
	"yiwang/fleet/track"
	"yiwang/geo"
)

// Watch lets the detectors look at all sampled days, one after the other and on each
// one vehicle after the other, and hands on what they find, with what is on record on
// that day; the list holds during the call only. They see readings and registers. It
// gives back how many readings there were.
func (t *Town) Watch(ctx context.Context, number func(rule, parameter string) (float64, bool), note func(*register.Book, []detect.Finding)) (readings int, err error) {
	rules, err := detect.NewRules(number, Zone)
	if err != nil {
		return 0, err
	}
	ground := detect.Ground{Road: detect.Along(t.Roads(), t.middle, 40)}
	memory := detect.NewMemory(rules, ground)
	watched := make([]detect.Vehicle, t.Vehicles())
	for i := range watched {
		watched[i] = rules.Vehicle(t.ID(i))
	}
	var fresh []detect.Finding
	var seen detect.Seen
	var told []track.Reading
	for _, day := range t.Days() {
		book := t.Book(day)
		fresh = memory.Check(book, fresh)
		for i := range watched {
			if err := ctx.Err(); err != nil {
				return readings, err
			}
			told = t.Day(i, day, told[:0])
			reg := book.Vehicle(watched[i].ID)
			for _, r := range told {
				fresh = rules.Push(book, ground, &watched[i], reg, r, &seen, fresh)
				for _, e := range seen.Events {
					fresh = memory.Stay(book, reg, e, fresh)
				}
			}
			readings += len(told)
			if len(told) > 0 {
				next := told[len(told)-1].At + 26*3600*1e6
				if f, ok := rules.Quiet(&watched[i], reg, next); ok {
					fresh = append(fresh, f)
				}
			}
			if len(fresh) > 0 {
				note(book, fresh)
				fresh = fresh[:0]
			}
		}
	}
	return readings, nil
}

// Meant reports whether a finding is about the hidden matter.
func (p Planted) Meant(f detect.Finding) bool {
	if p.Rule != f.Rule || p.Kind != f.Kind || f.To <= p.From || f.From >= p.To {
		return false
	}
	if p.Subject != "" {
		return p.Subject == f.Subject
	}
	return geo.Distance(p.At, f.At) <= 150
}
