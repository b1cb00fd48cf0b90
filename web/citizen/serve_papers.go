package citizen

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"yiwang/city"
	"yiwang/form"
	"yiwang/rule"
	"yiwang/serviceitem"
	"yiwang/web"
)

// scenarioPage asks which case it is, where answers don't tell.
func (p *Pages) scenarioPage(r *http.Request, x *way, faults []city.Field) ApplyStep {
	v := ApplyStep{Draft: p.head(r, x), Title: web.Words("citizen.scenario.title"), Action: x.action(r, stepScenario), Back: x.back(stepScenario)}
	v.N, v.Of = x.place(stepScenario)
	f := web.Field{Name: "scenario", Type: web.FieldChoice, Label: web.Words("citizen.scenario.label"), Required: true, Value: x.draft.Scenario}
	for _, s := range x.scenarios() {
		f.Options = append(f.Options, web.Option{Value: s.ID, Label: s.Name})
	}
	v.Fields = []web.Field{f}
	v.Others = web.FaultsOf(v.Fields, faults, "")
	return v
}

func (p *Pages) chooseScenario(w http.ResponseWriter, r *http.Request, a city.Actor, x *way) error {
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	d, err := p.Items.Choose(r.Context(), a, x.draft.ID, sent.Get("scenario"))
	if city.KindOf(err) == city.KindInvalid {
		return p.showStep(w, r, a, x, stepScenario, http.StatusUnprocessableEntity, []city.Field{{Name: "scenario", Message: city.Message{Key: "service.choose_scenario"}}})
	}
	if err != nil {
		return err
	}
	if x, err = p.way(r.Context(), a, d); err != nil {
		return err
	}
	return web.Redirect(w, r, DraftPath(d.ID, x.after(stepScenario)))
}

// papersPage asks for leave to fetch licences, and for papers that no field of the
// form takes.
func (p *Pages) papersPage(r *http.Request, x *way, page string, faults []city.Field) ApplyPapers {
	v := ApplyPapers{Draft: p.head(r, x), Action: x.action(r, page), Back: x.back(page)}
	if v.N, v.Of = x.place(page); v.N == 0 {
		v.N = v.Of - 1
	}
	for _, s := range x.onPage(page) {
		v.Papers = append(v.Papers, p.paper(x, s, page))
	}
	for _, f := range faults {
		id := strings.TrimSuffix(strings.TrimPrefix(f.Name, "paper."), ".file")
		i := slices.IndexFunc(v.Papers, func(q Paper) bool { return q.Name == paperName(id) })
		switch {
		case i < 0:
			v.Others = append(v.Others, f)
		case v.Papers[i].Upload != nil && (strings.HasSuffix(f.Name, ".file") || !v.Papers[i].Fetch):
			v.Papers[i].Upload.Fault = f.Message
		default:
			v.Papers[i].Fault = f.Message
		}
	}
	return v
}

// onPage are the materials that a page asks about.
func (x *way) onPage(page string) []serviceitem.State {
	if page == stepFirst {
		var out []serviceitem.State
		for _, m := range x.early() {
			s := serviceitem.State{Material: m, Handed: x.draft.Handed[m.ID]}
			if i := slices.IndexFunc(x.papers, func(q serviceitem.State) bool { return q.Material.ID == m.ID }); i >= 0 {
				s = x.papers[i]
			}
			out = append(out, s)
		}
		return out
	}
	var out []serviceitem.State
	for _, s := range x.papers {
		if x.asked(s.Material) {
			out = append(out, s)
		}
	}
	return out
}

func (p *Pages) paper(x *way, s serviceitem.State, page string) Paper {
	m := s.Material
	q := Paper{Name: paperName(m.ID), Title: m.Name, Explain: m.Explain, Fetch: m.Credential != ""}
	if t, ok := p.Credentials.Type(m.Credential); ok {
		q.Issuer = p.body(t.Issuer)
		q.Fields = readOf(x, t.ID)
		for i, f := range q.Fields {
			if def, ok := t.Field(f.ZhHans); ok {
				q.Fields[i] = def.Name
			}
		}
	}
	if s.Held != nil {
		q.Number, q.Until, q.Issuer = s.Held.Number.Parts().Serial, s.Held.Until, s.Held.Issuer
	}
	switch {
	case s.Handed.Fetch:
		q.Chosen = "yes"
	case s.Handed.Declined:
		q.Chosen = "no"
	}
	if page == stepFirst {
		return q
	}
	label := web.Words("citizen.papers.upload", "material", m.Name)
	f := web.Field{Name: paperName(m.ID) + ".file", Type: web.FieldFile, Label: label, Required: !q.Fetch && m.Need == serviceitem.Required,
		Accept: []string{"pdf", "jpeg", "png"}, MaxMB: int(p.Items.MaxUpload >> 20), Multiple: true}
	for _, file := range s.Files {
		f.Uploaded = append(f.Uploaded, web.UploadedFile{ID: file.ID.String(), Name: file.Name, Size: file.Size, Href: FilePath(file.ID)})
	}
	q.Upload = &f
	if m.Need == serviceitem.Deferred {
		q.Later = &web.Field{Name: paperName(m.ID) + ".later", Type: web.FieldStatement, Label: web.Words("citizen.papers.later"), Required: true}
		if s.Handed.Later {
			q.Later.Value = "true"
		}
	}
	return q
}

