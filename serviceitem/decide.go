package serviceitem

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"yiwang/access"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/rule"
)

const (
	decideAtOnce = 4   // cases decided side by side
	decideBatch  = 256 // cases looked at in one go
	decideTries  = 3   // times a decision may fail before a person takes over
)

// Decide lets the rules speak about every case that waits for one, also about
// those that a crash left waiting, and returns how many it moved on. A case is
// decided once, however often and wherever this runs: the run, the decision and
// what it issues are one transaction on the version of the case that was read.
func (s *Service) Decide(ctx context.Context) (int, error) {
	actor := city.SystemActor("serviceitem")
	if err := s.Access.Ask(ctx, actor, "rule.decide", access.Resource{Type: "Inbox"}); err != nil {
		return 0, err
	}
	moved := 0
	for {
		var waiting []casework.Case
		err := s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			waiting, err = s.engine.WaitingForRule(ctx, tx, actor, decideBatch)
			return err
		})
		if err != nil || len(waiting) == 0 {
			return moved, err
		}
		n, err := s.decideAll(ctx, waiting)
		moved += n
		if err != nil || n == 0 || len(waiting) < decideBatch {
			return moved, err
		}
	}
}

func (s *Service) decideAll(ctx context.Context, waiting []casework.Case) (moved int, all error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	turn := make(chan struct{}, decideAtOnce)
	for _, c := range waiting {
		if ctx.Err() != nil {
			break
		}
		turn <- struct{}{}
		wg.Add(1)
		go func() {
			defer func() { <-turn; wg.Done() }()
			err := s.decide(ctx, c)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				moved++
			case errors.Is(err, db.ErrDuplicate), city.KindOf(err) == city.KindConflict: // another node was faster
			default:
				all = errors.Join(all, err)
			}
		}()
	}
	wg.Wait()
	return moved, all
}

// decide moves one case on.
func (s *Service) decide(ctx context.Context, c casework.Case) error {
	id, ok := s.ruleOf(c)
	if _, known := s.Rules.Rule(id); !ok || !known {
		slog.ErrorContext(ctx, "no such rule; a person decides", "case", c.Number, "rule", id)
		return s.handOver(ctx, c, id)
	}
	err := s.speak(ctx, c, id, false)
	switch {
	case err == nil:
		s.forget(c.Number)
		return nil
	case ctx.Err() != nil, errors.Is(err, db.ErrDuplicate), city.KindOf(err) == city.KindConflict, city.KindOf(err) == city.KindUnavailable:
		return err
	}
	slog.ErrorContext(ctx, "a decision could not be carried out", "case", c.Number, "rule", id, "err", err)
	if s.failed(c.Number) < decideTries {
		return err
	}
	s.forget(c.Number)
	if s.speak(ctx, c, id, true) == nil { // what the rule says is on record all the same
		return nil
	}
	return s.handOver(ctx, c, id)
}

// ruleOf is the rule that the case's stage names.
func (s *Service) ruleOf(c casework.Case) (city.RuleID, bool) {
	k, ok := s.engine.Kind(c.Kind)
	if !ok {
		return "", false
	}
	st, ok := k.Stage(c.Stage)
	if !ok || st.Rule == "" {
		return "", false
	}
	if p, ok := strings.CutPrefix(st.Rule, "$"); ok {
		return city.RuleID(c.State.Params[p]), true
	}
	return city.RuleID(st.Rule), true
}

// speak lets the rule speak and carries out what it says, in one transaction with
// the facts: what one decision gave, the next about the same person knows. What
// could not be carried out is given to an officer, whatever the rule says.
func (s *Service) speak(ctx context.Context, c casework.Case, id city.RuleID, give bool) error {
	actor := ruleActor(id, c)
	return s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		k, err := s.gather(ctx, tx, actor, c, id)
		if err != nil {
			return err
		}
		_, err = s.conclude(ctx, tx, actor, c, id, k, give)
		return err
	})
}

// ruleActor is the rule, acting for the body that answers for the case.
func ruleActor(id city.RuleID, c casework.Case) city.Actor {
	a := city.SystemActor("rule:" + string(id))
	a.Body = bodyOf(c)
	return a
}

// knowledge is what a rule looks at, and how it came to be known.
type knowledge struct {
	facts map[string]rule.Fact
	sight *sight
}

// gather reads what the rule wants to know of the case. From here to the end of
// the transaction no other decides about the same applicant.
func (s *Service) gather(ctx context.Context, tx *db.Tx, actor city.Actor, c casework.Case, id city.RuleID) (*knowledge, error) {
	if err := lockParty(ctx, tx, Party{c.Applicant, c.Firm}); err != nil {
		return nil, err
	}
	r, _ := s.Rules.Rule(id)
	var app Application
	if err := s.engine.Payload(ctx, tx, actor, c.Number, &app); err != nil {
		return nil, err
	}
	may := anyLicence
	if it, ok := s.items[c.Item]; ok {
		may = papersMay(it, app.Materials)
	}
	k := &knowledge{sight: s.sight(Party{c.Applicant, c.Firm}, actor.Body, may)}
	var err error
	k.facts, err = k.sight.facts(ctx, tx, r.Needs(s.Rules.Today()), app, s.Clock.Now())
	return k, err
}

