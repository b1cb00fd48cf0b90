package pack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"yiwang/city"
	"yiwang/form"
)

// TestFiftyFaults: a pack with 50 faults gives 50 lines, in order.
func TestFiftyFaults(t *testing.T) {
	m := small(t)
	var b strings.Builder
	b.Write(m["bodies/pool.yaml"].Data)
	for i := range 50 {
		fmt.Fprintf(&b, "wrong_%d: x\n", i)
	}
	m["bodies/pool.yaml"].Data = []byte(b.String())
	c, list := LoadFS(m)
	if c != nil || len(list) != 50 {
		t.Fatalf("%d faults", len(list))
	}
	for i, f := range list {
		if want := fmt.Sprintf("bodies/pool.yaml:%d: There is no key “wrong_%d” here", 9+i, i); f.String() != want {
			t.Fatalf("%s, want %s", f, want)
		}
	}
}

func TestFaultsAreBounded(t *testing.T) {
	m := small(t)
	var b strings.Builder
	for i := range 3 * mostFaults {
		fmt.Fprintf(&b, "k%d: x\n", i)
	}
	m["bodies/pool.yaml"].Data = []byte(b.String())
	_, list := LoadFS(m)
	if n := len(list); n != mostFaults+1 || !strings.Contains(list[n-1].In(city.English), "more faults") {
		t.Fatalf("%d lines, the last %s", n, list[n-1])
	}
}

func TestSaidInChinese(t *testing.T) {
	m := small(t)
	m["city.yaml"].Data = append(m["city.yaml"].Data, "motto: x\n"...)
	_, list := LoadFS(m)
	if got := list[0].In(city.Chinese); got != "city.yaml:23: 没有“motto”这个键" {
		t.Error(got)
	}
}

// TestHostile: bytes that mean harm are refused at once, each with a fault in the
// file itself.
func TestHostile(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	for name, text := range map[string]string{
		"aliases":            laughs.String(),
		"merge":              "a: &a {id: pool}\n<<: *a\n",
		"itself":             "id: &x [*x]\n",
		"deep":               strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"deep mappings":      strings.Repeat("{a: ", 5000) + "1" + strings.Repeat("}", 5000),
		"too large":          "id: " + strings.Repeat("x", mostYAML),
		"many keys":          strings.Repeat("\"k\": 1\n", 100000),
		"UTF-16":             "\xff\xfei\x00d\x00",
		"GBK":                "name: \xbd\xad\xba\xa3\n",
		"object":             "id: !!python/object/apply:os.system [ls]\n",
		"list":               "- id: pool\n",
		"scalar":             "pool\n",
		"key of keys":        "{a: 1}: pool\n",
		"control":            "id: \"a\x01\"\n",
		"null":               "null\n",
		"only a comment":     "#\n",
		"infinite":           "id: pool\nregion: .inf\nposts: .nan\n",
		"directives":         "%YAML 9.9\n---\nid: pool\n",
		"octal, hexadecimal": "id: 0x10\nposts: 0o7\n",
	} {
		t.Run(name, func(t *testing.T) {
			m := small(t)
			m["bodies/pool.yaml"].Data = []byte(text)
			start := time.Now()
			c, list := LoadFS(m)
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
			if c != nil || len(list) == 0 {
				t.Fatal("taken")
			}
			for _, f := range list {
				if f.File == "bodies/pool.yaml" {
					return
				}
			}
			t.Errorf("no fault in the file itself: %v", list)
		})
	}
}

func TestNothingOutsideIsRead(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret.yaml")
	if err := os.WriteFile(outside, []byte("password: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS("testdata/small")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "bodies", "leak.yaml")); err != nil {
		t.Fatal(err)
	}
	c, list := Load(dir)
	if c != nil || len(list) != 1 || list[0].File != "bodies/leak.yaml" || strings.Contains(list[0].String(), "password") {
		t.Errorf("%v", list)
	}
	if _, list := Load(filepath.Join(dir, "nowhere")); len(list) != 1 {
		t.Errorf("a folder that isn't there: %v", list)
	}
}

// TestExampleFiles: what an example sends is bounded by its field.
func TestExampleFiles(t *testing.T) {
	m := small(t)
	m["examples/letter.pdf"] = &fstest.MapFile{Data: make([]byte, 10<<20+1)}
	_, list := LoadFS(m)
	if len(list) != 1 || list[0].String() != "items/swim-pass.yaml:60: The file is larger than 8 MB" {
		t.Errorf("%v", list)
	}
}

// FuzzLoad: no file of a pack makes the reader panic, hang or contradict itself.
func FuzzLoad(f *testing.F) {
	names := []string{"city.yaml", "calendar.yaml", "regions.yaml", "bodies/pool.yaml", "credentials/swim-pass.yaml", "rules/swim.yaml",
		"forms/swim.yaml", "kinds/by-rule.yaml", "items/swim-pass.yaml", "access/resident.cedar", "imported/items.csv"}
	for i, name := range names {
		b, err := os.ReadFile(filepath.Join("testdata/small", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), b)
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		m := small(t)
		m[names[int(which)%len(names)]].Data = b
		c, list := LoadFS(m)
		if (c == nil) != (len(list) > 0) {
			t.Fatalf("a city and %d faults", len(list))
		}
	})
}

// FuzzDocument reads any text as a form, the definition with the most shapes.
func FuzzDocument(f *testing.F) {
	f.Add("id: a\nsteps: [{id: b, fields: [{id: c, min: 1.5}]}]\n")
	f.Add("? a\n: b\n")
	f.Fuzz(func(t *testing.T, text string) {
		var fs faults
		if d := parseDocument("x.yaml", []byte(text), &fs); d != nil {
			var v form.Form
			d.decode(&v)
			d.at("steps.0.fields.0", "pack.empty")
			d.at("id", "pack.empty")
		}
		breaks := 0
		for _, r := range text {
			if strings.ContainsRune("\n\r\u0085\u2028\u2029", r) { // what YAML breaks lines at
				breaks++
			}
		}
		for _, x := range fs.sorted() {
			if x.Line < 0 || x.Line > breaks+2 {
				t.Errorf("%s in a text of %d lines", x, breaks+1)
			}
		}
	})
}

func BenchmarkLoadJianghai(b *testing.B) {
	for b.Loop() {
		if _, faults := Load("../cities/jianghai"); len(faults) > 0 {
			b.Fatal(faults)
		}
	}
}
