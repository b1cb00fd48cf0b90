package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "yiwang"

// listed is what `go list` says of a package.
type listed struct {
	ImportPath, Dir, Name, Export string
	Standard                      bool
	Module                        *struct{ Path string }
	GoFiles                       []string
	Imports                       []string
	TestImports, XTestImports     []string
	Error                         *struct{ Err string }
}

// ours reports whether the package is part of Yiwang.
func (p listed) ours() bool { return p.Module != nil && p.Module.Path == module }

// short is the package's path within the house, such as "web/desk".
func short(importPath string) string { return strings.TrimPrefix(importPath, module+"/") }

// root is the top folder of the repository.
var root = sync.OnceValue(func() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	return filepath.Join(dir, "..", "..")
})

func goList(args ...string) ([]listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-e"}, args...)...)
	cmd.Dir = root()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New(err.Error() + ": " + stderr.String())
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

var listHouse = sync.OnceValues(func() ([]listed, error) { return goList("-json", "./...") })

// house lists all packages of Yiwang with their imports.
func house(t *testing.T) []listed {
	t.Helper()
	all, err := listHouse()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("go list found no packages")
	}
	return all
}

// sources lists the repository's files with one of the endings, relative to the
// root, without what was fetched or built.
func sources(t *testing.T, endings ...string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root(), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root(), path)
		if d.IsDir() {
			switch d.Name() {
			case ".git", ".work", "node_modules", "bin", "dist":
				return filepath.SkipDir
			}
			return nil
		}
		for _, e := range endings {
			if strings.HasSuffix(path, e) {
				found = append(found, filepath.ToSlash(rel))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func read(t *testing.T, rel string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(), rel))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func generated(file string) bool { return strings.HasSuffix(file, "_templ.go") }

func isTest(file string) bool { return strings.HasSuffix(file, "_test.go") }
