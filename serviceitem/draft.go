package serviceitem

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// DraftLife is how long an application waits to be finished, counted from the
// last change.
const DraftLife = 30 * 24 * time.Hour

const mostDrafts = 50 // unfinished ones of one person

// Draft is an application that was begun and not yet sent. It waits on the
// server, sealed, so that it can be finished on another device.
type Draft struct {
	ID       city.DraftID
	Item     city.ItemCode
	Of       Party
	Step     string // the step that was saved last
	Scenario string // chosen, where the item lets one choose
	Answers  map[string]any
	Marks    map[string]Mark // answers that the city knew, by field
	Handed   map[string]Handed
	Version  int
	Created  time.Time
	Changed  time.Time
	Expires  time.Time
	Case     city.CaseNumber // once it was sent

	owner   city.PersonID
	counter city.BodyID // whose counter fills it in; "" for residents
	key     journal.KeyID
}

// Handed is what the applicant gives for one material.
type Handed struct {
	Fetch    bool          `json:"fetch,omitempty"`    // yes: take it from my licences
	Declined bool          `json:"declined,omitempty"` // no: I bring it myself
	At       time.Time     `json:"at,omitzero"`        // when the yes or no was given
	Files    []city.BlobID `json:"files,omitempty"`
	Later    bool          `json:"later,omitempty"` // it follows, where it may
	Paper    bool          `json:"paper,omitempty"` // seen or taken in at the counter; clerks only
	// Inline are files sent along with the application.
	Inline []InlineFile `json:"inline,omitempty"`
}

// InlineFile is a file within a request.
type InlineFile struct {
	Name    string `json:"name"`
	Content []byte `json:"content"` // base64 in JSON
}

// draftBody is the sealed part of a draft.
type draftBody struct {
	Scenario string            `json:"scenario,omitempty"`
	Answers  map[string]any    `json:"answers"`
	Marks    map[string]Mark   `json:"marks,omitempty"`
	Handed   map[string]Handed `json:"handed,omitempty"`
}

func (d *Draft) resource() access.Resource {
	return access.Resource{Type: "Draft", ID: d.ID.String(), Attrs: access.Attrs{"owner": d.owner, "counter": string(d.counter),
		"applicant": d.Of.Person, "firm": d.Of.Firm, "item": d.Item}}
}

// Begin starts an application, with what the city knows of the applicant filled
// in. Nothing is fetched from licences before the applicant says yes.
func (s *Service) Begin(ctx context.Context, actor city.Actor, code city.ItemCode, of Party) (Draft, error) {
	it, err := s.item(code)
	if err != nil {
		return Draft{}, err
	}
	if of, err = s.party(actor, it, of); err != nil {
		return Draft{}, err
	}
	if err := s.Access.Ask(ctx, actor, "item.begin", itemResource(&it.Item, of)); err != nil {
		return Draft{}, err
	}
	now := s.Clock.Now()
	d := Draft{ID: city.NewDraftID(), Item: code, Of: of, Version: 1, Created: now, Changed: now, Expires: now.Add(DraftLife),
		Handed: map[string]Handed{}, owner: actor.Person}
	if actor.Kind == city.Officer {
		d.counter = actor.Body
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if n, err := countDrafts(ctx, tx, d.owner, now); err != nil || n >= mostDrafts {
			if err == nil {
				err = city.Invalid("service.draft.too_many", "max", mostDrafts)
			}
			return err
		}
		v := s.sight(of, it.Body, noLicence)
		known, marks, err := v.known(ctx, tx, it)
		if err != nil {
			return err
		}
		d.Answers = it.form.On(s.today()).Prefill(known)
		d.Marks = marksOf(d.Answers, known, marks)
		if err := v.trace(ctx, tx, actor, "purpose.prefill", ""); err != nil {
			return err
		}
		if d.key, err = s.Journal.Vault().NewKey(ctx, tx, of.Person); err != nil {
			return err
		}
		sealed, err := s.sealDraft(ctx, tx, &d)
		if err != nil {
			return err
		}
		insertDraft(tx, &d, sealed)
		return nil
	})
	return d, err
}

func (s *Service) sealDraft(ctx context.Context, tx *db.Tx, d *Draft) ([]byte, error) {
	return s.Journal.Vault().Seal(ctx, tx, d.key, draftBody{d.Scenario, d.Answers, d.Marks, d.Handed})
}

