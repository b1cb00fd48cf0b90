package desk

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"yiwang/city"
	"yiwang/form"
	"yiwang/internal/db"
	"yiwang/serviceitem"
	"yiwang/web"
)

// Intake is an application that a clerk fills in: all questions on one page.
type Intake struct {
	Item   city.Text
	For    string
	Parts  []IntakePart
	Papers []IntakePaper
	Check  web.Field // how the clerk made sure who came
	Others []city.Field
	Key    string
	Post   string
	Drop   string
	Saved  bool
	fields []web.Field
}

// IntakePart is a step of the form.
type IntakePart struct {
	Title  city.Text
	Hint   city.Text
	Fields []web.Field
}

// IntakePaper is a material and the ways in which it may come.
type IntakePaper struct {
	Name    city.Text
	Explain city.Text
	State   web.Tagged
	Fields  []web.Field
}

// DraftPath is an application that is filled in at the counter, and what hangs
// under it: "" for the page, "discard".
func DraftPath(id city.DraftID, under string) string {
	p := PathCounter + "/" + id.String()
	if under != "" {
		p += "/" + under
	}
	return p
}

// maxIntake bounds one page of an application with its files.
const maxIntake = 64 << 20

// intakeVisit is one request about a draft.
type intakeVisit struct {
	actor city.Actor
	id    city.DraftID
}

func (d *Desk) intakeVisit(r *http.Request) (intakeVisit, error) {
	v := intakeVisit{actor: atTheCounter(d.Actor(r))}
	if v.id.UnmarshalJSON([]byte(strconv.Quote(r.PathValue("draft")))) != nil || v.id.IsZero() {
		return v, city.NotFound("service.draft.gone")
	}
	return v, nil
}

func (d *Desk) intakePage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.intakeVisit(r)
	if err != nil {
		return err
	}
	return d.showIntake(w, r, http.StatusOK, v, r.URL.Query().Has("saved"), "", nil)
}

// showIntake shows the draft as it is kept, with faults where they belong.
func (d *Desk) showIntake(w http.ResponseWriter, r *http.Request, status int, v intakeVisit, saved bool, checked string, faults []city.Field) error {
	draft, err := d.Items.Draft(r.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	if draft.Case != "" { // sent already, perhaps by a colleague
		return web.Redirect(w, r, CasePath(draft.Case, ""))
	}
	it, f, ok := d.Items.Item(draft.Item)
	if !ok {
		return city.NotFound("service.no_item")
	}
	states, err := d.Items.Papers(r.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	in := Intake{Item: it.Name, Post: DraftPath(v.id, ""), Drop: DraftPath(v.id, "discard"), Saved: saved, Others: faults}
	err = d.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		in.For, err = d.nameOfParty(ctx, tx, draft.Of)
		return err
	})
	if err != nil {
		return err
	}
	in.Parts = d.intakeParts(r.Context(), draft, f.Visible(draft.Answers), states, v)
	in.Papers = intakePapers(states, f)
	in.Check = web.Field{Name: "checked", Type: web.FieldChoice, Label: web.Words("desk.intake.check"), Required: true, Value: checked}
	for _, how := range []string{"self", "proxy"} {
		in.Check.Options = append(in.Check.Options, web.Option{Value: how, Label: web.Words("desk.intake.check." + how)})
	}
	in.place()
	return web.Render(w, r, status, intakePage(d.frame(r.Context(), v.actor, "counter", nil), in))
}

// place puts the faults to the fields they name; what is left stands on top.
func (in *Intake) place() {
	for i := range in.Parts {
		in.Others = web.FaultsOf(in.Parts[i].Fields, in.Others, "answers.")
		in.fields = append(in.fields, in.Parts[i].Fields...)
	}
	for i := range in.Papers {
		in.Others = web.FaultsOf(in.Papers[i].Fields, in.Others, "materials.")
		in.fields = append(in.fields, in.Papers[i].Fields...)
	}
	check := []web.Field{in.Check}
	in.Others = web.FaultsOf(check, in.Others, "")
	in.Check = check[0]
	in.fields = append(in.fields, in.Check)
}

