package city

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Contrast is the WCAG contrast ratio of two colours written "#rrggbb", from 1
// to 21. Text needs 4.5 on the ground it stands on, the edge of a control 3.
func Contrast(a, b string) (float64, error) {
	la, err := luminance(a)
	if err != nil {
		return 0, err
	}
	lb, err := luminance(b)
	if err != nil {
		return 0, err
	}
	return (math.Max(la, lb) + 0.05) / (math.Min(la, lb) + 0.05), nil
}

// MixColours is the colour share of the way from a to b, 0 being a, 1 being b.
func MixColours(a, b string, share float64) (string, error) {
	ca, err := parseColour(a)
	if err != nil {
		return "", err
	}
	cb, err := parseColour(b)
	if err != nil {
		return "", err
	}
	var out [3]int
	for i := range out {
		out[i] = int(math.Round(ca[i] + (cb[i]-ca[i])*share))
	}
	return fmt.Sprintf("#%02x%02x%02x", out[0], out[1], out[2]), nil
}

func parseColour(s string) ([3]float64, error) {
	h, ok := strings.CutPrefix(s, "#")
	n, err := strconv.ParseUint(h, 16, 32)
	if !ok || err != nil || len(h) != 6 {
		return [3]float64{}, fmt.Errorf("not a colour like #0d5c75: %q", s)
	}
	return [3]float64{float64(n >> 16), float64(n >> 8 & 255), float64(n & 255)}, nil
}

func luminance(s string) (float64, error) {
	c, err := parseColour(s)
	if err != nil {
		return 0, err
	}
	for i := range c {
		if c[i] /= 255; c[i] <= 0.04045 {
			c[i] /= 12.92
		} else {
			c[i] = math.Pow((c[i]+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2], nil
}
