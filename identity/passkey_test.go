package identity_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"yiwang/city"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// phone is an authenticator: it holds one key and unlocks it for whoever asks.
type phone struct {
	key    *ecdsa.PrivateKey
	id     []byte
	handle []byte
	count  uint32
	origin string
	flags  byte // user present, user verified
}

func newPhone(t testing.TB) *phone {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &phone{key: k, id: id, origin: "http://localhost:8080", flags: 0x05}
}

var b64 = base64.RawURLEncoding

func (p *phone) data(attested bool) []byte {
	rp := sha256.Sum256([]byte("localhost"))
	flags := p.flags
	if attested {
		flags |= 0x40
	}
	out := append(rp[:], flags)
	out = binary.BigEndian.AppendUint32(out, p.count)
	if !attested {
		return out
	}
	out = append(out, make([]byte, 16)...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(p.id)))
	out = append(out, p.id...)
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	key, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:65]})
	if err != nil {
		panic(err)
	}
	return append(out, key...)
}

func (p *phone) client(typ, challenge string) []byte {
	c, _ := json.Marshal(map[string]any{"type": typ, "challenge": challenge, "origin": p.origin, "crossOrigin": false})
	return c
}

// create answers navigator.credentials.create.
func (p *phone) create(options json.RawMessage) []byte {
	var o struct {
		PublicKey struct {
			Challenge string
			User      struct{ ID string }
		}
	}
	_ = json.Unmarshal(options, &o)
	p.handle, _ = b64.DecodeString(o.PublicKey.User.ID)
	att, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": p.data(true)})
	if err != nil {
		panic(err)
	}
	return p.answer(map[string]any{
		"clientDataJSON":    b64.EncodeToString(p.client("webauthn.create", o.PublicKey.Challenge)),
		"attestationObject": b64.EncodeToString(att),
	})
}

// get answers navigator.credentials.get.
func (p *phone) get(options json.RawMessage) []byte {
	var o struct{ PublicKey struct{ Challenge string } }
	_ = json.Unmarshal(options, &o)
	p.count++
	data, client := p.data(false), p.client("webauthn.get", o.PublicKey.Challenge)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(bytes.Clone(data), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, p.key, sum[:])
	if err != nil {
		panic(err)
	}
	return p.answer(map[string]any{
		"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data),
		"signature": b64.EncodeToString(sig), "userHandle": b64.EncodeToString(p.handle),
	})
}

func (p *phone) answer(response map[string]any) []byte {
	out, _ := json.Marshal(map[string]any{
		"id": b64.EncodeToString(p.id), "rawId": b64.EncodeToString(p.id), "type": "public-key", "response": response,
	})
	return out
}

func (w *town) enrol(a city.Actor, p *phone, name string) (id identity.PasskeyID, err error) {
	err = w.do(func(ctx context.Context, tx *db.Tx) error {
		here := w.latest(ctx, tx, a)
		options, signed, err := w.BeginPasskey(ctx, tx, a, here)
		if err != nil {
			return err
		}
		id, err = w.FinishPasskey(ctx, tx, a, here, signed, name, p.create(options))
		return err
	})
	return id, err
}

// latest is the session that the account opened last.
func (w *town) latest(ctx context.Context, tx *db.Tx, a city.Actor) identity.SessionID {
	list, err := w.Sessions(ctx, tx, a)
	must(w.t, err)
	if len(list) == 0 {
		return identity.SessionID{}
	}
	return list[0].ID
}

func (w *town) tap(p *phone) (string, city.Actor, error) {
	ctx := context.Background()
	options, signed, err := w.BeginPasskeySignIn(ctx, nobody)
	if err != nil {
		return "", city.Actor{}, err
	}
	return w.FinishPasskeySignIn(ctx, nobody, signed, p.get(options), identity.From{Address: "192.0.2.7", Device: "phone"})
}

