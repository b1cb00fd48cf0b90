package check

import (
	"testing"
	"time"
)

// A code that is made as soon as its key begins counts, although the moment of signing
// is cut; and neither of its times tells whose it is.
func TestEncodePass(t *testing.T) {
	begins := time.Date(2026, 11, 23, 12, 3, 20, 0, time.UTC)
	keys, err := OpenKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := keys.Create(EdDSA, "Jianghai", begins)
	if err != nil {
		t.Fatal(err)
	}
	trust := trusting(t, s)
	for _, x := range []struct {
		at, ends time.Duration // after the key's beginning
		expires  time.Time
	}{
		{time.Minute, 24 * time.Hour, begins.Add(24 * time.Hour).Truncate(10 * time.Minute)},
		{time.Hour, 2*time.Hour + 17*time.Second, begins.Add(2 * time.Hour).Truncate(10 * time.Minute)},
		{time.Hour, time.Hour + time.Minute, begins.Add(time.Hour + time.Minute)}, // less than the rounding is left
	} {
		at := begins.Add(x.at)
		text, p, err := EncodePass(t.Context(), s, PassClaims{City: "9901", Purpose: "flood", State: "enter", Carrier: OnScreen, SignedAt: at, Expires: begins.Add(x.ends)})
		if err != nil {
			t.Fatal(err)
		}
		if r := Verify(text, trust, at); !r.Valid || !p.Expires.Equal(x.expires) {
			t.Errorf("made at %s: %s, until %s", at, r.Reason, p.Expires)
		}
		if r := Verify(text, trust, at.Add(-24*time.Hour)); r.Reason != ReasonNotYetValid || len(r.Warnings) == 0 || r.Warnings[0] != WarnClock {
			t.Errorf("by a clock a day slow: %+v", r)
		}
	}
}
