package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/paper"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/pack"
	"yiwang/web"
)

// Grade says how well something is.
type Grade string

const (
	OK   Grade = "ok"
	Warn Grade = "warn" // works, and wants somebody's attention
	Fail Grade = "fail"
)

// Finding is what the doctor says of one thing.
type Finding struct {
	Check   string
	Grade   Grade
	Message city.Message
}

// Examination says what to look at.
type Examination struct {
	Place
	City  string // folder of the pack; "" is the one served last
	Cases int    // how many of the newest cases are folded anew
	Clock city.Clock
	// SendTest is an e-mail address that gets a letter to see whether it arrives; ""
	// sends nothing.
	SendTest string
	Lang     city.Lang           // of that letter
	Env      func(string) string // nil is the process's environment
}

// Limits between well and not so well.
const (
	keyWarning  = 90 * 24 * time.Hour
	lagWarning  = time.Minute // a city that stands still is no fault
	lagCounted  = 10000
	failWarning = 1 // tries in a row
	failFailure = 5
	skewWarning = 5 * time.Second
	skewFailure = time.Minute
	diskWarning = 2 << 30
	diskFailure = 256 << 20
)

// Examine looks at a city from outside, without starting or changing anything:
// also while it is being served, and also when it can't be.
func Examine(ctx context.Context, x Examination) []Finding {
	d := &doctor{Examination: x, now: x.Clock.Now()}
	d.pack()
	d.folder()
	d.disk()
	d.printing()
	d.channels(ctx)
	if d.database(ctx) {
		defer d.db.Close()
		d.keys(ctx)
		d.clock(ctx)
		d.cases(ctx)
		d.followers(ctx)
	}
	return d.found
}

type doctor struct {
	Examination
	now   time.Time
	db    *db.DB
	site  pack.Site // zero when the pack can't be read
	found []Finding
}

func (d *doctor) say(check string, g Grade, key string, args ...any) {
	d.found = append(d.found, Finding{check, g, city.Message{Key: key, Args: args}})
}

// failed says a fault that people can be told about in its own words.
func (d *doctor) failed(check string, err error) {
	var known *city.Error
	if errors.As(err, &known) && known.Err == nil {
		d.found = append(d.found, Finding{check, Fail, known.Message})
		return
	}
	d.say(check, Fail, "cli.doctor.error", "why", err.Error())
}

func (d *doctor) pack() {
	dir := d.City
	if dir == "" {
		dir = d.Place.City()
	}
	if dir == "" {
		d.say("pack", Warn, "cli.doctor.pack_unknown")
		return
	}
	p, faults := pack.Load(dir)
	if len(faults) > 0 {
		d.say("pack", Fail, "cli.doctor.pack_faults", "n", len(faults), "first", faults[0].String(), "dir", dir)
		return
	}
	d.site = p.Site
	d.say("pack", OK, "cli.doctor.pack", "name", p.Site.Name, "dir", dir)
}

// folder looks at who may read the data folder and its keys.
func (d *doctor) folder() {
	if err := d.stands(); err != nil {
		return // said of the database
	}
	open := ""
	err := filepath.WalkDir(filepath.Join(d.Data, "keys"), func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 && open == "" {
			open = name
		}
		return err
	})
	switch {
	case err != nil:
		d.failed("folder", err)
	case open != "":
		d.say("folder", Fail, "cli.doctor.folder_open", "path", open)
	default:
		d.say("folder", OK, "cli.doctor.folder", "path", d.Data)
	}
}

func (d *doctor) disk() {
	dir := d.Data
	if _, err := os.Stat(dir); err != nil {
		return
	}
	free, whole, err := freeSpace(dir)
	if err != nil {
		d.say("disk", Warn, "cli.doctor.disk_unknown", "why", err.Error())
		return
	}
	grade := OK
	switch {
	case free < diskFailure:
		grade = Fail
	case free < diskWarning || free < whole/20:
		grade = Warn
	}
	d.say("disk", grade, "cli.doctor.disk", "free", Size(int64(free)), "whole", Size(int64(whole)))
}

func (d *doctor) printing() {
	if err := paper.NewPress(web.Fonts(), os.DirFS("/usr/share/fonts/truetype")).Ready(); err != nil {
		d.say("fonts", Warn, "cli.doctor.fonts_missing")
	} else {
		d.say("fonts", OK, "cli.doctor.fonts")
	}
	if web.BundleReady() {
		d.say("bundle", OK, "cli.doctor.bundle")
	} else {
		d.say("bundle", Warn, "cli.doctor.bundle_missing")
	}
}

// database reports whether there is a database that this program can read.
func (d *doctor) database(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	store, err := d.open(ctx)
	if err != nil {
		d.failed("database", err)
		return false
	}
	have, err := store.Version(ctx)
	readable := false
	switch {
	case err != nil:
		d.failed("database", err)
	case have > db.Newest():
		d.say("database", Fail, "cli.migrate.newer", "have", have, "know", db.Newest())
	case have < db.Newest():
		d.say("database", Fail, "cli.doctor.database_old", "have", have, "know", db.Newest())
	default:
		d.say("database", OK, "cli.doctor.database", "engine", string(store.Engine()), "version", have)
		readable = true
	}
	if !readable {
		store.Close()
		return false
	}
	d.db = store
	return true
}

