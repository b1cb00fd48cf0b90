package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"yiwang/city"
)

// Argon are the costs of hashing a password (RFC 9106).
type Argon struct {
	MemoryKiB uint32
	Rounds    uint32
	Lanes     uint8
}

// Hashed is a password as it is kept, "$argon2id$v=19$m=…,t=…,p=…$salt$hash".
type Hashed string

const (
	shortest = 8   // characters; NIST SP 800-63B and ASVS 2.1.1
	longest  = 128 // characters; longer ones are no safer
	saltLen  = 16
	hashLen  = 32
)

// mostMemory bounds what a stored hash can make us allocate.
const mostMemory = 256 << 10 // KiB

//go:embed common.txt
var commonText string

// common are passwords that attackers try first, in lower case.
var common = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for _, s := range strings.Fields(commonText) {
		m[s] = true
	}
	return m
})

// CheckPassword tells why a password can't be taken: too short, too long, among
// the first that attackers try, or the login itself. There are no rules about
// kinds of characters.
func (i *Identity) CheckPassword(login, password string) error {
	n := utf8.RuneCountInString(password)
	low := strings.ToLower(password)
	switch {
	case n > longest:
		return city.Invalid("identity.password_long", "max", longest)
	case i.o.AnyPassword && n > 0:
		return nil
	case n < shortest:
		return city.Invalid("identity.password_short", "min", shortest)
	case common()[low] || login != "" && low == strings.ToLower(login) || strings.Count(low, low[:utf8Len(low)])*utf8Len(low) == len(low):
		return city.Invalid("identity.password_common")
	}
	return nil
}

// utf8Len is the length of the first character.
func utf8Len(s string) int { _, n := utf8.DecodeRuneInString(s); return n }

// Hash hashes a password, waiting for its turn. It takes about 50 ms of a core;
// when too many wait it says city.KindUnavailable.
func (i *Identity) Hash(ctx context.Context, password string) (Hashed, error) {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt)
	sum, err := i.argon(ctx, password, salt, i.o.Argon)
	if err != nil {
		return "", err
	}
	e := base64.RawStdEncoding
	return Hashed(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		i.o.Argon.MemoryKiB, i.o.Argon.Rounds, i.o.Argon.Lanes, e.EncodeToString(salt), e.EncodeToString(sum))), nil
}

// argon is the one place that hashes.
func (i *Identity) argon(ctx context.Context, password string, salt []byte, a Argon) ([]byte, error) {
	if !i.waiting.TryAcquire(1) {
		return nil, city.Unavailable(fmt.Errorf("identity: %d wait for a password to be checked", hashQueue), 3*time.Second)
	}
	defer i.waiting.Release(1)
	if err := i.hashing.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer i.hashing.Release(1)
	return argon2.IDKey([]byte(password), salt, a.Rounds, a.MemoryKiB, a.Lanes, hashLen), nil
}

// check compares a password with what is kept. An empty h costs the same and
// fails. stale says that h was made with other costs than those of today.
func (i *Identity) check(ctx context.Context, h Hashed, password string) (ok, stale bool, err error) {
	a, salt, want := i.o.Argon, make([]byte, saltLen), make([]byte, hashLen)
	there := 0
	if h != "" {
		if a, salt, want, err = parseHashed(h); err != nil {
			return false, false, err
		}
		there = 1
	}
	if utf8.RuneCountInString(password) > longest {
		password, there = "", 0
	}
	got, err := i.argon(ctx, password, salt, a)
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(got, want)&there == 1, a != i.o.Argon, nil
}

func parseHashed(h Hashed) (a Argon, salt, sum []byte, err error) {
	bad := fmt.Errorf("identity: a stored password is malformed")
	part := strings.Split(string(h), "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return a, nil, nil, bad
	}
	if n, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &a.MemoryKiB, &a.Rounds, &a.Lanes); err != nil || n != 3 ||
		a.MemoryKiB == 0 || a.MemoryKiB > mostMemory || a.Rounds == 0 || a.Rounds > 64 || a.Lanes == 0 {
		return a, nil, nil, bad
	}
	if salt, err = base64.RawStdEncoding.DecodeString(part[4]); err != nil || len(salt) < 8 {
		return a, nil, nil, bad
	}
	if sum, err = base64.RawStdEncoding.DecodeString(part[5]); err != nil || len(sum) != hashLen {
		return a, nil, nil, bad
	}
	return a, salt, sum, nil
}
