package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"yiwang/internal/db/dbtest"
)

// Tried small on both engines: it runs through, finds what it stored, and its
// JSON holds the same figures for both halves.
func TestIncidentsRunsThrough(t *testing.T) {
	for _, url := range []string{"", dbtest.MigratedURL(t)} {
		var out bytes.Buffer
		o := Options{Database: url, Stored: 200, Span: 50 * time.Millisecond, Burst: 40, BurstSpan: 200 * time.Millisecond, OnDuty: 50, JSON: true, Out: &out}
		if err := Incidents(context.Background(), o); err != nil {
			t.Fatal(err)
		}
		t.Log(out.String())
		var got struct {
			Bench, Engine string
			Figures       []Figure
		}
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		at := map[int]map[string]float64{0: {}, 200: {}}
		for _, f := range got.Figures {
			at[f.Stored][f.Name] = f.Value
			if strings.HasPrefix(f.Name, "lifecycle") && f.Value <= 0 {
				t.Errorf("%s: %v", f.Name, f.Value)
			}
		}
		for name := range at[0] {
			if _, ok := at[200][name]; !ok {
				t.Errorf("%q is measured beside nothing only", name)
			}
		}
		if len(at[200]) != len(at[0])+1 {
			t.Errorf("%d figures, and %d beside 200 matters", len(at[0]), len(at[200]))
		}
		for name, want := range map[string]float64{"burst: 40 reports in 200ms, errors": 0, "burst: joined to what was reported before": 10} {
			if v, ok := at[200][name]; !ok || v != want {
				t.Errorf("%s: %v, want %v", name, v, want)
			}
		}
	}
}
