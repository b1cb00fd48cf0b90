package identity_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"yiwang/access"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // refusals are expected here
	os.Exit(m.Run())
}

// town is Jianghai with nobody in it, on a Monday morning.
type town struct {
	*identity.Identity
	t       testing.TB
	db      *db.DB
	clock   *city.SetClock
	people  *directory.Directory
	journal *journal.Journal
	seq     int
}

var (
	zone    = time.FixedZone("Asia/Shanghai", 8*3600)
	monday  = time.Date(2026, 11, 23, 10, 0, 0, 0, zone)
	program = city.SystemActor("test")
	nobody  = city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb}
)

const password = "correct horse battery"

func newTown(t testing.TB, d *db.DB, change ...func(*identity.Options)) *town {
	t.Helper()
	vault, err := journal.NewVault(make([]byte, 32))
	must(t, err)
	w := &town{t: t, db: d, clock: city.NewSetClock(monday), journal: journal.New(d, vault)}
	const dir = "../cities/jianghai/"
	policy, err := os.ReadFile(dir + "access/identity.cedar")
	must(t, err)
	asks, err := access.New(map[string][]byte{"identity.cedar": policy})
	must(t, err)
	o := directory.Options{
		DB: d, Access: asks, Journal: w.journal, Clock: w.clock,
		Calendar: &city.Calendar{Zone: zone, Office: []city.Hours{{From: 9 * 60, To: 17 * 60}}},
	}
	read := func(name string, into any) {
		raw, err := os.ReadFile(name)
		must(t, err)
		must(t, yaml.Unmarshal(raw, into))
	}
	read(dir+"regions.yaml", &o.Regions)
	files, _ := filepath.Glob(dir + "bodies/*.yaml")
	for _, f := range files {
		var b directory.BodyDef
		read(f, &b)
		o.Bodies = append(o.Bodies, b)
	}
	w.people, err = directory.New(o)
	must(t, err)
	io := identity.Options{
		DB: d, Access: asks, Journal: w.journal, Directory: w.people, Clock: w.clock,
		Passkeys: &identity.Site{ID: "localhost", Name: "一网", Origins: []string{"http://localhost:8080"}},
		Argon:    identity.Argon{MemoryKiB: 64, Rounds: 1, Lanes: 1},
	}
	for _, c := range change {
		c(&io)
	}
	w.Identity, err = identity.New(io)
	must(t, err)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *town) do(f func(ctx context.Context, tx *db.Tx) error) error {
	return w.db.Update(context.Background(), f)
}

func (w *town) see(f func(ctx context.Context, tx *db.Tx) error) {
	w.t.Helper()
	must(w.t, w.db.View(context.Background(), f))
}

// person puts somebody into the register.
func (w *town) person(name string) (id city.PersonID) {
	w.t.Helper()
	w.seq++
	p := directory.Person{Name: name, Region: "990101001001", CitizenNumber: w.number(w.seq)}
	must(w.t, w.do(func(ctx context.Context, tx *db.Tx) (err error) {
		id, err = w.people.AddPerson(ctx, tx, program, p)
		return err
	}))
	return id
}

func (w *town) number(seq int) string {
	return city.NewCitizenNumber("990101", city.Date{Year: 1968, Month: 3, Day: 9}, seq, true)
}

// account opens an account that signs in with the password above.
func (w *town) account(kind city.ActorKind, person city.PersonID, login string) (id city.AccountID) {
	w.t.Helper()
	h, err := w.Hash(context.Background(), password)
	must(w.t, err)
	must(w.t, w.do(func(ctx context.Context, tx *db.Tx) (err error) {
		id, err = w.CreateAccount(ctx, tx, program, identity.NewAccount{Kind: kind, Person: person, Login: login, Password: h})
		return err
	}))
	return id
}

func (w *town) appoint(person city.PersonID, posts ...city.PostID) {
	w.t.Helper()
	for _, p := range posts {
		must(w.t, w.do(func(ctx context.Context, tx *db.Tx) error {
			return w.people.Appoint(ctx, tx, program, directory.Holding{Post: p, Person: person})
		}))
	}
}

func (w *town) try(login, pass string) (string, city.Actor, error) {
	return w.SignIn(context.Background(), nobody, identity.SignIn{Login: login, Password: pass, From: identity.From{Address: "192.0.2.7", Device: "Firefox, Windows"}})
}

