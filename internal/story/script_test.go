package story

import "testing"

func TestScriptsCanFail(t *testing.T) {
	kept := map[string]string{}
	if matches("a {{x}} c", "a b d", kept) || !matches("a {{x}} c", "a b c", kept) || kept["x"] != "b" {
		t.Error("holes catch nothing")
	}
	if matches("{{x}}", "z", kept) || !matches("{{x}}{{*}}", "b and\nmore", kept) {
		t.Error("what was caught is forgotten")
	}
}
