package pack

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yiwang/city"
	"yiwang/geo"
)

// osmFile draws a street of the small city, one that is private and one far away.
func osmFile() []byte {
	street := func(id int, lat, lon float64, tags string) string {
		var b strings.Builder
		for i := range 2 {
			fmt.Fprintf(&b, `<node id="%d" lat="%.7f" lon="%.7f"/>`, 10*id+i, lat, lon+float64(i)/100)
		}
		fmt.Fprintf(&b, `<way id="%d"><nd ref="%d"/><nd ref="%d"/>%s</way>`, id, 10*id, 10*id+1, tags)
		return b.String()
	}
	return []byte(`<osm version="0.6">` +
		street(1, 31.9, 121.1, `<tag k="highway" v="primary"/><tag k="name" v="滨江路"/><tag k="oneway" v="yes"/><tag k="maxspeed" v="60"/>`) +
		street(2, 31.9, 121.2, `<tag k="highway" v="service"/><tag k="access" v="private"/>`) +
		street(3, 43.7, 7.4, `<tag k="highway" v="primary"/>`) + `</osm>`)
}

func TestImportRoads(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../cities/jianghai")); err != nil {
		t.Fatal(err)
	}
	before, faults := Load(dir)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(osmFile())
	w.Close()
	told := []int64{0, 0}
	r, err := ImportRoads(context.Background(), write(t, "city.osm.gz", z.Bytes()), dir, func(done, total int64) { told = []int64{done, total} })
	if err != nil {
		t.Fatal(err)
	}
	if r.Roads != 1 || r.Named != 1 || r.Closed != 1 || r.Outside != 1 || r.Metres < 900 || r.Metres > 1000 || told[0] != told[1] {
		t.Errorf("%+v, %v", r, told)
	}
	after, faults := Load(dir)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	road := after.Roads.Roads[0]
	if len(after.Roads.Roads) != 1 || road.Name.ZhHans != "滨江路" || !road.Oneway || road.Limit != 60 || road.Class != geo.Primary || !strings.Contains(after.Roads.Source.En, "ODbL") {
		t.Errorf("%+v of %v", road, after.Roads.Source)
	}
	if len(after.Roads.Waters) != len(before.Roads.Waters) || len(before.Roads.Waters) == 0 {
		t.Errorf("%d waters of %d", len(after.Roads.Waters), len(before.Roads.Waters))
	}
}

// Whatever is wrong, the pack is as it was.
func TestImportRoadsChangesNothing(t *testing.T) {
	dir := cityFolder(t)
	good := write(t, "good.osm", osmFile())
	broken := cityFolder(t)
	if err := os.WriteFile(filepath.Join(broken, roadsFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	lost := cityFolder(t)
	if err := os.WriteFile(filepath.Join(lost, "regions.yaml"), []byte("code: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(context.Background())
	stop()
	for name, c := range map[string]struct {
		ctx       context.Context
		file, dir string
		key       string // "" where it is no fault of a person's
	}{
		"no file":      {context.Background(), filepath.Join(dir, "nothing.osm"), dir, "cli.import.no_file"},
		"a folder":     {context.Background(), dir, dir, "cli.import.no_file"},
		"no map":       {context.Background(), write(t, "x.osm", []byte("hello")), dir, "geo.osm.unreadable"},
		"no roads":     {context.Background(), write(t, "x.osm", []byte("<osm></osm>")), dir, "geo.osm.none"},
		"no city":      {context.Background(), good, t.TempDir(), "pack.no_city"},
		"no folder":    {context.Background(), good, filepath.Join(dir, "nowhere"), "pack.no_folder"},
		"a broken map": {context.Background(), good, broken, "pack.import_over_faults"},
		"no regions":   {context.Background(), good, lost, "pack.import_over_faults"},
		"nobody waits": {stopped, good, dir, ""},
	} {
		before := map[string]string{}
		if name != "no folder" {
			before = snapshot(t, c.dir)
		}
		_, err := ImportRoads(c.ctx, c.file, c.dir, nil)
		var e *city.Error
		if err == nil || c.key != "" && (!errors.As(err, &e) || e.Message.Key != c.key) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "no folder" {
			continue
		}
		if d := cmp.Diff(before, snapshot(t, c.dir)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestSpeedsOfAPack(t *testing.T) {
	p, faults := Load("../cities/jianghai")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	free, peak := p.Speeds.At(23*60, true), p.Speeds.At(8*60, true)
	if free == (geo.Pace{}) || peak[geo.Primary.Rank()] >= free[geo.Primary.Rank()] {
		t.Errorf("%v by night, %v in the morning", free, peak)
	}
	dir := cityFolder(t)
	if err := os.WriteFile(filepath.Join(dir, "speeds.yaml"), []byte("free: {motorway: 90, primary: 500, secondary: 40, residential: 20}\npeaks:\n  - {from: 7, until: \"09:00\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, faults = Load(dir)
	var said []string
	for _, f := range faults {
		said = append(said, f.In(city.English))
	}
	if text := strings.Join(said, "\n"); !strings.Contains(text, "speeds.yaml:1: A speed lies between 3 and 150 km/h") || !strings.Contains(text, "speeds.yaml:3") {
		t.Errorf("%s", text)
	}
}