func (w *town) signIn(login string) (token string, a city.Actor) {
	w.t.Helper()
	token, a, err := w.try(login, password)
	must(w.t, err)
	return token, a
}

func (w *town) known(token string) (identity.Known, error) {
	return w.Actor(context.Background(), token)
}

func (w *town) events(of string) (n int) {
	w.see(func(ctx context.Context, tx *db.Tx) error {
		list, err := w.journal.Read(ctx, tx, journal.Position{}, 10000)
		for _, e := range list {
			if e.Type == of {
				n++
			}
		}
		return err
	})
	return n
}

func wantKind(t *testing.T, err error, k city.Kind) {
	t.Helper()
	if city.KindOf(err) != k {
		t.Errorf("got %v, want an error of kind %q", err, k)
	}
}

func wantKey(t *testing.T, err error, k city.Kind, key string) {
	t.Helper()
	wantKind(t, err, k)
	e, ok := err.(*city.Error)
	if !ok {
		t.Errorf("got %v, want %s", err, key)
		return
	}
	if e.Message.Key == key || len(e.Fields) == 1 && e.Fields[0].Message.Key == key {
		return
	}
	t.Errorf("said %v, want %s", err, key)
}

func TestADayOfSessions(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		lin := w.person("林晓梅")
		account := w.account(city.Resident, lin, "Lin.Xiaomei")

		token, a := w.signIn(" lin.xiaomei ") // as typed on a phone
		want := city.Actor{Kind: city.Resident, Account: account, Person: lin, Name: "林晓梅", Assurance: city.AssurancePassword, Channel: city.ChannelWeb}
		if diff := cmp.Diff(want, a); diff != "" {
			t.Error(diff)
		}
		k, err := w.known(token)
		must(t, err)
		if diff := cmp.Diff(want, k.Actor); diff != "" || k.Method != identity.ByPassword {
			t.Error(k.Method, diff)
		}

		// Signing in again on the same browser replaces the session.
		first := token
		token, _, err = w.SignIn(context.Background(), nobody, identity.SignIn{Login: "lin.xiaomei", Password: password, From: identity.From{Replace: first}})
		must(t, err)
		_, err = w.known(first)
		wantKind(t, err, city.KindUnauthenticated)

		// The phone, too. She sees both and ends the phone's from the computer.
		phone, _ := w.signIn("lin.xiaomei")
		k, err = w.known(token)
		must(t, err)
		var list []identity.Session
		w.see(func(ctx context.Context, tx *db.Tx) (err error) { list, err = w.Sessions(ctx, tx, k.Actor); return err })
		if len(list) != 2 || list[0].Device+list[1].Device != "Firefox, Windows" {
			t.Fatalf("sessions: %+v", list)
		}
		onPhone, err := w.known(phone)
		must(t, err)
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.EndSession(ctx, tx, k.Actor, onPhone.Session) }))
		_, err = w.known(phone)
		wantKind(t, err, city.KindUnauthenticated)
		_, err = w.known(token)
		must(t, err)

		// Somebody else can't.
		w.account(city.Resident, w.person("赵明"), "zhao")
		_, zhao := w.signIn("zhao")
		wantKind(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.EndSession(ctx, tx, zhao, k.Session) }), city.KindNotFound)

		// It lives while it is used, ends when it isn't, and ends in any case by night.
		for range 5 {
			w.clock.Advance(110 * time.Minute)
			if _, err := w.known(token); err != nil {
				t.Fatalf("after %s of work: %v", w.clock.Now().Sub(monday), err)
			}
		}
		w.clock.Advance(3 * time.Hour)
		_, err = w.known(token)
		wantKey(t, err, city.KindUnauthenticated, "identity.session_over")
		token, _ = w.signIn("lin.xiaomei")
		w.clock.Advance(13 * time.Hour)
		_, err = w.known(token)
		wantKind(t, err, city.KindUnauthenticated)
		if n, err := w.Sweep(context.Background(), program); err != nil || n == 0 {
			t.Errorf("swept %d, %v", n, err)
		}
		_, err = w.Sweep(context.Background(), zhao)
		wantKind(t, err, city.KindForbidden)

		// Signed out means out, and twice is no fault.
		token, _ = w.signIn("lin.xiaomei")
		must(t, w.SignOut(context.Background(), token))
		must(t, w.SignOut(context.Background(), token))
		_, err = w.known(token)
		wantKind(t, err, city.KindUnauthenticated)
		for _, bad := range []string{"", "yws_", "ywt_", "x", string(make([]byte, 5000))} {
			_, err = w.known(bad)
			wantKind(t, err, city.KindUnauthenticated)
		}
	})
}

