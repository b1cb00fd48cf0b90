package report

import (
	"crypto/hmac"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
)

// pair is the number of a matter and the code of a report on it.
type pair struct {
	Number city.CaseNumber
	Code   string
}

const (
	pairCookie = "yw_report"
	pairTime   = time.Hour
)

// remember keeps the pair in the reader's browser for an hour, signed: what was
// proved once is not counted against the reader again.
func (p *Pages) remember(w http.ResponseWriter, r *http.Request, k pair) {
	until := strconv.FormatInt(p.Clock.Now().Add(pairTime).Unix(), 10)
	value := string(k.Number) + "|" + k.Code + "|" + until
	p.setCookie(w, r, base64.RawURLEncoding.EncodeToString([]byte(value+"|"+string(p.sign(value)))), int(pairTime/time.Second))
}

func (p *Pages) forget(w http.ResponseWriter, r *http.Request) { p.setCookie(w, r, "", -1) }

func (p *Pages) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: pairCookie, Value: value, Path: Path, MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: p.Secure || r.TLS != nil})
}

func (p *Pages) sign(value string) []byte {
	return p.Incidents.Journal.Vault().Digest("report.pair", value)
}

// remembered is the pair that the reader proved before; ok is false without one.
func (p *Pages) remembered(r *http.Request) (k pair, ok bool) {
	c, err := r.Cookie(pairCookie)
	if err != nil {
		return k, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return k, false
	}
	parts := strings.SplitN(string(raw), "|", 4)
	if len(parts) != 4 {
		return k, false
	}
	value := strings.Join(parts[:3], "|")
	until, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || !hmac.Equal([]byte(parts[3]), p.sign(value)) || p.Clock.Now().Unix() >= until {
		return k, false
	}
	return pair{city.CaseNumber(parts[0]), parts[1]}, true
}
