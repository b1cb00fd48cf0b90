package words

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yiwang/algorithm"
	"yiwang/city"
)

var taught = []Example{
	{Class: "c0101", Text: "There is a pothole in the road"}, {Class: "c0101", Text: "马路上有个大坑"},
	{Class: "c0301", Text: "The street light is out"}, {Class: "c0301", Text: "路灯不亮了"},
	{Class: "e0101", Text: "Rubbish lies in the street"}, {Class: "e0101", Text: "街上有一堆垃圾"},
}

func TestSuggest(t *testing.T) {
	c := Learn(taught)
	for text, want := range map[string]city.ItemCode{
		"two deep potholes": "c0101", "我们这儿路灯坏了": "c0301", "STREET LIGHTS!": "c0301", "门口都是垃圾，没人收": "e0101", "大坑": "c0101",
	} {
		got := c.Suggest(text, 3)
		if len(got) != 3 || got[0].Class != want || len(got[0].Why) == 0 {
			t.Errorf("%s: %+v", text, got)
			continue
		}
		sum := 0.0
		for i, s := range got {
			if sum += s.Share; i > 0 && s.Share > got[i-1].Share {
				t.Errorf("%s: not the likeliest first: %+v", text, got)
			}
		}
		if sum < 0.999 || sum > 1.001 {
			t.Errorf("%s: shares sum up to %v", text, sum)
		}
		for _, w := range got[0].Why {
			if !strings.Contains(strings.ToLower(text), w) {
				t.Errorf("%s: %q was not said", text, w)
			}
		}
	}
	for _, nothing := range []string{"", "   ", "xyz", "\xff\xfe", "🙂🙂"} {
		if got := c.Suggest(nothing, 3); got != nil {
			t.Errorf("%q: %+v", nothing, got)
		}
	}
	if got := Learn(nil).Suggest("road", 3); got != nil {
		t.Errorf("taught nothing: %+v", got)
	}
	if got := c.Suggest(strings.Repeat("坑 pothole ", 100_000), 1); len(got) != 1 || got[0].Class != "c0101" {
		t.Errorf("a long text: %+v", got)
	}
}

// A pair of characters says why, and not each of them once more.
func TestWhyInPairs(t *testing.T) {
	c := Learn([]Example{{"lamp", "路灯"}, {"cover", "井盖"}, {"pit", "坑"}})
	for text, want := range map[string]string{"路灯": "路灯", "坑": "坑", "灯": "灯"} {
		if got := strings.Join(c.Suggest(text, 1)[0].Why, " "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if got := strings.Join(Terms("路灯 Lamps is 坏"), " "); got != "路灯 lamp is" {
		t.Errorf("terms %q", got)
	}
}

// What two sentences of a class have in common is found in the third, and a sentence
// is never judged by a classifier that knows it.
func TestValidation(t *testing.T) {
	got := Validate([]Example{
		{"lamp", "路灯不亮"}, {"lamp", "路灯坏了"}, {"lamp", "The lamp is dark"}, {"lamp", "This lamp is broken"},
		{"tree", "大树倒了"}, {"tree", "大树断了"},
		{"noise", "unheard"}, // alone in its class: nobody can guess it
	}, nil, 0.6)
	want := []algorithm.Measure{
		{Name: algorithm.MeasuredRight, Hits: 6, Of: 7},
		{Name: algorithm.MeasuredRight, Group: "zh-Hans", Hits: 4, Of: 4},
		{Name: algorithm.MeasuredRight, Group: "en", Hits: 2, Of: 3},
		{Name: algorithm.MeasuredAmong, Hits: 6, Of: 7},
		{Name: algorithm.MeasuredSure, Hits: 6, Of: 6},
		{Name: algorithm.MeasuredCommonest, Hits: 4, Of: 7},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// The same sentence twice is known, whatever it says; once it isn't.
	twice := Validate([]Example{{"a", "xylophone"}, {"a", "xylophone"}, {"b", "zither"}, {"b", "zither"}}, nil, 0.6)
	once := Validate([]Example{{"a", "xylophone"}, {"a", "marimba"}, {"b", "zither"}, {"b", "lyre"}}, nil, 0.6)
	if twice[0].Hits != 4 || once[0].Hits != 0 {
		t.Errorf("known %+v, unknown %+v", twice[0], once[0])
	}
	named := Validate([]Example{{"a", "xylophone"}, {"a", "marimba"}, {"b", "zither"}, {"b", "lyre"}}, []Example{{"a", "xylophone, marimba"}, {"b", "zither"}}, 0.6)
	if named[0].Hits != 3 || named[0].Of != 4 {
		t.Errorf("with names %+v", named[0])
	}
	if m := Validate(nil, nil, 0.6); len(m) != 1 || m[0].Share() != 0 {
		t.Errorf("of nothing: %+v", m)
	}
	if m := Validate([]Example{{"a", "only"}}, nil, 0.6); m[0].Hits != 0 || m[0].Of != 1 {
		t.Errorf("of a single one: %+v", m)
	}
}
