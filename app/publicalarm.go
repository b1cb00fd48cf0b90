package app

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/tlog"
)

// How often it is looked whether the public log goes on and whether a log that is
// watched has contradicted itself, and how long entries may wait for witnesses before
// whoever runs the program hears of it.
const (
	alarmEvery = 10 * time.Second
	alarmAfter = 5 * time.Minute
)

// What whoever runs the program is told of: types of events.
const (
	logStopped = "log.stopped" // nothing is appended any more
	logLate    = "log.late"    // witnesses keep entries from being published
	logForked  = "log.forked"  // a log that is watched has contradicted itself
)

// alarm is one trouble of a log.
type alarm struct {
	typ     string
	origin  string
	since   time.Time
	unique  string
	details map[string]any
}

// logWatch is what one process knows of the log's troubles.
type logWatch struct {
	told map[string]bool
	size uint64    // that was published when entries were seen to wait for witnesses
	from time.Time // when that was seen first; zero while nothing waits
}

// late says that witnesses have kept the same checkpoint from being followed by
// another for too long, by this machine's clock: events may be older than their
// entries by months.
func (w *logWatch) late(s tlog.State) bool {
	switch {
	case s.Waiting == 0 || len(s.Witnesses) == 0:
		w.from = time.Time{}
	case w.from.IsZero() || w.size != s.Size:
		w.from, w.size = time.Now(), s.Size
	}
	return !w.from.IsZero() && time.Since(w.from) > alarmAfter
}

// troubles are what is wrong with the city's log and with those it watches.
func (a *App) troubles(ctx context.Context, tx *db.Tx, w *logWatch, now time.Time) ([]alarm, error) {
	s, err := a.PublicLog.State(ctx, tx)
	if err != nil {
		return nil, err
	}
	var all []alarm
	switch {
	case s.Alarm != "": // told again when it stopped at another place
		all = append(all, alarm{typ: logStopped, origin: s.Origin, since: now, unique: strconv.FormatUint(s.Size, 10)})
	case w.late(s):
		all = append(all, alarm{typ: logLate, origin: s.Origin, since: s.Since, unique: strconv.FormatUint(s.Size, 10), details: map[string]any{"waiting": s.Waiting}})
	}
	if a.Witness == nil {
		return all, nil
	}
	forks, err := a.Witness.Forks(ctx, tx)
	for _, f := range forks {
		all = append(all, alarm{typ: logForked, origin: f.Origin, since: f.At, unique: strconv.FormatInt(city.Micros(f.At), 10)})
	}
	return all, err
}

// watchLogs tells each trouble of the logs once to the posts that run the program,
// until the context ends. On several nodes one of them tells it.
func (a *App) watchLogs(ctx context.Context) {
	tick := time.NewTicker(alarmEvery)
	defer tick.Stop()
	w := &logWatch{told: map[string]bool{}}
	for {
		if err := a.tellTroubles(ctx, w); err != nil && ctx.Err() == nil {
			a.Log.ErrorContext(ctx, "whether the public log goes on could not be told", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tellTroubles appends an event for each trouble that was not told.
func (a *App) tellTroubles(ctx context.Context, w *logWatch) error {
	var all []alarm
	now := a.Clock.Now()
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		all, err = a.troubles(ctx, tx, w, now)
		return err
	})
	for _, x := range all {
		once := x.typ + ":" + x.origin + ":" + x.unique
		if w.told[once] {
			continue
		}
		a.Log.ErrorContext(ctx, "a public log is in trouble", "trouble", x.typ, "log", x.origin, "since", x.since)
		data := map[string]any{"origin": x.origin, "since": x.since}
		for k, v := range x.details {
			data[k] = v
		}
		appended := a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			return a.Journal.Append(ctx, tx, journal.Event{At: now, Type: x.typ, Subject: x.origin, Actor: city.SystemActor("log"), To: a.whoRuns(), Data: data, Unique: once})
		})
		if appended != nil && !errors.Is(appended, db.ErrDuplicate) { // another node, or this one before it began again
			err = errors.Join(err, appended)
			continue
		}
		w.told[once] = true
	}
	return err
}

// whoRuns are the posts that the city's policies let hear log.alarm.
func (a *App) whoRuns() (to []journal.Recipient) {
	for _, b := range a.Directory.Bodies() {
		for _, p := range b.Posts {
			officer := city.Actor{Kind: city.Officer, Body: b.ID, Posts: []city.PostID{p.ID}}
			if a.Access.Decide(officer, "log.alarm", access.Resource{Type: "Log", ID: "public"}).Allowed {
				to = append(to, journal.Recipient{Post: p.ID})
			}
		}
	}
	return to
}

// publicLogMetrics say how the city's log and those it watches stand.
type publicLogMetrics struct{ a *App }

var (
	logSize     = described("public_log_entries", "Entries that the published checkpoint of the public log covers.")
	logWaiting  = described("public_log_waiting", "Entries of the public log that no published checkpoint covers.")
	logWait     = described("public_log_waiting_seconds", "How long the first of them has waited; 0 where none waits.")
	logStop     = described("public_log_stopped", "1 while nothing is appended to the public log.")
	logUnsigned = described("public_log_witnesses_missing", "Witnesses named by the policy that have not signed the published checkpoint.")
	logForks    = described("public_log_forks", "Contradictions of watched logs that are kept as evidence, by log.", "log")
)

func (m *publicLogMetrics) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{logSize, logWaiting, logWait, logStop, logUnsigned, logForks} {
		c <- d
	}
}

func (m *publicLogMetrics) Collect(c chan<- prometheus.Metric) {
	if m.a.PublicLog == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var s tlog.State
	var forks []tlog.Fork
	err := m.a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if s, err = m.a.PublicLog.State(ctx, tx); err == nil && m.a.Witness != nil {
			forks, err = m.a.Witness.Forks(ctx, tx)
		}
		return err
	})
	if err != nil {
		return // the database's absence shows at /readyz
	}
	put := func(d *prometheus.Desc, n float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	put(logSize, float64(s.Size))
	put(logWaiting, float64(s.Waiting))
	wait, stopped, missing := 0.0, 0.0, 0.0
	if s.Waiting > 0 {
		wait = max(0, m.a.Clock.Now().Sub(s.Since).Seconds())
	}
	if s.Alarm != "" {
		stopped = 1
	}
	for _, w := range s.Witnesses {
		if w.Seen.IsZero() {
			missing++
		}
	}
	put(logWait, wait)
	put(logStop, stopped)
	put(logUnsigned, missing)
	count := map[string]int{}
	for _, f := range forks {
		count[f.Origin]++
	}
	for origin, n := range count {
		put(logForks, float64(n), origin)
	}
}
