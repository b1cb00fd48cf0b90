package arch

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// program is source that was type-checked as a whole, so that one object of the
// language is one pointer everywhere.
type program struct {
	fset  *token.FileSet
	parts []*part // each after all that it imports
}

type part struct {
	path  string // within the house, such as "web/desk"
	files []*ast.File
	pkg   *types.Package
	info  *types.Info
}

// at says where a node stands, as "file.go:12".
func (p *program) at(n ast.Node) string {
	pos := p.fset.Position(n.Pos())
	if rel, err := filepath.Rel(root(), pos.Filename); err == nil && !strings.HasPrefix(rel, "..") {
		pos.Filename = filepath.ToSlash(rel)
	}
	return fmt.Sprintf("%s:%d", pos.Filename, pos.Line)
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }

// add type-checks one package whose imports are there already.
func (p *program) add(importPath string, files []*ast.File, outside types.Importer) error {
	ours := map[string]*types.Package{}
	for _, q := range p.parts {
		ours[q.pkg.Path()] = q.pkg
	}
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, Implicits: map[ast.Node]types.Object{},
	}
	conf := types.Config{Importer: importerFunc(func(path string) (*types.Package, error) {
		if q := ours[path]; q != nil {
			return q, nil
		}
		if outside == nil {
			return nil, fmt.Errorf("%s is not there", path)
		}
		return outside.Import(path)
	})}
	pkg, err := conf.Check(importPath, p.fset, files, info)
	if err != nil {
		return err
	}
	p.parts = append(p.parts, &part{short(importPath), files, pkg, info})
	return nil
}

// checkHouse type-checks the whole house: its own packages from source, all
// others from what the compiler kept of them.
var checkHouse = sync.OnceValues(func() (*program, error) {
	all, err := goList("-deps", "-export", "-json=ImportPath,Dir,Export,Standard,Module,GoFiles,Error", "./...")
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	p := &program{fset: token.NewFileSet()}
	outside := importer.ForCompiler(p.fset, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(exports[path])
	})
	for _, l := range all {
		if l.Error != nil {
			return nil, fmt.Errorf("%s: %s", l.ImportPath, l.Error.Err)
		}
		exports[l.ImportPath] = l.Export
		if !l.ours() {
			continue
		}
		var files []*ast.File
		for _, name := range l.GoFiles {
			f, err := parser.ParseFile(p.fset, filepath.Join(l.Dir, name), nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
		if len(files) == 0 {
			continue
		}
		if err := p.add(l.ImportPath, files, outside); err != nil {
			return nil, err
		}
	}
	return p, nil
})

func typedHouse(t *testing.T) *program {
	t.Helper()
	p, err := checkHouse()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// typedSources type-checks made-up packages, to see that a rule can be broken.
// The keys are paths within a made-up house; imports of the standard library are
// left out of them.
func typedSources(t *testing.T, sources map[string]string) *program {
	t.Helper()
	p := &program{fset: token.NewFileSet()}
	parsedFiles := map[string]*ast.File{}
	var names []string
	for name, src := range sources {
		f, err := parser.ParseFile(p.fset, path.Join(name, "made_up.go"), "package "+path.Base(name)+"\n"+src, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsedFiles[name] = f
		names = append(names, name)
	}
	sort.Strings(names)
	done := map[string]bool{}
	for len(done) < len(names) {
		before := len(done)
	next:
		for _, name := range names {
			if done[name] {
				continue
			}
			for _, imp := range parsedFiles[name].Imports {
				if to, _ := strconv.Unquote(imp.Path.Value); !done[short(to)] {
					continue next
				}
			}
			if err := p.add(module+"/"+name, []*ast.File{parsedFiles[name]}, nil); err != nil {
				t.Fatal(err)
			}
			done[name] = true
		}
		if len(done) == before {
			t.Fatal("the made-up packages import in a ring or name one that is missing")
		}
	}
	return p
}

// isNamed reports whether the type, or what it points to, is the named type of
// the package within the house.
func isNamed(t types.Type, pkg, name string) bool {
	if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
		t = ptr.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Name() == name && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == module+"/"+pkg
}

// callee is the function or method that a call names in so many words; nil for
// calls through variables and for conversions.
func callee(info *types.Info, call *ast.CallExpr) *types.Func {
	fun := ast.Unparen(call.Fun)
	switch f := fun.(type) {
	case *ast.IndexExpr:
		fun = f.X
	case *ast.IndexListExpr:
		fun = f.X
	}
	var id *ast.Ident
	switch f := fun.(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
	default:
		return nil
	}
	fn, _ := info.Uses[id].(*types.Func)
	if fn != nil {
		return fn.Origin()
	}
	return nil
}

// funcName is a function as people write it: "casework.Engine.Open".
func funcName(fn *types.Func) string {
	name := fn.Name()
	if recv := fn.Signature().Recv(); recv != nil {
		t := types.Unalias(recv.Type())
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem()
		}
		if n, ok := t.(*types.Named); ok {
			name = n.Obj().Name() + "." + name
		}
	}
	if fn.Pkg() == nil {
		return name
	}
	return short(fn.Pkg().Path()) + "." + name
}
