package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/webauthn"

	"yiwang/city"
	"yiwang/journal"
)

// What browsers answer is parsed without a panic, and nothing made up is let in.
func FuzzPasskeyAnswers(f *testing.F) {
	w, err := newWebAuthn(Site{ID: "localhost", Name: "x", Origins: []string{"http://localhost"}})
	if err != nil {
		f.Fatal(err)
	}
	vault, err := journal.NewVault(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	i := &Identity{webauthn: w, vault: vault, clock: city.WallClock{}}
	o := owner{id: city.NewAccountID(), name: "x"}
	_, session, err := w.BeginRegistration(o)
	if err != nil {
		f.Fatal(err)
	}
	_, login, err := w.BeginDiscoverableLogin()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`))
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUA"}}`))
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AAAA","signature":"AAAA","userHandle":"AAAA"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := i.create(o, *session, b); err == nil {
			t.Errorf("made a key %x of %q", c.ID, b)
		}
		if p, err := parseAssertion(b); err == nil {
			if _, err := i.validate(owner{id: o.id, keys: []webauthn.Credential{{ID: p.RawID}}}, *login, p); err == nil {
				t.Errorf("let %q in", b)
			}
		}
	})
}

func FuzzSignedChallenges(f *testing.F) {
	vault, err := journal.NewVault(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	i := &Identity{vault: vault, clock: city.NewSetClock(time.Unix(1800000000, 0))}
	good, err := i.sign(challenge{For: "add"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good + "x")
	f.Add(".")
	f.Add("")
	want, err := i.challenge(good, "add")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// Base64 may be written in more ways than one; what it says may not differ.
		if c, err := i.challenge(s, "add"); err == nil && !bytes.Equal(c.mac, want.mac) {
			t.Errorf("%q passes for %q", s, good)
		}
	})
}

func FuzzStoredPasswords(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=4294967295,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2i$$$$")
	f.Fuzz(func(t *testing.T, s string) {
		a, salt, sum, err := parseHashed(Hashed(s))
		if err == nil && (a.MemoryKiB == 0 || a.MemoryKiB > mostMemory || a.Rounds == 0 || a.Lanes == 0 || len(salt) < 8 || len(sum) != hashLen) {
			t.Errorf("%q read as %+v", s, a)
		}
	})
}

func FuzzWhatPeopleType(f *testing.F) {
	for _, s := range []string{"K7QF-2M9X-44TD", " k7qf 2m9x 44td ", "Lin@Example.CN", "ｌｉｎ", "\xff"} {
		f.Add(s)
	}
	i := &Identity{}
	f.Fuzz(func(t *testing.T, s string) {
		if n := normalCode(s); normalCode(n) != n {
			t.Errorf("code %q", s)
		}
		if n := normalLogin(s); normalLogin(n) != n && utf8.ValidString(s) {
			t.Errorf("login %q: %q, then %q", s, n, normalLogin(n))
		}
		_ = i.CheckPassword(s, s)
		if c := cut(s, 10); utf8.RuneCountInString(c) > 10 || !utf8.ValidString(c) {
			t.Errorf("cut %q to %q", s, c)
		}
		if _, err := json.Marshal(sessionSecret{Device: cut(s, 5)}); err != nil {
			t.Error(err)
		}
	})
}

func TestCodesAreReadable(t *testing.T) {
	seen := map[string]bool{}
	for range 500 {
		c := newCode()
		if len(c) != 14 || len(normalCode(c)) != 12 || seen[c] {
			t.Fatal(c)
		}
		seen[c] = true
	}
}

func TestWaits(t *testing.T) {
	last := accountLimit.wait(0)
	for n := int64(1); n < 200; n++ {
		w := accountLimit.wait(n)
		if w < last || w > accountLimit.longest || n <= accountLimit.free && w != 0 {
			t.Fatalf("failure %d waits %s after %s", n, w, last)
		}
		last = w
	}
	if last != accountLimit.longest {
		t.Errorf("never longer than %s", last)
	}
}

// Whether the login exists or not, a password is hashed: when the queue is full
// both are told to wait.
func TestAnUnknownLoginIsHashedToo(t *testing.T) {
	i, err := New(Options{Journal: journal.New(nil, nil), Argon: Argon{MemoryKiB: 8, Rounds: 1, Lanes: 1}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	h, err := i.Hash(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kept  Hashed
		typed string
		ok    bool
	}{{h, "x", true}, {h, "y", false}, {"", "", false}, {"", "x", false}, {h, strings.Repeat("x", 500), false}} {
		if ok, _, err := i.check(ctx, c.kept, c.typed); ok != c.ok || err != nil {
			t.Errorf("%q against %q: %v, %v", c.typed, c.kept, ok, err)
		}
	}
	if !i.waiting.TryAcquire(hashQueue) {
		t.Fatal("somebody waits")
	}
	for _, kept := range []Hashed{h, ""} {
		if _, _, err := i.check(ctx, kept, "x"); city.KindOf(err) != city.KindUnavailable {
			t.Errorf("%q: %v", kept, err)
		}
	}
}