func TestPasskeys(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		ctx := context.Background()
		account := w.account(city.Resident, w.person("林晓梅"), "lin")
		w.account(city.Resident, w.person("赵明"), "zhao")
		_, lin := w.signIn("lin")
		_, zhao := w.signIn("zhao")

		p := newPhone(t)
		first, err := w.enrol(lin, p, "我的手机")
		must(t, err)
		token, a, err := w.tap(p)
		must(t, err)
		if a.Account != account || a.Assurance != city.AssurancePasskey {
			t.Errorf("%+v", a)
		}
		k, err := w.known(token)
		must(t, err)
		if k.Method != identity.ByPasskey || k.Actor.Assurance != city.AssurancePasskey {
			t.Errorf("%+v", k)
		}

		t.Run("an answer counts once", func(t *testing.T) {
			options, signed, err := w.BeginPasskeySignIn(ctx, nobody)
			must(t, err)
			answer := p.get(options)
			_, _, err = w.FinishPasskeySignIn(ctx, nobody, signed, answer, identity.From{})
			must(t, err)
			_, _, err = w.FinishPasskeySignIn(ctx, nobody, signed, answer, identity.From{})
			if err == nil {
				t.Error("the same answer signed in twice")
			}
			// Nor when a key counts nothing and the challenge is written another way.
			synced := newPhone(t)
			_, err = w.enrol(lin, synced, "synced")
			must(t, err)
			synced.count = ^uint32(0) // its next answer says 0
			options, signed, err = w.BeginPasskeySignIn(ctx, nobody)
			must(t, err)
			answer = synced.get(options)
			_, _, err = w.FinishPasskeySignIn(ctx, nobody, signed, answer, identity.From{})
			must(t, err)
			_, _, err = w.FinishPasskeySignIn(ctx, nobody, signed[:8]+"\n"+signed[8:], answer, identity.From{})
			wantKey(t, err, city.KindInvalid, "identity.challenge_over")
		})
		t.Run("five minutes, no longer; and not for another step", func(t *testing.T) {
			options, signed, err := w.BeginPasskeySignIn(ctx, nobody)
			must(t, err)
			err = w.do(func(ctx context.Context, tx *db.Tx) error {
				_, err := w.FinishPasskey(ctx, tx, lin, w.latest(ctx, tx, lin), signed, "x", newPhone(t).create(options))
				return err
			})
			wantKey(t, err, city.KindInvalid, "identity.challenge_over")
			w.clock.Advance(5 * time.Minute)
			_, _, err = w.FinishPasskeySignIn(ctx, nobody, signed, p.get(options), identity.From{})
			wantKey(t, err, city.KindInvalid, "identity.challenge_over")
			_, _, err = w.FinishPasskeySignIn(ctx, nobody, signed[:len(signed)-4]+"AAAA", p.get(options), identity.From{})
			wantKey(t, err, city.KindInvalid, "identity.challenge_over")
		})
		t.Run("refused: another site, no unlocking, another key, another's handle", func(t *testing.T) {
			bad := *p
			bad.origin = "http://evil.example"
			_, _, err := w.tap(&bad)
			wantKind(t, err, city.KindUnauthenticated)
			bad = *p
			bad.flags = 0x01
			_, _, err = w.tap(&bad)
			wantKind(t, err, city.KindUnauthenticated)
			bad = *p
			bad.key = newPhone(t).key
			_, _, err = w.tap(&bad)
			wantKind(t, err, city.KindUnauthenticated)
			bad = *p
			bad.handle = zhao.Account[:]
			_, _, err = w.tap(&bad)
			wantKind(t, err, city.KindUnauthenticated)
			bad = *newPhone(t)
			bad.handle = lin.Account[:]
			_, _, err = w.tap(&bad)
			wantKey(t, err, city.KindUnauthenticated, "identity.passkey_unknown")
			_, _, err = w.tap(p)
			must(t, err)
		})
		t.Run("a copy is noticed by its counter", func(t *testing.T) {
			refused := w.events("session.refused")
			copied := *p
			copied.count = 0
			_, _, err := w.tap(&copied)
			wantKey(t, err, city.KindUnauthenticated, "identity.passkey_cloned")
			if w.events("session.refused") != refused+1 {
				t.Error("the refusal is not in the journal")
			}
			p.count += 10
			_, _, err = w.tap(p)
			must(t, err)
		})
		t.Run("several keys, each for one account", func(t *testing.T) {
			stick := newPhone(t) // a stick that counts nothing, as synced keys do
			stick.count = 0xffffffff
			second, err := w.enrol(lin, stick, "stick")
			must(t, err)
			_, err = w.enrol(zhao, stick, "stick")
			wantKey(t, err, city.KindConflict, "identity.passkey_there")
			var list []identity.Passkey
			w.see(func(ctx context.Context, tx *db.Tx) (err error) { list, err = w.Passkeys(ctx, tx, lin); return err })
			if len(list) != 3 || list[0].ID != first || list[0].Name != "我的手机" || list[0].Used.IsZero() || !list[2].Used.IsZero() {
				t.Errorf("%+v", list)
			}
			remove := func(a city.Actor, id identity.PasskeyID) error {
				return w.do(func(ctx context.Context, tx *db.Tx) error { return w.RemovePasskey(ctx, tx, a, id) })
			}
			wantKind(t, remove(zhao, first), city.KindNotFound)
			must(t, remove(lin, first))
			_, _, err = w.tap(p)
			wantKey(t, err, city.KindUnauthenticated, "identity.passkey_unknown")
			must(t, remove(lin, second)) // she has a password left
		})
		t.Run("the last way in stays", func(t *testing.T) {
			id := w.account(city.Resident, w.person("吴英"), "wuying")
			_, own := w.signIn("wuying")
			only := newPhone(t)
			key, err := w.enrol(own, only, "phone")
			must(t, err)
			must(t, w.do(func(ctx context.Context, tx *db.Tx) error { // as somebody who never chose a password
				_, err := tx.Exec(ctx, `UPDATE accounts SET password = '' WHERE id = $1`, id)
				return err
			}))
			_, _, err = w.tap(only)
			must(t, err)
			wantKey(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.RemovePasskey(ctx, tx, own, key) }), city.KindConflict, "identity.passkey_last")
		})
		t.Run("a locked account's key opens nothing", func(t *testing.T) {
			q := newPhone(t)
			_, err := w.enrol(zhao, q, "phone")
			must(t, err)
			must(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.LockAccount(ctx, tx, program, zhao.Account) }))
			_, _, err = w.tap(q)
			wantKey(t, err, city.KindUnauthenticated, "identity.locked")
		})
	})
}

