package main

import (
	"strings"
	"testing"
)

// The neighbour's witness catches a checkpoint that the true key has signed, and the
// command says so in words.
func TestAForgeryIsShown(t *testing.T) {
	out := good(t, "log", "forgery")
	for _, want := range []string{"Jianghai", "Jiangbei", "answers 409", "5. Caught", "AAAAAAAAAAAAAAAA"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing: %s", want, out)
		}
	}
}
