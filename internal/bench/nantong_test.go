package bench

import (
	"context"
	"testing"

	"yiwang/demo/nantong"
)

// A tenth of the city: everything that is hidden is found. Of a rule's alerts at
// most 2 % are false, and none of a rule of which little is hidden.
func TestNantongSmall(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		c, err := watchCity(context.Background(), nantong.New(seed, nantong.Small, nantong.Nantong), seed)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d readings in %.1f s", c.Readings, c.Seconds)
		for _, r := range c.Rows {
			t.Logf("%+v", r)
			if r.Missed > 0 || r.Found != r.Planted {
				t.Errorf("%s: %d of %d found", r.Rule, r.Found, r.Planted)
			}
			if r.False > 0 && (r.Planted < 50 || r.False*50 > r.Found+r.False) {
				t.Errorf("%s: %d false of %d", r.Rule, r.False, r.Found+r.False)
			}
		}
		for _, f := range c.Faults {
			t.Log(f)
		}
	}
}
