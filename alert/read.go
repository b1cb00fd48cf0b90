package alert

import (
	"bytes"
	"encoding/json"
	"io"
	"time"
	"unicode/utf8"

	"yiwang/city"
)

// LongestReading is how many bytes a reading may have on its way.
const LongestReading = 4 << 10

// ReadReading reads {"device": …, "at": "2026-03-02T12:00:00+08:00", "values":
// {"pm25": 12.5}}. Members that nobody knows are passed over, since devices send
// what they like; at is RFC 3339 or seconds since 1970, and may be missing.
func ReadReading(raw []byte) (Reading, error) {
	var in struct {
		Device string             `json:"device"`
		At     json.RawMessage    `json:"at"`
		Values map[string]float64 `json:"values"`
	}
	if len(raw) > LongestReading {
		return Reading{}, city.TooLarge("alert.reading_long", "max", LongestReading)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 || d.Decode(&in) != nil {
		return Reading{}, city.Invalid("alert.reading_malformed")
	}
	if _, err := d.Token(); err != io.EOF {
		return Reading{}, city.Invalid("alert.reading_malformed")
	}
	r := Reading{Device: in.Device, Values: in.Values}
	if len(in.At) == 0 || string(in.At) == "null" {
		return r, nil
	}
	var seconds float64
	var text string
	switch {
	case json.Unmarshal(in.At, &seconds) == nil && seconds > 0 && seconds < 1<<35:
		r.At = time.UnixMicro(int64(seconds * 1e6)).UTC()
	case json.Unmarshal(in.At, &text) == nil:
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || at.Year() < 1970 || at.Year() > 9999 {
			return Reading{}, city.Invalid("alert.reading_at")
		}
		r.At = at.UTC()
	default:
		return Reading{}, city.Invalid("alert.reading_at")
	}
	return r, nil
}
