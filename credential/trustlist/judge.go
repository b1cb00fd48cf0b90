package trustlist

import (
	"time"

	"yiwang/city"
	"yiwang/credential"
)

// Known is what is known of a region: how the newest first layer describes it, and
// every list of its own that was ever taken, by sequence.
type Known struct {
	Region  Region
	History []*Issuers
	// Dropped is since when nothing of the region is believed: it left the first
	// layer without a word, or the operator dropped it. Zero: it is believed.
	Dropped time.Time
}

// Newest is the list with the highest sequence; nil when there is none.
func (k Known) Newest() *Issuers {
	if len(k.History) == 0 {
		return nil
	}
	return k.History[len(k.History)-1]
}

// MayList reports whether one of the region's keys signed the list, while it might.
func (r Region) MayList(l *List) bool {
	at := l.Head().Issued
	for _, k := range r.Keys {
		if at.Before(k.From) || !k.Until.IsZero() && !at.Before(k.Until) {
			continue
		}
		if key, err := credential.ParseKey(k.Key); err == nil && l.SignedBy(key) {
			return true
		}
	}
	return false
}

// AddTo lets t vouch for what the region's keys have signed, each licence judged by
// what was said of its key on the day it was signed.
func (k Known) AddTo(t *credential.Trust) error {
	newest := k.Newest()
	if newest == nil {
		return nil
	}
	type told struct {
		key  IssuerKey
		m    credential.Mandate
		last int // of the lists that had it
	}
	keys := map[credential.KeyID]*told{}
	var order []credential.KeyID
	for i, list := range k.History {
		for _, x := range list.Keys {
			key, err := credential.ParseKey(x.Key)
			if err != nil {
				return err // Parse looked
			}
			id := key.ID()
			s := keys[id]
			if s == nil {
				s = &told{}
				keys[id], order = s, append(order, id)
			}
			s.last = i
			compromised := s.m.Compromised // is never taken back
			if !x.Compromised.IsZero() && (compromised.IsZero() || x.Compromised.Before(compromised)) {
				compromised = x.Compromised
			}
			s.key, s.m.Retired, s.m.Compromised = x, x.Retired, compromised
			s.m.Entitled = append(s.m.Entitled, entitlement(list.Issued, x))
		}
	}
	for _, id := range order {
		s := keys[id]
		s.m.Region, s.m.Name, s.m.AsOf, s.m.Next, s.m.Lists = string(k.Region.Code), newest.Name, newest.Issued, newest.Next, newest.StatusLists
		if s.last < len(k.History)-1 && s.m.Retired.IsZero() && s.m.Compromised.IsZero() {
			s.m.Dropped = k.History[s.last+1].Issued
		}
		if !k.Dropped.IsZero() {
			s.m.Dropped = k.Dropped
		}
		key, err := credential.ParseKey(s.key.Key)
		if err != nil {
			return err
		}
		key.NotBefore = later(key.NotBefore, s.key.From, k.Region.Since)
		key.NotAfter = earlier(key.NotAfter, s.key.Until, k.Region.Until)
		if err := t.AddMandated("region "+string(k.Region.Code), key, s.m); err != nil {
			return err
		}
	}
	return nil
}

func entitlement(from time.Time, x IssuerKey) credential.Entitlement {
	e := credential.Entitlement{From: from, PassCodes: x.PassCodes}
	for _, l := range x.Licences {
		e.Types = append(e.Types, l.Code)
	}
	return e
}

func later(all ...time.Time) (t time.Time) {
	for _, x := range all {
		if x.After(t) {
			t = x
		}
	}
	return t
}

func earlier(all ...time.Time) (t time.Time) {
	for _, x := range all {
		if !x.IsZero() && (t.IsZero() || x.Before(t)) {
			t = x
		}
	}
	return t
}

// Follows checks whether a list may be taken after the one that is there (nil: none).
// The same list again is no fault and no news; its errors are of type *city.Error.
func Follows(old, l *List, now time.Time) (news bool, err error) {
	h := l.Head()
	if h.Issued.After(now.Add(skew)) {
		return false, city.Invalid("trust.list.future", "at", h.Issued)
	}
	if old == nil {
		return true, nil
	}
	have := old.Head()
	switch {
	case h.Sequence == have.Sequence && l.Digest() == old.Digest():
		return false, nil
	case h.Sequence == have.Sequence:
		return false, city.Conflict("trust.list.twice", "n", h.Sequence)
	case h.Sequence < have.Sequence:
		return false, city.Conflict("trust.list.rollback", "n", h.Sequence, "have", have.Sequence)
	case h.Issued.Before(have.Issued):
		return false, city.Conflict("trust.list.older", "n", h.Sequence, "at", h.Issued, "have", have.Issued)
	}
	return true, nil
}

// nameOr is a name, or the code of what has none.
func nameOr(t city.Text, code city.RegionCode) city.Text {
	if t.IsZero() {
		return city.Text{ZhHans: string(code), En: string(code)}
	}
	return t
}
