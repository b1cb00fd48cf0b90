package web

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"yiwang/city"
)

var (
	keyInCode = regexp.MustCompile(`"((?:web|citizen|desk|error|number)\.[a-z0-9_.]*)"(\s*\+)?`)
	areas     = []string{"web.", "citizen."}
)

// TestEveryWordStandsInTheCatalogue reads the sources of the faces: a key that
// is named has its text in every language, and a text of ours is said somewhere.
func TestEveryWordStandsInTheCatalogue(t *testing.T) {
	named, begun := map[string]string{}, []string{}
	err := fs.WalkDir(os.DirFS("."), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "bundle" || d.Name() == "static") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(p, ".templ") && (!strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_templ.go") || strings.HasSuffix(p, "_test.go")) {
			return nil
		}
		raw, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for _, m := range keyInCode.FindAllStringSubmatch(string(raw), -1) {
			if m[2] != "" || strings.HasSuffix(m[1], ".") {
				begun = append(begun, m[1]) // the rest of the key is made as the program runs
			} else {
				named[m[1]] = p
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, p := range named {
		text, ok := city.LookupText(key)
		if !ok {
			t.Errorf("%s says %q, which is not in the catalogue", p, key)
		} else if m := text.Missing(); len(m) > 0 {
			t.Errorf("%q is missing in %v", key, m)
		}
	}
	said := func(key string) bool {
		for _, b := range append(begun, "web.rating.") {
			if strings.HasPrefix(key, b) {
				return true
			}
		}
		return named[key] != ""
	}
	for _, key := range city.TextKeys() {
		for _, a := range areas {
			if strings.HasPrefix(key, a) && !said(key) {
				t.Errorf("%q is said nowhere", key)
			}
		}
	}
}
