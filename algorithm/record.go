package algorithm

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Claim is what an algorithm said of a subject. Codes only.
type Claim struct {
	By   city.RuleID `json:"by"`
	Did  string      `json:"did"`  // what was done with it, such as DidSend
	Says string      `json:"says"` // what it holds the subject to be; So of a detector
}

// Judgement is what people found a subject to be.
type Judgement struct {
	Of  city.RuleID `json:"of"`
	Is  string      `json:"is"`            // right is what Says the same
	Why string      `json:"why,omitempty"` // code of the reason; "" where Is says it
}

// What was done with a claim.
const (
	DidSend     = "sent"        // the program acted on it by itself
	DidFollow   = "followed"    // it was offered to a person, who took it
	DidPassOver = "passed_over" // it was offered to a person, who chose something else
	DidNotice   = "noticed"     // somebody was told to look
)

// What a detector says, and what becomes of it.
const (
	So    = "so"
	NotSo = "not_so"
)

// Record is how what an algorithm said turned out. It is public: nothing in it leads
// to a person.
type Record struct {
	Outcomes
	Did    []DidOutcomes   // by what was done, in the order of their codes
	Months []MonthOutcomes // by the month in which it was said, oldest first
	Wrong  []Reason        // what it was instead, or why not; most frequent first
}

// Outcomes counts claims. Those that are neither right nor wrong nobody has judged.
type Outcomes struct{ Said, Right, Wrong int }

// Precision is the share of right ones among the n that were judged; 0 of 0.
func (o Outcomes) Precision() (share float64, n int) {
	if n = o.Right + o.Wrong; n > 0 {
		share = float64(o.Right) / float64(n)
	}
	return share, n
}

// DidOutcomes are the outcomes of claims that the same was done with.
type DidOutcomes struct {
	Did string
	Outcomes
}

// MonthOutcomes are the outcomes of what was said in a month, such as "2026-03".
type MonthOutcomes struct {
	Month string
	Outcomes
}

// Reason is how often claims were wrong for a reason.
type Reason struct {
	Code string
	N    int
}

const (
	countSaid  = "said:"  // said:<did>
	countRight = "right:" // right:<did>
	countWrong = "wrong:" // wrong:<did>
	countWhy   = "why:"   // why:<code>
)

// Record reads how what a model or detector said turned out.
func (r *Register) Record(ctx context.Context, tx *db.Tx, id city.RuleID) (Record, error) {
	counts, err := countsOf(ctx, tx, id)
	if err != nil {
		return Record{}, err
	}
	var out Record
	did, why := map[string]*Outcomes{}, map[string]int{}
	for _, c := range counts {
		what, of, ok := strings.Cut(c.what, ":")
		if !ok || c.n == 0 {
			continue
		}
		var add Outcomes
		switch what + ":" {
		case countSaid:
			add.Said = c.n
		case countRight:
			add.Right = c.n
		case countWrong:
			add.Wrong = c.n
		case countWhy:
			why[of] += c.n
			continue
		default:
			continue
		}
		if n := len(out.Months); n == 0 || out.Months[n-1].Month != c.month {
			out.Months = append(out.Months, MonthOutcomes{Month: c.month})
		}
		if did[of] == nil {
			did[of] = &Outcomes{}
		}
		for _, sum := range []*Outcomes{&out.Outcomes, did[of], &out.Months[len(out.Months)-1].Outcomes} {
			sum.Said += add.Said
			sum.Right += add.Right
			sum.Wrong += add.Wrong
		}
	}
	for code, o := range did {
		out.Did = append(out.Did, DidOutcomes{code, *o})
	}
	slices.SortFunc(out.Did, func(a, b DidOutcomes) int { return cmp.Compare(a.Did, b.Did) })
	for code, n := range why {
		out.Wrong = append(out.Wrong, Reason{code, n})
	}
	slices.SortFunc(out.Wrong, func(a, b Reason) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Code, b.Code)) })
	return out, nil
}

// Follower counts what algorithms said and what became of it. It is a follower and
// no part of the change that says it: each claim moves counters that all others of
// the month move too, and in their transactions, on PostgreSQL, each would wait for
// the commit of the one before. It sees a whole batch at once, writes each counter
// once, and can be rebuilt from zero.
func (r *Register) Follower() journal.Follower { return follower{r.cal.Zone} }

type follower struct{ zone *time.Location }

func (f follower) Name() string { return "algorithm" }

// Reset forgets what was counted here; what rules count as they run stays.
func (f follower) Reset(ctx context.Context, tx *db.Tx) error { return deleteClaims(ctx, tx) }

// claimKey names what an algorithm said of one subject.
type claimKey struct {
	rule    city.RuleID
	subject string
}

// claimRow is a claim with what was found; the first claim of a subject stands.
type claimRow struct {
	month, did, says string // did "" says that there is none
	is, why          string // is "" says that nobody has judged it
}

// counted are the counters that the claim stands in.
func (c claimRow) counted() []string {
	switch {
	case c.did == "":
		return nil
	case c.is == "":
		return []string{countSaid + c.did}
	case c.is == c.says:
		return []string{countSaid + c.did, countRight + c.did}
	}
	return []string{countSaid + c.did, countWrong + c.did, countWhy + cmp.Or(c.why, c.is)}
}

// Handle takes claims and judgements of events.
func (f follower) Handle(ctx context.Context, tx *db.Tx, events []journal.Recorded) error {
	type change struct{ old, now claimRow }
	rows := map[claimKey]*change{}
	row := func(k claimKey) (*claimRow, error) {
		c := rows[k]
		if c == nil {
			have, err := readClaim(ctx, tx, k)
			if err != nil {
				return nil, err
			}
			c = &change{have, have}
			rows[k] = c
		}
		return &c.now, nil
	}
	for _, e := range events {
		if !bytes.Contains(e.Data, []byte(`"claims":`)) && !bytes.Contains(e.Data, []byte(`"judged":`)) {
			continue
		}
		var said struct {
			Claims []Claim     `json:"claims"`
			Judged []Judgement `json:"judged"`
		}
		if err := json.Unmarshal(e.Data, &said); err != nil {
			// It will not be better at the next try, and others wait behind it.
			slog.ErrorContext(ctx, "an event's data can't be read; it is not counted", "type", e.Type, "subject", e.Subject, "err", err)
			continue
		}
		for _, c := range said.Claims {
			r, err := row(claimKey{c.By, e.Subject})
			if err != nil {
				return err
			}
			if r.did == "" {
				*r = claimRow{month: e.At.In(f.zone).Format("2006-01"), did: c.Did, says: c.Says}
			}
		}
		for _, j := range said.Judged {
			r, err := row(claimKey{j.Of, e.Subject})
			if err != nil {
				return err
			}
			if r.did != "" {
				r.is, r.why = j.Is, j.Why
			}
		}
	}
	moved := map[counter]int{}
	for k, c := range rows {
		if c.now == c.old {
			continue
		}
		writeClaim(tx, k, c.now)
		for _, w := range c.old.counted() {
			moved[counter{k.rule, c.old.month, w}]--
		}
		for _, w := range c.now.counted() {
			moved[counter{k.rule, c.now.month, w}]++
		}
	}
	for c, n := range moved {
		if n != 0 {
			addCount(tx, c, n)
		}
	}
	return nil
}
