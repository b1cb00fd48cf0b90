package algorithm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"yiwang/access"
	"yiwang/algorithm"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/rule"
)

const swimming = `
id: free-swim
name: {zh-Hans: 免费游泳, en: Free swimming}
purpose: {zh-Hans: 老人免费, en: The old swim free}
owner: pool
facts:
  - {name: born, type: date, source: "register:person.birth_date", label: {zh-Hans: 出生日期, en: Date of birth}}
  - {name: lanes, type: list, source: "answer:lanes"}
  - {name: visits, type: int, source: "licence:pool-card.visits"}
versions:
  - from: 2025-01-01
    clauses:
      - {id: age, when: "years(born, today) >= 60", legal: {zh-Hans: 第一条, en: art. 1}, text: {zh-Hans: 满 60, en: 60 or older}, otherwise: {zh-Hans: 未满, en: Too young}}
      - {id: seldom, when: "visits < 100 && size(lanes) > 0", legal: {zh-Hans: 第二条, en: art. 2}, text: {zh-Hans: 不到一百次, en: Fewer than a hundred visits}}
tests:
  - {name: an old swimmer, today: 2026-01-01, facts: {born: 1950-01-01, lanes: [a], visits: 3}, verdict: grant}
  - {name: wrong on purpose, today: 2026-01-01, facts: {born: 1950-01-01, lanes: [a], visits: 3}, verdict: to_officer}
`

const policies = `
permit(principal is Resident, action == Action::"run.read", resource) when { resource has applicant && resource.applicant == principal.applicant };
permit(principal is Resident, action == Action::"run.review", resource) when { resource has applicant && resource.applicant == principal.applicant };
permit(principal is Officer, action == Action::"run.read", resource) when { resource has body && principal has body && resource.body == principal.body };
permit(principal is System, action, resource);
`

type pool struct {
	*testing.T
	db       *db.DB
	clock    *city.SetClock
	journal  *journal.Journal
	register *algorithm.Register
}

var zone = time.FixedZone("CST", 8*3600)

var program = city.SystemActor("test")

func newPool(t *testing.T, d *db.DB) *pool {
	t.Helper()
	v, err := journal.NewVault(make([]byte, 32))
	p := &pool{T: t, db: d, clock: city.NewSetClock(time.Date(2026, 3, 2, 23, 30, 0, 0, zone))}
	p.ok(err)
	p.journal = journal.New(d, v)
	p.register = p.build(swimming)
	return p
}

func (p *pool) build(text string) *algorithm.Register {
	p.Helper()
	var def rule.Definition
	p.ok(yaml.Unmarshal([]byte(text), &def))
	compiled, err := rule.Compile(def)
	p.ok(err)
	acc, err := access.New(map[string][]byte{"pool.cedar": []byte(policies)})
	p.ok(err)
	r, err := algorithm.New(context.Background(), algorithm.Options{DB: p.db, Journal: p.journal, Access: acc, Clock: p.clock,
		Calendar: &city.Calendar{Zone: zone}, Rules: []*rule.Rule{compiled}})
	p.ok(err)
	p.ok(r.Publish(context.Background(), program))
	return r
}

func (p *pool) ok(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *pool) is(err error, k city.Kind) {
	p.Helper()
	if city.KindOf(err) != k {
		p.Fatalf("got %v, want %s", err, k)
	}
}

func (p *pool) update(f func(ctx context.Context, tx *db.Tx) error) error {
	return p.db.Update(context.Background(), f)
}

func (p *pool) view(f func(ctx context.Context, tx *db.Tx) error) {
	p.Helper()
	p.ok(p.db.View(context.Background(), f))
}

