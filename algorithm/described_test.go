package algorithm_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/algorithm"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

func said(s string) city.Text { return city.Text{ZhHans: s, En: s} }

// lifeguard is a detector that tells who has been under water for long.
func lifeguard(seconds float64, tried *int) algorithm.Described {
	return algorithm.Described{Kind: algorithm.Notices,
		Description: algorithm.Description{ID: "lifeguard", Name: said("Lifeguard"), Purpose: said("Nobody drowns"), Owner: "pool",
			Reads:  []algorithm.Reading{{Label: said("The water"), From: said("A camera under water")}},
			Effect: said("The attendant is called"), Human: said("The attendant looks and decides"), Appeal: said("Tell the attendant")},
		Parameters: []algorithm.Parameter{{Name: "seconds", Value: seconds}},
		Measure: func() algorithm.Measured {
			*tried++
			return algorithm.Measured{How: algorithm.MeasuredByFolds, Parts: 2, Measures: []algorithm.Measure{{Name: algorithm.MeasuredRight, Hits: 3, Of: 4}}}
		}}
}

func (p *pool) events(typ string) (out []journal.Recorded) {
	p.Helper()
	p.view(func(ctx context.Context, tx *db.Tx) error {
		all, err := p.journal.Read(ctx, tx, journal.Position{}, 1000)
		for _, e := range all {
			if e.Type == typ {
				out = append(out, e)
			}
		}
		return err
	})
	return out
}

// A detector stands beside the rules, and is put on record with how it did, once for
// each wording; it is tried when it is new, and whenever somebody asks.
func TestDetectorStandsInTheRegister(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p := newPool(t, d)
		tried := 0
		add := func(seconds float64) {
			p.register = p.build(swimming)
			p.ok(p.register.Add(lifeguard(seconds, &tried)))
			p.ok(p.register.Publish(context.Background(), program))
		}
		add(20)
		entries := p.register.Entries()
		if len(entries) != 2 || entries[0].Kind != algorithm.Decides || entries[1].Kind != algorithm.Notices {
			t.Fatalf("entries %+v", entries)
		}
		e := entries[1]
		if e.Digest == "" || len(e.Inputs) != 1 || e.Inputs[0].From.En != "A camera under water" || e.Human.En == "" || e.Parameters[0].Value != 20 {
			t.Errorf("entry %+v", e)
		}
		if m, ok := p.register.Measured("lifeguard").Find(algorithm.MeasuredRight); !ok || m.Share() != 0.75 || tried != 1 {
			t.Errorf("measured %+v, tried %d times", m, tried)
		}
		if _, ok := p.register.Rule("lifeguard"); ok {
			t.Error("a detector is taken for a rule")
		}
		if at := p.register.Measured("free-swim").At; !at.IsZero() {
			t.Errorf("a rule was tried on %v", at)
		}
		p.clock.Advance(time.Hour)
		add(20) // another start: nothing new
		if tried != 1 {
			t.Errorf("tried %d times for one wording", tried)
		}
		p.view(func(ctx context.Context, tx *db.Tx) error {
			at, err := p.register.Since(ctx, tx, "lifeguard")
			if !at.Equal(p.clock.Now().Add(-time.Hour)) {
				t.Errorf("it stands since %v", at)
			}
			return err
		})
		add(30)
		var lines []string
		for _, x := range p.events("algorithm.published") {
			lines = append(lines, string(x.Public))
		}
		if len(lines) != 3 || !strings.Contains(lines[1], `"measures":[{"name":"right","hits":3,"of":4}]`) || tried != 2 {
			t.Errorf("tried %d times, published %s", tried, lines)
		}
	})
}

func TestWhatIsNotAdded(t *testing.T) {
	p := newPool(t, dbtest.SQLite(t))
	tried := 0
	d := lifeguard(20, &tried)
	p.ok(p.register.Add(d))
	if p.register.Add(d) == nil {
		t.Error("it stands twice")
	}
	d.ID = "free-swim"
	if p.register.Add(d) == nil {
		t.Error("it has the name of a rule")
	}
	d.ID, d.Kind = "other", algorithm.Decides
	if p.register.Add(d) == nil {
		t.Error("it decides without clauses")
	}
	d.Kind, d.Definition = algorithm.Suggests, func() {}
	if p.register.Add(d) == nil {
		t.Error("it follows from what can't be written down")
	}
}

