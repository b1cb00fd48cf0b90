package citizen

import (
	"net/http"
	"slices"
	"strconv"

	"yiwang/city"
	"yiwang/serviceitem"
	"yiwang/web"
)

const searchPage = 20 // items on a page of results

func (p *Pages) search(w http.ResponseWriter, r *http.Request) error {
	v := web.ViewOf(r.Context())
	q := r.URL.Query()
	s := Search{Query: cut(q.Get("q"), 200), For: q.Get("for")}
	var codes []city.ItemCode
	if s.Query == "" {
		for _, it := range p.Items.AllItems() {
			codes = append(codes, it.Code)
		}
		for _, l := range p.Pack.Listed {
			codes = append(codes, city.ItemCode(l.Code))
		}
	} else {
		for _, h := range p.Search.Items(r.Context(), s.Query, v.Lang) {
			codes = append(codes, h.Code)
		}
	}
	if s.For == string(serviceitem.ForPerson) || s.For == string(serviceitem.ForFirm) {
		codes = slices.DeleteFunc(codes, func(c city.ItemCode) bool {
			it, _, ok := p.Items.Item(c)
			return ok && !slices.Contains(it.For, serviceitem.Applicant(s.For))
		})
	} else {
		s.For = ""
	}
	from, _ := strconv.Atoi(q.Get("after")) // anything else begins at the beginning
	from = min(max(from, 0), len(codes))
	to := min(from+searchPage, len(codes))
	for _, c := range codes[from:to] {
		s.Items = append(s.Items, p.item(c))
	}
	s.Pages = web.Pages{First: from == 0, Shown: to - from, Total: len(codes)}
	if to < len(codes) {
		s.Pages.Next = strconv.Itoa(to)
	}
	if len(codes) == 0 {
		for _, c := range p.Pack.Site.Popular {
			s.Similar = append(s.Similar, web.Link{Text: p.itemName(c), Href: ItemPath(c)})
		}
	}
	return web.Render(w, r, http.StatusOK, SearchPage(s))
}

// item is one line of a list.
func (p *Pages) item(code city.ItemCode) Item {
	it, _, ok := p.Items.Item(code)
	if !ok {
		l, _ := p.Items.ListedItem(string(code))
		return Item{Name: web.Plain(l.Name), Body: web.Plain(l.BodyName), Href: ItemPath(code), Bare: true}
	}
	return Item{Name: it.Name, Summary: it.Summary, Body: p.body(it.Body), Href: ItemPath(code), Online: online(it), Instant: it.Rule != "",
		Free: it.Fee.Free, Visits: it.OnsiteVisits, Committed: it.Committed}
}

func online(it serviceitem.Item) bool { return it.OnlineDepth == "IV" || it.OnlineDepth == "III" }

func (p *Pages) event(w http.ResponseWriter, r *http.Request) error {
	for _, e := range p.Pack.Site.LifeEvents {
		if e.ID != r.PathValue("id") {
			continue
		}
		page := LifeEvent{Event: Event{Name: e.Name, Summary: e.Summary, Href: EventPath(e.ID)}}
		for _, c := range e.Items {
			page.Items = append(page.Items, p.item(c))
		}
		return web.Render(w, r, http.StatusOK, LifeEventPage(page))
	}
	return city.NotFound("error.not_found")
}

