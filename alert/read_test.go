package alert_test

import (
	"strings"
	"testing"
	"time"

	"yiwang/alert"
)

func TestReadReading(t *testing.T) {
	for raw, want := range map[string]string{
		`{"device":"bridge","at":"2026-03-02T20:00:00+08:00","values":{"level":12.5},"rssi":-70}`: "",
		`{"device":"bridge","at":1772452800,"values":{"level":12.5}}`:                             "",
		`{"at":1772452800.0,"device":"bridge","values":{"level":12.5}}`:                           "",
		``:                           "alert.reading_malformed",
		`[]`:                         "alert.reading_malformed",
		`{"values":{"level":"12"}}`:  "alert.reading_malformed",
		`{"values":{"level":1e999}}`: "alert.reading_malformed",
		`{"values":{"level":NaN}}`:   "alert.reading_malformed",
		`{"values":{}} {}`:           "alert.reading_malformed",
		"{\"device\":\"\xff\"}":      "alert.reading_malformed",
		`{"at":"yesterday"}`:         "alert.reading_at",
		`{"at":-5}`:                  "alert.reading_at",
		`{"at":1e300}`:               "alert.reading_at",
		`{"at":{}}`:                  "alert.reading_at",
		`{"device":"` + strings.Repeat("x", 5000): "alert.reading_long",
		strings.Repeat(`{"values":`, 400):         "alert.reading_malformed",
	} {
		r, err := alert.ReadReading([]byte(raw))
		if keyOf(err) != want {
			t.Errorf("%.60q: %v, want %q", raw, err, want)
		}
		if want == "" && (r.Device != "bridge" || !r.At.Equal(noon) || r.Values["level"] != 12.5) {
			t.Errorf("%.60q: %+v", raw, r)
		}
	}
	if r, err := alert.ReadReading([]byte(`{"values":{"level":1},"at":null}`)); err != nil || !r.At.IsZero() {
		t.Errorf("%+v %v", r, err)
	}
}

func FuzzReadReading(f *testing.F) {
	f.Add([]byte(`{"device":"bridge","at":"2026-03-02T20:00:00+08:00","values":{"level":12.5}}`))
	f.Add([]byte(`{"at":1e9}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := alert.ReadReading(raw)
		if err == nil && !r.At.IsZero() && (r.At.Year() < 1969 || r.At.Year() > 9999 || r.At.Location() != time.UTC) {
			t.Errorf("%v", r.At)
		}
	})
}
