package pack

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"yiwang/algorithm"
	"yiwang/incident"
	"yiwang/incident/words"
)

// Both cities describe the classifier, and what they teach it is worth more than
// always saying the same.
func TestTheClassifierIsDescribed(t *testing.T) {
	jianghai, faults := Load("../cities/jianghai")
	if len(faults) > 0 {
		t.Fatal(said(faults))
	}
	for _, p := range []*City{jianghai, hudson(t)} {
		if _, ok := p.Algorithm(incident.ClassifierID); !ok {
			t.Errorf("%s describes no classifier", p.Site.Name.En)
		}
		var all, names []words.Example
		for _, g := range p.Groups {
			for _, c := range g.Classes {
				for _, e := range c.Examples {
					all = append(all, words.Example{Class: c.Code, Text: e})
				}
				for _, e := range []string{c.Name.ZhHans, c.About.ZhHans, c.Name.En, c.About.En} {
					names = append(names, words.Example{Class: c.Code, Text: e})
				}
			}
		}
		found := map[string]algorithm.Measure{}
		for _, m := range words.Validate(all, names, p.Site.Incidents.Sure) {
			found[strings.TrimSpace(m.Name+" "+m.Group)] = m
			t.Logf("%s: %s %s %d of %d, %.1f%%", p.Site.Name.En, m.Name, m.Group, m.Hits, m.Of, 100*m.Share())
		}
		right, sure := found[algorithm.MeasuredRight], found[algorithm.MeasuredSure]
		if right.Of != len(all) || right.Share() < 5*found[algorithm.MeasuredCommonest].Share() {
			t.Errorf("%s: right %+v", p.Site.Name.En, right)
		}
		if sure.Share() <= right.Share() {
			t.Errorf("%s: when sure %+v, always %+v", p.Site.Name.En, sure, right)
		}
	}
}

const described = `id: incident-classes
name: {zh-Hans: 归类, en: Classes}
purpose: {zh-Hans: 找类, en: To find one}
owner: pool
reads:
  - {label: {zh-Hans: 话, en: Words}, from: {zh-Hans: 您, en: You}}
effect: {zh-Hans: 提议, en: It offers}
human: {zh-Hans: 人选, en: People choose}
appeal: {zh-Hans: 打电话, en: Call}
`

func TestDescriptionsAreChecked(t *testing.T) {
	m := small(t)
	m["algorithms/incident-classes.yaml"] = &fstest.MapFile{Data: []byte(strings.NewReplacer(
		"owner: pool", "owner: nobody", "effect: {zh-Hans: 提议, en: It offers}", "effect: {zh-Hans: 提议}", "from: {zh-Hans: 您, en: You}", "form: {zh-Hans: 您}",
		"en: Call", "en: "+strings.Repeat("call ", 200)).Replace(described))}
	_, found := LoadFS(m)
	var got []string
	for _, f := range found {
		got = append(got, f.String())
	}
	want := []string{
		"algorithms/incident-classes.yaml:1: The city has no model",
		"algorithms/incident-classes.yaml:4: There is no body “nobody”",
		"algorithms/incident-classes.yaml:6: There is no key “form” here; is “from” meant?",
		"algorithms/incident-classes.yaml:7: The text in en is missing",
		"algorithms/incident-classes.yaml:9: This is too long; up to 600 characters",
	}
	if len(got) != len(want) {
		t.Errorf("faults %q", got)
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, w) }) {
			t.Errorf("no fault %q in %q", w, got)
		}
	}
}

// A rule, a model and a detector never share a name.
func TestRulesAndModelsAreUnlike(t *testing.T) {
	m := small(t)
	id := ""
	for name := range m {
		if strings.HasPrefix(name, "rules/") {
			id = strings.TrimSuffix(strings.TrimPrefix(name, "rules/"), ".yaml")
		}
	}
	m["algorithms/"+id+".yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(described, "incident-classes", id, 1))}
	m["detection.yaml"] = &fstest.MapFile{Data: []byte("detectors:\n  - id: " + id + "\n")}
	_, found := LoadFS(m)
	if !slices.ContainsFunc(found, func(f Fault) bool {
		return f.File == "detection.yaml" && f.Line == 2 && f.Message.Key == "pack.taken"
	}) {
		t.Errorf("a detector: %v", said(found))
	}
	if !slices.ContainsFunc(found, func(f Fault) bool {
		return f.File == "rules/"+id+".yaml" && f.Line == 1 && f.Message.Key == "pack.taken"
	}) {
		t.Errorf("%v", said(found))
	}
}
