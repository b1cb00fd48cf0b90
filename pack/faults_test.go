package pack

import (
	"flag"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what Load says into testdata/faults.txt")

// small is a pack without faults: a town with a pool.
func small(t *testing.T) fstest.MapFS {
	t.Helper()
	m := fstest.MapFS{}
	root := os.DirFS("testdata/small")
	err := fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(root, name)
		m[name] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func said(list []Fault) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.String())
	}
	return out
}

func TestSmallHasNoFaults(t *testing.T) {
	c, list := LoadFS(small(t))
	if len(list) > 0 || c == nil {
		t.Fatal(strings.Join(said(list), "\n"))
	}
	if len(c.Listed) != 1 || c.Listed[0].Name != "湖边垂钓登记" {
		t.Errorf("imported catalogue: %+v", c.Listed)
	}
	if _, ok := c.Item("swim-pass"); !ok {
		t.Error("no swim-pass")
	}
}

// TestFaults breaks the small pack in one way after the other. testdata/faults.txt
// has a block for each:
//
//	== what is broken
//	@ FILE            the file that the next lines change
//	-old line         taken out, once; without it the new lines are put at the end
//	+new line
//	!                 the file is removed
//	FILE:LINE: …      what Load says
func TestFaults(t *testing.T) {
	const file = "testdata/faults.txt"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	head, rest, _ := strings.Cut(string(raw), "\n== ")
	out.WriteString(head)
	for _, block := range strings.Split(rest, "\n== ") {
		name, body, _ := strings.Cut(strings.TrimRight(block, "\n"), "\n")
		m := small(t)
		var change, want []string
		for _, line := range strings.Split(body, "\n") {
			if strings.HasPrefix(line, "@ ") || strings.HasPrefix(line, "-") || strings.HasPrefix(line, "+") || line == "!" {
				change = append(change, line)
			} else if line != "" {
				want = append(want, line)
			}
		}
		t.Run(name, func(t *testing.T) {
			alter(t, m, change)
			c, list := LoadFS(m)
			got := said(list)
			if c != nil || len(got) == 0 {
				t.Error("nothing was found")
			}
			if diff := cmp.Diff(want, got); diff != "" && !*update {
				t.Error(diff)
			}
			out.WriteString("\n== " + name + "\n" + strings.Join(append(change, got...), "\n") + "\n")
		})
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// alter applies the changes of a block.
func alter(t *testing.T, m fstest.MapFS, change []string) {
	t.Helper()
	for i := 0; i < len(change); {
		name := path.Clean(strings.TrimPrefix(change[i], "@ "))
		var old, fresh []string
		for i++; i < len(change) && !strings.HasPrefix(change[i], "@ "); i++ {
			switch change[i][0] {
			case '-':
				if fresh != nil {
					apply(t, m, name, old, fresh)
					old, fresh = nil, nil
				}
				old = append(old, change[i][1:])
			case '+':
				fresh = append(fresh, change[i][1:])
			case '!':
				delete(m, name)
				return
			}
		}
		apply(t, m, name, old, fresh)
	}
}

func apply(t *testing.T, m fstest.MapFS, name string, old, fresh []string) {
	t.Helper()
	if m[name] == nil {
		m[name] = &fstest.MapFile{}
	}
	text := "\n" + string(m[name].Data)
	add := strings.NewReplacer(`\xff`, "\xff", `\x00`, "\x00").Replace(strings.Join(fresh, "\n"))
	if old == nil {
		m[name].Data = []byte(text[1:] + add + "\n")
		return
	}
	gone := "\n" + strings.Join(old, "\n") + "\n"
	if strings.Count(text, gone) != 1 {
		t.Fatalf("%s has %q %d times", name, gone, strings.Count(text, gone))
	}
	if fresh != nil {
		add += "\n"
	}
	m[name].Data = []byte(strings.Replace(text, gone, "\n"+add, 1)[1:])
}
