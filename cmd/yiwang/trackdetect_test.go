package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/pack"
)

// A tanker stands in a zone of the city that is closed to it: the command says so, to
// programs and to people, and what it left out.
func TestTrackDetect(t *testing.T) {
	p, faults := pack.Load(jianghai)
	if len(faults) > 0 {
		t.Fatal(faults[0])
	}
	day := time.Date(2026, 11, 23, 10, 0, 0, 0, p.Zone)
	var truck *register.Vehicle
	var zone *register.Zone
	for _, rec := range p.Registers.Records {
		switch r := rec.(type) {
		case *register.Vehicle:
			if truck == nil && r.Use == register.UseHazmat && r.Status == register.Active {
				truck = r
			}
		case *register.Zone:
			if zone == nil && len(r.Hours) == 0 && len(r.Classes) == 0 {
				zone = r
			}
		}
	}
	if truck == nil || zone == nil {
		t.Fatal("the city has no tanker or no closed zone")
	}
	middle := zone.Area.Middle()
	var rows strings.Builder
	rows.WriteString("plate;v;lat;lon;time\n")
	put := func(plate string, i int) {
		at := geo.Move(middle, float64(40*i), 2)
		fmt.Fprintf(&rows, "%s;0;%.6f;%.6f;%s\n", plate, at.Lat, at.Lon, day.Add(time.Duration(i)*30*time.Second).Format(time.RFC3339))
	}
	for i := range 12 {
		put(string(truck.ID), i)
	}
	put(string(truck.ID), 11)
	put("NOBODY", 3)
	rows.WriteString("NOBODY;0;32;121;yesterday\n")
	dir := t.TempDir()
	name := filepath.Join(dir, "in.csv")
	ok(t, os.WriteFile(name, []byte(rows.String()), 0o600))
	args := []string{"track", "detect", "--in", name, "--city", jianghai, "--map", "id=plate;speed=v"}

	var got []matterLine
	s := yiwang(t, append(args, "--json")...)
	if s.code != 0 {
		t.Fatal(s.err)
	}
	for line := range strings.Lines(s.out) {
		var l matterLine
		ok(t, json.Unmarshal([]byte(line), &l))
		if l.Rule == "forbidden_zone" { // it may be off its route, too
			got = append(got, l)
		}
	}
	if len(got) != 1 || got[0].Subject != "vehicle:"+string(truck.ID) || got[0].Names["zone"] != string(zone.ID) ||
		got[0].From != day.UTC().Format(time.RFC3339) || len(got[0].Evidence) != 3 || got[0].Evidence[1].Record != zone.Ref().String() || !strings.Contains(got[0].Text, zone.Name.En) {
		t.Fatalf("%+v\n%s", got, s.out)
	}
	for _, want := range []string{"14 positions of 2 vehicles", "1 vehicle is on no register", "1 position left out: the last one once more", "1 row could not be read. The first: Line 16"} {
		if !strings.Contains(s.err, want) {
			t.Errorf("%q is not in what is said beside: %s", want, s.err)
		}
	}
	out := good(t, args...)
	if !strings.Contains(out, "2026-11-23 10:00  2026-11-23 10:0") || !strings.Contains(out, " 95%  ") || !strings.Contains(out, string(truck.ID)+" has been in "+zone.Name.En) {
		t.Error(out)
	}

	refused(t, "can't be read", "track", "detect", "--in", filepath.Join(dir, "none"), "--city", jianghai)
	refused(t, "no column id", "track", "detect", "--in", name, "--city", jianghai)
	refused(t, dir, "track", "detect", "--in", name, "--city", filepath.Join(dir, "none"))
}
