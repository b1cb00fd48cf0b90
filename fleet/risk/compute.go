package risk

import (
	"cmp"
	"math"
	"slices"

	"yiwang/city"
)

// Behind is something that an amount rests on.
type Behind struct {
	// Ref is what to look it up by: an entry of a register with its version
	// ("site:hx-1@2"), "alert:…", "kind:school"; "" for what has no page.
	Ref    string          `json:"ref,omitempty"`
	Case   city.CaseNumber `json:"case,omitempty"` // that came of it
	Name   city.Text       `json:"name"`
	Why    string          `json:"why,omitempty"` // code of why it counts; "" where the part says it
	Amount float64         `json:"amount"`        // what it adds, in the unit of the part; for shares, 1 where it counts
}

// Amount is what is known of a part.
type Amount struct {
	Value  float64
	Known  bool
	Behind []Behind
}

// Amounts are those of one community.
type Amounts map[Part]*Amount

// Value is a part of an index.
type Value struct {
	Part   Part      `json:"part"`
	Of     Component `json:"of"`
	Amount float64   `json:"amount"`
	Known  bool      `json:"known"`
	Score  float64   `json:"score"`  // 0 to 1
	Weight float64   `json:"weight"` // in its component, when parts that nothing is known of are left out
	Behind []Behind  `json:"behind,omitempty"`
	Others int       `json:"others,omitempty"` // that stand behind it, and are not listed
}

// Risk is the index of a community on a day.
type Risk struct {
	Region   city.RegionCode `json:"region"`
	Day      city.Date       `json:"day"`
	Index    int             `json:"index"` // 0 to 100
	Level    Level           `json:"level"`
	Hazard   float64         `json:"hazard"`   // 0 to 1
	Exposure float64         `json:"exposure"` // 0 to 1
	Control  float64         `json:"control"`  // 0 to 1: how much is not under control
	Parts    []Value         `json:"parts"`
}

// Of is the value of a component.
func (r *Risk) Of(c Component) float64 {
	return map[Component]float64{Hazard: r.Hazard, Exposure: r.Exposure, Control: r.Control}[c]
}

// mostBehind is how much of what stands behind a part is kept, the largest first.
const mostBehind = 12

// Compute brings amounts to the index.
func (f *Formula) Compute(region city.RegionCode, day city.Date, a Amounts) Risk {
	r := Risk{Region: region, Day: day}
	for _, c := range Components {
		var sum, known float64
		from := len(r.Parts)
		for _, p := range parts[c] {
			w := f.Of(c)[p.id]
			v := Value{Part: p.id, Of: c}
			if x := a[p.id]; x != nil && x.Known {
				v.Known, v.Amount, v.Score = true, round(x.Value, 4), round(scored(p.shape, x.Value, w.Half), 4)
				v.Behind, v.Others = largest(x.Behind)
				v.Weight = w.Weight
				known += w.Weight
				sum += w.Weight * v.Score
			}
			r.Parts = append(r.Parts, v)
		}
		mean := 0.0
		if known > 0 {
			mean = sum / known
			for i := range r.Parts[from:] {
				r.Parts[from+i].Weight = round(r.Parts[from+i].Weight/known, 4)
			}
		} else if c == Control { // nobody knows of any control
			mean = 1
		}
		mean = round(mean, 4)
		switch c {
		case Hazard:
			r.Hazard = mean
		case Exposure:
			r.Exposure = mean
		case Control:
			r.Control = mean
		}
	}
	left := f.Least + (1-f.Least)*r.Control
	r.Index = min(100, max(0, int(math.Round(100*math.Pow(r.Hazard*r.Exposure*left, f.Power)))))
	r.Level = f.Level(r.Index)
	return r
}

func scored(s shape, amount, half float64) float64 {
	amount = max(0, amount)
	switch s {
	case falling:
		return half / (half + amount)
	case share:
		return min(1, amount)
	}
	return amount / (half + amount)
}

func largest(list []Behind) ([]Behind, int) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Behind) int {
		if c := cmp.Compare(b.Amount, a.Amount); c != 0 {
			return c
		}
		return cmp.Compare(a.Ref, b.Ref)
	})
	for i := range list {
		list[i].Amount = round(list[i].Amount, 4)
	}
	if len(list) > mostBehind {
		return list[:mostBehind], len(list) - mostBehind
	}
	return list, 0
}

func round(v float64, digits int) float64 {
	unit := math.Pow(10, float64(digits))
	return math.Round(v*unit) / unit
}
