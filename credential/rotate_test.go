package credential

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"yiwang/city"
	"yiwang/credential/sdjwt"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// membership issues one and says whose key signed it.
func (c *club) membership(cause string) (Credential, KeyID) {
	c.t.Helper()
	l, err := c.issue(ruler, Request{Cause: cause, Type: "membership", Holder: Holder{Person: member.Person, Name: "王小明"}})
	if err != nil {
		c.t.Fatal(err)
	}
	r := Verify(l.Code, c.Trust(), c.clock.Now())
	if r.Signer == nil {
		c.t.Fatalf("%+v", r)
	}
	return l, r.Signer.KeyID
}

// listKey says whose key signed the status list, in both its forms.
func (c *club) listKey() (id string) {
	c.t.Helper()
	c.must(func(ctx context.Context, tx *db.Tx) error {
		token, err := c.StatusListJWT(ctx, tx, 0)
		if err != nil {
			return err
		}
		set, err := c.JWKSet()
		for _, k := range set.Keys {
			if strings.Contains(header(c.t, token), k.Kid) {
				id = k.Kid
			}
		}
		return err
	})
	return id
}

// A new key takes over on its day without a restart: what is issued, the status
// lists and the published set follow, and what the old key signed is judged by its
// day.
func TestAKeyIsChanged(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		c := newClub(t, d)
		before, old := c.membership("case/1")
		if c.listKey() != old.String() {
			t.Fatal("the list isn't signed by the only key")
		}
		folder, err := OpenKeys(c.o.Keys)
		if err != nil {
			t.Fatal(err)
		}
		takeover := day.Add(time.Hour)
		made, err := folder.Create(EdDSA, "江海市", takeover)
		if err != nil {
			t.Fatal(err)
		}
		if added, err := c.FollowKeys(t.Context()); err != nil || !added {
			t.Fatal(added, err)
		}
		if added, err := c.FollowKeys(t.Context()); err != nil || added {
			t.Fatal("the same key again", err)
		}
		// The new one is published before it signs.
		if set, err := c.JWKSet(); err != nil || len(set.Keys) != 3 || !c.Successor(old).Equal(takeover) || !c.Successor(made.KeyID()).IsZero() {
			t.Errorf("%d keys, %v, taken over at %v", len(set.Keys), err, c.Successor(old))
		}
		if _, by := c.membership("case/2"); by != old {
			t.Error("the new key signs before its day")
		}
		c.clock.Set(day.Add(2 * time.Hour))
		c.End(map[KeyID]Ending{old: {Retired: takeover}})
		after, by := c.membership("case/3")
		if by != made.KeyID() || c.listKey() != by.String() {
			t.Errorf("signed by %s, the list by %s", by, c.listKey())
		}
		for _, code := range []string{before.Code, after.Code} {
			if r := c.check(code); !r.Valid || len(r.Warnings) != 0 {
				t.Errorf("%+v", r)
			}
		}
		// A second process opens the same folder and database.
		again, err := New(t.Context(), c.o)
		if err != nil {
			t.Fatal(err)
		}
		if again.Successor(old) != c.Successor(old) {
			t.Error("another process knows it otherwise")
		}

		// The old key turns out to be stolen: its early licences hold, with a warning,
		// and what bears it later doesn't, on record or not.
		c.End(map[KeyID]Ending{old: {Retired: takeover, Compromised: day.Add(-time.Minute)}})
		if r := c.check(before.Code); r.Valid || r.Reason != ReasonCompromised {
			t.Errorf("signed after the theft: %+v", r)
		}
		c.End(map[KeyID]Ending{old: {Compromised: day.Add(time.Minute)}})
		if r := c.check(before.Code); !r.Valid || len(r.Warnings) != 1 || r.Warnings[0] != WarnCompromised {
			t.Errorf("signed before the theft: %+v", r)
		}
		forged := testClaims()
		forged.SignedAt = day.Add(90 * time.Minute)
		if r := c.check(encode(t, folder.ByID(old), forged)); r.Valid || r.Reason != ReasonCompromised {
			t.Errorf("a forger's: %+v", r)
		}
		// With no key left nothing is issued, and that is said.
		c.End(map[KeyID]Ending{old: {Compromised: day}, made.KeyID(): {Compromised: day}})
		_, err = c.issue(ruler, Request{Cause: "case/4", Type: "membership", Holder: Holder{Person: member.Person, Name: "王小明"}})
		if city.KindOf(err) != city.KindUnavailable {
			t.Errorf("no key: %v", err)
		}
	})
}

// A key that lies in an agent signs licences, credentials and lists as one in a file.
func TestAKeyInAnAgent(t *testing.T) {
	ring := agent.NewKeyring()
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	var names []string
	for _, k := range []any{ed, ec} {
		if err := ring.Add(agent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
		s, err := ssh.NewSignerFromKey(k)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, ssh.FingerprintSHA256(s.PublicKey()))
	}
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); _ = agent.ServeAgent(ring, conn) }()
		}
	}()
	if err := os.Chmod(socket, 0o600); err != nil {
		t.Fatal(err)
	}

	c := newClub(t, dbtest.SQLite(t))
	folder, err := OpenKeys(c.o.Keys)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Algorithm{EdDSA, ES256} {
		s, err := Adopt(t.Context(), folder, socket, names[i], "江海市", day.Add(time.Minute))
		if err != nil || s.Algorithm() != want {
			t.Fatal(s, err)
		}
		sig, err := s.Sign(t.Context(), []byte("m"))
		if trust := trusting(t, s); err != nil || !trust.Keys()[0].Verify([]byte("m"), sig) {
			t.Errorf("%s: %v", want, err)
		}
		if _, err := Adopt(t.Context(), folder, socket, names[i], "江海市", day); city.KindOf(err) != city.KindConflict {
			t.Errorf("twice: %v", err)
		}
	}
	if _, err := c.FollowKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.clock.Set(day.Add(time.Hour))
	got, by := c.membership("case/1")
	if r := c.check(got.Code); !r.Valid || by.String() == "" || c.listKey() != by.String() {
		t.Errorf("%+v", r)
	}
	if n := len(AgentKeys(c.Registry.folder.Load())); n != 2 {
		t.Errorf("%d keys in agents", n)
	}
	// The agent goes: nothing is issued, and the reason is the agent.
	l.Close()
	_, err = c.issue(ruler, Request{Cause: "case/2", Type: "membership", Holder: Holder{Person: member.Person, Name: "王小明"}})
	if err == nil || !strings.Contains(err.Error(), "agent") || city.KindOf(err) != city.KindUnavailable {
		t.Errorf("no agent: %v", err)
	}
	// Others may not name the key that signs, and what names none is an error.
	files, _ := filepath.Glob(filepath.Join(c.o.Keys, "*"+agentFileEnd))
	if err := os.Chmod(files[0], 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeys(c.o.Keys); city.KindOf(err) != city.KindForbidden {
		t.Errorf("others may change it: %v", err)
	}
	for _, body := range []string{"", "{}", `{"socket":"/x","fingerprint":"SHA256:x","certificate":""}`, `{"socket":"/x","key":1}`} {
		if err := os.WriteFile(files[0], []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = os.Chmod(files[0], 0o600)
		if _, err := OpenKeys(c.o.Keys); city.KindOf(err) != city.KindInvalid {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// header is the first part of a token, decoded.
func header(t *testing.T, token []byte) string {
	t.Helper()
	j, err := sdjwt.ParseJWT(string(token))
	if err != nil {
		t.Fatal(err)
	}
	return j.Header.Kid
}
