package trustlist

import (
	"bytes"
	"slices"

	"yiwang/city"
	"yiwang/credential"
)

// ChangeSort is what became of something between two lists. The list is closed.
type ChangeSort string

const (
	Added   ChangeSort = "added"
	Dropped ChangeSort = "dropped"
	Changed ChangeSort = "changed"
)

// Change is one difference between two lists, as a sentence.
type Change struct {
	Sort ChangeSort
	What string // the region's code or the key's id
	Says city.Message
}

// CompareRegions lists what a first layer changes; old may be nil.
func CompareRegions(old, l *Regions) []Change {
	var all []Change
	before := map[city.RegionCode]Region{}
	if old != nil {
		for _, r := range old.Regions {
			before[r.Code] = r
		}
	}
	say := func(s ChangeSort, r Region, key string, args ...any) {
		all = append(all, Change{s, string(r.Code), city.Message{Key: key,
			Args: append([]any{"name", nameOr(r.Name, r.Code), "code", string(r.Code)}, args...)}})
	}
	for _, r := range l.Regions {
		was, ok := before[r.Code]
		delete(before, r.Code)
		if !ok {
			say(Added, r, "trust.change.region.added", "since", r.Since, "keys", len(r.Keys))
			for _, k := range r.Keys {
				say(Added, r, "trust.change.region.key.added", "key", Fingerprint(k.Key))
			}
			continue
		}
		for _, k := range r.Keys {
			i := slices.IndexFunc(was.Keys, func(o ListKey) bool { return bytes.Equal(o.Key, k.Key) })
			switch {
			case i < 0:
				say(Added, r, "trust.change.region.key.added", "key", Fingerprint(k.Key))
			case !was.Keys[i].From.Equal(k.From) || !was.Keys[i].Until.Equal(k.Until):
				say(Changed, r, "trust.change.region.key.term", "key", Fingerprint(k.Key))
			}
		}
		for _, k := range was.Keys {
			if !slices.ContainsFunc(r.Keys, func(n ListKey) bool { return bytes.Equal(n.Key, k.Key) }) {
				say(Dropped, r, "trust.change.region.key.dropped", "key", Fingerprint(k.Key))
			}
		}
		if was.Address != r.Address {
			say(Changed, r, "trust.change.region.address", "address", r.Address)
		}
		if !was.Since.Equal(r.Since) || !was.Until.Equal(r.Until) {
			if r.Until.IsZero() {
				say(Changed, r, "trust.change.region.since", "since", r.Since)
			} else {
				say(Changed, r, "trust.change.region.until", "until", r.Until)
			}
		}
		if was.Name != r.Name {
			say(Changed, r, "trust.change.region.name", "was", nameOr(was.Name, r.Code))
		}
	}
	if old != nil {
		for _, r := range old.Regions {
			if _, gone := before[r.Code]; gone {
				say(Dropped, r, "trust.change.region.dropped")
			}
		}
	}
	return all
}

// CompareIssuers lists what a second layer changes; old may be nil.
func CompareIssuers(old, l *Issuers) []Change {
	var all []Change
	say := func(s ChangeSort, id credential.KeyID, key string, args ...any) {
		all = append(all, Change{s, id.String(), city.Message{Key: key, Args: append([]any{"key", id.String()}, args...)}})
	}
	before := map[credential.KeyID]IssuerKey{}
	if old != nil {
		for _, k := range old.Keys {
			before[idOf(k)] = k
		}
	}
	for _, k := range l.Keys {
		id := idOf(k)
		was, ok := before[id]
		delete(before, id)
		if !ok {
			say(Added, id, "trust.change.key.added", "algorithm", string(k.Algorithm), "n", len(k.Licences))
		}
		if !k.Retired.Equal(was.Retired) {
			say(Changed, id, "trust.change.key.retired", "at", k.Retired)
		}
		if !k.Compromised.Equal(was.Compromised) {
			say(Changed, id, "trust.change.key.compromised", "at", k.Compromised)
		}
		if !ok {
			continue
		}
		for _, x := range k.Licences {
			if !has(was.Licences, x.Code) {
				say(Added, id, "trust.change.licence.added", "licence", nameOr(x.Name, city.RegionCode(x.Code)))
			}
		}
		for _, x := range was.Licences {
			if !has(k.Licences, x.Code) {
				say(Dropped, id, "trust.change.licence.dropped", "licence", nameOr(x.Name, city.RegionCode(x.Code)))
			}
		}
		for _, p := range k.PassCodes {
			if !slices.Contains(was.PassCodes, p) {
				say(Added, id, "trust.change.purpose.added", "purpose", p)
			}
		}
		for _, p := range was.PassCodes {
			if !slices.Contains(k.PassCodes, p) {
				say(Dropped, id, "trust.change.purpose.dropped", "purpose", p)
			}
		}
		if !k.From.Equal(was.From) || !k.Until.Equal(was.Until) {
			say(Changed, id, "trust.change.key.term", "from", k.From)
		}
	}
	if old == nil {
		return all
	}
	for _, k := range old.Keys {
		id := idOf(k)
		if _, gone := before[id]; gone {
			say(Dropped, id, "trust.change.key.dropped")
		}
	}
	other := func(key string, args ...any) {
		all = append(all, Change{Changed, string(l.Region), city.Message{Key: key, Args: args}})
	}
	if old.StatusLists != l.StatusLists {
		other("trust.change.status_lists", "address", l.StatusLists)
	}
	if logKey(old.Log) != logKey(l.Log) {
		other("trust.change.log", "key", logKey(l.Log))
	}
	if old.Name != l.Name {
		other("trust.change.name", "name", nameOr(l.Name, l.Region), "was", nameOr(old.Name, l.Region))
	}
	return all
}

func logKey(l *Log) string {
	if l == nil {
		return ""
	}
	return l.Key
}

func has(all []Licence, code string) bool {
	return slices.ContainsFunc(all, func(l Licence) bool { return l.Code == code })
}

// idOf is the id of a key that Parse has looked at; zero for what is none.
func idOf(k IssuerKey) (id credential.KeyID) {
	if key, err := credential.ParseKey(k.Key); err == nil {
		id = key.ID()
	}
	return id
}
