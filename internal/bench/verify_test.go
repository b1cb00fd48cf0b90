package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"testing"
	"time"
)

func TestVerifyPrintsItsFigures(t *testing.T) {
	var out bytes.Buffer
	if err := Verify(context.Background(), Options{Span: 20 * time.Millisecond, JSON: true, Out: &out, Progress: io.Discard}); err != nil {
		t.Fatal(err)
	}
	var got struct{ Figures []Figure }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Figures) < 4*2+3 {
		t.Errorf("%d figures: %+v", len(got.Figures), got.Figures)
	}
	for _, f := range got.Figures {
		if f.Value <= 0 || f.Unit == "MB" && f.Value > 2 {
			t.Errorf("%+v", f)
		}
	}
}
