package rule

import (
	"errors"
	"fmt"
	"strings"

	"yiwang/city"
)

// Fault is one thing that is wrong with a definition, precise enough to be shown
// as file:line by whoever read the file.
type Fault struct {
	Path    string // keys and list positions from the definition's root: "versions.0.clauses.2.when"; "" is the root
	Clause  string // id of the clause, where there is one
	Line    int    // within the expression, from 1; 0 when the fault isn't inside one
	Column  int    // in characters, from 1; 0 when the fault isn't inside an expression
	Unknown string // the name that isn't declared, when that is the fault of an expression
	Message city.Message
}

func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Path)
	if f.Clause != "" {
		fmt.Fprintf(&b, " (clause %s)", f.Clause)
	}
	if f.Line > 0 {
		fmt.Fprintf(&b, " %d:%d", f.Line, f.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(f.Message.In(city.English))
	return b.String()
}

// Faults is everything wrong with a definition, in the order of the definition.
// Compile functions of this package and of form return nothing else as an error.
type Faults []Fault

func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is nil when there are no faults.
func (fs Faults) Err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// Add appends a fault at the path; args are name, value pairs of the text key.
func (fs *Faults) Add(path, key string, args ...any) {
	*fs = append(*fs, Fault{Path: path, Message: city.Message{Key: key, Args: args}})
}

// AddErr appends the faults of err, their paths put below path.
func (fs *Faults) AddErr(path string, err error) {
	*fs = append(*fs, FaultsOf(err).Under(path)...)
}

// Under gives the faults with their paths put below path.
func (fs Faults) Under(path string) Faults {
	out := make(Faults, len(fs))
	for i, f := range fs {
		switch {
		case path == "":
		case f.Path == "":
			f.Path = path
		default:
			f.Path = path + "." + f.Path
		}
		out[i] = f
	}
	return out
}

// FaultsOf gives the faults that err carries; any other error becomes one fault
// that quotes it, and nil none.
func FaultsOf(err error) Faults {
	if err == nil {
		return nil
	}
	var fs Faults
	if errors.As(err, &fs) {
		return fs
	}
	return Faults{{Message: city.Message{Key: "rule.expression", Args: []any{"detail", err.Error()}}}}
}

// CheckText adds a fault for each language that the text lacks.
func (fs *Faults) CheckText(path string, t city.Text) {
	for _, l := range t.Missing() {
		fs.Add(path, "rule.text_missing", "language", string(l))
	}
}
