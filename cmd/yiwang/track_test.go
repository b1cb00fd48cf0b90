package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The command's lines are trackintel's stays: each of the six settings, ids as
// numbers, times exact, places to 2e-7 degrees.
func TestTrackStaysEqualTrackintel(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "trajectories")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("YIWANG_REQUIRE_SHARED") == "1" {
			t.Fatal(err)
		}
		t.Skip("the shared trajectories are not there")
	}
	for _, name := range []string{"geolife", "geolife_long"} {
		raw, err := os.ReadFile(filepath.Join(dir, name+".expected.json"))
		ok(t, err)
		var settings []struct {
			Distance float64  `json:"dist_m"`
			Time     float64  `json:"time_min"`
			Gap      float64  `json:"gap_min"`
			Last     bool     `json:"include_last"`
			Stays    [][5]any `json:"stays"`
		}
		ok(t, json.Unmarshal(raw, &settings))
		tried := 0
		for _, s := range settings {
			if s.Last {
				continue
			}
			tried++
			minutes := func(m float64) string { return time.Duration(m * float64(time.Minute)).String() }
			out := good(t, "track", "stays", "--in", filepath.Join(dir, name+".csv"), "--json",
				"--distance", fmt.Sprint(s.Distance), "--time", minutes(s.Time), "--gap", minutes(s.Gap))
			lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
			if out == "" {
				lines = nil
			}
			if len(lines) != len(s.Stays) {
				t.Errorf("%s, %g m, %g min: %d stays, want %d", name, s.Distance, s.Time, len(lines), len(s.Stays))
				continue
			}
			for i, line := range lines {
				var got stayLine
				ok(t, json.Unmarshal([]byte(line), &got))
				id, err := strconv.Atoi(got.ID)
				ok(t, err)
				start, err := time.Parse(time.RFC3339, got.Start)
				ok(t, err)
				end, err := time.Parse(time.RFC3339, got.End)
				ok(t, err)
				w := s.Stays[i]
				wStart, _ := time.Parse(time.RFC3339, w[1].(string))
				wEnd, _ := time.Parse(time.RFC3339, w[2].(string))
				if strconv.Itoa(id) != w[0] || !start.Equal(wStart) || !end.Equal(wEnd) || math.Abs(got.Lon-w[3].(float64)) > 2e-7 || math.Abs(got.Lat-w[4].(float64)) > 2e-7 {
					t.Errorf("%s, %g m, %g min: %s, want %v", name, s.Distance, s.Time, line, w)
				}
			}
		}
		if tried != 6 {
			t.Errorf("%s: %d settings were tried", name, tried)
		}
	}
}

func TestTrackStaysSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	file := func(text string) string {
		name := filepath.Join(dir, "in.csv")
		ok(t, os.WriteFile(name, []byte(text), 0o600))
		return name
	}
	const head = "id,time,lat,lon\n1,2026-11-23T10:00:00Z,32,120\n"
	for text, line := range map[string]string{
		"":                                  "first line",
		"id,time,lat\n":                     "no column lon",
		head + "1,yesterday,32,120\n":       "Line 3: this is not a moment: yesterday",
		head + "\n1,2026-11-23,91,120\n":    "Line 4: this is no latitude",
		head + "1,2026-11-23,32,1e9\n":      "Line 3: this is no longitude",
		head + "1,2026-11-23,32,NaN\n":      "Line 3: this is no longitude",
		head + "1,2026-11-23,0x1p3,120\n":   "Line 3: this is no latitude",
		head + ",2026-11-23,32,120\n":       "Line 3: this is no id",
		head + "1,2026-11-23,32\n":          "Line 3 breaks off before lon",
		head + "\"1,2026-11-23,32,120\n":    "Line 3 has a quotation mark",
		head + strings.Repeat("7", 100_000): "Line 3 is too long",
	} {
		refused(t, line, "track", "stays", "--in", file(text))
	}
	refused(t, "can't be read", "track", "stays", "--in", filepath.Join(dir, "none"))
	refused(t, "metres", "track", "stays", "--in", file(head), "--distance=-1")
	refused(t, "--map", "track", "stays", "--in", file(head), "--map", "id")
	refused(t, "vehicle_id", "track", "stays", "--in", file(head), "--map", "id=vehicle_id")
}

func TestTrackStaysForPeople(t *testing.T) {
	name := filepath.Join(t.TempDir(), "in.csv")
	ok(t, os.WriteFile(name, []byte("\ufeff\"vehicle_id\";lon;lat;timestamp;more\r\n"+
		"\"a \"\"b\"\"\";120;32;2026-11-23 18:20:00.5+0800;x\r\n"+
		"\"a \"\"b\"\"\";120;32;2026-11-23T10:00:00;\r\n"+
		"c;120;32;2026-11-23T10:00Z\r\n"+
		"\"a \"\"b\"\"\";120;32.0002;2026-11-23T10:05:00,25Z\r\n"+
		"\"a \"\"b\"\"\";121;32;2026-11-23T10:10:00+00:00"), 0o600))
	out := good(t, "track", "stays", "--in", name, "--map", "id=vehicle_id;time=timestamp")
	want := "a \"b\"  2026-11-23T10:00:00Z to 2026-11-23T10:10:00Z  10m0s  32.000100,120.000000\n" +
		"a \"b\"  2026-11-23T10:10:00Z to 2026-11-23T10:20:00.5Z  10m0.5s  32.000000,121.000000\n" +
		"5 points of 2 objects: 2 stays, 0 gaps.\nThe rows of 1 object were out of order; they were sorted first.\n"
	if out != want {
		t.Errorf("%s\nwant\n%s", out, want)
	}
	if out := good(t, "track", "stays", "--in", name, "--map", "id=vehicle_id;time=timestamp", "--json", "--gap", "4m"); out != "" {
		t.Errorf("a stay across a gap: %s", out)
	}
}
