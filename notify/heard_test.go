package notify

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"yiwang/city"
)

// Every event in the house that is addressed to somebody has a sentence here, or
// a reason in quiet: nobody is told nothing by mistake. Types that are put
// together at run time are beyond this test.
func TestEveryAddressedEventIsHeard(t *testing.T) {
	types := addressed(t, "..")
	if len(types) < 10 {
		t.Fatalf("only %d addressed events were found: %v", len(types), types)
	}
	ann := Box{Person: city.NewPersonID()}
	for typ, at := range types {
		if _, known := choose(typ, payload{}, ann); !known {
			t.Errorf("%s: %s is addressed to somebody and has no sentence; write one, or a reason in quiet", at, typ)
		}
	}
	for typ := range quiet {
		if told[typ].person.key != "" || told[typ].post.key != "" {
			t.Errorf("%s is quiet and has a sentence", typ)
		}
	}
}

// addressed finds journal.Event{Type: "…", To: …} in the sources.
func addressed(t *testing.T, root string) map[string]string {
	t.Helper()
	types := map[string]string{}
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2 || d.Name() == "node_modules" || d.Name() == "tools"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_templ.go"):
			return nil
		}
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if sel, ok := lit.Type.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Event" {
				return true
			}
			typ, to := "", false
			for _, e := range lit.Elts {
				kv, ok := e.(*ast.KeyValueExpr)
				if !ok {
					continue
				}
				switch key, _ := kv.Key.(*ast.Ident); {
				case key == nil:
				case key.Name == "To":
					to = true
				case key.Name == "Type":
					if s, ok := kv.Value.(*ast.BasicLit); ok {
						typ, _ = strconv.Unquote(s.Value)
					}
				}
			}
			if typ != "" && to {
				types[typ] = fset.Position(lit.Pos()).String()
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return types
}
