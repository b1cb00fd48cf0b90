package incident

import (
	"testing"

	"yiwang/casework"
	"yiwang/city"
)

func TestWhatTheClassifierSaid(t *testing.T) {
	s := &Service{classes: map[city.ItemCode]*Class{"c1": {}, "c2": {}}}
	for name, x := range map[string]struct {
		r     Report
		class city.ItemCode
		want  string
	}{
		"the words decided":             {Report{}, "c1", "sent c1"},
		"they didn't":                   {Report{}, "", ""},
		"an officer decides":            {Report{Then: casework.Action{Name: "dispatch"}}, "c1", ""},
		"taken as it was offered":       {Report{Class: "c1", Offered: "c1"}, "c1", "followed c1"},
		"another was chosen":            {Report{Class: "c2", Offered: "c1"}, "c2", "passed_over c1"},
		"left to the hotline":           {Report{Offered: "c1", Unsure: true}, "", "passed_over c1"},
		"nothing was offered":           {Report{Class: "c1"}, "c1", ""},
		"what no class is was offered":  {Report{Class: "c1", Offered: "c9"}, "c1", ""},
		"offered to an officer at work": {Report{Class: "c2", Offered: "c1", Then: casework.Action{Name: "dispatch"}}, "c2", "passed_over c1"},
	} {
		got := ""
		for _, c := range s.claims(x.r, x.class) {
			got += c.Did + " " + c.Says
			if c.By != ClassifierID {
				t.Errorf("%s: said by %s", name, c.By)
			}
		}
		if got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
}
