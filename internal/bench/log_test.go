package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"testing"
)

func TestLogPrintsItsFigures(t *testing.T) {
	var out bytes.Buffer
	if err := Log(context.Background(), Options{Entries: 600, JSON: true, Out: &out, Progress: io.Discard}); err != nil {
		t.Fatal(err)
	}
	var got struct{ Figures []Figure }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Figures) != 8 {
		t.Errorf("%d figures: %+v", len(got.Figures), got.Figures)
	}
	for _, f := range got.Figures {
		if f.Value <= 0 {
			t.Errorf("%+v", f)
		}
	}
}
