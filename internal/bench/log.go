package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/tlog"
)

// Log measures the public log: how many statements a second go from the journal
// into the published tree, how long after an act its receipt can be had, and what
// making and checking a receipt takes. Beside it the journal's own appends.
func Log(ctx context.Context, o Options) error {
	if o.Entries == 0 {
		o.Entries = 200_000
	}
	url := o.Database
	data, err := os.MkdirTemp("", "yiwang-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	engine := "postgres"
	if url == "" {
		engine, url = "sqlite", "sqlite:"+filepath.Join(data, "city.db")
	}
	d, err := db.Open(ctx, url, db.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Migrate(ctx); err != nil {
		return err
	}
	if !o.JSON {
		fmt.Fprintf(o.Out, "public log on %s, %d processors\n", engine, runtime.GOMAXPROCS(0))
	}
	v, err := journal.NewVault(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		return err
	}
	key, err := tlog.NewKey("bench.example/log")
	if err != nil {
		return err
	}
	j := journal.New(d, v)
	l, err := tlog.New(tlog.Options{DB: d, Journal: j, Clock: city.WallClock{}, Dir: filepath.Join(data, "log"), Key: key,
		Told: []tlog.Told{{Type: "case.opened", Data: []string{"item"}}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	f := &figures{o: o}
	if err := f.log(ctx, d, j, l); err != nil {
		return err
	}
	if o.JSON {
		return json.NewEncoder(o.Out).Encode(map[string]any{"bench": "log", "engine": engine, "processors": runtime.GOMAXPROCS(0), "figures": f.all})
	}
	return nil
}

const actsAtOnce = 500 // events of a transaction while the journal fills

func (f *figures) log(ctx context.Context, d *db.DB, j *journal.Journal, l *tlog.Log) error {
	act := func(n int) journal.Event {
		return journal.Event{At: time.Now(), Type: "case.opened", Subject: fmt.Sprintf("BE-2026-%08d", n), Actor: city.SystemActor("bench"), Data: map[string]string{"item": "permit"}}
	}
	begun := time.Now()
	for n := 0; n < f.o.Entries; {
		err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			for range min(actsAtOnce, f.o.Entries-n) {
				if err := j.Append(ctx, tx, act(n)); err != nil {
					return err
				}
				n++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	f.put(fmt.Sprintf("the journal alone, %d events a transaction", actsAtOnce), "/s", float64(f.o.Entries)/time.Since(begun).Seconds())

	begun = time.Now()
	j.Follow(l)
	if err := j.Start(ctx); err != nil {
		return err
	}
	defer j.Stop()
	run, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); l.Run(run) }()
	defer func() { stop(); <-done }()
	if err := published(ctx, d, l, uint64(f.o.Entries)); err != nil {
		return err
	}
	f.put("from the journal into the published tree", "/s", float64(f.o.Entries)/time.Since(begun).Seconds())

	var waited, made, checked []time.Duration
	for n := range 20 {
		e := act(f.o.Entries + n)
		begun := time.Now()
		if err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return j.Append(ctx, tx, e) }); err != nil {
			return err
		}
		text, err := receipt(ctx, d, l, e.Subject)
		for ; city.KindOf(err) == city.KindUnavailable; text, err = receipt(ctx, d, l, e.Subject) {
			time.Sleep(2 * time.Millisecond)
		}
		if err != nil {
			return err
		}
		waited = append(waited, time.Since(begun))
		for range 20 {
			begun := time.Now()
			if _, err := receipt(ctx, d, l, e.Subject); err != nil {
				return err
			}
			made = append(made, time.Since(begun))
			begun = time.Now()
			if r := tlog.Verify(string(text), l.Keys(), time.Now()); !r.Valid {
				return fmt.Errorf("the receipt of %s: %s", e.Subject, r.Reason)
			}
			checked = append(checked, time.Since(begun))
		}
	}
	for _, x := range []struct {
		name string
		took []time.Duration
	}{{"an act until its receipt can be had", waited}, {"making a receipt", made}, {"checking a receipt", checked}} {
		slices.Sort(x.took)
		f.spread(x.name, x.took)
	}
	return nil
}

// published waits until the checkpoint covers so many entries.
func published(ctx context.Context, d *db.DB, l *tlog.Log, n uint64) error {
	for {
		covers, err := l.Published(ctx)
		if covers >= n || err != nil {
			return err
		}
		if err := d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			s, err := l.State(ctx, tx)
			if err == nil && s.Alarm != "" {
				err = fmt.Errorf("the log: %s", s.Alarm)
			}
			return err
		}); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func receipt(ctx context.Context, d *db.DB, l *tlog.Log, subject string) (text []byte, err error) {
	err = d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		e, err := l.EntryAbout(ctx, tx, tlog.Topic{Subject: subject}, -1)
		if err == nil {
			text, err = l.Receipt(ctx, tx, e)
		}
		return err
	})
	return text, err
}
