package serviceitem

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"yiwang/city"
)

var (
	codePattern  = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	wordPattern  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	phonePattern = regexp.MustCompile(`^[0-9][0-9-]{2,19}$`)
)

// Types are the codes of 事项类型 (GB/T 39046 A.1).
var Types = []string{"00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "20"}

// Levels are the codes of 行使层级 (A.2): nation, province, city, district,
// street, community, several.
var Levels = []string{"1", "2", "3", "4", "5", "6", "7"}

// Depths are the grades of 网上办理深度.
var Depths = []string{"I", "II", "III", "IV"}

var (
	applicants  = []Applicant{ForPerson, ForFirm}
	scopes      = []Scope{ScopeCity, ScopeProvince, ScopeNation}
	supports    = []Support{SupportBooking, SupportPayment, SupportPost}
	caseTypes   = []CaseType{Instant, Committed}
	needs       = []Need{Required, Optional, Deferred}
	sources     = []MaterialSource{FromApplicant, FromGovernment, FromOther}
	formats     = []string{"paper", "electronic", "both"}
	resultTypes = []string{"licence", "document", "certificate"}
	exampleFors = []ExampleFor{ForSelf, ForDelegator, ForOwnFirm}
	channels    = []city.Channel{city.ChannelWeb, city.ChannelMobile, city.ChannelCounter, city.ChannelKiosk, city.ChannelPhone, city.ChannelAPI, city.ChannelPaper}
	units       = []city.Unit{city.WorkingDays, city.NaturalDays, city.WorkingHours, city.EmergencyHours}
)

// checker collects the faults of an item.
type checker struct{ list []city.Field }

func (c *checker) add(path, key string, args ...any) {
	c.list = append(c.list, city.Field{Name: path, Message: city.Message{Key: key, Args: args}})
}

func (c *checker) text(path string, t city.Text) {
	for _, l := range t.Missing() {
		c.add(path, "serviceitem.text_missing", "language", string(l))
	}
}

// optional is a text that may be absent, but not in one language only.
func (c *checker) optional(path string, t city.Text) {
	if !t.IsZero() {
		c.text(path, t)
	}
}

func oneOf[T ~string](c *checker, path string, v T, known []T) {
	if !slices.Contains(known, v) {
		names := make([]string, len(known))
		for i, k := range known {
			names[i] = string(k)
		}
		c.add(path, "serviceitem.one_of", "value", string(v), "known", strings.Join(names, ", "))
	}
}

// id checks the id of an entry of a list and that no other has it.
func (c *checker) id(path, id string, seen map[string]bool) {
	switch {
	case !wordPattern.MatchString(id):
		c.add(path, "serviceitem.id", "id", id)
	case seen[id]:
		c.add(path, "serviceitem.id_twice", "id", id)
	}
	seen[id] = true
}

// Check lists the faults that the item shows by itself, each with the path of the
// value. Whether what it names exists is the pack's to say.
func (it *Item) Check() []city.Field {
	c := &checker{}
	if !codePattern.MatchString(string(it.Code)) {
		c.add("code", "serviceitem.code", "code", string(it.Code))
	}
	c.text("name", it.Name)
	c.text("summary", it.Summary)
	if len(it.Keywords.ZhHans) == 0 || len(it.Keywords.En) == 0 {
		c.add("keywords", "serviceitem.keywords")
	}
	oneOf(c, "type", it.Type, Types)
	oneOf(c, "level", it.Level, Levels)
	oneOf(c, "scope", it.Scope, scopes)
	if len(it.For) == 0 {
		c.add("for", "serviceitem.empty_list")
	}
	for i, a := range it.For {
		oneOf(c, fmt.Sprintf("for.%d", i), a, applicants)
	}
	for i, ch := range it.Channels {
		oneOf(c, fmt.Sprintf("channels.%d", i), ch, channels)
	}
	if !slices.ContainsFunc(it.Channels, func(ch city.Channel) bool {
		return ch == city.ChannelCounter || ch == city.ChannelPhone || ch == city.ChannelPaper
	}) {
		c.add("channels", "serviceitem.only_online")
	}
	oneOf(c, "online_depth", it.OnlineDepth, Depths)
	if it.OnsiteVisits < 0 || it.OnsiteVisits > 9 {
		c.add("onsite_visits", "serviceitem.visits")
	}
	if it.OnsiteVisits > 0 {
		c.text("onsite_reason", it.OnsiteReason)
	}
	for i, s := range it.Supports {
		oneOf(c, fmt.Sprintf("supports.%d", i), s, supports)
	}
	if len(it.Legal) == 0 {
		c.add("legal", "serviceitem.empty_list")
	}
	for i, l := range it.Legal {
		c.text(fmt.Sprintf("legal.%d.title", i), l.Title)
		c.optional(fmt.Sprintf("legal.%d.article", i), l.Article)
	}
	if len(it.Conditions) == 0 {
		c.add("conditions", "serviceitem.empty_list")
	}
	for i, t := range it.Conditions {
		c.text(fmt.Sprintf("conditions.%d", i), t)
	}
	c.limits(it)
	oneOf(c, "case_type", it.CaseType, caseTypes)
	c.fee(it.Fee)
	c.materials(it)
	c.results(it)
	c.words(it)
	return c.list
}

func (c *checker) limits(it *Item) {
	for path, l := range map[string]city.Limit{"statutory": it.Statutory, "committed": it.Committed} {
		if l.N < 1 || l.N > 3660 {
			c.add(path, "serviceitem.limit")
		}
		oneOf(c, path+".unit", l.Unit, units)
	}
	if it.Statutory.Unit == it.Committed.Unit && it.Committed.N > it.Statutory.N {
		c.add("committed", "serviceitem.promise_late")
	}
}

func (c *checker) fee(f Fee) {
	if f.Free == (len(f.Items) > 0) {
		c.add("fee", "serviceitem.fee")
	}
	for i, x := range f.Items {
		at := fmt.Sprintf("fee.items.%d", i)
		c.text(at+".name", x.Name)
		c.text(at+".basis", x.Basis)
		if x.Fen < 1 {
			c.add(at+".fen", "serviceitem.fen")
		}
	}
}

func (c *checker) materials(it *Item) {
	known := map[string]bool{}
	for i, m := range it.Materials {
		at := fmt.Sprintf("materials.%d", i)
		c.id(at+".id", m.ID, known)
		c.text(at+".name", m.Name)
		oneOf(c, at+".need", m.Need, needs)
		oneOf(c, at+".source", m.Source, sources)
		oneOf(c, at+".format", m.Format, formats)
		c.text(at+".explain", m.Explain)
		c.text(at+".by_law", m.ByLaw)
		if m.Copies < 0 || m.Copies > 99 {
			c.add(at+".copies", "serviceitem.copies")
		}
		if m.Credential != "" && m.Source != FromGovernment {
			c.add(at+".credential", "serviceitem.fetched_source")
		}
		if m.Source == FromGovernment && m.FormField != "" {
			c.add(at+".form_field", "serviceitem.asked_again")
		}
	}
	used, seen := map[string]bool{}, map[string]bool{}
	for i, s := range it.Scenarios {
		at := fmt.Sprintf("scenarios.%d", i)
		c.id(at+".id", s.ID, seen)
		c.text(at+".name", s.Name)
		for j, m := range s.Materials {
			if !known[m] {
				c.add(fmt.Sprintf("%s.materials.%d", at, j), "serviceitem.no_material", "id", m)
			}
			used[m] = true
		}
	}
	for i, m := range it.Materials {
		if len(it.Scenarios) > 0 && !used[m.ID] {
			c.add(fmt.Sprintf("materials.%d", i), "serviceitem.material_unused", "id", m.ID)
		}
	}
	for m := range it.Example.Materials {
		if !known[m] {
			c.add("example.materials."+m, "serviceitem.no_material", "id", m)
		}
	}
}

func (c *checker) results(it *Item) {
	oneOf(c, "result.type", it.Result.Type, resultTypes)
	c.text("result.name", it.Result.Name)
	seen := map[city.CredentialType]bool{}
	for i, s := range it.Issues {
		at := fmt.Sprintf("issues.%d", i)
		if seen[s.Credential] {
			c.add(at+".credential", "serviceitem.id_twice", "id", string(s.Credential))
		}
		seen[s.Credential] = true
		if s.Founds == nil {
			continue
		}
		for _, k := range FoundsKeys {
			if s.Founds[k] == "" {
				c.add(at+".founds", "serviceitem.founds", "key", k)
			}
		}
		for k := range s.Founds {
			if !slices.Contains(FoundsKeys, k) {
				c.add(at+".founds."+k, "serviceitem.one_of", "value", k, "known", strings.Join(FoundsKeys, ", "))
			}
		}
	}
	if it.Credential != "" && !seen[it.Credential] {
		c.add("credential", "serviceitem.issue_missing", "id", string(it.Credential))
	}
}

func (c *checker) words(it *Item) {
	c.text("guide", it.Guide)
	c.text("appeal", it.Appeal)
	for i, q := range it.Questions {
		c.text(fmt.Sprintf("questions.%d.q", i), q.Q)
		c.text(fmt.Sprintf("questions.%d.a", i), q.A)
	}
	for path, p := range map[string]string{"enquiry.phone": it.Enquiry.Phone, "enquiry.complaint": it.Enquiry.Complaint} {
		if !phonePattern.MatchString(p) {
			c.add(path, "serviceitem.phone", "phone", p)
		}
	}
	if len(it.Enquiry.Places) == 0 {
		c.add("enquiry", "serviceitem.no_place")
	}
	oneOf(c, "example.for", it.Example.For, exampleFors)
	if it.Example.For == ForOwnFirm != slices.Contains(it.For, ForFirm) {
		c.add("example.for", "serviceitem.example_for")
	}
}
