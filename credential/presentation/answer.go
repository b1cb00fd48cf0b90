package presentation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential/check"
	"yiwang/internal/db"
)

// Why says why an answer isn't taken; a text of each stands under "presentation.why.".
// The list is closed.
type Why string

const (
	Over        Why = "over"         // no such question, or its time is over
	Answered    Why = "answered"     // it was answered before
	Malformed   Why = "malformed"    // the answer can't be read
	WrongState  Why = "state"        // it is for another question
	Declined    Why = "declined"     // the holder said no, or the wallet has none
	NotBelieved Why = "not_believed" // the licence doesn't hold; Answer.Reason says why
	WrongType   Why = "type"         // another sort of licence than was asked for
	NotBound    Why = "not_bound"    // who shows it didn't prove the holder's key for this question
	Missing     Why = "missing"      // something that was asked for isn't shown
)

// Whys are all of them.
var Whys = []Why{Over, Answered, Malformed, WrongState, Declined, NotBelieved, WrongType, NotBound, Missing}

// Refusal is why a wallet's request isn't met.
type Refusal struct{ Why Why }

func (r *Refusal) Error() string { return "presentation: " + string(r.Why) }

// Answer is what came back, judged.
type Answer struct {
	At     time.Time
	Why    Why          // "" when it holds
	Reason check.Reason // for NotBelieved
	Shown  map[string]string
	Signer string // who vouches
	// Warnings are what a reader should know although the licence holds.
	Warnings []city.Message
}

// Response is what a wallet posts.
type Response struct{ Token, State, Error string }

// maxToken bounds a vp_token.
const maxToken = 64 << 10

// Answer takes a wallet's response to a question. The first that belongs to the
// question counts, good or bad, and there is no second. The wallet acts for its
// holder, who needs no account here.
func (d *Desk) Answer(ctx context.Context, name string, r Response) error {
	q, refused := d.find(name)
	if refused != nil {
		return refused
	}
	if r.State != q.state {
		return &Refusal{WrongState}
	}
	d.mu.Lock()
	first := !q.answered
	q.answered = true
	d.mu.Unlock()
	if !first {
		return &Refusal{Answered}
	}
	a, err := d.judge(ctx, q, r)
	if err != nil {
		d.mu.Lock()
		q.answered = false // a fault of ours is not the wallet's
		d.mu.Unlock()
		return err
	}
	d.mu.Lock()
	q.answer = &a
	d.mu.Unlock()
	if a.Why != "" {
		return &Refusal{a.Why}
	}
	return nil
}

// judge says what a response is worth.
func (d *Desk) judge(ctx context.Context, q *question, r Response) (Answer, error) {
	now := d.o.Clock.Now()
	a := Answer{At: now}
	if r.Error != "" {
		a.Why = Declined
		return a, nil
	}
	text, ok := parseToken(r.Token)
	if !ok {
		a.Why = Malformed
		return a, nil
	}
	// The proof first: what others showed elsewhere is nobody's to look up here.
	_, vc, err := check.PresentedVC(text, d.o.Licences.Trust(), now, q.client, q.nonce)
	switch {
	case vc == nil && err != nil:
		a.Why, a.Reason = NotBelieved, check.Verify(text, d.o.Licences.Trust(), now).Reason
		return a, nil
	case err != nil:
		a.Why = NotBound
		return a, nil
	case vc.Kind != d.o.Licences.VCT(q.kind):
		a.Why = WrongType
		return a, nil
	}
	var res check.Result
	err = d.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if res, err = d.o.Licences.Check(ctx, tx, text, now); err != nil || !res.Valid {
			return err
		}
		holder, err := d.o.Licences.HolderOf(ctx, tx, vc.StatusList, vc.StatusIndex)
		if err != nil || holder.IsZero() {
			return err
		}
		return access.RecordUse(ctx, tx, d.o.Journal, q.asker, access.Use{Person: holder, At: now, Body: q.asker.Body, Account: q.asker.Account,
			Purpose: "purpose.presentation", Fields: []string{"licence:" + string(q.kind)}})
	})
	if err != nil {
		return a, err
	}
	if !res.Valid {
		a.Why, a.Reason = NotBelieved, res.Reason
		return a, nil
	}
	a.Shown = map[string]string{}
	for _, c := range q.claims {
		v, ok := at(vc.Claims, pathOf(c))
		if !ok {
			a.Why, a.Shown = Missing, nil
			return a, nil
		}
		a.Shown[c] = v
	}
	if res.Signer != nil {
		a.Signer = res.Signer.Name
	}
	for _, w := range res.Warnings {
		if w != check.WarnHolderUnknown {
			a.Warnings = append(a.Warnings, res.Say(w))
		}
	}
	return a, nil
}

// pathOf is where a claim stands in the credential.
func pathOf(claim string) []string {
	return append([]string{check.ClaimOfLicence}, strings.SplitN(claim, ".", 2)...)
}

// at is the claim at a path, as text.
func at(claims map[string]any, path []string) (string, bool) {
	var v any = claims
	for _, step := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return "", false
		}
		if v, ok = m[step]; !ok {
			return "", false
		}
	}
	switch v := v.(type) {
	case string:
		return v, true
	case nil, map[string]any, []any:
		return "", false
	default:
		return fmt.Sprint(v), true
	}
}

// parseToken reads a vp_token: an object with the one credential that was asked for,
// as a list of one (OpenID4VP 1.0, 8.1).
func parseToken(text string) (string, bool) {
	if len(text) > maxToken {
		return "", false
	}
	var m map[string][]string
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	if dec.Decode(&m) != nil || dec.More() || len(m) != 1 || len(m[queryID]) != 1 || m[queryID][0] == "" {
		return "", false
	}
	return m[queryID][0], true
}
