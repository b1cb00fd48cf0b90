package bench

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"yiwang/internal/db/dbtest"
)

// The benchmark itself is tried small, on both engines: it must run through and
// print its figures.
func TestCasesRunsThrough(t *testing.T) {
	for _, url := range []string{"", dbtest.MigratedURL(t)} {
		var out bytes.Buffer
		err := Cases(context.Background(), Options{Database: url, Stored: 500, Span: 50 * time.Millisecond, Out: &out})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(out.String())
		got := out.String()
		for name, times := range map[string]int{"engine: open, claim": 6, "lifecycle in process": 6, "lifecycle over HTTP": 8, "filing / store's": 2, "search page": 4, "with 500 stored cases": 1} {
			if n := strings.Count(got, name); n != times {
				t.Errorf("%q stands %d times, want %d:\n%s", name, n, times, got)
			}
		}
	}
}
