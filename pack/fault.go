package pack

import (
	"cmp"
	"fmt"
	"slices"

	"yiwang/city"
)

// Fault is one thing wrong with a pack.
type Fault struct {
	File    string // path within the pack, with slashes; "" is the folder itself
	Line    int    // from 1; 0 when the fault is the whole file
	Message city.Message
}

// In says the fault as "file:line: what is wrong", in the language.
func (f Fault) In(l city.Lang) string {
	file := f.File
	if file == "" {
		file = "."
	}
	return fmt.Sprintf("%s:%d: %s", file, max(f.Line, 1), f.Message.In(l))
}

func (f Fault) String() string { return f.In(city.English) }

// mostFaults bounds the list: a pack of garbage must not fill the screen, nor
// the memory. One more line then says how many were left out.
const mostFaults = 1000

type faults struct {
	list []Fault
	more int
}

// add notes a fault; args are the name, value pairs of the text key.
func (fs *faults) add(file string, line int, key string, args ...any) {
	fs.put(Fault{file, line, city.Message{Key: key, Args: args}})
}

func (fs *faults) put(f Fault) {
	if len(fs.list) >= mostFaults {
		fs.more++
		return
	}
	fs.list = append(fs.list, f)
}

// sorted gives the faults by file and line, each once.
func (fs *faults) sorted() []Fault {
	slices.SortFunc(fs.list, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.String(), b.String()))
	})
	out := slices.CompactFunc(fs.list, func(a, b Fault) bool { return a.String() == b.String() })
	if fs.more > 0 {
		out = append(out, Fault{Message: city.Message{Key: "pack.more", Args: []any{"n", fs.more}}})
	}
	return out
}
