package pack

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// What risk.yaml gets wrong is told with its line; a formula needs its entry for the
// algorithm register.
func TestRiskFaults(t *testing.T) {
	whole := fstest.MapFS{}
	root := os.DirFS("../cities/jianghai")
	err := fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(root, name)
		whole[name] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for broken, c := range map[string]struct{ file, old, new, want string }{
		"weights don't add up": {"risk.yaml", "stored: {weight: 0.4,", "stored: {weight: 0.5,", "risk.yaml:"},
		"a part is missing":    {"risk.yaml", "  station: {weight: 0.2, half: 2500}\n", "", "0.8"},
		"no such part":         {"risk.yaml", "  station: {weight: 0.2,", "  stations: {weight: 0.2,", "risk.yaml:"},
		"no such body":         {"risk.yaml", "officer_bodies: [emergency-management,", "officer_bodies: [navy,", "navy"},
		"no such substance":    {"risk.yaml", "substance: UN1203,", "substance: UN1,", "UN1"},
		"levels out of order":  {"risk.yaml", "orange: 40", "orange: 60", "risk.yaml:11: "},
		"a strange key":        {"risk.yaml", "keep_days: 90", "keep: 90", "risk.yaml:"},
		"no such kind":         {"risk.yaml", "kind: school, lat: 31.93480", "kind: castle, lat: 31.93480", "castle"},
		"nobody told":          {"algorithms/community-risk.yaml", "id: community-risk", "id: community-danger", "community-danger"},
		"fewer than nobody":    {"regions.yaml", "population: 4600", "population: -1", "regions.yaml:"},
	} {
		m := fstest.MapFS{}
		for name, f := range whole {
			m[name] = f
		}
		text := strings.Replace(string(m[c.file].Data), c.old, c.new, 1)
		if text == string(m[c.file].Data) {
			t.Errorf("%s: nothing was broken", broken)
		}
		m[c.file] = &fstest.MapFile{Data: []byte(text)}
		_, faults := LoadFS(m)
		if list := strings.Join(said(faults), "\n"); !strings.Contains(list, c.want) || strings.Contains(list, "{") {
			t.Errorf("%s:\n%s", broken, list)
		}
	}
	delete(whole, "algorithms/community-risk.yaml")
	if _, faults := LoadFS(whole); len(faults) != 1 || !strings.HasPrefix(faults[0].String(), "risk.yaml:") {
		t.Errorf("an index that nobody described: %v", said(faults))
	}
	delete(whole, "risk.yaml")
	if c, faults := LoadFS(whole); len(faults) > 0 || c.Risk != nil {
		t.Errorf("a city need not have it: %v", said(faults))
	}
}