// readOf are the ids of the fields of a licence that form and rule read, for
// telling them before they are read.
func readOf(x *way, t city.CredentialType) []city.Text {
	var out []city.Text
	for _, s := range x.form.Sources() {
		if s.Kind == rule.FromLicence && s.Name == string(t) && s.Field != "exists" {
			out = append(out, web.Plain(s.Field))
		}
	}
	slices.SortFunc(out, func(a, b city.Text) int { return strings.Compare(a.ZhHans, b.ZhHans) })
	return slices.Compact(out)
}

// savePapers keeps each yes and no, and the files.
func (p *Pages) savePapers(w http.ResponseWriter, r *http.Request, a city.Actor, x *way, page string) error {
	ctx, id := r.Context(), x.draft.ID
	asked := x.onPage(page)
	var faults []city.Field
	sent, err := web.ReadForm(w, r, func(field, name string, content io.Reader) error {
		m, ok := strings.CutSuffix(strings.TrimPrefix(field, "paper."), ".file")
		if !ok || !slices.ContainsFunc(asked, func(s serviceitem.State) bool { return s.Material.ID == m }) {
			return nil
		}
		_, err := p.Items.Upload(ctx, a, serviceitem.Upload{Draft: id, Material: m, Name: name, Content: content})
		return atField(&faults, field, err)
	})
	if err != nil {
		return err
	}
	d, removed := x.draft, false
	for _, s := range asked {
		m, name := s.Material, paperName(s.Material.ID)
		for _, f := range sent[name+".file.remove"] {
			if removed, err = true, p.removeFile(ctx, a, f); err != nil {
				return err
			}
		}
		answer := sent.Get(name)
		if m.Credential != "" && (answer == "yes" && !s.Handed.Fetch || answer == "no" && !s.Handed.Declined) {
			if d, err = p.Items.Consent(ctx, a, id, m.ID, answer == "yes"); err != nil {
				return err
			}
		}
		if later := sent.Get(name+".later") == "true"; m.Need == serviceitem.Deferred && page == stepPapers && later != s.Handed.Later {
			if d, err = p.Items.Postpone(ctx, a, id, m.ID, later); err != nil {
				return err
			}
		}
	}
	if sent.Get("leave") != "" {
		return web.Redirect(w, r, PathMatters)
	}
	if removed {
		return web.Redirect(w, r, x.action(r, page))
	}
	if d, err = p.Items.Draft(ctx, a, d.ID); err != nil {
		return err
	}
	if x, err = p.way(ctx, a, d); err != nil {
		return err
	}
	for _, f := range x.faults(page) {
		if !slices.ContainsFunc(faults, func(have city.Field) bool { return have.Name == f.Name+".file" }) {
			faults = append(faults, f)
		}
	}
	switch {
	case len(faults) > 0:
		return p.showStep(w, r, a, x, page, http.StatusUnprocessableEntity, faults)
	case r.URL.Query().Get("back") == stepCheck:
		return web.Redirect(w, r, DraftPath(id, stepCheck))
	}
	return web.Redirect(w, r, DraftPath(id, x.after(page)))
}