// run decides about somebody, whose key is made first.
func (p *pool) run(who city.PersonID, n city.CaseNumber, once string, facts map[string]rule.Fact) (out algorithm.Run, err error) {
	err = p.update(func(ctx context.Context, tx *db.Tx) error {
		key, err := p.journal.Vault().NewKey(ctx, tx, who)
		if err != nil {
			return err
		}
		out, err = p.register.Run(ctx, tx, program, "free-swim", algorithm.Matter{Case: n, Applicant: who, Body: "pool", Key: key, Once: once}, facts)
		return err
	})
	return out, err
}

func facts(born string, visits int64) map[string]rule.Fact {
	d, _ := city.ParseDate(born)
	return map[string]rule.Fact{
		"born":   {Value: d, Source: "register:person.birth_date"},
		"lanes":  {Value: []string{"a", "b"}, Source: "answer:lanes"},
		"visits": {Value: visits, Source: "licence:pool-card.visits", Ref: "1.2.3"},
	}
}

func resident(p city.PersonID) city.Actor { return city.Actor{Kind: city.Resident, Person: p} }

func TestEntryTellsWhatTheRuleIs(t *testing.T) {
	p := newPool(t, dbtest.SQLite(t))
	e, ok := p.register.Entry("free-swim")
	if !ok || len(p.register.Entries()) != 1 {
		t.Fatal("the rule doesn't stand in the register")
	}
	if len(e.Inputs) != 3 || e.Inputs[0].Source.Kind != rule.FromRegister || e.Inputs[0].Label.En != "Date of birth" {
		t.Errorf("inputs %+v", e.Inputs)
	}
	if len(e.Legal) != 2 || len(e.Versions) != 1 || e.Versions[0].Digest == "" || e.Owner != "pool" {
		t.Errorf("entry %+v", e)
	}
	if !e.Tests[0].Passed || e.Tests[1].Passed || e.Tests[1].Got != "grant" {
		t.Errorf("tests %+v", e.Tests)
	}
}

func TestRunIsReadByThePersonAndCountedForStrangers(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p := newPool(t, d)
		me, other := city.NewPersonID(), city.NewPersonID()
		granted, err := p.run(me, "JH-2026-000001-1", "", facts("1950-01-01", 3))
		p.ok(err)
		if granted.Verdict.Outcome != rule.Grant || granted.Verdict.Today.String() != "2026-03-02" {
			t.Fatalf("%s on %s", granted.Verdict.Outcome, granted.Verdict.Today)
		}
		_, err = p.run(other, "JH-2026-000002-2", "", facts("1990-01-01", 3))
		p.ok(err)
		missing := facts("1950-01-01", 3)
		delete(missing, "visits")
		_, err = p.run(other, "JH-2026-000003-3", "", missing)
		p.ok(err)

		p.view(func(ctx context.Context, tx *db.Tx) error {
			runs, err := p.register.RunsOf(ctx, tx, resident(me), "JH-2026-000001-1")
			p.ok(err)
			if len(runs) != 1 || len(runs[0].Used) != 3 || runs[0].Verdict.Clauses[0].Text.En != "60 or older" {
				t.Fatalf("runs %+v", runs)
			}
			got := runs[0].Used[0]
			if got.Fact.Value != (city.Date{Year: 1950, Month: 1, Day: 1}) || got.Label.En != "Date of birth" || got.Source.Name != "person" {
				t.Errorf("fact %+v", got)
			}
			if runs[0].Used[2].Fact.Value != int64(3) || runs[0].Used[2].Fact.Ref != "1.2.3" {
				t.Errorf("fact %+v", runs[0].Used[2])
			}
			if diff := cmp.Diff(granted.Verdict.Clauses[1].Otherwise, runs[0].Verdict.Clauses[1].Otherwise); diff != "" {
				t.Error(diff)
			}
			if _, err := p.register.RunsOf(ctx, tx, resident(other), "JH-2026-000001-1"); city.KindOf(err) != city.KindForbidden {
				t.Errorf("a stranger got %v", err)
			}
			if _, err := p.register.Find(ctx, tx, city.Actor{Kind: city.Officer, Body: "library"}, granted.ID); city.KindOf(err) != city.KindForbidden {
				t.Errorf("another body got %v", err)
			}
			if _, err := p.register.Find(ctx, tx, city.Actor{Kind: city.Officer, Body: "pool"}, granted.ID); err != nil {
				t.Error(err)
			}
			_, err = p.register.Find(ctx, tx, resident(me), city.NewRunID())
			p.is(err, city.KindNotFound)
			mine, err := p.register.About(ctx, tx, resident(other), time.Time{}, 1)
			p.ok(err)
			if len(mine) != 1 || mine[0].Case != "JH-2026-000003-3" || mine[0].Verdict.Missing[0] != "visits" {
				t.Errorf("about: %+v", mine)
			}
			s, err := p.register.Statistics(ctx, tx, "free-swim")
			p.ok(err)
			want := algorithm.Tally{Runs: 3, Granted: 1, ToOfficer: 1, Need: 1}
			if s.Tally != want || len(s.Months) != 1 || s.Months[0] != (algorithm.MonthTally{Month: "2026-03", Tally: want}) {
				t.Errorf("statistics %+v", s)
			}
			if s.Clauses["age"] != (algorithm.ClauseTally{Decided: 1, Failed: 1}) || s.Clauses["seldom"] != (algorithm.ClauseTally{Unknown: 1}) {
				t.Errorf("clauses %+v", s.Clauses)
			}
			return nil
		})
	})
}