func (d *Desk) intakeParts(ctx context.Context, draft serviceitem.Draft, steps []form.Step, states []serviceitem.State, v intakeVisit) []IntakePart {
	c := web.FieldContext{Lang: web.ViewOf(ctx).Lang, Prefix: "answers.", Sources: map[string]city.Text{}, Known: map[string]bool{},
		Regions: d.regionChoices(), Files: map[string][]web.UploadedFile{}}
	for id, m := range draft.Marks {
		c.Sources[id], c.Known[id] = d.sourceName(m.Source), true
	}
	for _, st := range states {
		if st.Material.FormField != "" {
			c.Files[st.Material.FormField] = uploaded(v.id, st.Files)
		}
	}
	var out []IntakePart
	for _, st := range steps {
		fields, _ := web.FieldsOf(st.Fields, draft.Answers, c)
		out = append(out, IntakePart{Title: st.Title, Hint: st.Hint, Fields: fields})
	}
	return out
}

func uploaded(id city.DraftID, files []serviceitem.File) []web.UploadedFile {
	var out []web.UploadedFile
	for _, f := range files {
		out = append(out, web.UploadedFile{ID: f.ID.String(), Name: f.Name, Size: f.Size, Href: DraftPath(id, "files") + "/" + f.ID.String()})
	}
	return out
}

// regionChoices are the deepest divisions of the city, under what they lie in.
func (d *Desk) regionChoices() []web.Option {
	var out []web.Option
	var walk func(code city.RegionCode)
	walk = func(code city.RegionCode) {
		children := d.Directory.RegionChildren(code)
		if len(children) == 0 {
			r, _ := d.Directory.Region(code)
			group := city.Text{}
			if r.Parent != "" && r.Parent != d.Directory.City() {
				group = d.Directory.RegionName(r.Parent)
			}
			out = append(out, web.Option{Value: string(code), Label: r.Name, Group: group})
		}
		for _, c := range children {
			walk(c.Code)
		}
	}
	walk(d.Directory.City())
	return out
}

// intakePapers shows how each material may come: with the applicant's yes, on
// paper, as a file, or later.
func intakePapers(states []serviceitem.State, f *form.Compiled) []IntakePaper {
	var out []IntakePaper
	for _, st := range states {
		m := st.Material
		p := IntakePaper{Name: m.Name, Explain: m.Explain, State: paperTag(st)}
		field := func(kind string, t web.FieldType, value string) web.Field {
			return web.Field{Name: kind + "." + m.ID, Type: t, Label: web.Words("desk.intake." + kind), Value: value}
		}
		if m.Credential != "" {
			fetch := field("fetch", web.FieldYesNo, "")
			fetch.Required = true
			if st.Handed.Fetch || st.Handed.Declined {
				fetch.Value = strconv.FormatBool(st.Handed.Fetch)
			}
			p.Fields = append(p.Fields, fetch)
		}
		if fd, inForm := f.Field(m.FormField); !inForm || fd.Type != form.File || !fd.Required {
			p.Fields = append(p.Fields, field("paper", web.FieldStatement, strconv.FormatBool(st.Handed.Paper)))
		}
		if m.Need == serviceitem.Deferred {
			p.Fields = append(p.Fields, field("later", web.FieldStatement, strconv.FormatBool(st.Handed.Later)))
		}
		out = append(out, p)
	}
	return out
}

func paperTag(st serviceitem.State) web.Tagged {
	switch {
	case st.Settled && st.Held != nil:
		return web.Tagged{State: web.StateDone, Word: web.Words("desk.intake.held")}
	case st.Settled && (len(st.Files) > 0 || st.Handed.Paper):
		return web.Tagged{State: web.StateDone, Word: web.Words("desk.intake.got")}
	case st.Settled:
		return web.Tagged{State: web.StateWorking, Word: web.Words("desk.intake.not_needed")}
	}
	return web.Tagged{State: web.StateWaiting, Word: web.Words("desk.intake.missing")}
}

