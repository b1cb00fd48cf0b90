package identity

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"golang.org/x/sync/semaphore"

	"yiwang/access"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Options are what an Identity is made of. Zero durations and limits take the
// values named; the first five are needed.
type Options struct {
	DB        *db.DB
	Access    *access.Access
	Journal   *journal.Journal
	Directory *directory.Directory
	Clock     city.Clock

	// Passkeys says for which site passkeys are made; nil turns them off.
	Passkeys *Site

	// A session ends when unused for so long, and in any case after SessionLife.
	ResidentIdle time.Duration // 2 h
	OfficerIdle  time.Duration // 1 h
	SessionLife  time.Duration // 12 h

	Argon Argon // OWASP's: 19 MiB, 2 rounds, 1 lane

	// AnyPassword takes passwords of any length, for a demonstration whose
	// password is "demo". Never for a real city.
	AnyPassword bool
}

// Site is where passkeys belong.
type Site struct {
	ID      string   // the domain: "localhost", "yiwang.example"
	Name    string   // what the phone shows: 一网 江海
	Origins []string // "https://yiwang.example"
}

// Identity answers who asks. It is safe for concurrent use.
type Identity struct {
	db       *db.DB
	access   *access.Access
	journal  *journal.Journal
	vault    *journal.Vault
	people   *directory.Directory
	clock    city.Clock
	o        Options
	webauthn *webauthn.WebAuthn // nil: passkeys are off

	recent  recents
	changes atomic.Uint64

	hashing *semaphore.Weighted // one unit for each hash that may run at once
	waiting *semaphore.Weighted // and for each that may wait
}

// hashQueue bounds who waits for a password to be checked: each takes 50 ms of a
// core, and more than a few seconds nobody waits.
const hashQueue = 100

// New checks the options.
func New(o Options) (*Identity, error) {
	for _, d := range []struct {
		of   *time.Duration
		used time.Duration
	}{{&o.ResidentIdle, 2 * time.Hour}, {&o.OfficerIdle, time.Hour}, {&o.SessionLife, 12 * time.Hour}} {
		if *d.of <= 0 {
			*d.of = d.used
		}
	}
	if o.Argon == (Argon{}) {
		o.Argon = Argon{MemoryKiB: 19456, Rounds: 2, Lanes: 1}
	}
	i := &Identity{
		db: o.DB, access: o.Access, journal: o.Journal, vault: o.Journal.Vault(), people: o.Directory, clock: o.Clock, o: o,
		hashing: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))), waiting: semaphore.NewWeighted(hashQueue),
	}
	if o.Passkeys != nil {
		var err error
		if i.webauthn, err = newWebAuthn(*o.Passkeys); err != nil {
			return nil, err
		}
	}
	return i, nil
}