func (p *Pages) guide(w http.ResponseWriter, r *http.Request) error {
	code := city.ItemCode(r.PathValue("code"))
	it, _, ok := p.Items.Item(code)
	if !ok {
		l, ok := p.Items.ListedItem(string(code))
		if !ok {
			return city.NotFound("service.no_item")
		}
		return web.Render(w, r, http.StatusOK, GuidePage(Guide{Name: web.Plain(l.Name), Body: web.Plain(l.BodyName), Code: l.Code, Bare: true,
			ForPerson: true, ForFirm: true, Visits: 1, Result: web.Words("citizen.guide.bare.result"), Places: p.places(nil)}))
	}
	g := Guide{
		Name: it.Name, Summary: it.Summary, Body: p.body(it.Body), Code: it.LocalCode,
		ForPerson: slices.Contains(it.For, serviceitem.ForPerson), ForFirm: slices.Contains(it.For, serviceitem.ForFirm), Delegable: it.Delegable,
		Online: online(it), Instant: it.Rule != "", Visits: it.OnsiteVisits, VisitReason: it.OnsiteReason,
		Committed: it.Committed, Statutory: it.Statutory, Result: it.Result.Name, Conditions: it.Conditions,
		Text: Markdown(it.Guide.In(web.ViewOf(r.Context()).Lang)), Appeal: it.Appeal,
		Phone: it.Enquiry.Phone, Complaint: it.Enquiry.Complaint, Places: p.places(it.Enquiry.Places),
	}
	for _, f := range it.Fee.Items {
		g.Fees = append(g.Fees, Fee{Name: f.Name, Fen: f.Fen, Basis: f.Basis})
	}
	if e, ok := p.Algorithms.Entry(it.Rule); ok {
		g.Rule = &web.Link{Text: e.Name, Href: RulePath(it.Rule)}
	}
	for _, q := range it.Questions {
		g.Questions = append(g.Questions, Question{Q: q.Q, A: q.A})
	}
	for _, l := range it.Legal {
		g.Legal = append(g.Legal, Basis{Title: l.Title, Article: l.Article})
	}
	p.guideMaterials(&g, it)
	if k, ok := p.Pack.Kind(it.Kind); ok {
		for _, st := range k.Stages {
			g.Stages = append(g.Stages, Stage{Name: st.Name, Tell: st.Tell, Limit: st.Limit})
		}
	}
	if slices.Contains(it.Channels, city.ChannelWeb) {
		actor := web.ViewOf(r.Context()).Actor
		g.Start, g.Here = ApplyPath(code), ItemPath(code)
		var err error
		if g.For, err = p.applicants(r.Context(), actor, it); err != nil {
			return err
		}
		d, err := p.begun(r.Context(), actor, code)
		if err != nil {
			return err
		}
		if d != nil {
			g.Draft = DraftPath(d.ID, "")
		}
	}
	return web.Render(w, r, http.StatusOK, GuidePage(g))
}

// guideMaterials lists what every scenario needs once, and beside it what each
// needs besides.
func (p *Pages) guideMaterials(g *Guide, it serviceitem.Item) {
	always := func(id string) bool {
		for _, s := range it.Scenarios {
			if !slices.Contains(s.Materials, id) {
				return false
			}
		}
		return true
	}
	named := func(id string) bool {
		return slices.ContainsFunc(it.Scenarios, func(s serviceitem.Scenario) bool { return slices.Contains(s.Materials, id) })
	}
	for _, m := range it.Materials {
		if always(m.ID) || !named(m.ID) {
			g.Materials = append(g.Materials, material(m))
		}
	}
	for _, s := range it.Scenarios {
		sc := Scenario{Name: s.Name}
		for _, m := range it.Materials {
			if slices.Contains(s.Materials, m.ID) && !always(m.ID) {
				sc.Materials = append(sc.Materials, material(m))
			}
		}
		if len(sc.Materials) > 0 {
			g.Scenarios = append(g.Scenarios, sc)
		}
	}
}

func material(m serviceitem.Material) Material {
	from := FromApplicant
	switch m.Source {
	case serviceitem.FromGovernment:
		from = FromCity
	case serviceitem.FromOther:
		from = FromOther
	}
	return Material{Name: m.Name, From: from, Need: string(m.Need), Explain: m.Explain}
}

// places are the counters named, or all.
func (p *Pages) places(ids []string) []Counter {
	var out []Counter
	if ids == nil {
		for _, c := range p.Pack.Site.Counters {
			ids = append(ids, c.ID)
		}
	}
	for _, id := range ids {
		if c := p.counter(id); !c.Name.IsZero() {
			out = append(out, c)
		}
	}
	return out
}

// cut shortens what somebody typed into an address.
func cut(s string, most int) string {
	for i := range s {
		if most--; most < 0 {
			return s[:i]
		}
	}
	return s
}
