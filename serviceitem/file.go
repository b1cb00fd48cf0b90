package serviceitem

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/form"
	"yiwang/internal/db"
)

// Filing is an application on its way in. One that was prepared as a draft names
// the draft and nothing else.
type Filing struct {
	Item      city.ItemCode
	Scenario  string // only where the item lets one choose
	Answers   map[string]any
	Materials map[string]Handed // by material
	For       Party             // zero: whom the actor acts for
	Channel   city.Channel      // "": the actor's
	Key       string            // idempotency: a repeat returns the first case
	Draft     city.DraftID
	Checked   string // at the counter: how the clerk made sure who came
}

// filing is a filing that was found right.
type filing struct {
	item    *item
	of      Party
	draft   *Draft
	once    string
	app     Application
	sight   *sight
	inline  []inlineUpload
	blobs   []city.BlobID // that the application holds
	title   string
	terms   string
	region  city.RegionCode
	version int // of the case that is corrected
}

// inlineUpload is a file that came with the filing, looked at and not yet kept.
type inlineUpload struct {
	material string
	row      *uploadRow
	body     uploadBody
	content  []byte
}

// File sends an application: everything is checked again, and either a case with
// a number stands, or nothing at all. Sent twice, with the same key or from the
// same draft, it is one case.
func (s *Service) File(ctx context.Context, actor city.Actor, f Filing) (casework.Case, error) {
	if f.Channel != "" {
		actor.Channel = f.Channel
	}
	p := &filing{once: onceOf(actor, f)}
	var done casework.Case
	err := s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, sent, err := s.sent(ctx, tx, actor, p.once)
		if err != nil || sent {
			done = c
			return err
		}
		return s.prepare(ctx, tx, actor, f, p)
	})
	if err != nil || done.Number != "" {
		return done, err
	}
	if err := s.keepInline(ctx, actor, p); err != nil {
		return casework.Case{}, err
	}
	var c casework.Case
	err = s.DB.Step(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = s.open(ctx, tx, actor, p)
		return err
	})
	if err == nil {
		return c, nil
	}
	err = errors.Join(err, s.undoInline(ctx, actor, p.inline))
	if p.once == "" || !errors.Is(err, db.ErrDuplicate) && city.KindOf(err) != city.KindConflict {
		return casework.Case{}, err
	}
	// Perhaps it was our own repeat that was faster.
	again := s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (e error) {
		var sent bool
		if c, sent, e = s.sent(ctx, tx, actor, p.once); e == nil && !sent {
			e = err
		}
		return e
	})
	return c, again
}

// FileIn is File in the caller's transaction, for whoever files and goes on in one
// step. Files come by Upload before, not along with it; a race that is lost only
// at the commit is db.ErrDuplicate.
func (s *Service) FileIn(ctx context.Context, tx *db.Tx, actor city.Actor, f Filing) (casework.Case, error) {
	if f.Channel != "" {
		actor.Channel = f.Channel
	}
	p := &filing{once: onceOf(actor, f)}
	if c, sent, err := s.sent(ctx, tx, actor, p.once); err != nil || sent {
		return c, err
	}
	if err := s.prepare(ctx, tx, actor, f, p); err != nil {
		return casework.Case{}, err
	}
	if len(p.inline) > 0 {
		return casework.Case{}, errInline
	}
	return s.open(ctx, tx, actor, p)
}

var errInline = errors.New("serviceitem: files are stored before the transaction, by Upload")

// onceOf is what makes a filing the same as another. Keys of different accounts
// never meet.
func onceOf(actor city.Actor, f Filing) string {
	switch {
	case !f.Draft.IsZero():
		return "draft:" + f.Draft.String()
	case f.Key != "":
		sum := sha256.Sum256([]byte(f.Key))
		return "key:" + actor.Account.String() + actor.Part + ":" + hex.EncodeToString(sum[:])
	}
	return ""
}

// sent finds the case that an earlier filing became.
func (s *Service) sent(ctx context.Context, tx *db.Tx, actor city.Actor, once string) (casework.Case, bool, error) {
	if once == "" {
		return casework.Case{}, false, nil
	}
	n, err := caseOnce(ctx, tx, once)
	if errors.Is(err, db.ErrNoRows) {
		return casework.Case{}, false, nil
	}
	if err != nil {
		return casework.Case{}, false, err
	}
	c, err := s.engine.Get(ctx, tx, actor, n)
	return c, err == nil, err
}

