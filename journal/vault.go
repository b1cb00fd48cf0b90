package journal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

type keyTag struct{}

// KeyID names a key that personal values of one person and one matter lie under.
type KeyID = city.ID[keyTag]

// ErrErased is returned where the key of sealed values has been destroyed.
var ErrErased = errors.New("journal: erased")

// Vault seals personal values with AES-256-GCM under keys of their own, which
// lie in the database wrapped by the master key. Destroying a key makes what it
// sealed unreadable wherever a copy may lie, except in a backup that holds the
// key as well.
type Vault struct {
	master cipher.AEAD
	digest []byte // derived from the master key; immutable

	mu    sync.Mutex
	young map[KeyID]cipher.AEAD // unwrapped keys, read since the last turn; guarded by mu
	old   map[KeyID]cipher.AEAD // those read before it
	turns bool                  // a turn is due
}

// How long and how many unwrapped keys stay in memory: another node's erasure
// is noticed within two turns, a minute.
const (
	keyTurn = 30 * time.Second
	keyRoom = 8192
)

// NewVault uses a master key of 32 bytes.
func NewVault(master []byte) (*Vault, error) {
	if len(master) != 32 {
		return nil, fmt.Errorf("journal: master key has %d bytes, want 32", len(master))
	}
	a, err := gcm(master)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, master)
	mac.Write([]byte("yiwang digest v1"))
	return &Vault{master: a, digest: mac.Sum(nil), young: map[KeyID]cipher.AEAD{}}, nil
}

// Digest is a keyed hash by which an exact value can be found again without being
// stored: it tells nothing to whoever lacks the master key. The same value under
// another label has another digest. Erasing a person means clearing it, too.
func (v *Vault) Digest(label, value string) []byte {
	mac := hmac.New(sha256.New, v.digest)
	fmt.Fprintf(mac, "%d:%s:%s", len(label), label, value)
	return mac.Sum(nil)
}

// LoadMaster reads the master key file. A missing file is made only when create
// is true, which the caller allows for an empty database alone: a new key beside
// old records would lose them all. A file that others may read is refused.
func LoadMaster(path string, create bool) ([]byte, error) {
	key, err := ReadSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, fmt.Errorf("the master key %s is missing, but the database holds sealed records: restore the key from its backup", path)
		}
		key = make([]byte, 32)
		_, _ = rand.Read(key)
		return key, CreateSecret(path, key)
	}
	if err == nil && len(key) != 32 {
		err = fmt.Errorf("the master key %s has %d bytes, want 32", path, len(key))
	}
	return key, err
}

// ReadSecret reads a file that none but its owner may read; another is refused.
func ReadSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the key %s can be read by others (mode %o): run chmod 600 on it", path, info.Mode().Perm())
	}
	return os.ReadFile(path)
}

