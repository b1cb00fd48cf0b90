package citizen

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"yiwang/city"
	"yiwang/form"
	"yiwang/serviceitem"
	"yiwang/web"
)

// begun is the draft that the actor has begun for the item, nil for none.
func (p *Pages) begun(ctx context.Context, a city.Actor, code city.ItemCode) (*serviceitem.Draft, error) {
	if a.Kind != city.Resident {
		return nil, nil
	}
	list, err := p.Items.Drafts(ctx, a)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Item == code {
			return &list[i], nil
		}
	}
	return nil, nil
}

// resume is for those who come to the address that a form posts to: it begins
// nothing.
func (p *Pages) resume(w http.ResponseWriter, r *http.Request) error {
	code := city.ItemCode(r.PathValue("code"))
	d, err := p.begun(r.Context(), web.ViewOf(r.Context()).Actor, code)
	if err != nil {
		return err
	}
	if d != nil {
		return web.Redirect(w, r, DraftPath(d.ID, ""))
	}
	return web.Redirect(w, r, ItemPath(code))
}

// begin starts an application, or goes on with the one begun. Begun twice, it is
// one.
func (p *Pages) begin(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	code := city.ItemCode(r.PathValue("code"))
	old, err := p.begun(r.Context(), a, code)
	if err != nil {
		return err
	}
	if old != nil && sent.Get("afresh") == "" {
		return web.Redirect(w, r, DraftPath(old.ID, ""))
	}
	d, err := p.Items.Begin(r.Context(), a, code, serviceitem.Party{})
	if err != nil {
		return err
	}
	if old != nil {
		if err := p.Items.Discard(r.Context(), a, old.ID); err != nil && city.KindOf(err) != city.KindNotFound {
			return err
		}
	}
	return web.Redirect(w, r, DraftPath(d.ID, ""))
}

// open reads a draft with its way. One that was sent leads to its matter: done is
// true then, and the reader is on the way there.
func (p *Pages) open(w http.ResponseWriter, r *http.Request) (a city.Actor, x *way, done bool, err error) {
	if a, err = resident(r); err != nil {
		return a, nil, false, err
	}
	id, err := draftID(r.PathValue("draft"))
	if err != nil {
		return a, nil, false, err
	}
	d, err := p.Items.Draft(r.Context(), a, id)
	if err != nil {
		return a, nil, false, err
	}
	if d.Case != "" {
		return a, nil, true, web.Redirect(w, r, CasePath(d.Case, ""))
	}
	x, err = p.way(r.Context(), a, d)
	return a, x, false, err
}

func (p *Pages) goOn(w http.ResponseWriter, r *http.Request) error {
	_, x, done, err := p.open(w, r)
	if err != nil || done {
		return err
	}
	return web.Redirect(w, r, DraftPath(x.draft.ID, x.next()))
}

// step shows one page of an application.
func (p *Pages) step(w http.ResponseWriter, r *http.Request) error {
	a, x, done, err := p.open(w, r)
	if err != nil || done {
		return err
	}
	page := r.PathValue("step")
	var faults []city.Field
	if r.URL.Query().Has("faults") {
		faults = x.faults(page)
	}
	return p.showStep(w, r, a, x, page, http.StatusOK, faults)
}