// prepare finds everything wrong with a filing, all at once, and changes nothing.
func (s *Service) prepare(ctx context.Context, tx *db.Tx, actor city.Actor, f Filing, p *filing) (err error) {
	if !f.Draft.IsZero() {
		d, err := s.draft(ctx, tx, actor, f.Draft, "draft.send")
		if err != nil {
			return err
		}
		p.draft = &d
		f.Item, f.Scenario, f.Answers, f.Materials, f.For = d.Item, d.Scenario, d.Answers, d.Handed, Party{}
		if actor.Kind != city.Resident {
			f.For = d.Of
		}
	}
	if p.item, err = s.item(f.Item); err != nil {
		return err
	}
	if p.of, err = s.party(actor, p.item, f.For); err != nil {
		return err
	}
	if err := s.Access.Ask(ctx, actor, "item.file", itemResource(&p.item.Item, p.of)); err != nil {
		return err
	}
	if err := s.channel(actor, p.item); err != nil {
		return err
	}
	if err := s.agent(ctx, tx, actor, p.item, p.of); err != nil {
		return err
	}
	p.app = Application{Item: p.item.Code, Digest: p.item.digest, Filed: city.FromMicros(city.Micros(s.Clock.Now())), By: byOf(actor, p.of), Checked: f.Checked}
	if err := s.settle(ctx, tx, actor, f, p, ""); err != nil {
		return err
	}
	return s.label(ctx, tx, p)
}

// channel says whether the item can be applied for this way.
func (s *Service) channel(actor city.Actor, it *item) error {
	has := func(any ...city.Channel) bool {
		return slices.ContainsFunc(it.Channels, func(c city.Channel) bool { return slices.Contains(any, c) })
	}
	ok := true
	switch actor.Channel {
	case city.ChannelCounter, city.ChannelPhone, city.ChannelPaper:
		ok = actor.Kind != city.Resident // somebody of the office writes it down
	case city.ChannelKiosk:
		ok = has(city.ChannelKiosk)
	case city.ChannelWeb, city.ChannelMobile, city.ChannelAPI:
		ok = has(city.ChannelWeb, city.ChannelMobile, city.ChannelAPI)
	}
	if !ok {
		return city.Invalid("service.not_this_way", "item", it.Name, "phone", it.Enquiry.Phone)
	}
	return nil
}

// agent says whether somebody who was sent by a firm may apply in its name.
func (s *Service) agent(ctx context.Context, tx *db.Tx, actor city.Actor, it *item, of Party) error {
	if it.Delegable || of.Firm.IsZero() || actor.Kind != city.Resident {
		return nil
	}
	people, err := s.Directory.PeopleOfFirm(ctx, tx, of.Firm)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(people, func(p directory.FirmPerson) bool { return p.Person == of.Person && p.Role == directory.Legal }) {
		return city.Invalid("service.not_delegable", "item", it.Name)
	}
	return nil
}

// settle checks answers and materials into p.app. A case that is corrected is
// named: its own files may stay.
func (s *Service) settle(ctx context.Context, tx *db.Tx, actor city.Actor, f Filing, p *filing, correcting city.CaseNumber) error {
	it := p.item
	p.sight = s.sight(p.of, it.Body, func(t city.CredentialType) bool {
		return slices.ContainsFunc(it.Materials, func(m Material) bool { return m.Credential == t && f.Materials[m.ID].Fetch })
	})
	known, marks, err := p.sight.known(ctx, tx, it)
	if err != nil {
		return err
	}
	raw := maps.Clone(f.Answers)
	if raw == nil {
		raw = map[string]any{}
	}
	faults := s.inlineFiles(actor, f, p, raw)
	fm := it.form.On(s.today())
	answers := fm.Clean(raw, known)
	for _, x := range fm.Validate(answers) {
		x.Name = "answers." + x.Name
		faults = append(faults, x)
	}
	sc, err := it.choose(answers, f.Scenario)
	if err != nil {
		return err
	}
	if sc != nil {
		p.app.Scenario = sc.ID
	} else if len(it.Scenarios) > 0 && len(faults) == 0 && slices.Contains(it.when, nil) {
		faults = append(faults, city.Field{Name: "scenario", Message: city.Message{Key: "service.choose_scenario"}})
	}
	p.app.Answers, p.app.Marks = answers, marksOf(answers, known, marks)
	more, err := s.materials(ctx, tx, actor, f, p, it.needed(sc), correcting)
	if err != nil {
		return err
	}
	if faults = append(faults, more...); len(faults) > 0 {
		return city.InvalidFields(faults)
	}
	return nil
}

// inlineFiles looks at files that came with the filing and gives them a place in
// the answers, as if they had been uploaded before.
func (s *Service) inlineFiles(actor city.Actor, f Filing, p *filing, raw map[string]any) (faults []city.Field) {
	now := s.Clock.Now()
	for _, id := range slices.Sorted(maps.Keys(f.Materials)) {
		h := f.Materials[id]
		m, ok := p.item.Material(id)
		if !ok {
			faults = append(faults, city.Field{Name: "materials." + id, Message: city.Message{Key: "service.material.unknown"}})
			continue
		}
		var ids []city.BlobID
		for _, file := range h.Inline {
			accept, most := s.bounds(p.item, m)
			u, err := sniffInline(file, accept, most)
			if err != nil {
				faults = append(faults, fieldFault("materials."+id, err))
				continue
			}
			u.material = id
			u.row.owner, u.row.of, u.row.item = actor.Person, p.of, p.item.Code
			u.row.created, u.row.expires = now, now.Add(uploadTries)
			p.inline = append(p.inline, u)
			ids = append(ids, u.row.id)
		}
		if _, inForm := p.item.form.Field(m.FormField); inForm {
			if all := append(append(blobsOf(raw[m.FormField]), h.Files...), ids...); len(all) > 0 {
				raw[m.FormField] = textsOf(slices.Compact(all))
			}
		}
	}
	return faults
}