// draft reads a draft that the actor may have. One that has expired is gone, even
// if it still lies there.
func (s *Service) draft(ctx context.Context, tx *db.Tx, actor city.Actor, id city.DraftID, action string) (Draft, error) {
	row, err := draftByID(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		return Draft{}, city.NotFound("service.draft.gone")
	}
	if err != nil {
		return Draft{}, err
	}
	d := row.Draft
	if err := s.Access.Ask(ctx, actor, action, d.resource()); err != nil {
		return Draft{}, err
	}
	if d.Case != "" {
		return d, nil
	}
	if !s.Clock.Now().Before(d.Expires) {
		return Draft{}, city.NotFound("service.draft.gone")
	}
	var b draftBody
	err = s.Journal.Vault().Unseal(ctx, tx, d.key, row.sealed, &b)
	if errors.Is(err, journal.ErrErased) {
		return Draft{}, city.NotFound("service.draft.gone")
	}
	d.Scenario, d.Answers, d.Marks, d.Handed = b.Scenario, b.Answers, b.Marks, b.Handed
	if d.Answers == nil {
		d.Answers = map[string]any{}
	}
	if d.Handed == nil {
		d.Handed = map[string]Handed{}
	}
	return d, err
}

// Draft reads a draft. One that was sent has only its case.
func (s *Service) Draft(ctx context.Context, actor city.Actor, id city.DraftID) (d Draft, err error) {
	err = s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		d, err = s.draft(ctx, tx, actor, id, "draft.read")
		return err
	})
	return d, err
}

// Drafts lists the unfinished applications that the actor has begun for whomever
// they act for now, newest first, without their answers.
func (s *Service) Drafts(ctx context.Context, actor city.Actor) ([]Draft, error) {
	of := Party{actor.Applicant(), actor.Firm}
	err := s.Access.Ask(ctx, actor, "draft.list", access.Resource{Type: "Draft", Attrs: access.Attrs{"owner": actor.Person, "applicant": of.Person}})
	if err != nil {
		return nil, err
	}
	var out []Draft
	err = s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		all, err := draftsOf(ctx, tx, actor.Person, s.Clock.Now())
		for _, d := range all {
			mine := d.counter == "" && d.Of == of
			if actor.Kind == city.Officer {
				mine = d.counter != "" && d.counter == actor.Body
			}
			if mine {
				out = append(out, d.Draft)
			}
		}
		return err
	})
	return out, err
}

// changeDraft lets change work on a draft and keeps what it made of it. Two
// devices that save at once: the second hears city.KindConflict.
func (s *Service) changeDraft(ctx context.Context, tx *db.Tx, actor city.Actor, id city.DraftID, change func(*Draft, *item) error) (Draft, error) {
	d, err := s.draft(ctx, tx, actor, id, "draft.save")
	if err != nil {
		return Draft{}, err
	}
	if d.Case != "" {
		return Draft{}, city.Conflict("service.draft.sent", "number", string(d.Case))
	}
	it, err := s.item(d.Item)
	if err != nil {
		return Draft{}, err
	}
	if err := change(&d, it); err != nil {
		return Draft{}, err
	}
	was := d.Version
	d.Version++
	d.Changed = s.Clock.Now()
	d.Expires = d.Changed.Add(DraftLife)
	sealed, err := s.sealDraft(ctx, tx, &d)
	if err != nil {
		return Draft{}, err
	}
	updateDraft(tx, &d, was, sealed)
	prolongUploads(tx, d.ID, d.Expires)
	return d, nil
}

// SaveStep keeps the answers of one step as they were sent, right or wrong, and
// says what is wrong with them. Nothing that somebody typed is lost.
func (s *Service) SaveStep(ctx context.Context, actor city.Actor, id city.DraftID, step string, sent map[string][]string) (d Draft, faults []city.Field, err error) {
	err = s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		d, err = s.changeDraft(ctx, tx, actor, id, func(d *Draft, it *item) error {
			known, marks, err := s.sight(d.Of, it.Body, d.fetched(it)).known(ctx, tx, it)
			if err != nil {
				return err
			}
			f := it.form.On(s.today())
			d.Answers = f.MergeStep(d.Answers, step, sent, known)
			d.Marks = marksOf(d.Answers, known, marks)
			d.Step = step
			faults = f.ValidateStep(step, d.Answers)
			return nil
		})
		return err
	})
	if err != nil {
		return Draft{}, nil, err
	}
	return d, faults, nil
}

// fetched allows the licences that the applicant has said yes to.
func (d *Draft) fetched(it *item) func(city.CredentialType) bool {
	return func(t city.CredentialType) bool {
		return slices.ContainsFunc(it.Materials, func(m Material) bool { return m.Credential == t && d.Handed[m.ID].Fetch })
	}
}

// Choose picks a scenario where the item lets the applicant choose.
func (s *Service) Choose(ctx context.Context, actor city.Actor, id city.DraftID, scenario string) (d Draft, err error) {
	err = s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		d, err = s.changeDraft(ctx, tx, actor, id, func(d *Draft, it *item) error {
			if !slices.ContainsFunc(it.Scenarios, func(sc Scenario) bool { return sc.ID == scenario }) {
				return city.Invalid("service.no_scenario")
			}
			d.Scenario = scenario
			return nil
		})
		return err
	})
	return d, err
}

