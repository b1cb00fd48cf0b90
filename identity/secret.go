package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"golang.org/x/text/width"

	"yiwang/city"
)

// Secrets begin with what they are, so that they are known when found where they
// don't belong.
const (
	sessionPrefix = "yws_"
	tokenPrefix   = "ywt_"
)

// newSecret makes 256 random bits as text.
func newSecret(prefix string) string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return prefix + base64.RawURLEncoding.EncodeToString(b)
}

// digestOf is what is kept of a secret. It needs no salt and no work factor: 256
// random bits are not to be guessed.
func digestOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// newCode makes an activation code to be typed from paper: "K7QF-2M9X-44TD", 58 bits.
func newCode() string {
	c := city.NewReadable(12)
	return c[:4] + "-" + c[4:8] + "-" + c[8:]
}

// normalCode brings a typed code to the form it was made in, without hyphens.
func normalCode(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(city.ReadableLetters, r) {
			return r
		}
		return -1
	}, strings.ToUpper(width.Narrow.String(s)))
}

// normalLogin brings a login to the form it is compared in.
func normalLogin(s string) string {
	return strings.ToLower(strings.TrimSpace(width.Narrow.String(s)))
}
