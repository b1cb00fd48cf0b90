package pack

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

// What detection.yaml gets wrong is told with its line.
func TestDetectionFaults(t *testing.T) {
	whole := fstest.MapFS{}
	copied, faults := Load("../cities/jianghai")
	if len(faults) > 0 {
		t.Fatal(said(faults))
	}
	if n := len(copied.Detection.Detectors); n != 14 {
		t.Errorf("%d detectors", n)
	}
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
		"no such post":     {"detection.yaml", "post: ecology-environment.inspector", "post: ecology-environment.diver", "detection.yaml:131: "},
		"no such class":    {"detection.yaml", "class: e0610", "class: e0699", "detection.yaml:130: "},
		"no such finding":  {"detection.yaml", "confirms: [waste, storage]", "confirms: [waste, soup]", "detection.yaml:128: "},
		"beyond its bound": {"detection.yaml", `value: "30", least: "10", most: "100"`, `value: "300", least: "10", most: "100"`, "detection.yaml:102: "},
		"a strange key":    {"detection.yaml", "    grade: C\n", "    grad: C\n", "detection.yaml:"},
		"no inspection":    {"city.yaml", "  inspection: inspection\n", "", "detection.yaml:27: "},
		"no such kind":     {"city.yaml", "  inspection: inspection\n", "  inspection: raid\n", "city.yaml:"},
		"a sensor's rule":  {"sensors.yaml", "- id: water-high", "- id: fatigue", "detection.yaml:194: "},
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
}
