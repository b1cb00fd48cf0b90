package serviceitem

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"yiwang/city"
)

func swimPass(t *testing.T) Item {
	t.Helper()
	b, err := os.ReadFile("../pack/testdata/small/items/swim-pass.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var it Item
	if err := yaml.Unmarshal(b, &it); err != nil {
		t.Fatal(err)
	}
	return it
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*Item)
		want  []string // path: key
	}{
		{"sound", func(*Item) {}, nil},
		{"code", func(it *Item) { it.Code = "Swim Pass" }, []string{"code: serviceitem.code"}},
		{"names", func(it *Item) { it.Name.En = " " }, []string{"name: serviceitem.text_missing"}},
		{"no search words", func(it *Item) { it.Keywords.En = nil }, []string{"keywords: serviceitem.keywords"}},
		{"type and level", func(it *Item) { it.Type, it.Level = "99", "9" }, []string{"level: serviceitem.one_of", "type: serviceitem.one_of"}},
		{"a visit without a reason", func(it *Item) { it.OnsiteVisits = 1 }, []string{"onsite_reason: serviceitem.text_missing", "onsite_reason: serviceitem.text_missing"}},
		{"only online", func(it *Item) { it.Channels = []city.Channel{city.ChannelWeb, city.ChannelKiosk} }, []string{"channels: serviceitem.only_online"}},
		{"paper is enough", func(it *Item) { it.Channels = []city.Channel{city.ChannelPaper} }, nil},
		{"no limit", func(it *Item) { it.Committed = city.Limit{} }, []string{"committed.unit: serviceitem.one_of", "committed: serviceitem.limit"}},
		{"a late promise", func(it *Item) { it.Committed.N = 11 }, []string{"committed: serviceitem.promise_late"}},
		{"other units can't be compared", func(it *Item) { it.Committed = city.Limit{N: 11, Unit: city.NaturalDays} }, nil},
		{"free with a charge", func(it *Item) { it.Fee.Items = []FeeItem{{Name: it.Name, Basis: it.Name, Fen: 1}} }, []string{"fee: serviceitem.fee"}},
		{"a charge of nothing", func(it *Item) { it.Fee = Fee{Items: []FeeItem{{Name: it.Name, Basis: it.Name}}} }, []string{"fee.items.0.fen: serviceitem.fen"}},
		{"fetched from the applicant", func(it *Item) { it.Materials[1].Source = FromApplicant }, []string{"materials.1.credential: serviceitem.fetched_source"}},
		{"a scenario's material", func(it *Item) { it.Scenarios[0].Materials[1] = "photo" }, []string{"materials.1: serviceitem.material_unused", "scenarios.0.materials.1: serviceitem.no_material"}},
		{"a new firm without a place", func(it *Item) { it.Issues[0].Founds = map[string]string{"name": "answer:name", "street": "answer:x"} },
			[]string{"issues.0.founds.street: serviceitem.one_of", "issues.0.founds: serviceitem.founds", "issues.0.founds: serviceitem.founds"}},
		{"a licence nobody fills in", func(it *Item) { it.Credential = "dive-pass" }, []string{"credential: serviceitem.issue_missing"}},
		{"nowhere to go", func(it *Item) { it.Enquiry.Places, it.Enquiry.Phone = nil, "call us" }, []string{"enquiry.phone: serviceitem.phone", "enquiry: serviceitem.no_place"}},
		{"an example for a firm", func(it *Item) { it.Example.For = ForOwnFirm }, []string{"example.for: serviceitem.example_for"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			it := swimPass(t)
			c.spoil(&it)
			var got []string
			for _, f := range it.Check() {
				got = append(got, f.Name+": "+f.Message.Key)
			}
			if diff := cmp.Diff(c.want, slices.Sorted(slices.Values(got))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTypes(t *testing.T) {
	for in, want := range map[string]string{"1": "01", "01": "01", "行政许可": "01", "20": "20", "公共服务": "20", "99": "", "": "", "许可": ""} {
		if got, ok := TypeOf(in); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", in, got, ok)
		}
	}
	for _, code := range Types {
		for _, l := range city.Langs {
			if name := TypeName(code, l); len(name) < 3 || name == "serviceitem.type."+code {
				t.Errorf("%s has no name in %s", code, l)
			}
		}
	}
}

func TestListed(t *testing.T) {
	good := Listed{Code: "511Z07001006-511602000000-000-11511301008778183N-1-00", Name: "企业投资项目备案", Type: "10", BodyName: "区经信局"}
	if why := good.Check(); why != "" {
		t.Error(why)
	}
	for want, spoil := range map[Reject]func(*Listed){
		RejectNoCode:    func(l *Listed) { l.Code = "" },
		RejectCode:      func(l *Listed) { l.Code = "a/b" },
		RejectNoName:    func(l *Listed) { l.Name = "" },
		RejectNoBody:    func(l *Listed) { l.BodyName = "" },
		RejectType:      func(l *Listed) { l.Type = "66" },
		RejectCharacter: func(l *Listed) { l.MainItem = "a\x00" },
	} {
		l := good
		spoil(&l)
		if got := l.Check(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