// checkPage shows every answer once more.
func (p *Pages) checkPage(r *http.Request, a city.Actor, x *way, faults []city.Field) (ApplyCheck, error) {
	v := ApplyCheck{Draft: p.head(r, x), Action: DraftPath(x.draft.ID, stepCheck), Back: x.back(stepCheck), Key: x.draft.ID.String()}
	change := func(page string) string { return DraftPath(x.draft.ID, page) + "?back=" + stepCheck }
	for _, s := range x.steps {
		part := CheckPart{Title: s.Title}
		for _, f := range s.Fields {
			row := web.Answered{Name: f.Label}
			if f.Type == form.Statement {
				row.Name = f.Text
			}
			if f.Type == form.File {
				for _, id := range texts(x.draft.Answers[f.ID]) {
					u, err := p.uploaded(r.Context(), a, id)
					if err != nil {
						return v, err
					}
					row.Values = append(row.Values, web.Plain(u.Name))
				}
			} else if said := p.say(f, x.draft.Answers[f.ID]); !said.IsZero() {
				row.Values = []city.Text{said}
			}
			m, known := x.draft.Marks[f.ID]
			if known {
				row.Source = p.source(m.Source)
			}
			if !f.Locked || !known {
				row.Change = change(s.ID)
			}
			part.Answers = append(part.Answers, row)
		}
		v.Parts = append(v.Parts, part)
	}
	if papers := p.checkPapers(x, change(stepPapers)); len(papers.Answers) > 0 {
		v.Parts = append(v.Parts, papers)
	}
	if x.agree != nil {
		var err error
		if v.Agree, v.Others, err = p.fields(r, a, x.draft, x.agree.Fields, faults); err != nil {
			return v, err
		}
	} else {
		v.Others = faults
	}
	v.Promise = promise(x.item)
	return v, nil
}

// say says an answer in every language.
func (p *Pages) say(f form.Field, answer any) city.Text {
	return city.Text{ZhHans: p.sayAnswer(city.Chinese, f, answer), En: p.sayAnswer(city.English, f, answer)}
}

func (p *Pages) checkPapers(x *way, change string) CheckPart {
	part := CheckPart{Title: web.Words("citizen.papers.title")}
	for _, s := range x.papers {
		if _, inForm := x.form.Field(s.Material.FormField); inForm {
			continue
		}
		row := web.Answered{Name: s.Material.Name}
		switch {
		case s.Held != nil:
			row.Values = []city.Text{web.Words("citizen.given.fetched")}
			row.Source = s.Held.Issuer
		case len(s.Files) > 0:
			for _, f := range s.Files {
				row.Values = append(row.Values, web.Plain(f.Name))
			}
		case s.Material.Source == serviceitem.FromGovernment && s.Material.Credential == "":
			row.Values = []city.Text{web.Words("citizen.given.office")}
		case s.Material.Need == serviceitem.Deferred:
			row.Values = []city.Text{web.Words("citizen.given.later")}
		}
		if x.asked(s.Material) {
			row.Change = change
		}
		part.Answers = append(part.Answers, row)
	}
	return part
}

// promise says what happens after sending, and by when.
func promise(it serviceitem.Item) city.Message {
	limit := it.Committed
	if limit.IsZero() {
		limit = it.Statutory
	}
	if it.Rule != "" {
		return city.Message{Key: "citizen.promise.rule." + string(limit.Unit), Args: []any{"n", limit.N}}
	}
	return city.Message{Key: "citizen.promise." + string(limit.Unit), Args: []any{"n", limit.N}}
}

// send files the application. Sent twice, it is one.
func (p *Pages) send(w http.ResponseWriter, r *http.Request, a city.Actor, x *way) error {
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	if x.agree != nil {
		d, _, err := p.Items.SaveStep(r.Context(), a, x.draft.ID, x.agree.ID, sent)
		if err != nil {
			return err
		}
		if x, err = p.way(r.Context(), a, d); err != nil {
			return err
		}
	}
	if sent.Get("leave") != "" {
		return web.Redirect(w, r, PathMatters)
	}
	if first := x.open(); first != "" {
		return web.Redirect(w, r, DraftPath(x.draft.ID, first)+"?faults=")
	}
	if faults := x.faults(stepCheck); len(faults) > 0 {
		return p.showStep(w, r, a, x, stepCheck, http.StatusUnprocessableEntity, faults)
	}
	c, err := p.Items.File(r.Context(), a, serviceitem.Filing{Draft: x.draft.ID})
	if faults, ok := faultsOf(err); ok {
		return p.showStep(w, r, a, x, stepCheck, http.StatusUnprocessableEntity, faults)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, CasePath(c.Number, "")+"?sent=1")
}

// download sends a file to be kept, not shown.
func download(w http.ResponseWriter, media, name string, size int64, body io.Reader) error {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if size > 0 {
		h.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("file not delivered: %w", err)
	}
	return nil
}