// CreateSecret makes the file whole or not at all, and never over another: two
// programs started at once end with one key, and a crash leaves no half of one.
func CreateSecret(path string, secret []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(secret); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

func gcm(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(b)
}

func lock(a cipher.AEAD, plain, with []byte) []byte {
	nonce := make([]byte, a.NonceSize(), a.NonceSize()+len(plain)+a.Overhead())
	_, _ = rand.Read(nonce)
	return a.Seal(nonce, nonce, plain, with)
}

func unlock(a cipher.AEAD, box, with []byte) ([]byte, error) {
	n := a.NonceSize()
	if len(box) < n {
		return nil, errors.New("journal: sealed value is too short")
	}
	return a.Open(nil, box[:n], box[n:], with)
}

// NewKey makes a key for one matter of the person, kept with the transaction.
// The zero person is for matters that concern nobody in particular.
func (v *Vault) NewKey(ctx context.Context, tx *db.Tx, person city.PersonID) (KeyID, error) {
	id := city.NewID[keyTag]()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	a, err := gcm(key)
	if err != nil {
		return KeyID{}, err
	}
	insertKey(tx, id, person, lock(v.master, key, id[:]))
	v.keep(id, a)
	return id, nil
}

// Seal encodes the value as JSON and seals it.
func (v *Vault) Seal(ctx context.Context, tx *db.Tx, id KeyID, value any) ([]byte, error) {
	a, err := v.key(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return lock(a, plain, id[:]), nil
}

// SealBytes seals bytes as they are, for files.
func (v *Vault) SealBytes(ctx context.Context, tx *db.Tx, id KeyID, plain []byte) ([]byte, error) {
	a, err := v.key(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	return lock(a, plain, id[:]), nil
}

// UnsealBytes is the inverse of SealBytes.
func (v *Vault) UnsealBytes(ctx context.Context, tx *db.Tx, id KeyID, box []byte) ([]byte, error) {
	a, err := v.key(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	return unlock(a, box, id[:])
}

// Unseal is the inverse of Seal; nil stays untouched. ErrErased when the key is
// gone.
func (v *Vault) Unseal(ctx context.Context, tx *db.Tx, id KeyID, box []byte, into any) error {
	if len(box) == 0 {
		return nil
	}
	plain, err := v.UnsealBytes(ctx, tx, id, box)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, into)
}

// Standing tells which of the keys are still there, by the database and not by
// what this node has in memory.
func (v *Vault) Standing(ctx context.Context, tx *db.Tx, ids []KeyID) (map[KeyID]bool, error) {
	standing := make(map[KeyID]bool, len(ids))
	for some := range slices.Chunk(ids, keysAtOnce) {
		wrapped, err := wrappedKeys(ctx, tx, some)
		if err != nil {
			return nil, err
		}
		for _, w := range wrapped {
			standing[w.id] = true
		}
	}
	return standing, nil
}

// Fits tells whether the master key is the one that the database's keys are
// wrapped by, tried on the newest of them.
func (v *Vault) Fits(ctx context.Context, tx *db.Tx) (bool, error) {
	id, wrapped, err := someKey(ctx, tx)
	if errors.Is(err, db.ErrNoRows) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	_, err = unlock(v.master, wrapped, id[:])
	return err == nil, nil
}

// Erase destroys every key of the person.
func (v *Vault) Erase(ctx context.Context, tx *db.Tx, person city.PersonID) error {
	ids, err := keysOf(ctx, tx, person)
	if err != nil {
		return err
	}
	if err := deleteKeys(ctx, tx, person); err != nil {
		return err
	}
	v.forget(ids) // nothing more is sealed under them in this transaction
	tx.AfterCommit(func() { v.forget(ids) })
	return nil
}

// Discard destroys some keys, of matters that are over.
func (v *Vault) Discard(ctx context.Context, tx *db.Tx, ids ...KeyID) error {
	for _, id := range ids {
		if err := deleteKey(ctx, tx, id); err != nil {
			return err
		}
	}
	v.forget(ids)
	tx.AfterCommit(func() { v.forget(ids) })
	return nil
}

func (v *Vault) forget(ids []KeyID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, id := range ids {
		delete(v.young, id)
		delete(v.old, id)
	}
}

func (v *Vault) key(ctx context.Context, tx *db.Tx, id KeyID) (cipher.AEAD, error) {
	v.mu.Lock()
	a, ok := v.young[id]
	if !ok {
		a, ok = v.old[id]
	}
	v.mu.Unlock()
	if ok {
		return a, nil
	}
	wrapped, err := wrappedKey(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		return nil, ErrErased
	}
	if err != nil {
		return nil, err
	}
	return v.unwrap(id, wrapped)
}

func (v *Vault) unwrap(id KeyID, wrapped []byte) (cipher.AEAD, error) {
	key, err := unlock(v.master, wrapped, id[:])
	if err != nil {
		return nil, fmt.Errorf("journal: the master key does not open key %s: %w", id, err)
	}
	a, err := gcm(key)
	if err == nil {
		v.keep(id, a)
	}
	return a, err
}

// fetch reads the keys that the events need and memory lacks, many at once. What
// is erased stays missing and is told when it is asked for.
func (v *Vault) fetch(ctx context.Context, tx *db.Tx, events []Recorded) error {
	var lacking []KeyID
	v.mu.Lock()
	for _, e := range events {
		if len(e.sealed) == 0 {
			continue
		}
		if v.young[e.Key] == nil && v.old[e.Key] == nil {
			lacking = append(lacking, e.Key)
		}
	}
	v.mu.Unlock()
	if len(lacking) < 2 {
		return nil
	}
	for some := range slices.Chunk(lacking, keysAtOnce) {
		wrapped, err := wrappedKeys(ctx, tx, some)
		if err != nil {
			return err
		}
		for _, w := range wrapped {
			if _, err := v.unwrap(w.id, w.wrapped); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *Vault) keep(id KeyID, a cipher.AEAD) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.young) >= keyRoom {
		v.turn()
	}
	v.young[id] = a
	if !v.turns {
		v.turns = true
		time.AfterFunc(keyTurn, v.turnOnTime)
	}
}

// turn makes the young keys old and forgets the old ones; the caller holds mu.
func (v *Vault) turn() { v.old, v.young = v.young, map[KeyID]cipher.AEAD{} }

func (v *Vault) turnOnTime() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.turn()
	if v.turns = len(v.old) > 0; v.turns {
		time.AfterFunc(keyTurn, v.turnOnTime)
	}
}
