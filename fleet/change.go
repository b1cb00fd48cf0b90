package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet/register"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Version is one version of a record, and when it was written.
type Version struct {
	Record  register.Record
	Changed time.Time
}

// History lists the versions of a record, the newest first.
func (r *Registers) History(ctx context.Context, tx *db.Tx, actor city.Actor, kind register.Kind, id string) ([]Version, error) {
	if err := r.access.Ask(ctx, actor, "register.read", all(kind)); err != nil {
		return nil, err
	}
	return versionsOf(ctx, tx, kind, id)
}

// outcome is what becomes of a record that is to stand in its register.
type outcome int

const (
	same outcome = iota
	added
	replaced
)

// Change puts a new version of a record into its register, from its Since on; with
// none that is today where the record stands already, and ever since where it is
// new. A record that says what stands there is not written again. The version
// given is of no matter; the one that stands is returned.
func (r *Registers) Change(ctx context.Context, tx *db.Tx, actor city.Actor, rec register.Record) (register.Ref, error) {
	if err := r.access.Ask(ctx, actor, "register.change", all(rec.Ref().Kind)); err != nil {
		return register.Ref{}, err
	}
	if bad := rec.Check(); len(bad) > 0 {
		return register.Ref{}, city.InvalidFields(bad)
	}
	faults, err := r.unknown(ctx, tx, []register.Record{rec})
	if err != nil {
		return register.Ref{}, err
	}
	if len(faults[0]) > 0 {
		return register.Ref{}, city.InvalidFields(faults[0])
	}
	what, err := r.put(ctx, tx, []register.Record{rec})
	if err != nil || what[0] == same {
		return rec.Ref(), err
	}
	ref := rec.Ref()
	return ref, r.journal.Append(ctx, tx, journal.Event{At: r.clock.Now(), Type: "register.changed", Subject: string(ref.Kind) + ":" + ref.ID, Actor: actor,
		Data: map[string]any{"kind": string(ref.Kind), "version": ref.Version}})
}

// unknown says for each record which others it names that aren't there. A firm
// that only the directory has gets its own record.
func (r *Registers) unknown(ctx context.Context, tx *db.Tx, list []register.Record) ([][]city.Field, error) {
	wanted := map[register.Kind]map[string]bool{}
	for _, rec := range list {
		for _, n := range rec.Names() {
			if wanted[n.Kind] == nil {
				wanted[n.Kind] = map[string]bool{}
			}
			wanted[n.Kind][n.ID] = true
		}
	}
	there := map[register.Kind]map[string]bool{}
	for _, kind := range register.Kinds {
		if len(wanted[kind]) == 0 {
			continue
		}
		ids := make([]string, 0, len(wanted[kind]))
		for id := range wanted[kind] {
			ids = append(ids, id)
		}
		found, err := newest(ctx, tx, kind, ids)
		if err != nil {
			return nil, err
		}
		there[kind] = map[string]bool{}
		for id := range found {
			there[kind][id] = true
		}
	}
	for id := range wanted[register.KindFirm] {
		if there[register.KindFirm][id] {
			continue
		}
		_, err := r.directory.FirmByUSCC(ctx, tx, id)
		if city.KindOf(err) == city.KindNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		if _, err := r.put(ctx, tx, []register.Record{&register.Firm{Entry: register.Entry[register.USCC]{ID: register.USCC(id)}}}); err != nil {
			return nil, err
		}
		there[register.KindFirm][id] = true
	}
	faults := make([][]city.Field, len(list))
	for i, rec := range list {
		for _, n := range rec.Names() {
			if !there[n.Kind][n.ID] {
				faults[i] = append(faults[i], city.Field{Name: n.Column(rec.Ref().Kind),
					Message: city.Message{Key: "register.unknown", Args: []any{"id", n.ID, "kind", city.Message{Key: "register.kind." + string(n.Kind)}}}})
			}
		}
	}
	return faults, nil
}

// put writes those records of one register that say something new, and stamps all
// with the version that stands then.
func (r *Registers) put(ctx context.Context, tx *db.Tx, list []register.Record) ([]outcome, error) {
	ids := make([]string, len(list))
	for i, rec := range list {
		ids[i] = rec.Key()
	}
	have, err := newest(ctx, tx, list[0].Ref().Kind, ids)
	if err != nil {
		return nil, err
	}
	out := make([]outcome, len(list))
	now := r.clock.Now()
	for i, rec := range list {
		old, stands := have[rec.Key()]
		since, _ := rec.Span()
		if stands && since.IsZero() && old.since != "" {
			if since, err = city.ParseDate(old.since); err != nil {
				return nil, err
			}
			rec.Begin(since)
			since = city.Date{}
		}
		body, err := bodyOf(rec)
		if err != nil {
			return nil, err
		}
		if stands && body == old.body {
			rec.Stamp(old.version)
			continue
		}
		if out[i] = added; stands {
			out[i] = replaced
			if since.IsZero() {
				rec.Begin(r.today())
				if body, err = bodyOf(rec); err != nil {
					return nil, err
				}
			}
		}
		rec.Stamp(old.version + 1)
		insertRecord(tx, rec, body, now)
		r.changed(tx)
	}
	return out, nil
}

