package incident_test

import (
	"fmt"
	"strings"
	"testing"

	"yiwang/city"
	"yiwang/incident"
)

func both(s string) city.Text { return city.Text{ZhHans: s, En: s} }

func group() incident.Group {
	days := city.Limit{N: 2, Unit: city.WorkingDays}
	return incident.Group{ID: "streets", Kind: incident.Component, Name: both("Streets"), Classes: []incident.Class{{
		Code: "c0101", Name: both("Potholes"), About: both("Holes."), Body: "streets", Post: "streets.inspector", Grade: "B", Limit: days, Contact: days,
		Evidence: []string{"before"}, Examples: []string{"a hole", "路上有坑"},
		Fields: []incident.Field{{Code: "depth", Datatype: "number", Label: both("How deep?")},
			{Code: "where", Datatype: "singlevaluelist", Label: both("Where?"), Values: []incident.Choice{{Key: "a", Name: both("A")}}}},
	}}}
}

func TestClassFaults(t *testing.T) {
	if g := group(); len(g.Check()) != 0 {
		t.Errorf("%v", g.Check())
	}
	for at, spoil := range map[string]func(*incident.Group, *incident.Class){
		"kind": func(g *incident.Group, c *incident.Class) {
			g.Kind, g.Classes = "other", g.Classes[:1]
			c.Code = "o0101"
		},
		"name":                             func(g *incident.Group, c *incident.Class) { g.Name.ZhHans = "" },
		"classes":                          func(g *incident.Group, c *incident.Class) { g.Classes = nil },
		"classes.0.code":                   func(g *incident.Group, c *incident.Class) { c.Code = "e0101" },
		"classes.0.about":                  func(g *incident.Group, c *incident.Class) { c.About.En = "" },
		"classes.0.grade":                  func(g *incident.Group, c *incident.Class) { c.Grade = "D" },
		"classes.0.limit":                  func(g *incident.Group, c *incident.Class) { c.Limit.N = 0 },
		"classes.0.contact":                func(g *incident.Group, c *incident.Class) { c.Contact.Unit = "moons" },
		"classes.0.evidence.0":             func(g *incident.Group, c *incident.Class) { c.Evidence = []string{"smell"} },
		"classes.0.examples":               func(g *incident.Group, c *incident.Class) { c.Examples = c.Examples[:1] },
		"classes.0.examples.1":             func(g *incident.Group, c *incident.Class) { c.Examples[1] = strings.Repeat("长", 201) },
		"classes.0.fields.1.code":          func(g *incident.Group, c *incident.Class) { c.Fields[1].Code = "depth" },
		"classes.0.fields.0.datatype":      func(g *incident.Group, c *incident.Class) { c.Fields[0].Datatype = "smell" },
		"classes.0.fields.1.values":        func(g *incident.Group, c *incident.Class) { c.Fields[1].Values = nil },
		"classes.0.fields.1.values.0.name": func(g *incident.Group, c *incident.Class) { c.Fields[1].Values[0].Name.En = "" },
	} {
		g := group()
		spoil(&g, &g.Classes[0:1:1][0])
		var found []string
		for _, f := range g.Check() {
			found = append(found, f.Name)
		}
		if !strings.Contains(fmt.Sprint(found), at) {
			t.Errorf("%s: %v", at, found)
		}
	}
}

// A shelf finds what answers a whole sentence, says by which words, and nothing
// where only filler words meet.
func TestShelf(t *testing.T) {
	leaf := func(id, zh, en, answer string) incident.Leaf {
		return incident.Leaf{ID: id, Question: city.Text{ZhHans: zh, En: en}, Answer: city.Text{ZhHans: answer, En: answer}}
	}
	s := incident.NewShelf([]incident.Leaf{
		leaf("card", "身份证丢了怎么补办？", "My identity card is lost", "带户口簿到派出所，40 元"),
		leaf("lamp", "路灯不亮多久能修好？", "How long until a street lamp is mended?", "24 小时"),
		leaf("dog", "有人遛狗不牵绳怎么办？", "A dog without a lead", "街道上门"),
		{ID: "senior", Question: city.Text{ZhHans: "高龄津贴", En: "Allowance"}, Also: []string{"八十岁的老人"}},
	})
	for said, want := range map[string]string{
		"您好，我想问一下我的身份证昨天丢了要怎么补":          "card",
		"小区门口那个路灯不亮，好几天了":                "lamp",
		"my dog has lost its lead":       "dog",
		"我妈妈八十岁了有没有补贴":                   "senior",
		"The street lamps here are dark": "lamp",
		"今天天气真好":                         "",
		"":                               "",
	} {
		got := s.Find(said, 3)
		switch {
		case want == "" && len(got) > 0:
			t.Errorf("%q finds %s with %.2f", said, got[0].ID, got[0].Score)
		case want != "" && (len(got) == 0 || got[0].ID != want || len(got[0].Why) == 0):
			t.Errorf("%q finds %+v, want %s", said, got, want)
		}
	}
	if got := incident.NewShelf(nil).Find("身份证", 3); got != nil {
		t.Errorf("an empty shelf has %v", got)
	}
	if got := s.Find(strings.Repeat("身份证丢了", 100000), 1); len(got) != 1 {
		t.Errorf("a long text finds %d", len(got))
	}
}
