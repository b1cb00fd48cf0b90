package serviceitem

import (
	"context"
	"errors"
	"slices"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/form"
	"yiwang/internal/db"
	"yiwang/journal"
)

// materials settles how each needed material came, into p.app.Materials, and says
// what is missing.
func (s *Service) materials(ctx context.Context, tx *db.Tx, actor city.Actor, f Filing, p *filing, needed []Material, correcting city.CaseNumber) ([]city.Field, error) {
	var faults []city.Field
	fault := func(name, key string, args ...any) {
		faults = append(faults, city.Field{Name: name, Message: city.Message{Key: key, Args: args}})
	}
	p.blobs, p.app.Materials = nil, nil
	seen := map[string]bool{}
	for _, m := range needed {
		g, key, err := s.material(ctx, tx, actor, f, p, m, correcting)
		if err != nil {
			return nil, err
		}
		_, inForm := p.item.form.Field(m.FormField)
		switch {
		case key == "":
			p.app.Materials = append(p.app.Materials, g)
		case key == "service.material.upload" && inForm:
			// the form says so already, at its field
		default:
			fault("materials."+m.ID, key, "material", m.Name)
		}
		seen[m.FormField] = true
	}
	// Files of the form that are no material of this scenario.
	for id, v := range p.app.Answers {
		if fd, ok := p.item.form.Field(id); ok && fd.Type == form.File && !seen[id] {
			_, bad, err := s.files(ctx, tx, actor, p, blobsOf(v), acceptOf(fd), fd.MaxBytes(), correcting)
			if err != nil {
				return nil, err
			}
			if bad != "" {
				fault("answers."+id, bad)
			}
		}
	}
	return faults, nil
}

func acceptOf(f form.Field) []string {
	if len(f.Accept) == 0 {
		return defaultAccept
	}
	return f.Accept
}

// material settles one; the key is the text that says what is missing.
func (s *Service) material(ctx context.Context, tx *db.Tx, actor city.Actor, f Filing, p *filing, m Material, correcting city.CaseNumber) (Given, string, error) {
	h := f.Materials[m.ID]
	g := Given{Material: m.ID, At: p.app.Filed}
	if h.Paper && actor.Kind != city.Officer {
		return g, "service.material.counter_only", nil
	}
	if h.Later && m.Need != Deferred {
		return g, "service.material.not_later", nil
	}
	if m.Credential != "" && h.Fetch {
		held, err := p.sight.held(ctx, tx, m.Credential)
		if err != nil {
			return g, "", err
		}
		if len(held) > 0 {
			g.How, g.Licence = Fetched, paperOf(held[0])
			if !h.At.IsZero() {
				g.At = h.At
			}
			return g, "", nil
		}
	}
	ids := slices.Clone(h.Files)
	for _, u := range p.inline {
		if u.material == m.ID {
			ids = append(ids, u.row.id)
		}
	}
	if _, inForm := p.item.form.Field(m.FormField); inForm {
		ids = blobsOf(p.app.Answers[m.FormField])
	}
	if len(ids) > 0 {
		accept, most := s.bounds(p.item, m)
		files, bad, err := s.files(ctx, tx, actor, p, ids, accept, most, correcting)
		g.How, g.Files = Uploaded, files
		return g, bad, err
	}
	switch {
	case h.Paper:
		g.How = OnPaper
	case m.Source == FromGovernment && m.Credential == "":
		g.How = ByOffice
	case m.Need == Deferred:
		g.How = Later
	case m.Need == Optional:
		g.How = Absent
	case m.Credential != "" && h.Fetch:
		return g, "service.material.not_held", nil
	case m.Credential != "" && !h.Declined:
		return g, "service.material.say_yes", nil
	default:
		return g, "service.material.upload", nil
	}
	return g, "", nil
}

func paperOf(c credential.Credential) *Paper {
	return &Paper{Number: c.Number, Type: c.Type, Name: c.Name, Issuer: c.Issuer, Issued: c.Issued, Until: c.Until, Fields: c.Fields}
}

// files finds uploads and says what keeps them from being used: they must be the
// applicant's, in no other case, and what the field takes.
func (s *Service) files(ctx context.Context, tx *db.Tx, actor city.Actor, p *filing, ids []city.BlobID, accept []string, most int64, correcting city.CaseNumber) ([]File, string, error) {
	var out []File
	for _, id := range ids {
		if i := slices.IndexFunc(p.inline, func(u inlineUpload) bool { return u.row.id == id }); i >= 0 {
			out = append(out, p.inline[i].row.file(p.inline[i].body))
			p.blobs = append(p.blobs, id)
			continue
		}
		row, err := uploadByID(ctx, tx, id)
		if errors.Is(err, db.ErrNoRows) {
			return nil, "service.upload.gone", nil
		}
		if err != nil {
			return nil, "", err
		}
		ours := row.of == p.of && row.owner == actor.Person || p.draft != nil && row.draft == p.draft.ID
		free := row.caseNo == "" && s.Clock.Now().Before(row.expires)
		kept := correcting != "" && row.caseNo == correcting
		if !row.ready || !kept && (!ours || !free) {
			return nil, "service.upload.gone", nil
		}
		if !slices.ContainsFunc(accept, func(a string) bool { return form.MediaTypes[a] == row.media }) || row.size > most {
			return nil, "service.upload.not_for_this", nil
		}
		var body uploadBody
		if err := s.Journal.Vault().Unseal(ctx, tx, row.key, row.sealed, &body); err != nil {
			if errors.Is(err, journal.ErrErased) {
				return nil, "service.upload.gone", nil
			}
			return nil, "", err
		}
		out = append(out, row.file(body))
		if !kept {
			p.blobs = append(p.blobs, id)
		}
	}
	return out, "", nil
}

