package city

import (
	"math"
	"testing"
)

func TestContrast(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"#000000", "#ffffff", 21},
		{"#ffffff", "#ffffff", 1},
		{"#777777", "#ffffff", 4.48}, // the grey that famously just fails
		{"#FFFFFF", "#767676", 4.54},
	} {
		got, err := Contrast(c.a, c.b)
		if err != nil || math.Abs(got-c.want) > 0.005 {
			t.Errorf("Contrast(%s, %s) = %.3f, %v, want %.2f", c.a, c.b, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "red", "#fff", "0d5c75", "#0d5c7g", "#0d5c7500", "#+d5c75"} {
		if _, err := Contrast(bad, "#ffffff"); err == nil {
			t.Errorf("Contrast took %q for a colour", bad)
		}
	}
}

func TestMixColours(t *testing.T) {
	if got, err := MixColours("#000000", "#ffffff", 0.5); err != nil || got != "#808080" {
		t.Errorf("half black, half white = %s, %v", got, err)
	}
}
