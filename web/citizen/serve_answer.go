package citizen

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/form"
	"yiwang/internal/db"
	"yiwang/serviceitem"
	"yiwang/web"
)

// What the applicant does about a matter that was sent.

// read opens the dossier of the matter in the address.
func (p *Pages) read(r *http.Request) (a city.Actor, d dossier, err error) {
	if a, err = resident(r); err != nil {
		return a, d, err
	}
	n, err := caseNumber(r)
	if err != nil {
		return a, d, err
	}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		d, err = p.dossier(ctx, tx, a, n)
		return err
	})
	return a, d, err
}

// correction is a correction as it is being filled in.
type correction struct {
	fields    []form.Field           // asked again
	materials []serviceitem.Material // asked again, and taken by no field
	sent      url.Values             // what was sent so far; nil at first
	files     map[string][]serviceitem.File
}

// correctionOf finds what to ask again: the fields that the points name, or
// everything where a point names none.
func correctionOf(d dossier) correction {
	points := pointsOf(d.records)
	all := slices.ContainsFunc(points, func(pt casework.Point) bool { return pt.Field == "" })
	named := func(id string) bool {
		return all || slices.ContainsFunc(points, func(pt casework.Point) bool { return pt.Field == id })
	}
	co := correction{files: map[string][]serviceitem.File{}}
	inForm := map[string]bool{}
	for _, s := range d.asked {
		for _, f := range s.Fields {
			inForm[f.ID] = true
			if _, known := d.app.Marks[f.ID]; named(f.ID) && !(f.Locked && known) && f.Type != form.Statement {
				f.ShowWhen = ""
				co.fields = append(co.fields, f)
			}
		}
	}
	for _, g := range d.app.Materials {
		m, ok := d.item.Material(g.Material)
		if ok && !inForm[m.FormField] && m.Source != serviceitem.FromGovernment && (named(m.ID) || named(m.FormField)) {
			co.materials = append(co.materials, m)
		}
	}
	return co
}

func (p *Pages) supplyPage(w http.ResponseWriter, r *http.Request) error {
	_, d, err := p.read(r)
	if err != nil {
		return err
	}
	if !d.c.State.Has(casework.FlagSupplement) || d.app == nil {
		return web.Redirect(w, r, CasePath(d.c.Number, ""))
	}
	return p.showSupply(w, r, http.StatusOK, d, correctionOf(d), nil)
}

func (p *Pages) showSupply(w http.ResponseWriter, r *http.Request, status int, d dossier, co correction, faults []city.Field) error {
	v := Supply{Number: d.c.Number, Name: p.caseName(d.c), Due: d.c.State.AnswerBy, Action: CasePath(d.c.Number, "supply"), Files: true, Hidden: url.Values{}}
	for _, pt := range pointsOf(d.records) {
		v.Points = append(v.Points, pt.Text)
	}
	answers := d.app.Answers
	if co.sent != nil {
		clean, err := co.clean()
		if err != nil {
			return err
		}
		answers = clean
	}
	c := web.FieldContext{Lang: web.ViewOf(r.Context()).Lang, Regions: p.regions(city.LevelCommunity)}
	v.Fields, _ = web.FieldsOf(co.fields, answers, c)
	for i, f := range co.fields {
		if f.Type == form.File {
			p.supplyFile(&v, &v.Fields[i], co, filesIn(d, f))
		}
		if f.Level != "" {
			v.Fields[i].Options = p.regions(f.Level)
		}
	}
	for _, m := range co.materials {
		f := web.Field{Name: paperName(m.ID), Type: web.FieldFile, Label: m.Name, Hint: m.Explain, Accept: []string{"pdf", "jpeg", "png"},
			MaxMB: int(p.Items.MaxUpload >> 20), Multiple: true, Required: m.Need == serviceitem.Required}
		p.supplyFile(&v, &f, co, givenFiles(d, m.ID))
		v.Fields = append(v.Fields, f)
	}
	for i := range faults {
		faults[i].Name = strings.TrimPrefix(faults[i].Name, "answers.")
		if m, ok := strings.CutPrefix(faults[i].Name, "materials."); ok {
			faults[i].Name = paperName(m)
		}
	}
	v.Others = web.FaultsOf(v.Fields, faults, "")
	v.Hidden.Set("version", strconv.Itoa(d.c.Version))
	v.Hidden.Set("key", city.NewEventID().String())
	if co.sent != nil {
		v.Hidden.Set("version", co.sent.Get("version"))
		v.Hidden.Set("key", co.sent.Get("key"))
	}
	return web.Render(w, r, status, SupplyPage(v))
}