func sniffInline(f InlineFile, accept []string, most int64) (inlineUpload, error) {
	if int64(len(f.Content)) > most {
		return inlineUpload{}, tooLarge(most)
	}
	media, err := checkHead(f.Content[:min(len(f.Content), headBytes)], f.Name, accept)
	if err == nil {
		err = checkTail(media, f.Content)
	}
	if err != nil {
		return inlineUpload{}, err
	}
	sum := sha256.Sum256(f.Content)
	return inlineUpload{row: &uploadRow{id: city.NewBlobID(), media: media, size: int64(len(f.Content)), ready: true},
		body: uploadBody{Name: fileName(f.Name), Digest: hex.EncodeToString(sum[:])}, content: f.Content}, nil
}

func fieldFault(name string, err error) city.Field {
	var e *city.Error
	if !errors.As(err, &e) {
		e = city.Invalid("service.upload.unreadable")
	}
	return city.Field{Name: name, Message: e.Message}
}

// keepInline stores the files that came with the filing, as uploads that wait for
// the case.
func (s *Service) keepInline(ctx context.Context, actor city.Actor, p *filing) error {
	for i := range p.inline {
		u := &p.inline[i]
		err := s.admit(ctx, actor, u.row, u.body)
		if err == nil {
			err = s.Blobs.Put(ctx, u.row.id, s.sealing(ctx, u.row.key, u.row.id, bytes.NewReader(u.content)))
		}
		if err != nil {
			return errors.Join(err, s.undoInline(ctx, actor, p.inline[:i+1]))
		}
	}
	return nil
}

func (s *Service) undoInline(ctx context.Context, actor city.Actor, list []inlineUpload) error {
	var all error
	for _, u := range list {
		all = errors.Join(all, s.undo(context.WithoutCancel(ctx), actor, u.row))
	}
	return all
}

// label finds by what the case is called, found and sent to people.
func (s *Service) label(ctx context.Context, tx *db.Tx, p *filing) error {
	who := "person"
	if !p.of.Firm.IsZero() {
		who = "firm"
	}
	facts, err := p.sight.register(ctx, tx, who)
	if err != nil {
		return err
	}
	p.title, _ = facts["name"].(string)
	terms := []string{p.item.Name.ZhHans, p.item.Name.En}
	if uscc, ok := facts["uscc"].(string); ok {
		terms = append(terms, uscc)
	}
	p.terms = strings.Join(terms, " ")
	p.region = s.regionOf(p, facts)
	return nil
}

// regionOf is where the matter lies: the first place that the form asked for, or
// where the applicant is registered.
func (s *Service) regionOf(p *filing, facts map[string]any) city.RegionCode {
	for _, st := range p.item.form.Form().Steps {
		for _, f := range st.Fields {
			var code string
			switch v := p.app.Answers[f.ID].(type) {
			case string:
				if f.Type == form.Region {
					code = v
				}
			case map[string]string:
				code = v["region"]
			}
			if r := city.RegionCode(code); r != "" && s.Directory.HasRegion(r) {
				return r
			}
		}
	}
	code, _ := facts["region"].(string)
	if r := city.RegionCode(code); s.Directory.HasRegion(r) {
		return r
	}
	return ""
}

// open makes the case of a filing that was found right, with everything that
// belongs to it, or nothing.
func (s *Service) open(ctx context.Context, tx *db.Tx, actor city.Actor, p *filing) (casework.Case, error) {
	it := p.item
	if err := s.Access.Ask(ctx, actor, "item.file", itemResource(&it.Item, p.of)); err != nil {
		return casework.Case{}, err
	}
	promise := it.Committed
	if promise.IsZero() {
		promise = it.Statutory
	}
	c, err := s.engine.Open(ctx, tx, actor, casework.Opening{Kind: it.Kind, Item: it.Code, Params: it.params(), Applicant: p.of.Person,
		Firm: p.of.Firm, Region: p.region, Promise: promise, Title: p.title, Payload: p.app, Terms: p.terms})
	if err != nil {
		return casework.Case{}, err
	}
	insertApplication(tx, c, p.app, actor.Channel, p.once)
	for _, u := range p.inline {
		finishUpload(tx, u.row)
	}
	for _, id := range p.blobs {
		linkUpload(tx, id, c.Number)
	}
	if p.draft != nil {
		sendDraft(tx, p.draft, c.Number)
	} else if err := s.noteConsents(ctx, tx, actor, p, c); err != nil {
		return casework.Case{}, err
	}
	return c, s.tracePapers(ctx, tx, actor, p, c.Number)
}