// noteConsents puts on record what the applicant said yes to.
func (s *Service) noteConsents(ctx context.Context, tx *db.Tx, actor city.Actor, p *filing, c casework.Case) error {
	for _, g := range p.app.Materials {
		m, _ := p.item.Material(g.Material)
		if g.How != Fetched {
			continue
		}
		err := s.Journal.Append(ctx, tx, journal.Event{At: s.Clock.Now(), Type: "consent.given", Subject: string(c.Number), Actor: actor,
			To:   []journal.Recipient{{Person: p.of.Person, Firm: p.of.Firm}},
			Data: map[string]any{"item": c.Item, "material": m.ID, "type": m.Credential, "applicant": p.of.Person, "firm": p.of.Firm, "case": c.Number}})
		if err != nil {
			return err
		}
	}
	return nil
}

// tracePapers shows the applicant that the body now has the papers fetched for
// the case, and at the counter that a clerk has filled in from their record.
func (s *Service) tracePapers(ctx context.Context, tx *db.Tx, actor city.Actor, p *filing, n city.CaseNumber) error {
	var fields []string
	for _, g := range p.app.Materials {
		if g.How != Fetched {
			continue
		}
		if h, ok := s.holder(p.of, g.Licence.Type); ok && !h.Person.IsZero() {
			fields = append(fields, "licence:"+string(g.Licence.Type))
		}
	}
	if len(fields) > 0 {
		slices.Sort(fields)
		err := access.RecordUse(ctx, tx, s.Journal, program(p.item.Body), access.Use{Person: p.of.Person, At: s.Clock.Now(),
			Purpose: "purpose.material", Case: n, Fields: slices.Compact(fields)})
		if err != nil {
			return err
		}
	}
	if actor.Kind != city.Officer {
		return nil
	}
	return p.sight.trace(ctx, tx, actor, "purpose.counter_filing", n)
}

// State is how a material stands in a draft.
type State struct {
	Material Material
	Handed   Handed
	Files    []File
	Held     *Paper // found after the applicant's yes
	Settled  bool   // nothing more to do
	Missing  city.Message
}

// Papers lists the materials that the draft needs as answered so far, and how
// each stands.
func (s *Service) Papers(ctx context.Context, actor city.Actor, id city.DraftID) ([]State, error) {
	var out []State
	err := s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, sc, err := s.look(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		f := Filing{Materials: p.draft.Handed}
		for _, m := range p.item.needed(sc) {
			g, missing, err := s.material(ctx, tx, actor, f, p, m, "")
			if err != nil {
				return err
			}
			st := State{Material: m, Handed: p.draft.Handed[m.ID], Files: g.Files, Held: g.Licence, Settled: missing == ""}
			if missing != "" {
				st.Missing = city.Message{Key: missing, Args: []any{"material", m.Name}}
			}
			out = append(out, st)
		}
		return nil
	})
	return out, err
}

// look reads a draft as a filing to be checked.
func (s *Service) look(ctx context.Context, tx *db.Tx, actor city.Actor, id city.DraftID) (*filing, *Scenario, error) {
	d, err := s.draft(ctx, tx, actor, id, "draft.read")
	if err != nil {
		return nil, nil, err
	}
	if d.Case != "" {
		return nil, nil, city.Conflict("service.draft.sent", "number", string(d.Case))
	}
	it, err := s.item(d.Item)
	if err != nil {
		return nil, nil, err
	}
	p := &filing{item: it, of: d.Of, draft: &d, sight: s.sight(d.Of, it.Body, d.fetched(it))}
	p.app = Application{Answers: d.Answers, Filed: s.Clock.Now()}
	sc, err := it.choose(d.Answers, d.Scenario)
	return p, sc, err
}

// CheckDraft checks a draft as a whole, as sending it will, and changes nothing: the
// faults by "answers." and "materials." with their fields.
func (s *Service) CheckDraft(ctx context.Context, actor city.Actor, id city.DraftID) ([]city.Field, error) {
	var faults []city.Field
	err := s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		err := s.prepare(ctx, tx, actor, Filing{Draft: id}, &filing{})
		var e *city.Error
		if errors.As(err, &e) && len(e.Fields) > 0 {
			faults = e.Fields
			return nil
		}
		return err
	})
	return faults, err
}
