package demo

import (
	"time"

	"yiwang/fleet/register"
)

// What vehicles do wrong.
const (
	tooFast  = "too_fast"
	trespass = "trespass"
	wayOff   = "way_off"
)

// mischief lets somebody do something wrong, if it is time for that: at first two at
// once, so that whoever has just come sees something soon.
func (t *traffic) mischief(now time.Time) {
	if t.honest || now.Before(t.wrong) {
		return
	}
	t.wrong = now.Add(wrongAfter + time.Duration(t.rand.Int64N(int64(4*time.Minute))))
	if !t.begun {
		t.begun = true
		t.hurry(now)
		t.sneak(now, true)
		t.turn = 2
		return
	}
	for range 3 {
		t.turn++
		done := false
		switch t.turn % 3 {
		case 0:
			done = t.hurry(now)
		case 1:
			done = t.sneak(now, false)
		default:
			done = t.detour(now)
		}
		if done {
			return
		}
	}
}

// some finds a vehicle for dangerous goods that is at nothing and fits.
func (t *traffic) some(fit func(*driver) bool) *driver {
	for _, i := range t.rand.Perm(len(t.drivers)) {
		if dr := t.drivers[i]; (dr.v.Use == register.UseHazmat || dr.v.Use == register.UseWaste) && dr.doing == "" && fit(dr) {
			return dr
		}
	}
	return nil
}

// hurry lets somebody on the road drive too fast for what is left of the way.
func (t *traffic) hurry(now time.Time) bool {
	dr := t.some(func(dr *driver) bool {
		return !now.Before(dr.stands) && length(dr.at, dr.line) > 3000 && !t.nightly(dr, now)
	})
	if dr == nil {
		return false
	}
	dr.doing, dr.haste = tooFast, 19+6*t.rand.Float64()
	return true
}

// sneak sends somebody into a zone that is always closed to what the vehicle may
// carry. With near it is nearly there already.
func (t *traffic) sneak(now time.Time, near bool) bool {
	for _, i := range t.rand.Perm(len(t.book.Zones())) {
		z := t.book.Zones()[i]
		if len(z.Hours) > 0 {
			continue
		}
		var in []int // nodes well within it
		for _, n := range t.rand.Perm(len(t.ways.at)) {
			if z.Area.Depth(t.ways.at[n]) > 150 {
				in = append(in, n)
			}
		}
		if len(in) == 0 {
			continue
		}
		to := place{in[0], t.ways.at[in[0]]}
		dr := t.some(func(dr *driver) bool {
			return (!near || dr.fresh) && !t.nightly(dr, now) && t.closed(dr, to.at) && !t.closed(dr, dr.at)
		})
		if dr == nil {
			continue
		}
		if near { // where nobody has seen it yet
			for _, hit := range t.ways.grid.Within(z.Area.Middle(), 3000) {
				if far := z.Area.Distance(t.ways.at[hit.Key]); far > 100 && far < 400 && !t.closed(dr, t.ways.at[hit.Key]) {
					dr.at = t.ways.at[hit.Key]
					break
				}
			}
		}
		if !t.head(dr, to) {
			continue
		}
		dr.stands, dr.ends, dr.doing, dr.fresh = time.Time{}, 5*time.Minute, trespass, false
		return true
	}
	return false
}

// detour sends somebody who has a route to a place far off it.
func (t *traffic) detour(now time.Time) bool {
	dr := t.some(func(dr *driver) bool {
		return dr.route != nil && now.After(dr.stands) && !t.nightly(dr, now)
	})
	if dr == nil {
		return false
	}
	for _, i := range t.rand.Perm(len(dr.goes)) {
		to := dr.goes[i]
		if route, far := t.book.OffRoute(dr.v.ID, to.at); route == nil || far < 1200 || far > 5000 {
			continue
		}
		if t.head(dr, to) {
			dr.ends, dr.doing = 8*time.Minute, wayOff
			return true
		}
	}
	return false
}