func TestDescriptionFaults(t *testing.T) {
	tried := 0
	whole := lifeguard(20, &tried).Description
	if found := whole.Check(); len(found) > 0 {
		t.Errorf("a good one has %v", found)
	}
	whole.Purpose.ZhHans, whole.Human, whole.Appeal.En = "", city.Text{}, strings.Repeat("x", 601)
	whole.Reads[0].From.En, whole.Legal = " ", []city.Text{{En: "art. 1"}}
	var got []string
	for _, f := range whole.Check() {
		got = append(got, f.Name+" "+f.Message.Key)
	}
	want := []string{"purpose algorithm.text_missing", "human algorithm.text_missing", "human algorithm.text_missing", "appeal algorithm.text_long",
		"reads.0.from algorithm.text_missing", "legal.0 algorithm.text_missing"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if f := (&algorithm.Description{Name: said("n"), Purpose: said("p"), Effect: said("e"), Human: said("h"), Appeal: said("a")}).Check(); len(f) != 1 || f[0].Name != "reads" {
		t.Errorf("it looks at nothing: %v", f)
	}
}

// happens appends an event about somebody in the pool.
func (p *pool) happens(subject string, data map[string]any) {
	p.Helper()
	p.ok(p.update(func(ctx context.Context, tx *db.Tx) error {
		return p.journal.Append(ctx, tx, journal.Event{At: p.clock.Now(), Type: "pool.watched", Subject: subject, Actor: program, Data: data})
	}))
}

func noticed(did, says string) map[string]any {
	return map[string]any{"claims": []algorithm.Claim{{By: "lifeguard", Did: did, Says: says}}}
}

func found(is, why string) map[string]any {
	return map[string]any{"judged": []algorithm.Judgement{{Of: "lifeguard", Is: is, Why: why}}}
}

// What was said is counted in its month by what people found last; counting anew
// from the first event comes to the same, and leaves what rules counted.
func TestClaimsAreCountedByWhatWasFound(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		p := newPool(t, d)
		_, err := p.run(city.NewPersonID(), "JH-2026-000001-1", "", facts("1950-01-01", 3))
		p.ok(err)
		p.journal.Follow(p.register.Follower())
		p.happens("a", noticed(algorithm.DidNotice, algorithm.So))
		p.happens("a", found(algorithm.So, ""))
		p.happens("b", noticed(algorithm.DidNotice, algorithm.So))
		p.happens("b", found(algorithm.NotSo, "diver"))
		p.happens("c", noticed(algorithm.DidSend, algorithm.So))
		p.happens("c", noticed(algorithm.DidNotice, algorithm.NotSo)) // the first stands
		p.happens("nobody", found(algorithm.NotSo, "diver"))          // nothing was said of them
		p.happens("d", map[string]any{"claims": "many", "judged": 7}) // no data of ours
		p.happens("e", map[string]any{"said": `"claims":[]`})
		p.clock.Advance(31 * 24 * time.Hour)
		p.happens("f", noticed(algorithm.DidNotice, algorithm.So))
		p.ok(p.journal.CatchUp(context.Background()))
		want := algorithm.Record{
			Outcomes: algorithm.Outcomes{Said: 4, Right: 1, Wrong: 1},
			Did:      []algorithm.DidOutcomes{{algorithm.DidNotice, algorithm.Outcomes{Said: 3, Right: 1, Wrong: 1}}, {algorithm.DidSend, algorithm.Outcomes{Said: 1}}},
			Months:   []algorithm.MonthOutcomes{{"2026-03", algorithm.Outcomes{Said: 3, Right: 1, Wrong: 1}}, {"2026-04", algorithm.Outcomes{Said: 1}}},
			Wrong:    []algorithm.Reason{{"diver", 1}},
		}
		p.counted(want)
		if share, n := want.Precision(); share != 0.5 || n != 2 {
			t.Errorf("precision %v of %d", share, n)
		}

		// looked at again: the last word counts, in the month in which it was said
		p.happens("a", found(algorithm.NotSo, "seal"))
		p.happens("b", found(algorithm.So, ""))
		p.happens("c", found(algorithm.NotSo, ""))
		p.ok(p.journal.CatchUp(context.Background()))
		want.Outcomes, want.Did[1].Outcomes, want.Months[0].Outcomes = algorithm.Outcomes{Said: 4, Right: 1, Wrong: 2}, algorithm.Outcomes{Said: 1, Wrong: 1}, algorithm.Outcomes{Said: 3, Right: 1, Wrong: 2}
		want.Wrong = []algorithm.Reason{{"not_so", 1}, {"seal", 1}}
		p.counted(want)
		p.ok(p.journal.Rebuild(context.Background(), "algorithm"))
		p.counted(algorithm.Record{})
		p.ok(p.journal.CatchUp(context.Background()))
		p.counted(want)
		p.view(func(ctx context.Context, tx *db.Tx) error {
			s, err := p.register.Statistics(ctx, tx, "free-swim")
			if s.Runs != 1 || s.Granted != 1 {
				t.Errorf("the rule's own counts are %+v", s.Tally)
			}
			return err
		})
	})
}

func (p *pool) counted(want algorithm.Record) {
	p.Helper()
	p.view(func(ctx context.Context, tx *db.Tx) error {
		got, err := p.register.Record(ctx, tx, "lifeguard")
		if diff := cmp.Diff(want, got); diff != "" {
			p.Error(diff)
		}
		return err
	})
}

// The names by which events of other packages are understood.
func TestClaimsInEvents(t *testing.T) {
	for want, v := range map[string]any{
		`{"by":"lifeguard","did":"noticed","says":"so"}`:       algorithm.Claim{By: "lifeguard", Did: algorithm.DidNotice, Says: algorithm.So},
		`{"of":"lifeguard","is":"so"}`:                         algorithm.Judgement{Of: "lifeguard", Is: algorithm.So},
		`{"of":"lifeguard","is":"not_so","why":"it's a seal"}`: algorithm.Judgement{Of: "lifeguard", Is: algorithm.NotSo, Why: "it's a seal"},
	} {
		if raw, err := json.Marshal(v); err != nil || string(raw) != want {
			t.Errorf("%s, %v", raw, err)
		}
	}
}