func (p *Pages) showStep(w http.ResponseWriter, r *http.Request, a city.Actor, x *way, page string, status int, faults []city.Field) error {
	switch page {
	case stepScenario:
		return web.Render(w, r, status, ApplyStepPage(p.scenarioPage(r, x, faults)))
	case stepFirst, stepPapers:
		return web.Render(w, r, status, ApplyPapersPage(p.papersPage(r, x, page, faults)))
	case stepCheck:
		if first := x.open(); first != "" {
			return web.Redirect(w, r, DraftPath(x.draft.ID, first)+"?faults=")
		}
		c, err := p.checkPage(r, a, x, faults)
		if err != nil {
			return err
		}
		return web.Render(w, r, status, ApplyCheckPage(c))
	case stepDiscard:
		return web.Render(w, r, status, ConfirmPage(web.Confirmation{
			Title: web.Words("citizen.discard.title", "item", x.item.Name), Text: city.Message{Key: "citizen.discard.text"},
			Action: DraftPath(x.draft.ID, stepDiscard), Do: web.Words("citizen.matters.discard"), Danger: true,
			Back: web.Link{Text: web.Words("citizen.discard.keep"), Href: PathMatters}}, "matters"))
	}
	s, ok := x.step(page)
	if !ok {
		return web.Redirect(w, r, DraftPath(x.draft.ID, x.next()))
	}
	view, err := p.stepPage(r, a, x, s, faults)
	if err != nil {
		return err
	}
	return web.Render(w, r, status, ApplyStepPage(view))
}

// head is what every page of a draft shows.
func (p *Pages) head(r *http.Request, x *way) Draft {
	d := Draft{Item: x.item.Name, For: web.ViewOf(r.Context()).ActingFor, Leave: PathMatters}
	if x.draft.Version > 1 {
		d.Saved = x.draft.Changed
	}
	return d
}

// action is where a page of the draft posts to; whoever came from the check goes
// back there.
func (x *way) action(r *http.Request, page string) string {
	to := DraftPath(x.draft.ID, page)
	if r.URL.Query().Get("back") == stepCheck {
		to += "?back=" + stepCheck
	}
	return to
}

func (x *way) back(page string) string {
	if b := x.before(page); b != "" {
		return DraftPath(x.draft.ID, b)
	}
	return ItemPath(x.item.Code)
}

func (p *Pages) stepPage(r *http.Request, a city.Actor, x *way, s form.Step, faults []city.Field) (ApplyStep, error) {
	v := ApplyStep{Draft: p.head(r, x), Title: s.Title, Hint: s.Hint, Action: x.action(r, s.ID), Back: x.back(s.ID)}
	v.N, v.Of = x.place(s.ID)
	if next, ok := x.step(x.after(s.ID)); ok {
		v.Next = next.Title
	} else if x.after(s.ID) == stepPapers {
		v.Next = web.Words("citizen.papers.title")
	}
	var err error
	v.Fields, v.Others, err = p.fields(r, a, x.draft, s.Fields, faults)
	v.Files = slices.ContainsFunc(s.Fields, func(f form.Field) bool { return f.Type == form.File })
	return v, err
}

// fields shows questions of a form with the draft's answers.
func (p *Pages) fields(r *http.Request, a city.Actor, d serviceitem.Draft, asked []form.Field, faults []city.Field) ([]web.Field, []city.Field, error) {
	c := web.FieldContext{Lang: web.ViewOf(r.Context()).Lang, Faults: faults, Prefix: "answers.", Regions: p.regions(city.LevelCommunity),
		Sources: map[string]city.Text{}, Known: map[string]bool{}, Files: map[string][]web.UploadedFile{}}
	for id, m := range d.Marks {
		c.Sources[id], c.Known[id] = p.source(m.Source), true
	}
	for _, f := range asked {
		if f.Type != form.File {
			continue
		}
		for _, id := range texts(d.Answers[f.ID]) {
			u, err := p.uploaded(r.Context(), a, id)
			if err != nil {
				return nil, nil, err
			}
			c.Files[f.ID] = append(c.Files[f.ID], u)
		}
	}
	out, rest := web.FieldsOf(asked, d.Answers, c)
	for i, f := range asked {
		if f.Type != form.Region && f.Type != form.Address {
			continue
		}
		if out[i].Locked {
			out[i].Value = p.sayAnswer(c.Lang, f, d.Answers[f.ID])
		}
		if f.Level != "" {
			out[i].Options = p.regions(f.Level)
		}
	}
	return out, rest, nil
}

