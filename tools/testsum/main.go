// Command testsum reads the events of "go test -json" and tells them to a
// person: a line for each package as it finishes, the whole output of what
// failed, the reasons of what was skipped, and how many passed at the end. It
// exits 1 when anything failed or nothing ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"time"
)

type event struct {
	Action     string
	Package    string
	ImportPath string // of build output
	Test       string
	Output     string
	Elapsed    float64
}

type test struct{ pkg, name string }

type summary struct {
	out                     io.Writer
	output                  map[test][]string
	build                   map[string][]string // by import path
	passed, failed, skipped int
	failures                []string
	reasons                 map[string]int // why tests were skipped, and how many
	packages                int
	silent                  int // packages without tests
}

func main() {
	s := &summary{out: os.Stdout, output: map[test][]string{}, build: map[string][]string{}, reasons: map[string]int{}}
	start := time.Now()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 64<<20)
	for in.Scan() {
		var e event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			fmt.Fprintln(s.out, in.Text()) // a word of the go command itself
			continue
		}
		s.take(e)
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	}
	os.Exit(s.close(time.Since(start)))
}

func (s *summary) take(e event) {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		s.build[e.ImportPath] = append(s.build[e.ImportPath], e.Output)
	case "build-fail":
		s.failed++
		s.failures = append(s.failures, e.ImportPath+" does not build")
		fmt.Fprintf(s.out, "%s", strings.Join(s.build[e.ImportPath], ""))
	case "output":
		s.output[t] = append(s.output[t], e.Output)
	case "pass":
		if e.Test == "" {
			s.packages++
			fmt.Fprintf(s.out, "ok    %-40s %6.1fs\n", e.Package, e.Elapsed)
		} else {
			s.passed++
		}
		delete(s.output, t)
	case "skip":
		if e.Test == "" {
			s.silent++
		} else {
			s.skipped++
			s.reasons[reason(s.output[t])]++
		}
		delete(s.output, t)
	case "fail":
		if e.Test == "" {
			s.packages++
			fmt.Fprintf(s.out, "FAIL  %-40s %6.1fs\n", e.Package, e.Elapsed)
			if s.failedIn(e.Package) == 0 && len(s.output[t]) > 0 { // a panic, a time-out, a TestMain
				s.failed++
				s.failures = append(s.failures, e.Package)
				fmt.Fprint(s.out, strings.Join(s.output[t], ""))
			}
		} else {
			s.failed++
			s.failures = append(s.failures, e.Package+" "+e.Test)
			fmt.Fprint(s.out, strings.Join(s.output[t], ""))
		}
		delete(s.output, t)
	}
}

func (s *summary) failedIn(pkg string) int {
	n := 0
	for _, f := range s.failures {
		if strings.HasPrefix(f, pkg+" ") {
			n++
		}
	}
	return n
}

// reason finds the sentence of t.Skip in a test's output: the last line that is
// no mark of the test runner.
func reason(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		l := strings.TrimSpace(lines[i])
		if l == "" || strings.HasPrefix(l, "---") || strings.HasPrefix(l, "===") {
			continue
		}
		if place, after, ok := strings.Cut(l, ": "); ok && strings.Contains(place, ".go:") {
			return after
		}
		return l
	}
	return "no reason given"
}

func (s *summary) close(took time.Duration) int {
	fmt.Fprintln(s.out)
	var why []string
	for r := range s.reasons {
		why = append(why, r)
	}
	sort.Strings(why)
	for _, r := range why {
		fmt.Fprintf(s.out, "skipped %d: %s\n", s.reasons[r], r)
	}
	for _, f := range s.failures {
		fmt.Fprintln(s.out, "failed:", f)
	}
	fmt.Fprintf(s.out, "%d packages with tests, %d without, in %s\n", s.packages, s.silent, took.Round(time.Second))
	fmt.Fprintf(s.out, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	if s.failed > 0 || s.passed == 0 {
		return 1
	}
	return 0
}