// Seed puts records of the city's folder into the registers, each version once:
// one that stands, or that a newer one stands beside, is left alone. Firms that
// the directory lacks are added there. Certificates come with their numbers.
func (r *Registers) Seed(ctx context.Context, actor city.Actor, firms []directory.Firm, list []register.Record) (n int, err error) {
	if err := r.access.Ask(ctx, actor, "register.change", all("")); err != nil {
		return 0, err
	}
	byKind := map[register.Kind][]register.Record{}
	for _, rec := range list {
		rec = r.concealed(rec)
		byKind[rec.Ref().Kind] = append(byKind[rec.Ref().Kind], rec)
	}
	err = r.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		n = 0
		for _, f := range firms {
			_, err := r.directory.FirmByUSCC(ctx, tx, f.USCC)
			if city.KindOf(err) == city.KindNotFound {
				_, err = r.directory.AddFirm(ctx, tx, actor, f, city.PersonID{})
			}
			if err != nil {
				return err
			}
		}
		for kind, records := range byKind {
			ids := make([]string, len(records))
			for i, rec := range records {
				ids[i] = rec.Key()
			}
			have, err := newest(ctx, tx, kind, ids)
			if err != nil {
				return err
			}
			for _, rec := range records {
				if rec.Ref().Version <= have[rec.Key()].version {
					continue
				}
				body, err := bodyOf(rec)
				if err != nil {
					return err
				}
				insertRecord(tx, rec, body, r.clock.Now())
				n++
			}
		}
		if n == 0 {
			return nil
		}
		r.changed(tx)
		return r.journal.Append(ctx, tx, journal.Event{At: r.clock.Now(), Type: "register.seeded", Subject: "registers", Actor: actor, Data: map[string]any{"added": n}})
	})
	if err != nil {
		return 0, err
	}
	return n, r.Reload(ctx)
}

// concealed is a copy of the record in which certificates go by their digests.
func (r *Registers) concealed(rec register.Record) register.Record {
	switch v := rec.(type) {
	case *register.Certificate:
		c := *v
		c.ID = r.CertificateID(string(v.ID))
		return &c
	case *register.Sheet:
		s := *v
		for _, id := range []*register.CertificateID{&s.Driver, &s.Escort} {
			if *id != "" {
				*id = r.CertificateID(string(*id))
			}
		}
		return &s
	}
	return rec
}

// batchSize is how many rows share a transaction.
const batchSize = 500

// Import brings a table of one register in, row by row: what is new is added, what
// says something else becomes a new version, what can't be taken is rejected with
// its reasons. Done twice it changes nothing.
func (r *Registers) Import(ctx context.Context, actor city.Actor, kind register.Kind, in directory.Import) (directory.Imported, error) {
	if err := r.access.Ask(ctx, actor, "register.change", all(kind)); err != nil {
		return directory.Imported{}, err
	}
	var done directory.Imported
	reject := func(row directory.Row, why []city.Field) {
		done.Rejected++
		if in.Reject != nil {
			in.Reject(row, why)
		}
	}
	var rows []directory.Row
	var list []register.Record
	seen := map[string]bool{}
	flush := func() error {
		if len(list) > 0 {
			faults, what, err := r.importBatch(ctx, actor, list)
			if err != nil {
				return err
			}
			for i := range list {
				switch {
				case len(faults[i]) > 0:
					reject(rows[i], faults[i])
				case what[list[i]] == added:
					done.Added++
				case what[list[i]] == replaced:
					done.Changed++
				default:
					done.Same++
				}
			}
		}
		rows, list = rows[:0], list[:0]
		clear(seen)
		if in.Progress != nil {
			in.Progress(done)
		}
		return ctx.Err()
	}
	for row, err := range in.Rows {
		var known *city.Error
		switch {
		case err != nil && row.Line > 0 && errors.As(err, &known):
			done.Read++
			reject(row, []city.Field{{Message: known.Message}})
			continue
		case err != nil:
			return done, err
		}
		done.Read++
		rec, bad := register.FromRow(kind, row.Cells, r.CertificateID)
		if len(bad) == 0 && seen[rec.Key()] {
			bad = []city.Field{{Message: city.Message{Key: "directory.row_twice"}}}
		}
		if len(bad) > 0 {
			reject(row, bad)
			continue
		}
		seen[rec.Key()] = true
		rows, list = append(rows, row), append(list, rec)
		if len(list) == batchSize {
			if err := flush(); err != nil {
				return done, err
			}
		}
	}
	if err := flush(); err != nil {
		return done, err
	}
	return done, r.Reload(ctx)
}

// importBatch writes those records that name nothing unknown.
func (r *Registers) importBatch(ctx context.Context, actor city.Actor, list []register.Record) (faults [][]city.Field, what map[register.Record]outcome, err error) {
	err = r.db.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		what = map[register.Record]outcome{}
		if faults, err = r.unknown(ctx, tx, list); err != nil {
			return err
		}
		var good []register.Record
		for i, rec := range list {
			if len(faults[i]) == 0 {
				good = append(good, rec)
			}
		}
		if len(good) == 0 {
			return nil
		}
		outcomes, err := r.put(ctx, tx, good)
		if err != nil {
			return err
		}
		counts := map[outcome]int{}
		for i, rec := range good {
			what[rec] = outcomes[i]
			counts[outcomes[i]]++
		}
		if counts[added]+counts[replaced] == 0 {
			return nil
		}
		return r.journal.Append(ctx, tx, journal.Event{At: r.clock.Now(), Type: "register.imported", Subject: "registers", Actor: actor,
			Data: map[string]any{"kind": string(good[0].Ref().Kind), "added": counts[added], "changed": counts[replaced]}})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("rows of a register: %w", err)
	}
	return faults, what, nil
}