func (d *doctor) keys(ctx context.Context) {
	master, err := journal.LoadMaster(masterFile(d.Data), false)
	if err != nil {
		d.failed("master_key", err)
	} else {
		fits := false
		err := d.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			v, err := journal.NewVault(master)
			if err == nil {
				fits, err = v.Fits(ctx, tx)
			}
			return err
		})
		switch {
		case err != nil:
			d.failed("master_key", err)
		case !fits:
			d.say("master_key", Fail, "cli.doctor.master_other", "file", masterFile(d.Data))
		default:
			d.say("master_key", OK, "cli.doctor.master")
		}
	}
	folder, err := credential.OpenKeys(signingKeys(d.Data))
	if err != nil {
		d.failed("signing_keys", err)
		return
	}
	var lost []credential.KeyID
	err = d.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		lost, err = credential.LostKeys(ctx, tx, folder, d.now)
		return err
	})
	last := map[credential.Algorithm]time.Time{}
	for _, t := range folder.Terms() {
		if t.Until.After(last[t.Algorithm]) {
			last[t.Algorithm] = t.Until
		}
	}
	soonest := credential.Algorithm("")
	for a, until := range last {
		if soonest == "" || until.Before(last[soonest]) {
			soonest = a
		}
	}
	until := last[soonest]
	switch {
	case err != nil:
		d.failed("signing_keys", err)
	case len(lost) > 0:
		d.say("signing_keys", Fail, "cli.doctor.signing_lost", "key", lost[0].String(), "n", len(lost), "dir", signingKeys(d.Data))
	case soonest == "":
		d.say("signing_keys", Warn, "cli.doctor.signing_none")
	case until.Before(d.now):
		d.say("signing_keys", Fail, "cli.doctor.signing_over", "algorithm", string(soonest), "until", until.Format(time.DateOnly))
	case until.Before(d.now.Add(keyWarning)):
		d.say("signing_keys", Warn, "cli.doctor.signing_soon", "algorithm", string(soonest), "until", until.Format(time.DateOnly))
	default:
		d.say("signing_keys", OK, "cli.doctor.signing", "n", len(folder.Terms()), "until", until.Format(time.DateOnly))
	}
	for _, k := range credential.AgentKeys(folder) {
		var fault *city.Error
		switch err := k.Probe(ctx); {
		case errors.As(err, &fault):
			d.found = append(d.found, Finding{"signing_agent", Fail, fault.Message})
		case err != nil:
			d.failed("signing_agent", err)
		default:
			d.say("signing_agent", OK, "cli.doctor.signing_agent", "key", k.Fingerprint(), "socket", k.Socket())
		}
	}
}

// clock holds this machine's time against the database's and against what was
// already written down.
func (d *doctor) clock(ctx context.Context) {
	theirs, err := d.db.Now(ctx)
	if err != nil {
		d.failed("clock", err)
		return
	}
	var newest time.Time
	if err := d.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		newest, err = journal.Newest(ctx, tx)
		return err
	}); err != nil {
		d.failed("clock", err)
		return
	}
	apart := theirs.Sub(d.Clock.Now()).Abs()
	ahead := newest.Sub(d.Clock.Now())
	switch {
	case ahead > skewWarning:
		d.say("clock", Fail, "cli.doctor.clock_back", "by", ahead.Round(time.Second).String())
	case apart > skewFailure:
		d.say("clock", Fail, "cli.doctor.clock_apart", "by", apart.Round(time.Second).String())
	case apart > skewWarning:
		d.say("clock", Warn, "cli.doctor.clock_apart", "by", apart.Round(time.Second).String())
	default:
		d.say("clock", OK, "cli.doctor.clock")
	}
}

func (d *doctor) cases(ctx context.Context) {
	var looked int
	var wrong []city.CaseNumber
	err := d.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		looked, wrong, err = casework.Audit(ctx, tx, d.Cases)
		return err
	})
	switch {
	case err != nil:
		d.failed("cases", err)
	case len(wrong) > 0:
		d.say("cases", Fail, "cli.doctor.cases_wrong", "n", len(wrong), "looked", looked, "first", string(wrong[0]))
	default:
		d.say("cases", OK, "cli.doctor.cases", "n", looked)
	}
}

func (d *doctor) followers(ctx context.Context) {
	states, err := journal.New(d.db, nil).Followers(ctx)
	if err != nil {
		d.failed("followers", err)
		return
	}
	if len(states) == 0 {
		d.say("followers", OK, "cli.doctor.followers_none")
	}
	for _, s := range states {
		var n int64
		var first time.Time
		err := d.db.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			n, first, err = journal.Behind(ctx, tx, s.Position, lagCounted)
			return err
		})
		lag := d.now.Sub(first)
		check := "follower." + s.Name
		grade := OK
		switch {
		case err != nil:
			d.failed(check, err)
			continue
		case s.Failures >= failFailure:
			grade = Fail
		case s.Failures >= failWarning, n > 0 && lag > lagWarning:
			grade = Warn
		}
		switch {
		case s.Failures > 0:
			d.say(check, grade, "cli.doctor.follower_failing", "n", s.Failures, "fault", s.Fault)
		case n == lagCounted:
			d.say(check, grade, "cli.doctor.follower_far", "n", n, "first", first.Local())
		case n > 0:
			d.say(check, grade, "cli.doctor.follower_behind", "n", n, "first", first.Local())
		default:
			d.say(check, OK, "cli.doctor.follower")
		}
	}
}
