package incident

import (
	"context"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Earlier is a matter that was called about before from a number.
type Earlier struct {
	Number city.CaseNumber
	Class  city.ItemCode
	At     time.Time // of the call
	Tell   city.Text // where the matter stands, as the caller may hear it
	Open   bool
}

// mostEarlier are so many of the latest calls from one number as are looked at.
const mostEarlier = 20

// Earlier lists the matters that were called about before from a telephone number,
// the latest call first: for an operator who has somebody from that number on the
// line. Nobody's words or names are among it, and what was reported on a page or by
// people who are known is not. The look at each matter is on record; those that the
// operator may not see, and those whose callers were erased, are left out.
func (s *Service) Earlier(ctx context.Context, tx *db.Tx, actor city.Actor, phone string) (list []Earlier, err error) {
	if err := s.Access.Ask(ctx, actor, "incident.earlier", access.Resource{Type: "Incident"}); err != nil {
		return nil, err
	}
	digest := s.caller(phone)
	if digest == nil {
		return nil, city.InvalidFields([]city.Field{{Name: "phone", Message: city.Message{Key: "incident.phone"}}})
	}
	rows, err := reportsByCaller(ctx, tx, digest, mostEarlier)
	if err != nil {
		return nil, err
	}
	keys := make([]journal.KeyID, len(rows))
	for i, r := range rows {
		keys[i] = r.key
	}
	standing, err := s.Journal.Vault().Standing(ctx, tx, keys)
	if err != nil {
		return nil, err
	}
	seen := map[city.CaseNumber]bool{}
	for _, r := range rows {
		if seen[r.number] || !standing[r.key] {
			continue
		}
		seen[r.number] = true
		c, err := s.cases.Look(ctx, tx, actor, r.number, "purpose.caller")
		if k := city.KindOf(err); k == city.KindForbidden || k == city.KindNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, Earlier{Number: r.number, Class: c.Item, At: r.at, Tell: c.Tell, Open: c.Open})
	}
	numbers := make([]city.CaseNumber, len(list))
	for i, e := range list {
		numbers[i] = e.Number
	}
	return list, s.looked(ctx, tx, actor, "purpose.caller", numbers...)
}

// looked puts on record who looked for what reason at matters whose reporters are
// unknown, and so have no page that tells them (access.RecordUse).
func (s *Service) looked(ctx context.Context, tx *db.Tx, actor city.Actor, purpose string, matters ...city.CaseNumber) error {
	return s.Journal.Append(ctx, tx, journal.Event{At: s.now(), Type: "incident.looked", Subject: actor.Account.String(), Actor: actor,
		Data: map[string]any{"purpose": purpose, "matters": matters}})
}

// shortestNumber is how many digits a number has that belongs to somebody.
const shortestNumber = 7

// caller is the digest of a number however it is written: with spaces, brackets,
// the country's code. Nil for what is no number.
func (s *Service) caller(phone string) []byte {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
	digits = strings.TrimPrefix(digits, "00")
	if rest, ok := strings.CutPrefix(digits, "86"); ok && len(digits) >= 12 {
		digits = rest
	}
	digits = strings.TrimLeft(digits, "0")
	if len(digits) < shortestNumber {
		return nil
	}
	return s.Journal.Vault().Digest("caller", digits)
}