// Consent records the applicant's yes or no to fetching a paper from their
// licences. After a yes the paper is looked for at once, with the use on record,
// and what it says is filled into answers not given yet.
func (s *Service) Consent(ctx context.Context, actor city.Actor, id city.DraftID, material string, yes bool) (d Draft, err error) {
	err = s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		var v *sight
		var m Material
		d, err = s.changeDraft(ctx, tx, actor, id, func(d *Draft, it *item) (err error) {
			var ok bool
			if m, ok = it.Material(material); !ok || m.Credential == "" {
				return city.Invalid("service.material.not_fetched")
			}
			h := d.Handed[material]
			h.Fetch, h.Declined, h.At = yes, !yes, s.Clock.Now()
			d.Handed[material] = h
			if !yes {
				return nil
			}
			v = s.sight(d.Of, it.Body, d.fetched(it))
			if _, err := v.held(ctx, tx, m.Credential); err != nil {
				return err
			}
			known, marks, err := v.known(ctx, tx, it)
			if err != nil {
				return err
			}
			merged := maps.Clone(known)
			maps.Copy(merged, d.Answers)
			d.Answers = it.form.On(s.today()).Clean(merged, known)
			d.Marks = marksOf(d.Answers, known, marks)
			return nil
		})
		if err != nil {
			return err
		}
		if v != nil {
			if err := v.trace(ctx, tx, actor, "purpose.material", ""); err != nil {
				return err
			}
		}
		return s.noteConsent(ctx, tx, actor, &d, m, yes)
	})
	return d, err
}

func (s *Service) noteConsent(ctx context.Context, tx *db.Tx, actor city.Actor, d *Draft, m Material, yes bool) error {
	event := "consent.given"
	if !yes {
		event = "consent.declined"
	}
	return s.Journal.Append(ctx, tx, journal.Event{At: s.Clock.Now(), Type: event, Subject: d.ID.String(), Actor: actor,
		To:   []journal.Recipient{{Person: d.Of.Person, Firm: d.Of.Firm}},
		Data: map[string]any{"item": d.Item, "material": m.ID, "type": m.Credential, "applicant": d.Of.Person, "firm": d.Of.Firm}})
}

// Postpone says that a material follows later, where the item allows that.
func (s *Service) Postpone(ctx context.Context, actor city.Actor, id city.DraftID, material string, later bool) (d Draft, err error) {
	err = s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		d, err = s.changeDraft(ctx, tx, actor, id, func(d *Draft, it *item) error {
			if m, ok := it.Material(material); !ok || m.Need != Deferred {
				return city.Invalid("service.material.not_later")
			}
			h := d.Handed[material]
			h.Later = later
			d.Handed[material] = h
			return nil
		})
		return err
	})
	return d, err
}

// TakeIn records that a clerk has seen or taken in a paper at the counter.
func (s *Service) TakeIn(ctx context.Context, actor city.Actor, id city.DraftID, material string, seen bool) (d Draft, err error) {
	err = s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		d, err = s.changeDraft(ctx, tx, actor, id, func(d *Draft, it *item) error {
			if _, ok := it.Material(material); !ok || d.counter == "" {
				return city.Invalid("service.material.counter_only")
			}
			h := d.Handed[material]
			h.Paper = seen
			d.Handed[material] = h
			return nil
		})
		return err
	})
	return d, err
}

// Discard deletes a draft with its files.
func (s *Service) Discard(ctx context.Context, actor city.Actor, id city.DraftID) error {
	var gone []city.BlobID
	err := s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		d, err := s.draft(ctx, tx, actor, id, "draft.discard")
		if err != nil {
			return err
		}
		if d.Case != "" {
			return city.Conflict("service.draft.sent", "number", string(d.Case))
		}
		gone, err = dropDraft(ctx, tx, d.ID)
		return err
	})
	if err != nil {
		return err
	}
	return s.deleteBlobs(ctx, gone)
}

func (s *Service) deleteBlobs(ctx context.Context, ids []city.BlobID) error {
	var all error
	for _, id := range ids {
		if err := s.Blobs.Delete(ctx, id); err != nil {
			all = errors.Join(all, fmt.Errorf("blob %s: %w", id, err))
		}
	}
	return all
}

// Sweep deletes what has expired: drafts nobody finished and files that belong to
// no application. It returns how many there were.
func (s *Service) Sweep(ctx context.Context, actor city.Actor) (int, error) {
	if err := s.Access.Ask(ctx, actor, "draft.sweep", access.Resource{Type: "Draft"}); err != nil {
		return 0, err
	}
	n := 0
	for {
		var drafts []city.DraftID
		var files []city.BlobID
		err := s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			drafts, files, err = expired(ctx, tx, s.Clock.Now(), 100)
			return err
		})
		if err != nil || len(drafts)+len(files) == 0 {
			return n, err
		}
		// Bytes go before the rows that know of them: a crash in between is mended by
		// the next sweep.
		if err := s.deleteBlobs(ctx, files); err != nil {
			return n, err
		}
		err = s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, id := range files {
				deleteUpload(tx, id)
			}
			for _, id := range drafts {
				deleteDraft(tx, id)
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		n += len(drafts) + len(files)
	}
}