// supplyFile shows what was sent now, and names what is there already: a new file
// takes its place.
func (p *Pages) supplyFile(v *Supply, f *web.Field, co correction, have []serviceitem.File) {
	f.Uploaded = nil
	var names []string
	for _, file := range have {
		names = append(names, file.Name)
	}
	if len(names) > 0 {
		f.Required = true // it is there, so it isn't called optional
		f.Hint = web.Words("citizen.supply.have", "name", strings.Join(names, ", "))
	}
	for _, file := range co.files[f.Name] {
		f.Uploaded = append(f.Uploaded, web.UploadedFile{ID: file.ID.String(), Name: file.Name, Size: file.Size, Href: FilePath(file.ID)})
		v.Hidden.Add(f.Name+".have", file.ID.String())
	}
}

func filesIn(d dossier, f form.Field) []serviceitem.File {
	for _, m := range d.item.Materials {
		if m.FormField == f.ID {
			return givenFiles(d, m.ID)
		}
	}
	return nil
}

func givenFiles(d dossier, material string) []serviceitem.File {
	for _, g := range d.app.Materials {
		if g.Material == material {
			return g.Files
		}
	}
	return nil
}

// clean reads the answers that were sent.
func (co *correction) clean() (map[string]any, error) {
	if len(co.fields) == 0 {
		return map[string]any{}, nil
	}
	f, err := form.Compile(form.Form{ID: "correction", Steps: []form.Step{{ID: "all", Title: web.Words("citizen.supply.title"), Fields: co.fields}}})
	if err != nil {
		return nil, err
	}
	return f.CleanForm(co.sent, nil), nil
}

// supply sends a correction. Sent twice, it is one; where none is asked for, the
// matter is shown as it stands.
func (p *Pages) supply(w http.ResponseWriter, r *http.Request) error {
	a, d, err := p.read(r)
	if err != nil {
		return err
	}
	if d.app == nil {
		return p.fresh(w, r, city.Conflict("case.not_asked"))
	}
	asked := d.c.State.Has(casework.FlagSupplement)
	co := correctionOf(d)
	var faults []city.Field
	co.sent, err = web.ReadForm(w, r, func(field, name string, content io.Reader) error {
		m, ok := co.takes(d, field)
		if !ok || !asked {
			return nil
		}
		f, err := p.Items.Upload(r.Context(), a, serviceitem.Upload{Case: d.c.Number, Material: m, Name: name, Content: content})
		if err == nil {
			co.files[field] = append(co.files[field], f)
		}
		return atField(&faults, field, err)
	})
	if err != nil {
		return err
	}
	if err := p.haveFiles(r.Context(), a, &co); err != nil {
		return err
	}
	if len(faults) > 0 {
		return p.showSupply(w, r, http.StatusUnprocessableEntity, d, co, faults)
	}
	version, _ := strconv.Atoi(co.sent.Get("version"))
	change := serviceitem.Correction{Version: version, Key: "supply:" + co.sent.Get("key"), Materials: map[string]serviceitem.Handed{}}
	if change.Answers, err = co.clean(); err != nil {
		return err
	}
	for _, f := range co.fields {
		if f.Type == form.File {
			delete(change.Answers, f.ID)
			if files := co.files[f.ID]; len(files) > 0 {
				change.Answers[f.ID] = ids(files)
			}
		} else if _, ok := change.Answers[f.ID]; !ok {
			change.Answers[f.ID] = nil // emptied
		}
	}
	for _, m := range co.materials {
		if files := co.files[paperName(m.ID)]; len(files) > 0 {
			h := serviceitem.Handed{}
			for _, f := range files {
				h.Files = append(h.Files, f.ID)
			}
			change.Materials[m.ID] = h
		}
	}
	_, err = p.Items.Supply(r.Context(), a, d.c.Number, change)
	if faults, ok := faultsOf(err); ok {
		if !asked {
			return p.fresh(w, r, city.Conflict("case.not_asked"))
		}
		return p.showSupply(w, r, http.StatusUnprocessableEntity, d, co, faults)
	}
	if err != nil {
		return p.fresh(w, r, err)
	}
	return web.Redirect(w, r, CasePath(d.c.Number, ""))
}

func ids(files []serviceitem.File) []string {
	var out []string
	for _, f := range files {
		out = append(out, f.ID.String())
	}
	return out
}

// takes is the material that a file of the form is.
func (co *correction) takes(d dossier, field string) (string, bool) {
	for _, f := range co.fields {
		if f.ID == field && f.Type == form.File {
			return materialOf(d.item, f)
		}
	}
	for _, m := range co.materials {
		if paperName(m.ID) == field {
			return m.ID, true
		}
	}
	return "", false
}

// haveFiles takes up the files that came with an earlier try, but for those that
// were taken away again.
func (p *Pages) haveFiles(ctx context.Context, a city.Actor, co *correction) error {
	for name, list := range co.sent {
		field, ok := strings.CutSuffix(name, ".have")
		if !ok {
			continue
		}
		for _, id := range list {
			if slices.Contains(co.sent[field+".remove"], id) {
				if err := p.removeFile(ctx, a, id); err != nil {
					return err
				}
				continue
			}
			blob, err := parseID[city.BlobID](id)
			if err != nil {
				return err
			}
			f, body, err := p.Items.OpenUpload(ctx, a, blob, "purpose.own")
			if city.KindOf(err) == city.KindNotFound {
				continue
			}
			if err != nil {
				return err
			}
			if err := body.Close(); err != nil {
				return err
			}
			co.files[field] = append(co.files[field], f)
		}
	}
	return nil
}