// No value of a fact stands in clear, neither in the run's row nor in the journal.
func TestFactsAreSealed(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p := newPool(t, d)
		me := city.NewPersonID()
		run, err := p.run(me, "JH-2026-000001-1", "", facts("1951-07-29", 3))
		p.ok(err)
		p.view(func(ctx context.Context, tx *db.Tx) error {
			data, err := db.One[string](ctx, tx, `SELECT data FROM algorithm_runs WHERE id = $1`, run.ID)
			p.ok(err)
			events, err := p.journal.Read(ctx, tx, journal.Position{}, 10)
			p.ok(err)
			for _, e := range events {
				data += string(e.Data) + string(e.Public)
			}
			if strings.Contains(data, "1951") {
				t.Errorf("a date of birth lies open: %s", data)
			}
			return nil
		})
		p.ok(p.update(func(ctx context.Context, tx *db.Tx) error { return p.journal.Vault().Erase(ctx, tx, me) }))
		p.view(func(ctx context.Context, tx *db.Tx) error {
			got, err := p.register.Find(ctx, tx, resident(me), run.ID)
			p.ok(err)
			if !got.Erased || got.Used[0].Fact.Value != nil || got.Used[0].Fact.Source != "register:person.birth_date" || got.Verdict.Outcome != rule.Grant {
				t.Errorf("after erasure %+v", got)
			}
			_, _, err = p.register.Replay(ctx, tx, resident(me), run.ID)
			p.is(err, city.KindNotFound)
			return nil
		})
	})
}

func TestRepeatsRefusalsAndInterruption(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p := newPool(t, d)
		me := city.NewPersonID()
		first, err := p.run(me, "JH-2026-000001-1", "step 1", facts("1950-01-01", 3))
		p.ok(err)
		again, err := p.run(me, "JH-2026-000001-1", "step 1", facts("1990-01-01", 3))
		p.ok(err)
		if again.ID != first.ID || again.Verdict.Outcome != rule.Grant {
			t.Errorf("a repeat is another run: %+v", again)
		}
		err = p.update(func(ctx context.Context, tx *db.Tx) error {
			_, err := p.register.Run(ctx, tx, resident(me), "free-swim", algorithm.Matter{}, nil)
			return err
		})
		p.is(err, city.KindForbidden)
		err = p.update(func(ctx context.Context, tx *db.Tx) error {
			_, err := p.register.Run(ctx, tx, program, "free-beer", algorithm.Matter{}, nil)
			return err
		})
		p.is(err, city.KindNotFound)
		err = p.update(func(ctx context.Context, tx *db.Tx) error {
			key, err := p.journal.Vault().NewKey(ctx, tx, me)
			p.ok(err)
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			_, err = p.register.Run(ctx, tx, program, "free-swim", algorithm.Matter{Key: key}, facts("1950-01-01", 1))
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted: %v", err)
		}
		p.view(func(ctx context.Context, tx *db.Tx) error {
			s, err := p.register.Statistics(ctx, tx, "free-swim")
			if s.Runs != 1 {
				t.Errorf("%d runs stand", s.Runs)
			}
			return err
		})
	})
}

