package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"yiwang/fleet/track"
	"yiwang/internal/db/dbtest"
)

// Tried small on both engines: it runs through, what is found is what the definition
// says, nothing is noticed in traffic in which nothing is wrong, and each figure is
// there once.
func TestFleetRunsThrough(t *testing.T) {
	for _, url := range []string{"", dbtest.MigratedURL(t)} {
		var out bytes.Buffer
		o := Options{Database: url, Span: 20 * time.Millisecond, JSON: true, Out: &out,
			Fleet: FleetSize{Points: 60_000, Vehicles: 40, Sent: 3, Driving: 10, Positions: 5, Zones: 50, Alerts: 2, Places: 3}}
		if err := Fleet(context.Background(), o); err != nil {
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
		at := map[string][]float64{}
		for _, f := range got.Figures {
			at[f.Name] = append(at[f.Name], f.Value)
		}
		for name, times := range map[string]int{"all stays and gaps": 3, "stays / bare scan": 3, "all the way, frame to decision and reply (5 asked)": 1, "… what the program adds": 1,
			"the process, as the system counts it (1,000 MB asked for 100,000)": 1, "from the socket to the board's list, p95": 1, "reachable in 5 minutes, with outline and who is near, median": 1} {
			if len(at[name]) != times {
				t.Errorf("%q stands %d times, want %d", name, len(at[name]), times)
			}
		}
		for _, v := range at["… equal to the definition, stays and gaps"] {
			if v == 0 {
				t.Error("a track without stays proves nothing")
			}
		}
		if v := at["alerts raised meanwhile"]; len(v) != 1 || v[0] != 0 {
			t.Errorf("alerts of traffic in which nothing is wrong: %v", v)
		}
		for name, v := range at {
			if strings.HasPrefix(name, "reachable") && v[0] <= 0 {
				t.Errorf("%s: %v", name, v)
			}
		}
	}
}

// The definition finds what stands: it is what the fast way is compared with.
func TestByDefinition(t *testing.T) {
	const minute = int64(60e6)
	s := track.Settings{Distance: 100, Time: 5 * time.Minute, Gap: 15 * time.Minute}
	var c track.Columns
	for _, p := range []struct {
		at  int64
		lat float64
	}{{0, 32}, {3, 32.0002}, {6, 32.0002}, {7, 32.1}, {9, 32.2}, {30, 32.2}, {34, 32.3}} {
		c.Add(p.at*minute, p.lat, 120)
	}
	got := byDefinition(s, c)
	want := []track.Event{
		{Kind: track.Stay, Whole: true, Points: 3, Distinct: 2, Start: 0, End: 7 * minute, Lat: 32 + (32.0002-32)/2, Lon: 120, ToLat: 32.1, ToLon: 120},
		{Kind: track.Gap, Points: 1, Start: 9 * minute, End: 30 * minute, Lat: 32.2, Lon: 120, ToLat: 32.2, ToLon: 120},
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
	if a, b := lorry(rand.New(rand.NewPCG(1, 1)), 1000, 10), lorry(rand.New(rand.NewPCG(1, 1)), 1000, 10); a.Len() != 1000 || a.Lat[999] != b.Lat[999] {
		t.Error("the same seed makes another lorry")
	}
}
