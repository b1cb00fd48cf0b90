package serviceitem

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"path"
	"strings"
	"unicode/utf8"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
)

// Correction answers a request for correction with what has changed. Answers and
// materials that it doesn't name stay as they were.
type Correction struct {
	Answers   map[string]any
	Materials map[string]Handed
	Version   int    // the version of the case that was looked at; 0 for any
	Key       string // idempotency
}

// Supply sends a correction. The application is checked as a whole again; what is
// still wrong is told at its field, and nothing changes.
func (s *Service) Supply(ctx context.Context, actor city.Actor, n city.CaseNumber, co Correction) (casework.Case, error) {
	p := &filing{}
	err := s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error { return s.prepareCorrection(ctx, tx, actor, n, co, p) })
	if err != nil {
		return casework.Case{}, err
	}
	if err := s.keepInline(ctx, actor, p); err != nil {
		return casework.Case{}, err
	}
	var c casework.Case
	err = s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = s.supply(ctx, tx, actor, n, co, p)
		return err
	})
	if errors.Is(err, db.ErrDuplicate) {
		e := city.Conflict("case.changed")
		e.Err = err
		err = e
	}
	if err != nil {
		return casework.Case{}, errors.Join(err, s.undoInline(ctx, actor, p.inline))
	}
	return c, nil
}

// SupplyIn is Supply in the caller's transaction. Files come by Upload before, not
// along with it.
func (s *Service) SupplyIn(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, co Correction) (casework.Case, error) {
	p := &filing{}
	if err := s.prepareCorrection(ctx, tx, actor, n, co, p); err != nil {
		return casework.Case{}, err
	}
	if len(p.inline) > 0 {
		return casework.Case{}, errInline
	}
	return s.supply(ctx, tx, actor, n, co, p)
}

// supply moves the case on with a correction that was found right.
func (s *Service) supply(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, co Correction, p *filing) (casework.Case, error) {
	c, err := s.engine.Act(ctx, tx, actor, n, casework.Action{Name: casework.ActSupply, Version: co.Version, Key: co.Key, Payload: p.app})
	if err != nil {
		return c, err
	}
	if c.Version != p.version+1 { // a repeat, answered with what the first one led to
		return c, nil
	}
	for _, u := range p.inline {
		finishUpload(tx, u.row)
	}
	for _, id := range p.blobs {
		linkUpload(tx, id, n)
	}
	return c, s.tracePapers(ctx, tx, actor, p, n)
}

func (s *Service) prepareCorrection(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, co Correction, p *filing) error {
	c, err := s.engine.Get(ctx, tx, actor, n)
	if err != nil {
		return err
	}
	old, err := s.Read(ctx, tx, actor, n)
	if err != nil {
		return err
	}
	if p.item, err = s.itemAt(ctx, tx, old.Item, old.Digest); err != nil {
		return err
	}
	p.of, p.version = Party{c.Applicant, c.Firm}, c.Version
	f := Filing{Item: old.Item, Scenario: old.Scenario, Answers: maps.Clone(old.Answers), Materials: map[string]Handed{}}
	for id, v := range co.Answers {
		if v == nil {
			delete(f.Answers, id)
		} else {
			f.Answers[id] = v
		}
	}
	for _, g := range old.Materials {
		h := Handed{Fetch: g.How == Fetched, Later: g.How == Later, At: g.At}
		for _, file := range g.Files {
			if m, ok := p.item.Material(g.Material); ok && m.FormField == "" {
				h.Files = append(h.Files, file.ID)
			}
		}
		f.Materials[g.Material] = h
	}
	for id, h := range co.Materials {
		if m, ok := p.item.Material(id); ok && m.FormField != "" && len(h.Files)+len(h.Inline) > 0 {
			delete(f.Answers, m.FormField) // the new file takes the old one's place
		}
		f.Materials[id] = h
	}
	p.app = Application{Item: old.Item, Digest: old.Digest, Filed: old.Filed, By: old.By}
	if err := s.settle(ctx, tx, actor, f, p, n); err != nil {
		return err
	}
	for i, g := range p.app.Materials { // papers taken in at the counter stay taken in
		for _, was := range old.Materials {
			if was.Material == g.Material && was.How == OnPaper && g.How != Uploaded && g.How != Fetched {
				p.app.Materials[i] = was
			}
		}
	}
	return nil
}

