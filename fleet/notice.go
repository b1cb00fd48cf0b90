package fleet

import (
	"context"
	"math"
	"slices"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/register"
	"yiwang/internal/db"
)

// commit gathers what was noticed, lets the memory see what repeats or meets in it,
// and commits stays and alerts together. What can't be committed is tried again until
// it can; meanwhile senders wait.
func (m *Monitor) commit(ctx context.Context, memory *detect.Memory) {
	daily := time.NewTicker(time.Hour)
	defer daily.Stop()
	var checked *register.Book
	var newest time.Time
	for {
		var batch []noticed
		select {
		case <-ctx.Done():
			return
		case n := <-m.out:
			batch = m.gather(append(batch, n))
		case <-daily.C:
			if err := m.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
				now := m.Clock.Now()
				return forgetOld(ctx, tx, city.Micros(now)-m.rules.Back(), city.Micros(now.Add(-keepTold)))
			}); err != nil && ctx.Err() == nil {
				m.Log.WarnContext(ctx, "old stays could not be removed", "err", err)
			}
		case <-time.After(m.late):
		}
		if now := m.Clock.Now(); now.Before(newest.Add(-clockBack)) { // what the memory has from later than now isn't so
			fresh := detect.NewMemory(m.rules, m.Ground)
			if err := m.remember(ctx, fresh); err != nil && ctx.Err() == nil {
				m.Log.ErrorContext(ctx, "stays could not be read anew after the clock was set back", "err", err)
			} else {
				memory, checked, newest = fresh, nil, now
			}
		} else if now.After(newest) {
			newest = now
		}
		today := m.Registers.Book()
		var found []detect.Finding
		for _, n := range batch {
			if n.to != 0 {
				memory.Forget(n.vehicle, n.from, n.to)
			}
			found = append(found, n.findings...)
			for _, e := range n.stays {
				book := m.bookOf(ctx, today, e.Start)
				found = memory.Stay(book, book.Vehicle(n.vehicle), e, found)
			}
		}
		if checked != today {
			checked = today
			found = memory.Check(today, found)
		}
		if len(batch) == 0 && len(found) == 0 {
			continue
		}
		for {
			err := m.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return m.keep(ctx, tx, batch, found) })
			if err == nil || ctx.Err() != nil {
				break
			}
			m.Log.ErrorContext(ctx, "what vehicles did could not be kept, trying again", "err", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(afterBad):
			}
		}
		m.counts.found.Add(int64(len(found)))
		for _, n := range batch {
			if n.done != nil {
				close(n.done)
			}
		}
	}
}

// gather takes what else comes soon.
func (m *Monitor) gather(batch []noticed) []noticed {
	end := time.NewTimer(gatherIn)
	defer end.Stop()
	for len(batch) < gathered {
		select {
		case n := <-m.out:
			batch = append(batch, n)
		case <-end.C:
			return batch
		}
	}
	return batch
}

func (m *Monitor) keep(ctx context.Context, tx *db.Tx, batch []noticed, found []detect.Finding) error {
	for _, n := range batch {
		if n.to != 0 {
			dropStays(tx, n.vehicle, n.from, n.to)
		}
		for _, e := range n.stays {
			putStay(tx, n.vehicle, e)
		}
	}
	now := m.Clock.Now()
	for _, f := range found {
		fresh, err := sayTold(ctx, tx, f, now)
		if err != nil {
			return err
		}
		if !fresh {
			continue
		}
		_, _, err = m.Board.Raise(ctx, tx, city.SystemActor("fleet"), Told(m.Registers.Book(), f))
		switch city.KindOf(err) {
		case "":
		case city.KindInvalid, city.KindNotFound, city.KindForbidden: // never will be: the others go on
			m.counts.refused.Add(1)
			m.Log.ErrorContext(ctx, "what a rule noticed is no alert", "rule", f.Rule, "subject", f.Subject, "err", err)
		default:
			return err
		}
	}
	return nil
}

// Told puts a finding as the board takes it, with the names that stand in the book.
func Told(book *register.Book, f detect.Finding) alert.Finding {
	out := alert.Finding{Rule: f.Rule, Kind: f.Kind, Subject: f.Subject, Key: f.Key, From: city.FromMicros(f.From), To: city.FromMicros(f.To),
		Place: city.Place{Lat: f.At.Lat, Lon: f.At.Lon}, Sure: f.Sure}
	for k, v := range f.Numbers {
		if slices.Contains(alert.Arguments, k) {
			out.Args = append(out.Args, k, rounded(k, v))
		}
	}
	out.Args = append(out.Args, "from", out.From, "to", out.To)
	for k, id := range f.Names {
		if id != "" && slices.Contains(alert.Arguments, k) {
			out.Args = append(out.Args, k, nameOf(book, k, id))
		}
	}
	for _, e := range f.Evidence {
		x := alert.Evidence{What: e.What, From: e.From, To: e.To, Lat: e.At.Lat, Lon: e.At.Lon, Numbers: e.Numbers}
		if e.Vehicle != "" {
			x.Subject = "vehicle:" + string(e.Vehicle)
		}
		if e.Record.Kind != "" {
			x.Record = e.Record.String()
		}
		out.Evidence = append(out.Evidence, x)
	}
	return out
}

// rounded is a number as a sentence has it.
func rounded(name string, v float64) any {
	switch name {
	case "km", "hours", "amount", "limit":
		return math.Round(v*10) / 10
	case "metres":
		return int(math.Round(v/10) * 10)
	}
	return int(math.Round(v))
}

// nameOf is what people call a thing of the registers; one that isn't there any more
// goes by its identifier.
func nameOf(b *register.Book, what, id string) any {
	switch what {
	case "site":
		if s := b.Site(register.SiteID(id)); s != nil {
			return s.Name
		}
	case "firm":
		if f := b.Firm(register.USCC(id)); f != nil && f.Name != "" {
			return f.Name
		}
	case "substance":
		if s := b.Substance(register.SubstanceID(id)); s != nil {
			return s.Name
		}
	case "zone":
		if z := b.Zone(register.ZoneID(id)); z != nil {
			return z.Name
		}
	}
	return id
}
