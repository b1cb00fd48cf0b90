package track

import (
	"math"
	"time"

	"yiwang/city"
	"yiwang/geo"
)

// Reason says why a point was not taken.
type Reason uint8

const (
	Fine       Reason = iota // it was taken
	Duplicate                // the last one once more
	Backwards                // earlier than the last one; it may be right and late, see Watch.Correct
	SameMoment               // the moment of the last one, elsewhere: two terminals with one number, or none that knows
	Zero                     // 0,0
	Impossible               // no such place
	Outside                  // not where the fleet can be
	Blind                    // the terminal itself says that it has no fix
	Future                   // later than it was received, by more than clocks differ
	Old                      // earlier than anything that is waited for
	Jump                     // further from the last one than anything drives
	Frozen                   // the terminal says that it moves, its place doesn't
	Reasons                  // how many there are
)

var reasonNames = [Reasons]string{"fine", "duplicate", "backwards", "same_moment", "zero", "impossible", "outside", "blind", "future", "old", "jump", "frozen"}

// String is the reason's name for counters.
func (r Reason) String() string {
	if r < Reasons {
		return reasonNames[r]
	}
	return "unknown"
}

// Noise is what makes a point unbelievable. The zero value believes everything
// that can be a place and goes forward in time.
type Noise struct {
	Box    geo.Box       // where the fleet can be; empty is anywhere
	Speed  float64       // km/h that nothing drives; 0 asks for none
	Slack  float64       // metres that any two points may be apart, since receivers err
	Agree  int           // points in a row that make a jump believed; at least 2
	Moving float32       // km/h that a terminal has to claim for a still place to be frozen
	Frozen int           // such points in a row that are taken; 0 takes all
	Hole   time.Duration // unbelievable places for this long and longer, and then another place: a silence
	Ahead  time.Duration // how far a terminal's clock may be before ours; 0 is not asked
	Behind time.Duration // how late a point may come; 0 is not asked
}

// Roads is noise as lorries on roads make it.
var Roads = Noise{Speed: 180, Slack: 300, Agree: 3, Moving: 10, Frozen: 2, Hole: time.Minute, Ahead: 10 * time.Minute, Behind: 7 * 24 * time.Hour}

func (n Noise) check() error {
	if !(n.Speed >= 0) || !(n.Slack >= 0) || n.Agree < 0 || n.Agree > 100 || n.Frozen < 0 || n.Frozen > 100 || n.Hole < 0 || n.Ahead < 0 || n.Behind < 0 {
		return city.Invalid("track.setting.noise")
	}
	return nil
}

// Filter judges the points of one object as they come.
type Filter struct {
	noise  *Noise
	last   Point // that was taken
	doubt  Point // the last jump
	some   bool  // last is one
	doubts uint8 // jumps in a row that agree with each other
	still  uint8 // points in a row that claim to move and don't
	hole   bool  // places since last were not believed
	Counts [Reasons]uint32
}

// NewFilter makes a filter; the noise is shared and must not change.
func NewFilter(n *Noise) Filter { return Filter{noise: n} }

// Take says whether the point is to be taken. received is when it came, in
// microseconds UTC; 0 where nobody knows, and then no clock is judged. cut says of
// a point that is taken that nothing may be concluded from what lies between it
// and the one before: see Stays.Cut.
func (f *Filter) Take(p Point, received int64) (why Reason, cut bool) {
	why, cut = f.judge(p, received)
	f.Counts[why]++
	switch why {
	case Fine:
		cut = cut || f.hole && p.At-f.last.At >= f.noise.Hole.Microseconds() && geo.Distance(f.last.Place(), p.Place()) > f.noise.Slack
		f.last, f.some, f.doubts, f.hole = p, true, 0, false
	case Zero, Impossible, Outside, Blind, Jump, Frozen:
		f.hole = f.some
	}
	return why, cut
}

func (f *Filter) judge(p Point, received int64) (Reason, bool) {
	n := f.noise
	place := p.Place()
	switch {
	case !place.Valid():
		return Impossible, false
	case place.IsZero():
		return Zero, false
	case p.Flags&NoFix != 0:
		return Blind, false
	case n.Box != (geo.Box{}) && !n.Box.Contains(place):
		return Outside, false
	case received != 0 && n.Ahead > 0 && p.At > received+n.Ahead.Microseconds():
		return Future, false
	case received != 0 && n.Behind > 0 && p.At < received-n.Behind.Microseconds():
		return Old, false
	case !f.some:
		return Fine, false
	}
	same := p.Lat == f.last.Lat && p.Lon == f.last.Lon
	switch {
	case p.At < f.last.At:
		return Backwards, false
	case p.At == f.last.At && same:
		return Duplicate, false
	case p.At == f.last.At:
		return SameMoment, false
	}
	if same && n.Frozen > 0 && p.Flags&HasSpeed != 0 && p.Speed >= n.Moving && n.Moving > 0 {
		if int(f.still) >= n.Frozen {
			return Frozen, false
		}
		f.still++
	} else {
		f.still = 0
	}
	if n.Speed > 0 && !n.reaches(f.last, p) {
		switch {
		case f.doubts > 0 && p.At == f.doubt.At: // the same jump again proves nothing
			return Jump, false
		case f.doubts > 0 && p.At > f.doubt.At && n.reaches(f.doubt, p):
			f.doubts++
		default:
			f.doubts = 1
		}
		f.doubt = p
		if int(f.doubts) < max(n.Agree, 2) {
			return Jump, false
		}
		return Fine, true
	}
	return Fine, false
}

// reaches reports whether something could drive from a to b.
func (n *Noise) reaches(a, b Point) bool {
	metres := n.Slack + n.Speed/3.6*float64(b.At-a.At)/1e6
	const degree = geo.Earth * rad
	if degree*(math.Abs(b.Lat-a.Lat)+math.Abs(b.Lon-a.Lon)) <= metres {
		return true
	}
	return geo.Distance(a.Place(), b.Place()) <= metres
}