// intake keeps what was typed, whatever is wrong with it, and files it when the
// clerk says so.
func (d *Desk) intake(w http.ResponseWriter, r *http.Request) error {
	v, err := d.intakeVisit(r)
	if err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxIntake)
	if err := r.ParseMultipartForm(8 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return formError(err)
	}
	if r.MultipartForm != nil {
		defer r.MultipartForm.RemoveAll() // temporary files; the system clears what is left
	}
	faults, err := d.keep(r.Context(), v, r)
	if err != nil {
		return err
	}
	checked := r.PostForm.Get("checked")
	switch {
	case !r.PostForm.Has("send") && len(faults) > 0:
		return d.showIntake(w, r, http.StatusUnprocessableEntity, v, false, checked, faults)
	case !r.PostForm.Has("send"):
		return web.Redirect(w, r, DraftPath(v.id, "")+"?saved=1")
	}
	if checked != "self" && checked != "proxy" {
		faults = append(faults, city.Field{Name: "checked", Message: city.Message{Key: "desk.intake.check.which"}})
	}
	more, err := d.Items.CheckDraft(r.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	if faults = append(faults, more...); len(faults) > 0 {
		return d.showIntake(w, r, http.StatusUnprocessableEntity, v, false, checked, faults)
	}
	c, err := d.Items.File(r.Context(), v.actor, serviceitem.Filing{Draft: v.id, Checked: checked})
	var e *city.Error
	if errors.As(err, &e) && e.Kind == city.KindInvalid {
		if len(e.Fields) == 0 {
			e.Fields = []city.Field{{Message: e.Message}}
		}
		return d.showIntake(w, r, http.StatusUnprocessableEntity, v, false, checked, e.Fields)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, CasePath(c.Number, "receipt"))
}

// keep saves the answers step by step, then papers and files; it returns what
// could not be taken.
func (d *Desk) keep(ctx context.Context, v intakeVisit, r *http.Request) (faults []city.Field, err error) {
	draft, err := d.Items.Draft(ctx, v.actor, v.id)
	if err != nil {
		return nil, err
	}
	_, f, ok := d.Items.Item(draft.Item)
	if !ok {
		return nil, city.NotFound("service.no_item")
	}
	for _, st := range f.Form().Steps {
		if !slices.ContainsFunc(f.Visible(draft.Answers), func(s form.Step) bool { return s.ID == st.ID }) {
			continue
		}
		draft, _, err = d.Items.SaveStep(ctx, v.actor, v.id, st.ID, withFiles(r.PostForm, st, draft))
		if err != nil {
			return nil, err
		}
	}
	if err := d.keepPapers(ctx, v, r.PostForm); err != nil {
		return nil, err
	}
	for name, values := range r.PostForm {
		if !strings.HasSuffix(name, ".remove") || len(values) == 0 {
			continue
		}
		var blob city.BlobID
		if blob.UnmarshalJSON([]byte(strconv.Quote(values[0]))) == nil {
			if err := d.Items.RemoveUpload(ctx, v.actor, blob); err != nil && city.KindOf(err) != city.KindNotFound {
				return nil, err
			}
		}
	}
	return d.keepFiles(ctx, v, f, r)
}

// withFiles adds the files that a step already has: they travel apart.
func withFiles(sent url.Values, st form.Step, draft serviceitem.Draft) map[string][]string {
	out := map[string][]string(sent)
	for _, fd := range st.Fields {
		if fd.Type != form.File {
			continue
		}
		switch v := draft.Answers[fd.ID].(type) {
		case []string:
			out[fd.ID] = v
		case []any:
			out[fd.ID] = nil
			for _, x := range v {
				if s, ok := x.(string); ok {
					out[fd.ID] = append(out[fd.ID], s)
				}
			}
		}
	}
	return out
}