// A rule that changed doesn't change what it said before.
func TestOldWordingStays(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p := newPool(t, d)
		me := city.NewPersonID()
		run, err := p.run(me, "JH-2026-000001-1", "", facts("1950-01-01", 3))
		p.ok(err)
		p.register = p.build(strings.NewReplacer(">= 60", ">= 90", "60 or older", "90 or older").Replace(swimming))
		p.view(func(ctx context.Context, tx *db.Tx) error {
			got, err := p.register.Find(ctx, tx, resident(me), run.ID)
			p.ok(err)
			if got.Verdict.Clauses[0].Text.En != "60 or older" {
				t.Errorf("the run now says %q", got.Verdict.Clauses[0].Text.En)
			}
			v, same, err := p.register.Replay(ctx, tx, resident(me), run.ID)
			p.ok(err)
			if !same || v.Outcome != rule.Grant {
				t.Errorf("replayed: %v, %s", same, v.Outcome)
			}
			return nil
		})
		now, err := p.run(me, "JH-2026-000002-2", "", facts("1950-01-01", 3))
		p.ok(err)
		if now.Verdict.Outcome != rule.ToOfficer || now.Digest == run.Digest {
			t.Errorf("the new wording says %s", now.Verdict.Outcome)
		}
		events := 0
		p.view(func(ctx context.Context, tx *db.Tx) error {
			all, err := p.journal.Read(ctx, tx, journal.Position{}, 100)
			for _, e := range all {
				if e.Type == "algorithm.published" {
					events++
				}
			}
			return err
		})
		if events != 2 {
			t.Errorf("published %d times", events)
		}
	})
}

func TestReviewIsCounted(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p := newPool(t, d)
		me := city.NewPersonID()
		run, err := p.run(me, "JH-2026-000001-1", "", facts("1990-01-01", 3))
		p.ok(err)
		ask := func(a city.Actor, n city.CaseNumber) error {
			return p.update(func(ctx context.Context, tx *db.Tx) error { return p.register.NoteReview(ctx, tx, a, run.ID, n) })
		}
		p.is(ask(resident(city.NewPersonID()), "JH-2026-000009-9"), city.KindForbidden)
		p.ok(ask(resident(me), "JH-2026-000009-9"))
		p.ok(ask(resident(me), "JH-2026-000009-9"))
		p.is(ask(resident(me), "JH-2026-000010-1"), city.KindConflict)
		find := func(n city.CaseNumber) error {
			return p.update(func(ctx context.Context, tx *db.Tx) error {
				return p.register.NoteFinding(ctx, tx, program, n, algorithm.Corrected)
			})
		}
		p.ok(find("JH-2026-000777-7"))
		p.ok(find("JH-2026-000009-9"))
		p.ok(find("JH-2026-000009-9"))
		p.view(func(ctx context.Context, tx *db.Tx) error {
			s, err := p.register.Statistics(ctx, tx, "free-swim")
			p.ok(err)
			if s.Reviewed != 1 || s.Corrected != 1 {
				t.Errorf("%+v", s.Tally)
			}
			got, err := p.register.Find(ctx, tx, resident(me), run.ID)
			if got.Review != "JH-2026-000009-9" || got.Finding != algorithm.Corrected {
				t.Errorf("run %+v", got)
			}
			return err
		})
	})
}
