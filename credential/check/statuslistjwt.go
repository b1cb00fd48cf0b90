package check

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"yiwang/credential/sdjwt"
)

// StatusListJWT and StatusListCWT are the types of the two forms of a status
// list token; with "application/" before them they are media types.
const (
	StatusListJWT = "statuslist+jwt"
	StatusListCWT = "statuslist+cwt"
)

// looksLikeJWT reports whether the bytes begin like a JWT: an object in base64url.
func looksLikeJWT(b []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(b), []byte("eyJ")) }

// EncodeStatusListJWT signs a list as a status list token in JWT form.
func EncodeStatusListJWT(ctx context.Context, s Signer, l StatusList) ([]byte, error) {
	if err := l.publishable(); err != nil {
		return nil, err
	}
	claims := map[string]any{"sub": l.URI, "iat": l.SignedAt.Unix(),
		"status_list": map[string]any{"bits": listBits, "lst": base64.RawURLEncoding.EncodeToString(l.Statuses.pack())}}
	if l.TTL > 0 {
		claims["ttl"] = int64(l.TTL / time.Second)
	}
	if !l.Expires.IsZero() {
		claims["exp"] = l.Expires.Unix()
	}
	token, err := sdjwt.SignJWT(ctx, JWTHeader(s, StatusListJWT), nil, claims, s.Sign)
	return []byte(token), err
}

func (l *StatusList) publishable() error {
	if l.URI == "" || len(l.URI) > maxStatusListURI || l.Statuses.Len() == 0 || l.Statuses.Len() > maxListLen {
		return fmt.Errorf("status list %q of %d entries can't be published", l.URI, l.Statuses.Len())
	}
	return nil
}

func parseStatusListJWT(text string, trust *Trust) (*StatusList, error) {
	j, err := sdjwt.ParseLongJWT(text, maxListTokenLen)
	if err != nil {
		return nil, err
	}
	if j.Header.Typ != StatusListJWT {
		return nil, fmt.Errorf("type %q is no status list", j.Header.Typ)
	}
	key, _ := trust.jwtSigner(j)
	if key == nil {
		return nil, errListSigner
	}
	entries := sdjwt.Object(j.Claims, "status_list")
	w := wireList{URI: sdjwt.Text(j.Claims, "sub")}
	bits, ok := sdjwt.Integer(entries, "bits")
	if !ok || bits > 8 {
		return nil, fmt.Errorf("no bits")
	}
	w.List.Bits = int(bits)
	if w.List.List, err = base64.RawURLEncoding.DecodeString(sdjwt.Text(entries, "lst")); err != nil {
		return nil, err
	}
	signed, err := sdjwt.Time(j.Claims, "iat")
	if err != nil || signed.IsZero() {
		return nil, fmt.Errorf("it doesn't say when it was signed")
	}
	expires, err := sdjwt.Time(j.Claims, "exp")
	if err != nil {
		return nil, err
	}
	w.Signed = signed.Unix()
	if !expires.IsZero() {
		w.Expires = expires.Unix()
	}
	if _, there := j.Claims["ttl"]; there {
		if w.TTL, ok = sdjwt.Integer(j.Claims, "ttl"); !ok {
			return nil, fmt.Errorf("ttl is no time")
		}
	}
	return w.list(key)
}