func TestWrongPasswords(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		w.account(city.Resident, w.person("林晓梅"), "lin")

		_, _, err := w.try("lin", "wrong")
		_, _, err2 := w.try("nobody at all", "wrong")
		if err == nil || err2 == nil || err.Error() != err2.Error() {
			t.Errorf("a wrong password says %v, an unknown login %v", err, err2)
		}
		wantKey(t, err, city.KindUnauthenticated, "identity.sign_in_wrong")

		for range 4 {
			_, _, err = w.try("lin", "wrong")
			wantKind(t, err, city.KindUnauthenticated)
		}
		// Five are free; the sixth is looked at and costs ten seconds.
		_, _, err = w.try("lin", "wrong")
		wantKind(t, err, city.KindUnauthenticated)
		_, _, err = w.try("lin", password)
		wantKey(t, err, city.KindRateLimited, "identity.wait_seconds")
		if e := err.(*city.Error); e.RetryAfter != 10*time.Second {
			t.Errorf("wait %s", e.RetryAfter)
		}
		w.clock.Advance(10 * time.Second)
		_, _, err = w.try("lin", "wrong")
		wantKind(t, err, city.KindUnauthenticated)
		w.clock.Advance(10 * time.Second)
		_, _, err = w.try("lin", password)
		wantKind(t, err, city.KindRateLimited) // twenty seconds this time
		// Others are not hindered, and after the wait the right password forgets all.
		w.account(city.Resident, w.person("赵明"), "zhao")
		w.signIn("zhao")
		w.clock.Advance(10 * time.Second)
		w.signIn("lin")
		for range 5 {
			_, _, err = w.try("lin", "wrong")
			wantKind(t, err, city.KindUnauthenticated)
		}
		w.signIn("lin")
		if n := w.events("session.refused"); n != 13 {
			t.Errorf("%d refusals in the journal", n)
		}
	})
}

// Many guesses at once are no more than many guesses one after the other.
func TestManyGuessesAtOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		w.account(city.Resident, w.person("林晓梅"), "lin")
		var looked atomic.Int64
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				if _, _, err := w.try("lin", "wrong"); city.KindOf(err) == city.KindUnauthenticated {
					looked.Add(1)
				} else if city.KindOf(err) != city.KindRateLimited {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := looked.Load(); n != 6 {
			t.Errorf("%d of 40 guesses were looked at, want 6", n)
		}
	})
}

func TestAnAddressThatTriesEverybody(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	var err error
	for n := 0; n < 101; n++ {
		_, _, err = w.try("user"+string(rune('a'+n%26))+string(rune('a'+n/26)), "wrong")
		wantKind(t, err, city.KindUnauthenticated)
	}
	_, _, err = w.try("somebody", "wrong")
	wantKind(t, err, city.KindRateLimited)
	w.clock.Advance(2 * time.Hour)
	_, _, err = w.try("somebody", "wrong")
	wantKind(t, err, city.KindUnauthenticated)
}

func TestOfficers(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		wang := w.person("王建国")
		w.account(city.Officer, wang, "wang")
		w.account(city.Resident, wang, "wang.home") // at home he is a resident like all
		_, _, err := w.try("wang", password)
		wantKey(t, err, city.KindForbidden, "identity.no_post")

		w.appoint(wang, "haitang-street.clerk", "haitang-street.grid-worker")
		token, a := w.signIn("wang")
		if a.Kind != city.Officer || a.Body != "haitang-street" || len(a.Posts) != 2 || len(a.Regions) != 1 {
			t.Errorf("%+v", a)
		}
		if _, a := w.signIn("wang.home"); a.Kind != city.Resident || a.Body != "" || a.Posts != nil {
			t.Errorf("at home: %+v", a)
		}
		// A post that ends is gone with the next request.
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error {
			return w.people.Dismiss(ctx, tx, program, "haitang-street.clerk", wang)
		}))
		k, err := w.known(token)
		must(t, err)
		if diff := cmp.Diff([]city.PostID{"haitang-street.grid-worker"}, k.Actor.Posts); diff != "" {
			t.Error(diff)
		}
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error {
			return w.people.Dismiss(ctx, tx, program, "haitang-street.grid-worker", wang)
		}))
		_, err = w.known(token)
		wantKey(t, err, city.KindForbidden, "identity.no_post")
		must(t, w.SignOut(context.Background(), token))
	})
}

