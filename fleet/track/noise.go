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
	Stray                    // further from the last one than the terminal's own speed explains: it waits for the next, and counts if that one isn't back
	Reasons                  // how many there are
)

var reasonNames = [Reasons]string{"fine", "duplicate", "backwards", "same_moment", "zero", "impossible", "outside", "blind", "future", "old", "jump", "frozen", "stray"}

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
	Stray  float64       // metres that a point may be beyond what the terminal's own speed explains; 0 asks no speed
	Hole   time.Duration // a frozen place for this long and longer, and then another: a silence, since it moved unseen
	Lost   time.Duration // no place that could be believed for this long and longer, and then another: a silence
	Ahead  time.Duration // how far a terminal's clock may be before ours; 0 is not asked
	Behind time.Duration // how late a point may come; 0 is not asked
}

// Roads is noise as lorries on roads make it.
var Roads = Noise{Speed: 180, Slack: 300, Agree: 3, Moving: 10, Frozen: 2, Stray: 60, Hole: time.Minute, Lost: 5 * time.Minute, Ahead: 10 * time.Minute, Behind: 7 * 24 * time.Hour}

func (n Noise) check() error {
	if !(n.Speed >= 0) || !(n.Slack >= 0) || n.Agree < 0 || n.Agree > 100 || n.Frozen < 0 || n.Frozen > 100 || !(n.Stray >= 0) || n.Hole < 0 || n.Lost < 0 || n.Ahead < 0 || n.Behind < 0 {
		return city.Invalid("track.setting.noise")
	}
	return nil
}

// Filter judges the points of one object as they come.
type Filter struct {
	noise  *Noise
	last   Point // that was taken
	doubt  Point // the last jump
	held   Point // a stray one that waits for the next
	some   bool  // last is one
	waits  bool  // held is one
	doubts uint8 // jumps in a row that agree with each other
	still  uint8 // points in a row that claim to move and don't
	hole   bool  // places since last were frozen
	lost   bool  // places since last were not believed
	Counts [Reasons]uint32
}

// Last is the point that was taken last; false before the first.
func (f *Filter) Last() (Point, bool) { return f.last, f.some }

// NewFilter makes a filter; the noise is shared and must not change.
func NewFilter(n *Noise) Filter { return Filter{noise: n} }

// Verdict is what a filter says of a point.
type Verdict struct {
	Why Reason
	// Cut says of a point that is taken that nothing may be concluded from what lies
	// between it and the one before: see Stays.Cut.
	Cut bool
	// Freed says that the stray point before this one is taken now, ahead of it; FreedCut
	// is its Cut.
	Freed, FreedCut bool
}

// Take says whether the point is to be taken. received is when it came, in
// microseconds UTC; 0 where nobody knows, and then no clock is judged. Each point is
// counted once, a stray one as that, whatever becomes of it.
func (f *Filter) Take(p Point, received int64) (v Verdict) {
	v.Why = f.sound(p, received)
	if v.Why == Fine {
		v.Freed, v.FreedCut = f.settle(p)
		v.Why, v.Cut = f.judge(p)
	}
	f.Counts[v.Why]++
	switch v.Why {
	case Fine:
		v.Cut = f.keep(p) || v.Cut
	case Stray:
		f.held, f.waits = p, true
	case Frozen:
		f.hole = f.some
	case Zero, Impossible, Outside, Blind, Jump:
		f.lost = f.some
	}
	return v
}

// keep makes a point the last one, and says whether it lies behind a silence.
func (f *Filter) keep(p Point) (cut bool) {
	unseen := p.At - f.last.At
	cut = (f.hole && unseen >= f.noise.Hole.Microseconds() || f.lost && unseen >= f.noise.Lost.Microseconds()) && geo.Distance(f.last.Place(), p.Place()) > f.noise.Slack
	f.last, f.some, f.waits, f.doubts, f.hole, f.lost = p, true, false, 0, false, false
	return cut
}

// settle decides about the stray point, now that another one came: it was wrong when
// that is where it could be from the one before, and couldn't from the stray one. A
// point that is out of reach of both says nothing.
func (f *Filter) settle(p Point) (freed, cut bool) {
	n := f.noise
	if !f.waits || n.Speed > 0 && !n.reaches(f.last, p) && !n.reaches(f.held, p) {
		return false, false
	}
	f.waits = false
	if n.explained(f.last, p) && !n.explained(f.held, p) {
		return false, false
	}
	return true, f.keep(f.held)
}

// sound judges a point by itself, and its moment by those of the others.
func (f *Filter) sound(p Point, received int64) Reason {
	n := f.noise
	place := p.Place()
	switch {
	case !place.Valid():
		return Impossible
	case place.IsZero():
		return Zero
	case p.Flags&NoFix != 0:
		return Blind
	case n.Box != (geo.Box{}) && !n.Box.Contains(place):
		return Outside
	case received != 0 && n.Ahead > 0 && p.At > received+n.Ahead.Microseconds():
		return Future
	case received != 0 && n.Behind > 0 && p.At < received-n.Behind.Microseconds():
		return Old
	case !f.some:
		return Fine
	}
	newest := f.last
	if f.waits {
		newest = f.held
	}
	switch {
	case p.At < newest.At:
		return Backwards
	case p.At == newest.At && p.Lat == newest.Lat && p.Lon == newest.Lon:
		return Duplicate
	case p.At == newest.At:
		return SameMoment
	}
	return Fine
}

// judge judges a point by the last one.
func (f *Filter) judge(p Point) (Reason, bool) {
	if !f.some {
		return Fine, false
	}
	n := f.noise
	same := p.Lat == f.last.Lat && p.Lon == f.last.Lon
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
	if !f.waits && !n.explained(f.last, p) {
		return Stray, false
	}
	return Fine, false
}

// reaches reports whether something could drive from a to b.
func (n *Noise) reaches(a, b Point) bool { return within(a, b, n.Slack, n.Speed) }

// explained reports whether what the terminal says of its speed at a and b brings it
// from the one to the other. It is half as much more, since speed changes in between.
func (n *Noise) explained(a, b Point) bool {
	if n.Stray <= 0 || a.Flags&b.Flags&HasSpeed == 0 {
		return true
	}
	return within(a, b, n.Stray, 1.5*float64(max(a.Speed, b.Speed)))
}

// within reports whether b is within so many metres of a, and what kmh adds to that.
func within(a, b Point, metres, kmh float64) bool {
	metres += kmh / 3.6 * float64(b.At-a.At) / 1e6
	const degree = geo.Earth * rad
	if degree*(math.Abs(b.Lat-a.Lat)+math.Abs(b.Lon-a.Lon)) <= metres {
		return true
	}
	return geo.Distance(a.Place(), b.Place()) <= metres
}