// texts reads the answer of a field that takes several.
func texts(v any) []string {
	switch v := v.(type) {
	case []string:
		return v
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// uploaded names a file; one that is gone says so by having no name.
func (p *Pages) uploaded(ctx context.Context, a city.Actor, id string) (web.UploadedFile, error) {
	u := web.UploadedFile{ID: id, Name: id}
	blob, err := parseID[city.BlobID](id)
	if err != nil {
		return u, nil
	}
	f, body, err := p.Items.OpenUpload(ctx, a, blob, "purpose.own")
	switch city.KindOf(err) {
	case "":
	case city.KindNotFound, city.KindForbidden:
		return u, nil
	default:
		return u, err
	}
	return web.UploadedFile{ID: id, Name: f.Name, Size: f.Size, Href: FilePath(blob)}, body.Close()
}

// regions are the divisions of a level as options, under those they lie in.
func (p *Pages) regions(level city.RegionLevel) []web.Option {
	var out []web.Option
	var walk func(code city.RegionCode, group city.Text)
	walk = func(code city.RegionCode, group city.Text) {
		for _, r := range p.Directory.RegionChildren(code) {
			if r.Level == level {
				out = append(out, web.Option{Value: string(r.Code), Label: r.Name, Group: group})
				continue
			}
			walk(r.Code, p.Directory.RegionName(r.Code))
		}
	}
	walk(p.Directory.City(), city.Text{})
	return out
}

// sayAnswer says an answer as people read it, regions by their names.
func (p *Pages) sayAnswer(l city.Lang, f form.Field, answer any) string {
	region := func(code string) string {
		if n := p.Directory.RegionName(city.RegionCode(code)); !n.IsZero() {
			return n.In(l)
		}
		return code
	}
	switch {
	case f.Type == form.Region:
		if s, ok := answer.(string); ok {
			return region(s)
		}
	case f.Type == form.Address:
		switch m := answer.(type) {
		case map[string]string:
			return strings.TrimSpace(region(m["region"]) + " " + m["detail"])
		case map[string]any:
			code, _ := m["region"].(string)
			detail, _ := m["detail"].(string)
			return strings.TrimSpace(region(code) + " " + detail)
		}
	}
	return web.SayAnswer(l, f, answer, nil)
}

// saveStep keeps what was sent, right or wrong, and goes on when it is right.
func (p *Pages) saveStep(w http.ResponseWriter, r *http.Request) error {
	a, x, done, err := p.open(w, r)
	if err != nil || done {
		return err
	}
	page := r.PathValue("step")
	switch page {
	case stepScenario:
		return p.chooseScenario(w, r, a, x)
	case stepFirst, stepPapers:
		return p.savePapers(w, r, a, x, page)
	case stepCheck:
		return p.send(w, r, a, x)
	case stepDiscard:
		if err := p.Items.Discard(r.Context(), a, x.draft.ID); err != nil {
			return err
		}
		return web.Redirect(w, r, PathMatters)
	}
	s, ok := x.step(page)
	if !ok {
		return web.Redirect(w, r, DraftPath(x.draft.ID, x.next()))
	}
	var faults []city.Field
	sent, err := web.ReadForm(w, r, func(field, name string, content io.Reader) error {
		i := slices.IndexFunc(s.Fields, func(f form.Field) bool { return f.ID == field && f.Type == form.File })
		if i < 0 {
			return nil
		}
		m, ok := materialOf(x.item, s.Fields[i])
		if !ok {
			return nil
		}
		_, err := p.Items.Upload(r.Context(), a, serviceitem.Upload{Draft: x.draft.ID, Material: m, Name: name, Content: content})
		return atField(&faults, field, err)
	})
	if err != nil {
		return err
	}
	removed, err := p.removeFiles(r.Context(), a, s.Fields, sent)
	if err != nil {
		return err
	}
	fresh, err := p.Items.Draft(r.Context(), a, x.draft.ID)
	if err != nil {
		return err
	}
	answers := url.Values{}
	for name, v := range sent {
		answers[name] = v
	}
	for _, f := range s.Fields { // files stay as they are: a browser never sends them back
		if f.Type == form.File {
			answers[f.ID] = texts(fresh.Answers[f.ID])
		}
	}
	d, wrong, err := p.Items.SaveStep(r.Context(), a, x.draft.ID, s.ID, answers)
	if err != nil {
		return err
	}
	if sent.Get("leave") != "" {
		return web.Redirect(w, r, PathMatters)
	}
	if removed {
		return web.Redirect(w, r, x.action(r, s.ID))
	}
	was := x.form.Visible(x.draft.Answers)
	if x, err = p.way(r.Context(), a, d); err != nil {
		return err
	}
	for _, f := range wrong { // an upload that failed says more than that it is missing
		if !slices.ContainsFunc(faults, func(have city.Field) bool { return have.Name == f.Name }) {
			faults = append(faults, f)
		}
	}
	if len(faults) == 0 {
		if r.URL.Query().Get("back") == stepCheck {
			return web.Redirect(w, r, DraftPath(d.ID, stepCheck))
		}
		return web.Redirect(w, r, DraftPath(d.ID, x.after(s.ID)))
	}
	if onlyNew(faults, was) { // questions that an answer has just brought up are no faults yet
		return web.Redirect(w, r, x.action(r, s.ID))
	}
	return p.showStep(w, r, a, x, s.ID, http.StatusUnprocessableEntity, faults)
}

// onlyNew reports whether all faults are of fields that were not shown before.
func onlyNew(faults []city.Field, was []form.Step) bool {
	for _, x := range faults {
		name, _, _ := strings.Cut(x.Name, ".")
		for _, s := range was {
			if slices.ContainsFunc(s.Fields, func(f form.Field) bool { return f.ID == name }) {
				return false
			}
		}
	}
	return true
}

// materialOf is the material that a field takes.
func materialOf(it serviceitem.Item, f form.Field) (string, bool) {
	for _, m := range it.Materials {
		if m.FormField == f.ID || f.Material != "" && m.ID == f.Material {
			return m.ID, true
		}
	}
	return "", false
}

// atField notes a fault of a file at its field and lets the rest of the form come
// in; what is no fault of the file ends the form.
func atField(faults *[]city.Field, field string, err error) error {
	var e *city.Error
	if errors.As(err, &e) && (e.Kind == city.KindInvalid || e.Kind == city.KindTooLarge) {
		*faults = append(*faults, city.Field{Name: field, Message: messageOf(err)})
		return nil
	}
	return err
}

// removeFiles takes away the files that "remove" was pressed for.
func (p *Pages) removeFiles(ctx context.Context, a city.Actor, fields []form.Field, sent url.Values) (removed bool, err error) {
	for _, f := range fields {
		for _, id := range sent[f.ID+".remove"] {
			if removed, err = true, p.removeFile(ctx, a, id); err != nil {
				return removed, err
			}
		}
	}
	return removed, nil
}

func (p *Pages) removeFile(ctx context.Context, a city.Actor, id string) error {
	blob, err := parseID[city.BlobID](id)
	if err != nil {
		return err
	}
	if err := p.Items.RemoveUpload(ctx, a, blob); err != nil && city.KindOf(err) != city.KindNotFound { // gone is gone
		return err
	}
	return nil
}

// file gives back a file to whoever may read it. It is never shown within our
// pages: what people upload is not ours.
func (p *Pages) file(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	id, err := parseID[city.BlobID](r.PathValue("file"))
	if err != nil {
		return err
	}
	f, body, err := p.Items.OpenUpload(r.Context(), a, id, "purpose.own")
	if err != nil {
		return err
	}
	defer body.Close()
	return download(w, f.Media, f.Name, f.Size, body)
}