// keepPapers records what changed about each material.
func (d *Desk) keepPapers(ctx context.Context, v intakeVisit, sent url.Values) error {
	states, err := d.Items.Papers(ctx, v.actor, v.id)
	if err != nil {
		return err
	}
	for _, st := range states {
		m, h := st.Material, st.Handed
		fetch := sent.Get("fetch." + m.ID)
		if m.Credential != "" && (fetch == "true" && !h.Fetch || fetch == "false" && !h.Declined) {
			if _, err := d.Items.Consent(ctx, v.actor, v.id, m.ID, fetch == "true"); err != nil {
				return err
			}
		}
		if paper := sent.Get("paper."+m.ID) == "true"; paper != h.Paper {
			if _, err := d.Items.TakeIn(ctx, v.actor, v.id, m.ID, paper); err != nil {
				return err
			}
		}
		if later := sent.Get("later."+m.ID) == "true"; m.Need == serviceitem.Deferred && later != h.Later {
			if _, err := d.Items.Postpone(ctx, v.actor, v.id, m.ID, later); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepFiles takes the files of file fields in; what can't be taken is a fault at
// its field.
func (d *Desk) keepFiles(ctx context.Context, v intakeVisit, f *form.Compiled, r *http.Request) (faults []city.Field, err error) {
	if r.MultipartForm == nil {
		return nil, nil
	}
	for name, headers := range r.MultipartForm.File {
		fd, ok := f.Field(name)
		if !ok || fd.Type != form.File || fd.Material == "" {
			continue
		}
		for _, h := range headers {
			err := d.keepFile(ctx, v, fd.Material, h)
			var e *city.Error
			switch {
			case err == nil:
			case errors.As(err, &e) && (e.Kind == city.KindInvalid || e.Kind == city.KindTooLarge):
				faults = append(faults, city.Field{Name: "answers." + name, Message: e.Message})
			default:
				return nil, err
			}
		}
	}
	return faults, nil
}

func (d *Desk) keepFile(ctx context.Context, v intakeVisit, material string, h *multipart.FileHeader) error {
	content, err := h.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = d.Items.Upload(ctx, v.actor, serviceitem.Upload{Draft: v.id, Material: material, Name: h.Filename, Size: h.Size, Content: io.Reader(content)})
	return err
}

// discardPage asks before an application is thrown away.
func (d *Desk) discardPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.intakeVisit(r)
	if err != nil {
		return err
	}
	draft, err := d.Items.Draft(r.Context(), v.actor, v.id)
	if err != nil {
		return err
	}
	it, _ := d.item(draft.Item)
	return web.Render(w, r, http.StatusOK, confirmPage(d.frame(r.Context(), v.actor, "counter", nil), web.Confirmation{
		Title: web.Words("desk.intake.discard.title", "item", it.Name), Text: city.Message{Key: "desk.intake.discard.text"},
		Action: DraftPath(v.id, "discard"), Do: web.Words("desk.intake.discard"), Danger: true,
		Back: web.Link{Text: web.Words("desk.intake.keep"), Href: DraftPath(v.id, "")}}))
}

func (d *Desk) discard(w http.ResponseWriter, r *http.Request) error {
	v, err := d.intakeVisit(r)
	if err != nil {
		return err
	}
	if err := d.Items.Discard(r.Context(), v.actor, v.id); err != nil && city.KindOf(err) != city.KindNotFound {
		return err
	}
	return web.Redirect(w, r, PathCounter)
}

// draftFile shows a file of an application that is being filled in.
func (d *Desk) draftFile(w http.ResponseWriter, r *http.Request) error {
	v, err := d.intakeVisit(r)
	if err != nil {
		return err
	}
	return d.sendFile(w, r, v.actor)
}

// Receipt is what the applicant takes home from the counter.
type Receipt struct {
	Number  city.CaseNumber
	Name    city.Text
	For     string
	At      city.Message
	Promise city.Message
	Tell    city.Text
	Papers  []city.Text
	Office  city.Text
}

// receiptPage prints what was taken in.
func (d *Desk) receiptPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.visitOf(r)
	if err != nil {
		return err
	}
	v.actor = atTheCounter(v.actor)
	var rec Receipt
	err = d.DB.Update(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		c, err := d.Cases.Look(ctx, tx, v.actor, v.number, "purpose.counter_filing")
		if err != nil {
			return err
		}
		rec = Receipt{Number: c.Number, Name: d.nameOf(c), For: c.Title, Tell: c.Tell, Office: d.bodyName(c.State.Counter),
			At: city.Message{Key: "desk.receipt.at", Args: []any{"at", c.OpenedAt.In(web.ViewOf(ctx).City.Zone)}}}
		if !c.State.Promise.IsZero() {
			rec.Promise = city.Message{Key: "desk.receipt.promise", Args: []any{"limit", limitWords(c.State.Promise)}}
		}
		app, err := d.Items.Read(ctx, tx, v.actor, v.number)
		if err != nil {
			return err
		}
		it, _, err := d.Items.Asked(ctx, tx, app)
		if err != nil {
			return err
		}
		for _, g := range app.Materials {
			if g.How == serviceitem.Uploaded || g.How == serviceitem.OnPaper || g.How == serviceitem.Fetched {
				rec.Papers = append(rec.Papers, materialName(it, g.Material))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, receiptPage(d.frame(r.Context(), v.actor, "counter", nil), rec))
}
