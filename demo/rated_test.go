package demo

import (
	"math/rand/v2"
	"testing"

	"yiwang/casework"
)

// A city whose offices keep their word is praised, in the levels of the ratings: 1
// is the best. What was late is not.
func TestPeopleRateWhatWentWell(t *testing.T) {
	content := func(e end) (n int) {
		p := &repair{t: trouble{goes: e}}
		p.rand = rand.New(rand.NewPCG(1, 2))
		for range 1000 {
			level := p.level(casework.Case{})
			if level < 1 || level > 5 {
				t.Fatalf("level %d", level)
			}
			if level <= 3 {
				n++
			}
		}
		return n
	}
	well, late := content(endsWell), content(endsLate)
	if well < 850 || late >= well {
		t.Errorf("of 1000 each, %d are content with what went well and %d with what was late", well, late)
	}
}