func TestPasskeysSwitchedOff(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t), func(o *identity.Options) { o.Passkeys = nil })
	w.account(city.Resident, w.person("林晓梅"), "lin")
	_, lin := w.signIn("lin")
	_, err := w.enrol(lin, newPhone(t), "phone")
	wantKey(t, err, city.KindNotFound, "identity.passkeys_off")
	_, _, err = w.tap(newPhone(t))
	wantKey(t, err, city.KindNotFound, "identity.passkeys_off")
}

// Whoever finds an open screen makes themselves no key: some minutes after the
// sign-in it takes another, and another session's doesn't count.
func TestPasskeyAsksForAFreshSignIn(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	w.account(city.Resident, w.person("林晓梅"), "lin")
	_, lin := w.signIn("lin")
	p := newPhone(t)
	var options json.RawMessage
	var signed string
	var old identity.SessionID
	must(t, w.do(func(ctx context.Context, tx *db.Tx) (err error) {
		old = w.latest(ctx, tx, lin)
		w.clock.Advance(9 * time.Minute)
		options, signed, err = w.BeginPasskey(ctx, tx, lin, old)
		return err
	}))
	w.clock.Advance(2 * time.Minute)
	finish := func(here identity.SessionID) error {
		return w.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := w.FinishPasskey(ctx, tx, lin, here, signed, "x", p.create(options))
			return err
		})
	}
	wantKey(t, finish(old), city.KindUnauthenticated, "identity.sign_in_again")
	wantKey(t, w.do(func(ctx context.Context, tx *db.Tx) error {
		_, _, err := w.BeginPasskey(ctx, tx, lin, old)
		return err
	}), city.KindUnauthenticated, "identity.sign_in_again")

	w.signIn("lin") // on another device
	wantKey(t, finish(old), city.KindUnauthenticated, "identity.sign_in_again")
	wantKey(t, finish(identity.SessionID{}), city.KindUnauthenticated, "identity.sign_in_again")
	var fresh identity.SessionID
	must(t, w.do(func(ctx context.Context, tx *db.Tx) error {
		fresh = w.latest(ctx, tx, lin)
		return nil
	}))
	must(t, finish(fresh))
}