// A resident comes to the counter without an account and leaves with a slip.
func TestACodeFromTheCounter(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		ctx := context.Background()
		clerk := w.person("李敏")
		w.account(city.Officer, clerk, "clerk")
		w.appoint(clerk, "service-center.clerk")
		_, atDesk := w.signIn("clerk")
		atCounter := atDesk
		atCounter.Channel = city.ChannelCounter
		zhou := w.person("周桂英")

		create := func(a city.Actor, kind city.ActorKind, p city.PersonID) (id city.AccountID, err error) {
			err = w.do(func(ctx context.Context, tx *db.Tx) error {
				id, err = w.CreateAccount(ctx, tx, a, identity.NewAccount{Kind: kind, Person: p})
				return err
			})
			return id, err
		}
		_, err := create(atDesk, city.Resident, zhou)
		wantKind(t, err, city.KindForbidden) // nobody stands there
		_, err = create(atCounter, city.Officer, zhou)
		wantKind(t, err, city.KindForbidden) // not an officer's
		_, err = create(atCounter, city.Resident, clerk)
		wantKind(t, err, city.KindForbidden) // not her own
		account, err := create(atCounter, city.Resident, zhou)
		must(t, err)
		_, err = create(atCounter, city.Resident, zhou)
		wantKey(t, err, city.KindConflict, "identity.account_exists")

		code := func() (code string) {
			must(t, w.do(func(ctx context.Context, tx *db.Tx) (err error) {
				code, _, err = w.IssueCode(ctx, tx, atCounter, account)
				return err
			}))
			return code
		}
		old, slip := code(), code()
		activate := func(code, login, pass string) error {
			_, err := w.Activate(ctx, nobody, identity.Activation{Code: code, Login: login, Password: pass, Address: "192.0.2.9"})
			return err
		}
		wantKey(t, activate(slip, "zhou", "short"), city.KindInvalid, "identity.password_short")
		wantKey(t, activate(slip, "zhou", "Password123"), city.KindInvalid, "identity.password_common")
		wantKey(t, activate(slip, "zhouzhouzhou", "Zhouzhouzhou"), city.KindInvalid, "identity.password_common")
		wantKey(t, activate(old, "zhou", password), city.KindInvalid, "identity.code")
		wantKey(t, activate("", "zhou", password), city.KindInvalid, "identity.code")
		wantKey(t, activate(slip, "clerk", password), city.KindConflict, "identity.login_taken")
		wantKey(t, activate(slip, "z", password), city.KindInvalid, "identity.login")
		must(t, activate(slip[:4]+" "+slip[5:9]+"－"+slip[10:], "zhou", password)) // as typed from paper
		wantKey(t, activate(slip, "zhou", password), city.KindInvalid, "identity.code")
		token, _ := w.signIn("zhou")

		// Forgotten: another slip sets another password and ends what was open.
		slip = code()
		must(t, activate(slip, "", "a different password"))
		_, err = w.known(token)
		wantKind(t, err, city.KindUnauthenticated)
		_, _, err = w.try("zhou", password)
		wantKind(t, err, city.KindUnauthenticated)
		_, _, err = w.try("zhou", "a different password")
		must(t, err)

		slip = code()
		w.clock.Advance(8 * 24 * time.Hour)
		wantKey(t, activate(slip, "", password), city.KindInvalid, "identity.code")
	})
}

func TestChangingThePassword(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		ctx := context.Background()
		w.account(city.Resident, w.person("林晓梅"), "lin")
		here, a := w.signIn("lin")
		there, _ := w.signIn("lin")
		k, err := w.known(here)
		must(t, err)
		wantKey(t, w.ChangePassword(ctx, a, k.Session, "wrong", "something quite new"), city.KindInvalid, "identity.current_password")
		wantKey(t, w.ChangePassword(ctx, a, k.Session, password, "12345678"), city.KindInvalid, "identity.password_common")
		must(t, w.ChangePassword(ctx, a, k.Session, password, "something quite new"))
		_, err = w.known(here)
		must(t, err)
		_, err = w.known(there)
		wantKind(t, err, city.KindUnauthenticated)
		_, _, err = w.try("lin", password)
		wantKind(t, err, city.KindUnauthenticated)
		_, _, err = w.try("lin", "something quite new")
		must(t, err)
	})
}

