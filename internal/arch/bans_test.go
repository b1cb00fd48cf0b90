package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// domain packages hold what the city does; faces and the wiring stand above them.
var domain = []string{
	"city", "geo", "rule", "form", "fleet/jt808", "fleet/track", "fleet/history", "fleet/intercept", "journal", "directory", "identity", "access", "algorithm",
	"casework", "catalogue", "exchange", "credential", "credential/check", "credential/kit", "credential/sdjwt", "credential/trustlist", "credential/wallet", "credential/presentation", "serviceitem", "alert", "fleet", "incident",
	"notify", "tlog", "scorecard", "search", "assistant", "pack", "demo",
}

var followers = []string{"notify", "tlog", "scorecard", "search", "assistant"}

// A ban says that the packages never import a path or anything below it.
type ban struct {
	who    []string          // nil means all but those excepted
	never  []string          // import paths
	except map[string]string // package, or package and import: why it may
	why    string
}

var bans = []ban{
	{
		who: domain, never: []string{"net/http"},
		except: map[string]string{
			"notify net/http": "the webhook channel calls out; it serves nothing",
		},
		why: "faces own HTTP: a domain that knows requests cannot be called by the demo, a worker or another face",
	},
	{
		never: []string{"database/sql", "github.com/jackc/pgx/v5", "modernc.org/sqlite", "github.com/pressly/goose/v3"},
		except: map[string]string{
			"internal/db":        "the one place that knows the engines",
			"internal/db/dbtest": "makes private databases for tests",

			"city database/sql/driver": "identifiers say how they are stored; the package is an interface and opens nothing",
		},
		why: "one door to the database: both engines, group commit and the kinds of fault are handled there once",
	},
	{who: []string{"incident"}, never: []string{"yiwang/fleet"}, why: "trucks are one source of incidents among many"},
	{
		who: []string{"casework"}, never: []string{"yiwang/serviceitem", "yiwang/credential", "yiwang/incident", "yiwang/alert", "yiwang/fleet", "yiwang/catalogue", "yiwang/exchange"},
		why: "the engine must not learn what it carries; effects reach it by name",
	},
	{who: followers, never: []string{"yiwang/casework"}, why: "followers read only what events say, so that they can be rebuilt from zero"},
	{who: []string{"tlog"}, never: []string{"yiwang/identity", "yiwang/directory"}, why: "nothing personal reaches the public log by accident"},
	{
		who: []string{"city", "rule", "form", "fleet/jt808", "fleet/track"}, never: []string{"os", "net", "os/exec"},
		why: "words, rules, forms, frames and tracks are pure: the same input gives the same answer anywhere",
	},
	{
		never: []string{"github.com/stretchr/testify", "github.com/onsi/gomega", "gotest.tools/v3"},
		why:   "tests use the standard package; an assertion library is a second language to learn",
	},
}

func (b ban) covers(pkg string) bool {
	if _, ok := b.except[pkg]; ok {
		return false
	}
	if b.who == nil {
		return true
	}
	for _, w := range b.who {
		if w == pkg {
			return true
		}
	}
	return false
}

func (b ban) hits(imp string) bool {
	for _, n := range b.never {
		if imp == n || strings.HasPrefix(imp, n+"/") {
			return true
		}
	}
	return false
}

func TestBans(t *testing.T) {
	for _, p := range house(t) {
		for _, b := range bans {
			if !b.covers(short(p.ImportPath)) {
				continue
			}
			for _, imp := range p.Imports {
				if b.hits(imp) && b.except[short(p.ImportPath)+" "+imp] == "" {
					t.Errorf("%s imports %s; it never does, since %s", short(p.ImportPath), imp, b.why)
				}
			}
		}
	}
	for _, b := range bans {
		if b.why == "" {
			t.Errorf("the ban on %v lacks its reason", b.never)
		}
	}
}

// parsed is a file of the house as a syntax tree.
type parsed struct {
	path string // from the root
	pkg  string // the folder, such as "web/desk"
	fset *token.FileSet
	tree *ast.File
}

func (f parsed) at(n ast.Node) string {
	return f.path + ":" + strconv.Itoa(f.fset.Position(n.Pos()).Line)
}

// goFiles parses the Go files that people write.
func goFiles(t *testing.T, tests bool) []parsed {
	t.Helper()
	fset := token.NewFileSet()
	var files []parsed
	for _, rel := range sources(t, ".go") {
		if generated(rel) || isTest(rel) && !tests || strings.HasPrefix(rel, "tools/") {
			continue
		}
		tree, err := parser.ParseFile(fset, filepath.Join(root(), rel), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, parsed{rel, path.Dir(rel), fset, tree})
	}
	return files
}