func (p *Pages) withdrawPage(w http.ResponseWriter, r *http.Request) error {
	_, d, err := p.read(r)
	if err != nil {
		return err
	}
	if !d.may(casework.ActWithdraw) {
		return web.Redirect(w, r, CasePath(d.c.Number, ""))
	}
	return web.Render(w, r, http.StatusOK, ConfirmPage(web.Confirmation{
		Title: web.Words("citizen.withdraw.title", "item", p.caseName(d.c)), Text: city.Message{Key: "citizen.withdraw.text"},
		Effects: []city.Text{web.Words("citizen.withdraw.stops", "body", p.body(d.c.Body)), web.Words("citizen.withdraw.again")},
		Action:  CasePath(d.c.Number, "withdraw"), Do: web.Words("citizen.case.withdraw"), Danger: true,
		Back: web.Link{Text: web.Words("citizen.withdraw.keep"), Href: CasePath(d.c.Number, "")}, Hidden: url.Values{"key": {city.NewEventID().String()}},
	}, "matters"))
}

func (p *Pages) withdraw(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	n, err := caseNumber(r)
	if err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	if _, err := p.Items.Withdraw(r.Context(), a, n, "withdraw:"+sent.Get("key")); err != nil {
		return p.fresh(w, r, err)
	}
	return web.Redirect(w, r, CasePath(n, ""))
}

func (p *Pages) reviewPage(w http.ResponseWriter, r *http.Request) error {
	_, d, err := p.read(r)
	if err != nil {
		return err
	}
	return p.showReview(w, r, http.StatusOK, d, "", nil)
}

func (p *Pages) showReview(w http.ResponseWriter, r *http.Request, status int, d dossier, why string, faults []city.Field) error {
	for _, run := range d.runs {
		if run.Review != "" {
			return web.Redirect(w, r, CasePath(run.Review, ""))
		}
	}
	c := web.Confirmation{
		Title: web.Words("citizen.decision.review"), Text: city.Message{Key: "citizen.review.text"},
		Effects: []city.Text{web.Words("citizen.review.stays"), web.Words("citizen.review.when")},
		Action:  CasePath(d.c.Number, "review"), Do: web.Words("citizen.decision.review"),
		Back:   web.Link{Text: web.Words("citizen.review.back"), Href: CasePath(d.c.Number, "")},
		Fields: []web.Field{{Name: "reason", Type: web.FieldLongText, Label: web.Words("citizen.review.why"), Max: 2000, Value: why}},
	}
	c.Others = web.FaultsOf(c.Fields, faults, "")
	return web.Render(w, r, status, ConfirmPage(c, "matters"))
}

func (p *Pages) review(w http.ResponseWriter, r *http.Request) error {
	a, d, err := p.read(r)
	if err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	c, err := p.Items.LookAgain(r.Context(), a, d.c.Number, sent.Get("reason"))
	if faults, ok := faultsOf(err); ok {
		return p.showReview(w, r, http.StatusUnprocessableEntity, d, sent.Get("reason"), faults)
	}
	if err != nil {
		return p.fresh(w, r, err)
	}
	return web.Redirect(w, r, CasePath(c.Number, ""))
}

// rate takes the one rating of a matter. The same one sent twice is one.
func (p *Pages) rate(w http.ResponseWriter, r *http.Request) error {
	a, d, err := p.read(r)
	if err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	level, _ := strconv.Atoi(sent.Get("level")) // anything else is no level
	_, err = p.Items.Rate(r.Context(), a, d.c.Number, serviceitem.Level(level), sent.Get("words"))
	if faults, ok := faultsOf(err); ok {
		return p.showMatter(w, r, http.StatusUnprocessableEntity, &RateBox{Given: level, Words: sent.Get("words"), Fault: faults[0].Message}, city.Message{})
	}
	if err != nil && !(d.rating != nil && int(d.rating.Level) == level && city.KindOf(err) == city.KindConflict) {
		return p.fresh(w, r, err)
	}
	return web.Redirect(w, r, CasePath(d.c.Number, "")+"#rate")
}

// urge asks the office to hurry. Asked twice, it is asked once.
func (p *Pages) urge(w http.ResponseWriter, r *http.Request) error {
	a, d, err := p.read(r)
	if err != nil {
		return err
	}
	if d.may(casework.ActUrge) && !d.c.State.Has(casework.FlagUrged) {
		if _, err := p.Cases.Do(r.Context(), a, d.c.Number, casework.Action{Name: casework.ActUrge}); err != nil {
			return p.fresh(w, r, err)
		}
	}
	return web.Redirect(w, r, CasePath(d.c.Number, ""))
}