func TestLockedAndForgotten(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		lin := w.person("林晓梅")
		id := w.account(city.Resident, lin, "lin")
		token, a := w.signIn("lin")
		chief := w.person("陈局长")
		w.account(city.Officer, chief, "admin")
		w.appoint(chief, "data-bureau.admin")
		_, admin := w.signIn("admin")

		lock := func(a city.Actor) error {
			return w.do(func(ctx context.Context, tx *db.Tx) error { return w.LockAccount(ctx, tx, a, id) })
		}
		wantKind(t, lock(a), city.KindForbidden)
		must(t, lock(admin))
		_, err := w.known(token)
		wantKind(t, err, city.KindUnauthenticated)
		_, _, err = w.try("lin", "wrong")
		wantKey(t, err, city.KindUnauthenticated, "identity.sign_in_wrong") // a stranger learns nothing
		_, _, err = w.try("lin", password)
		wantKey(t, err, city.KindUnauthenticated, "identity.locked")
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.UnlockAccount(ctx, tx, admin, id) }))
		w.signIn("lin")

		must(t, w.do(func(ctx context.Context, tx *db.Tx) error {
			found, err := w.FindAccount(ctx, tx, admin, "LIN")
			if found.ID != id {
				t.Errorf("found %+v", found)
			}
			return err
		}))
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error {
			if err := w.Forget(ctx, tx, program, lin); err != nil {
				return err
			}
			return w.people.ErasePerson(ctx, tx, program, lin)
		}))
		_, _, err = w.try("lin", password)
		wantKey(t, err, city.KindUnauthenticated, "identity.sign_in_wrong")
	})
}

// Two nodes, one database: what one ends the other forgets within two seconds.
func TestTwoNodes(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		other := newTown(t, d)
		wang := w.person("王建国")
		w.account(city.Officer, wang, "wang")
		w.appoint(wang, "haitang-street.clerk")
		token, _ := w.signIn("wang")
		k, err := other.known(token)
		must(t, err)
		other.clock.Advance(time.Second)
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.EndSession(ctx, tx, k.Actor, k.Session) }))
		_, err = w.known(token)
		wantKind(t, err, city.KindUnauthenticated)
		other.clock.Advance(time.Second)
		_, err = other.known(token)
		wantKind(t, err, city.KindUnauthenticated)

		// Wrong tries are counted together.
		for range 3 {
			_, _, err = w.try("wang", "wrong")
			wantKind(t, err, city.KindUnauthenticated)
			_, _, err = other.try("wang", "wrong")
			wantKind(t, err, city.KindUnauthenticated)
		}
		_, _, err = w.try("wang", password)
		wantKind(t, err, city.KindRateLimited)
	})
}

func TestPasswordsAreKeptWell(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t), func(o *identity.Options) { o.Argon = identity.Argon{} })
	lin := w.person("林晓梅")
	start := time.Now()
	w.account(city.Resident, lin, "lin")
	t.Logf("hashing takes %s", time.Since(start))
	w.see(func(ctx context.Context, tx *db.Tx) error {
		kept, err := db.One[string](ctx, tx, `SELECT password FROM accounts`)
		if len(kept) < 90 || kept[:31] != "$argon2id$v=19$m=19456,t=2,p=1$" {
			t.Errorf("kept as %q", kept)
		}
		return err
	})
	// Stronger costs are taken up at the next sign-in.
	stronger := newTown(t, w.db, func(o *identity.Options) { o.Argon = identity.Argon{MemoryKiB: 128, Rounds: 3, Lanes: 1} })
	stronger.signIn("lin")
	w.see(func(ctx context.Context, tx *db.Tx) error {
		kept, err := db.One[string](ctx, tx, `SELECT password FROM accounts`)
		if kept[:29] != "$argon2id$v=19$m=128,t=3,p=1$" {
			t.Errorf("kept as %q", kept)
		}
		return err
	})
	stronger.signIn("lin")
}
