package tlog

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"yiwang/journal"
)

// Key signs in one name: the checkpoints of a log, or what a witness has seen. One
// key never does both.
type Key struct {
	note.Signer        // Ed25519 over the note (C2SP signed-note, type 1)
	Public      string // the verifier key, as others write it into their lists
	secret      string
}

// NewKey makes a key in a name: an address without its scheme, such as
// "city.example/log", and no blanks or plus signs.
func NewKey(name string) (*Key, error) {
	secret, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, err
	}
	return parseKey(secret)
}

func parseKey(secret string) (*Key, error) {
	s, err := note.NewSigner(secret)
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(secret, "+", 5) // PRIVATE, KEY, name, hash, and algorithm with seed in base64
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return nil, errors.New("not a key of Ed25519")
	}
	public, err := note.NewEd25519VerifierKey(s.Name(), ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	return &Key{Signer: s, Public: public, secret: secret}, err
}

// LoadKey reads a key file, one line in the encoding of C2SP signed-note. With
// create, a missing one is made in the name. A file that others may read is refused.
func LoadKey(path, name string, create bool) (*Key, error) {
	raw, err := journal.ReadSecret(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		k, err := NewKey(name)
		if err != nil {
			return nil, err
		}
		return k, journal.CreateSecret(path, []byte(k.secret+"\n"))
	}
	if err != nil {
		return nil, err
	}
	k, err := parseKey(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, fmt.Errorf("the key %s: %w", path, err)
	}
	return k, nil
}

// Verifier checks what the key signs.
func (k *Key) Verifier() note.Verifier {
	v, err := note.NewVerifier(k.Public)
	if err != nil {
		panic(err) // we made it
	}
	return v
}

// cosigner signs what a witness has seen, with the time (C2SP tlog-cosignature).
func (k *Key) cosigner() (note.Signer, string, error) {
	s, err := fnote.NewSignerForCosignatureV1(k.secret)
	if err != nil {
		return nil, "", err
	}
	public, err := fnote.VKeyToCosignatureV1(k.Public)
	return s, public, err
}

// WitnessKey is the verifier key of what the key signs as a witness, for the policies
// of those it watches.
func (k *Key) WitnessKey() (string, error) {
	_, public, err := k.cosigner()
	return public, err
}
