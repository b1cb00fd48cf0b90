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
	for _, url := range []string{"", dbtest.PostgresURL(t)} {
		var out bytes.Buffer
		err := Cases(context.Background(), Options{Database: url, Stored: 500, Span: 50 * time.Millisecond, Out: &out})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(out.String())
		if got := out.String(); strings.Count(got, "lifecycle (open") != 6 || !strings.Contains(got, "with 500 stored cases") {
			t.Errorf("figures are missing:\n%s", got)
		}
	}
}
