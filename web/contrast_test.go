package web

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"yiwang/city"
)

var (
	declaration = regexp.MustCompile(`--([\w-]+):\s*(#[0-9a-f]{6});(?:[ \t]*/\*(.*?)\*/)?`)
	comment     = regexp.MustCompile(`(?s)/\*.*?\*/`)
	colour      = regexp.MustCompile(`#[0-9a-fA-F]{3,8}\b|\b(?:rgb|rgba|hsl|hsla|oklch|color-mix)\(`)
	ruleBlock   = regexp.MustCompile(`([^{}]+)\{([^{}]*)\}`)
	foreground  = regexp.MustCompile(`(?:^|[;\s])color:\s*var\(--([\w-]+)\)`)
	background  = regexp.MustCompile(`background(?:-color)?:\s*var\(--([\w-]+)\)`)
)

// palette reads the tokens: each colour, and the grounds its comment says it is
// read on, with the contrast needed.
func palette(t *testing.T) (colours map[string]string, pairs map[[2]string]float64) {
	t.Helper()
	raw, err := staticFiles.ReadFile("static/css/10-tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	colours, pairs = map[string]string{}, map[[2]string]float64{}
	for _, m := range declaration.FindAllStringSubmatch(string(raw), -1) {
		if colours[m[1]] == "" {
			colours[m[1]] = m[2] // later ones are for readers who ask for more contrast
		}
		grounds, _, _ := strings.Cut(m[3], ";")
		words := strings.Fields(grounds)
		need := 4.5
		if len(words) > 0 && words[0] == "edge" {
			need, words = 3, words[1:]
		}
		if len(words) > 1 && words[0] == "on" {
			for _, g := range words[1:] {
				pairs[[2]string{m[1], g}] = need
			}
		}
	}
	if len(colours) < 30 || len(pairs) < 50 {
		t.Fatalf("read only %d colours and %d pairs", len(colours), len(pairs))
	}
	return colours, pairs
}

func TestEveryDeclaredPairHasItsContrast(t *testing.T) {
	colours, pairs := palette(t)
	for p, need := range pairs {
		if colours[p[1]] == "" {
			t.Errorf("--%s is said to stand on --%s, which is no colour", p[0], p[1])
			continue
		}
		got, err := city.Contrast(colours[p[0]], colours[p[1]])
		if err != nil {
			t.Error(err)
		} else if got < need {
			t.Errorf("--%s on --%s has contrast %.2f, needs %.1f", p[0], p[1], got, need)
		}
	}
}

func TestRulesUseDeclaredColoursOnly(t *testing.T) {
	colours, pairs := palette(t)
	files, err := fs.Glob(staticFiles, "static/css/*.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.Contains(name, "tokens") {
			continue
		}
		raw, err := staticFiles.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		css := comment.ReplaceAllString(string(raw), "")
		if m := colour.FindString(css); m != "" {
			t.Errorf("%s names the colour %s itself; colours stand in 10-tokens.css", name, m)
		}
		for _, rule := range ruleBlock.FindAllStringSubmatch(css, -1) {
			fg, bg := foreground.FindStringSubmatch(rule[2]), background.FindStringSubmatch(rule[2])
			if fg == nil || bg == nil || colours[bg[1]] == "" {
				continue
			}
			if _, ok := pairs[[2]string{fg[1], bg[1]}]; !ok {
				t.Errorf("%s: %s puts --%s on --%s, a pair that 10-tokens.css does not declare", name, strings.TrimSpace(rule[1]), fg[1], bg[1])
			}
		}
	}
}

func TestACityCannotChooseToBeUnreadable(t *testing.T) {
	good := City{Name: city.Text{ZhHans: "江海市", En: "Jianghai"}}
	if _, err := New(Options{City: good}); err != nil {
		t.Fatalf("the usual colours: %v", err)
	}
	for _, bad := range []City{
		{Name: good.Name, River: "#7fb9cc"},
		{Name: good.Name, MarkColour: "#ffaa00"},
		{Name: good.Name, River: "blue"},
		{Name: city.Text{ZhHans: "江海市"}},
	} {
		if _, err := New(Options{City: bad}); err == nil {
			t.Errorf("a city with river %q, mark %q, name %v was taken", bad.River, bad.MarkColour, bad.Name)
		}
	}
}