func in(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

var sqlStart = regexp.MustCompile(`(?is)^\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|create\s+(table|index|unique)|with\s+\w+\s+as\s*\()`)

// SQL lives in its domain's store.go (store_….go where one file would be too
// long), so that a change of a table has one place to look.
func TestSQLLivesInStore(t *testing.T) {
	for _, f := range goFiles(t, false) {
		base := path.Base(f.path)
		if base == "store.go" || strings.HasPrefix(base, "store_") || strings.HasPrefix(f.pkg, "internal/") {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && sqlStart.MatchString(s) {
					t.Errorf("%s: SQL stands outside store.go", f.at(lit))
				}
			}
			return true
		})
	}
	for _, s := range []string{"SELECT a, b FROM t", "\n\tinsert into t values ($1)", "UPDATE t SET a = $1"} {
		if !sqlStart.MatchString(s) {
			t.Errorf("%q went unseen as SQL", s)
		}
	}
	if sqlStart.MatchString("select a counter near you") {
		t.Error("a plain sentence was taken for SQL")
	}
}

// Registration by init or blank import hides who knows whom; only app wires.
func TestNoRegistrationByInit(t *testing.T) {
	blank := map[string]string{
		"internal/db": "drivers register themselves with database/sql in no other way",
	}
	for _, f := range goFiles(t, false) {
		for _, d := range f.tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: func init hides an order that shows only at run time", f.at(fn))
			}
		}
		for _, imp := range f.tree.Imports {
			if imp.Name != nil && imp.Name.Name == "_" && imp.Path.Value != `"embed"` && blank[f.pkg] == "" {
				t.Errorf("%s: blank import of %s", f.at(imp), imp.Path.Value)
			}
		}
	}
}

// One injected clock: a domain that reads the machine's cannot be replayed, and
// its tests would have to sleep.
func TestOneClock(t *testing.T) {
	except := map[string]string{
		"city/clock.go":    "the clock itself",
		"journal/vault.go": "how long an opened key may stay in memory is the machine's time, not the city's",
	}
	for _, f := range goFiles(t, false) {
		if !in(domain, f.pkg) || except[f.path] != "" {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && x.Obj == nil {
				switch sel.Sel.Name {
				case "Now", "Since", "Until":
					t.Errorf("%s: time.%s reads the machine's clock; take city.Clock", f.at(sel), sel.Sel.Name)
				}
			}
			return true
		})
	}
}

func TestSizesAndNames(t *testing.T) {
	const maxLines = 800
	for _, rel := range sources(t, ".go", ".templ") {
		if generated(rel) {
			continue
		}
		if n := strings.Count(read(t, rel), "\n"); n > maxLines {
			t.Errorf("%s has %d lines; at %d a file wants to be two", rel, n, maxLines)
		}
		for _, part := range strings.Split(path.Dir(rel), "/") {
			switch part {
			case "util", "utils", "common", "models", "managers", "types", "helpers", "misc":
				t.Errorf("%s: %q says nothing of what is inside", rel, part)
			}
		}
	}
	for _, p := range house(t) {
		lines := 0
		for _, f := range p.GoFiles {
			rel, _ := filepath.Rel(root(), filepath.Join(p.Dir, f))
			if !generated(f) {
				lines += strings.Count(read(t, filepath.ToSlash(rel)), "\n")
			}
		}
		if why := lookedHard[short(p.ImportPath)]; lines > 4000 && why == "" {
			t.Errorf("%s has %d lines; look hard whether it is two ideas, and if it is one, say so in lookedHard", p.ImportPath, lines)
		}
	}
}

// lookedHard names packages over 4,000 lines that were looked at and are one idea.
var lookedHard = map[string]string{
	"app":         "the wiring, a file for each part that needs some; what has rules of its own moves into a package below",
	"web/citizen": "a page is a struct, a component and the handler that fills it; the resident's side is many such threes, and no two share state",
	"demo":        "one made-up city: the same people, officers and clock behind its counters and in its streets; what differs is a file each",
	"incident":    "a matter of the streets from the report, or from what a program noticed, to the answer: the same row, case, pictures and officers at every step; the classifier and the shelf of answers are the first to move out",
	"serviceitem": "an application from the guide to the rating is one life: draft, files, materials, decision and licence check each other at every step",
}