// Withdraw takes an application back.
func (s *Service) Withdraw(ctx context.Context, actor city.Actor, n city.CaseNumber, key string) (casework.Case, error) {
	return s.engine.Do(ctx, actor, n, casework.Action{Name: casework.ActWithdraw, Key: key})
}

const longestAppeal = 2000 // characters

// LookAgain asks a person to look at what a rule decided in a case. It opens a
// review case; asked twice about the same decision, it is one.
func (s *Service) LookAgain(ctx context.Context, actor city.Actor, n city.CaseNumber, why string) (casework.Case, error) {
	var review casework.Case
	ask := func(ctx context.Context, tx *db.Tx) (err error) {
		review, err = s.LookAgainIn(ctx, tx, actor, n, why)
		return err
	}
	err := s.DB.Update(ctx, ask)
	if errors.Is(err, db.ErrDuplicate) || city.KindOf(err) == city.KindConflict && review.Number != "" {
		err = s.DB.Update(ctx, ask) // our own repeat was faster
	}
	if err != nil {
		return casework.Case{}, err
	}
	return review, nil
}

// LookAgainIn is LookAgain in the caller's transaction. A race that is lost only
// at the commit is db.ErrDuplicate.
func (s *Service) LookAgainIn(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber, why string) (casework.Case, error) {
	why = strings.TrimSpace(why)
	c, err := s.engine.Get(ctx, tx, actor, n)
	if err != nil {
		return casework.Case{}, err
	}
	if err := s.Access.Ask(ctx, actor, "review.ask", caseResource(c)); err != nil {
		return casework.Case{}, err
	}
	if utf8.RuneCountInString(why) > longestAppeal {
		return casework.Case{}, city.InvalidFields([]city.Field{{Name: "reason", Message: city.Message{Key: "case.too_long", Args: []any{"max", longestAppeal}}}})
	}
	runs, err := s.Rules.RunsOf(ctx, tx, actor, n)
	if err != nil {
		return casework.Case{}, err
	}
	if len(runs) == 0 {
		return casework.Case{}, city.Conflict("service.review.no_rule")
	}
	run := runs[len(runs)-1]
	if run.Review != "" {
		return s.engine.Get(ctx, tx, actor, run.Review)
	}
	review, err := s.engine.Open(ctx, tx, actor, casework.Opening{Kind: s.Review, Item: c.Item,
		Params: map[string]string{"body": string(bodyOf(c))}, Applicant: c.Applicant, Firm: c.Firm, Region: c.Region, Parent: c.ID,
		Promise: city.Limit{N: 5, Unit: city.WorkingDays}, Title: c.Title, Payload: Complaint{Case: n, Text: why, Run: run.ID},
		Terms: string(n), Key: "review:" + run.ID.String()})
	if err != nil {
		return casework.Case{}, err
	}
	return review, s.Rules.NoteReview(ctx, tx, actor, run.ID, review.Number)
}

// Sample is an application that the demonstration's resident can send as it
// stands.
type Sample struct {
	For       ExampleFor        `json:"for"`
	Answers   map[string]any    `json:"answers"`
	Materials map[string]Handed `json:"materials,omitempty"`
}

// Sample makes the item's example into something that can be sent today: dates
// counted from today, a yes to every paper that can be fetched, files with their
// content.
func (s *Service) Sample(code city.ItemCode) (Sample, error) {
	it, err := s.item(code)
	if err != nil {
		return Sample{}, err
	}
	out := Sample{For: it.Example.For, Answers: it.form.On(s.today()).Example(it.Example.Answers, nil), Materials: map[string]Handed{}}
	sc, err := it.choose(out.Answers, "")
	if err != nil {
		return Sample{}, err
	}
	for _, m := range it.needed(sc) {
		file, has := it.Example.Materials[m.ID]
		switch {
		case has:
			content, err := s.example(file)
			if err != nil {
				return Sample{}, err
			}
			out.Materials[m.ID] = Handed{Inline: []InlineFile{{Name: path.Base(file), Content: content}}}
		case m.Credential != "":
			out.Materials[m.ID] = Handed{Fetch: true}
		}
	}
	return out, nil
}

func (s *Service) example(name string) ([]byte, error) {
	if s.Files == nil {
		return nil, fs.ErrNotExist
	}
	f, err := s.Files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, s.MaxUpload))
}