// conclude lets the rule speak about what was gathered and carries out what it
// says, on the version of the case that was read.
func (s *Service) conclude(ctx context.Context, tx *db.Tx, actor city.Actor, c casework.Case, id city.RuleID, k *knowledge, give bool) (casework.Case, error) {
	if err := s.Access.Ask(ctx, actor, "rule.decide", access.Resource{Type: "Case", ID: string(c.Number)}); err != nil {
		return casework.Case{}, err
	}
	if err := k.sight.trace(ctx, tx, actor, "purpose.automatic_check", c.Number); err != nil {
		return casework.Case{}, err
	}
	run, err := s.Rules.Run(ctx, tx, actor, id, algorithm.Matter{Case: c.Number, Item: c.Item, Applicant: c.Applicant, Firm: c.Firm, Body: actor.Body,
		Region: c.Region, Key: c.Key, Once: stepOf(c)}, k.facts)
	if err != nil {
		return casework.Case{}, err
	}
	action := casework.Action{Name: "to_officer", Version: c.Version, Key: "rule:" + stepOf(c), Verdict: run.ID.String()}
	switch {
	case give:
		action.Note = handedOver()
	case run.Verdict.Outcome == rule.Grant:
		action.Name = "approve"
	}
	return s.engine.Act(ctx, tx, actor, c.Number, action)
}

// DecideIn lets the rule speak about one case that waits for it, in the caller's
// transaction.
func (s *Service) DecideIn(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) (casework.Case, error) {
	if err := s.Access.Ask(ctx, actor, "rule.decide", access.Resource{Type: "Case", ID: string(n)}); err != nil {
		return casework.Case{}, err
	}
	c, err := s.engine.Get(ctx, tx, actor, n)
	if err != nil {
		return c, err
	}
	id, ok := s.ruleOf(c)
	if _, known := s.Rules.Rule(id); !ok || !known {
		return c, city.Conflict("case.not_now")
	}
	speaker := ruleActor(id, c)
	k, err := s.gather(ctx, tx, speaker, c, id)
	if err != nil {
		return c, err
	}
	return s.conclude(ctx, tx, speaker, c, id, k, false)
}

// stepOf names the step that a case stands at, once for each time.
func stepOf(c casework.Case) string {
	return c.ID.String() + "/" + c.Stage + "/" + c.State.Entered.UTC().Format(time.RFC3339Nano)
}

// bodyOf is the body that answers for the case.
func bodyOf(c casework.Case) city.BodyID {
	if b := c.State.Params["body"]; b != "" {
		return city.BodyID(b)
	}
	return c.Body
}

// handOver gives a case to an officer, since the program can't carry out what the
// rule says: nobody waits for a fault to be mended.
func (s *Service) handOver(ctx context.Context, c casework.Case, id city.RuleID) error {
	give := casework.Action{Name: "to_officer", Version: c.Version, Note: handedOver()}
	_, err := s.engine.Do(ctx, ruleActor(id, c), c.Number, give)
	if errors.Is(err, journal.ErrErased) { // of an erased person nothing more is written down
		give.Note = ""
		_, err = s.engine.Do(ctx, ruleActor(id, c), c.Number, give)
	}
	return err
}

func handedOver() string {
	return city.Say(city.Chinese, "service.decide.handed_over") + "\n" + city.Say(city.English, "service.decide.handed_over")
}

func (s *Service) failed(n city.CaseNumber) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails[n]++
	return s.fails[n]
}

func (s *Service) forget(n city.CaseNumber) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.fails, n)
}

const (
	decidePatrol = 2 * time.Second // for cases of other nodes, and what failed
	sweepEvery   = time.Hour
)

// Run decides whenever something happened, and now and then without, until the
// context ends; once an hour it sweeps.
func (s *Service) Run(ctx context.Context) {
	wake, done := s.Journal.Watch()
	defer done()
	patrol, sweep := time.NewTicker(decidePatrol), time.NewTicker(sweepEvery)
	defer patrol.Stop()
	defer sweep.Stop()
	for {
		if _, err := s.Decide(ctx); err != nil && ctx.Err() == nil {
			slog.Error("deciding by rule", "err", err)
			select { // don't hurry what fails
			case <-patrol.C:
			case <-ctx.Done():
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			if _, err := s.Sweep(ctx, city.SystemActor("serviceitem")); err != nil && ctx.Err() == nil {
				slog.Error("sweeping drafts", "err", err)
			}
		case <-wake:
		case <-patrol.C:
		}
	}
}
