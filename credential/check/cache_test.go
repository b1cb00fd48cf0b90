package check

import (
	"context"
	"testing"
	"time"
)

// What is shown again is judged again: by its time and by its state.
func TestRepeatedShowsAreJudgedAnew(t *testing.T) {
	s := testSigner(t, EdDSA)
	code := encode(t, s, testClaims())
	pass, _, err := EncodePass(t.Context(), s, PassClaims{City: "9901", Purpose: "flood", State: "ok", Carrier: OnScreen, SignedAt: day, Expires: day.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	trust := trusting(t, s)
	addList(t, trust, s, day, 70001, ListValid)
	addList(t, trust, s, day.Add(2*time.Hour), 70001, ListSuspended)
	c := NewCache(trust)
	for range 2 {
		for _, x := range []struct {
			text string
			at   time.Time
		}{
			{code, day.Add(time.Hour)}, {code, day.Add(3 * time.Hour)}, {code, day.AddDate(6, 0, 0)}, {code, day.AddDate(-1, 0, 0)},
			{pass, day.Add(time.Minute)}, {pass, day.Add(2 * time.Hour)}, {"nonsense", day}, {code[:len(code)-1] + "0", day},
		} {
			got, want := c.Verify(x.text, x.at), Verify(x.text, trust, x.at)
			if got.Reason != want.Reason || got.Valid != want.Valid || got.Kind != want.Kind || !got.StatusAt.Equal(want.StatusAt) || len(got.Warnings) != len(want.Warnings) {
				t.Errorf("%.12s at %s: %+v, without a memory %+v", x.text, x.at, got, want)
			}
		}
	}
	if r := c.Verify(code, day.Add(3*time.Hour)); r.Reason != ReasonSuspended {
		t.Errorf("suspended since: %s", r.Reason)
	}
	if len(c.known) != 2 {
		t.Errorf("%d texts are remembered, only the two whose signature holds should be", len(c.known))
	}
}

// What is remembered has an end.
func TestTheMemoryIsBounded(t *testing.T) {
	c := NewCache(NewTrust())
	s := testSigner(t, EdDSA)
	c.trust = trusting(t, s)
	for i := range mostKnown {
		c.known[string(rune(i))] = opened{}
	}
	c.Verify(encode(t, s, testClaims()), day)
	if len(c.known) != 1 || len(c.old) != mostKnown {
		t.Errorf("%d and %d", len(c.known), len(c.old))
	}
}

// BenchmarkRepeatedShows is how many shows of one code are judged in a second.
func BenchmarkRepeatedShows(b *testing.B) {
	s := testSigner(b, EdDSA)
	code, err := Encode(context.Background(), s, testClaims())
	if err != nil {
		b.Fatal(err)
	}
	trust := trusting(b, s)
	addList(b, trust, s, day, 70001, ListValid)
	c := NewCache(trust)
	b.ReportAllocs()
	for b.Loop() {
		if r := c.Verify(code, day.Add(time.Minute)); !r.Valid || r.StatusAt.IsZero() {
			b.Fatal(r.Reason)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "shows/s")
}
