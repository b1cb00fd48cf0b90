package wallet

import (
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"strings"

	"yiwang/city"
	"yiwang/credential/wallet"
)

// Wallets mounts what wallets ask for. They are programs and no browsers of ours:
// the mux stands outside web.Site.Wrap.
func (p *Pages) Wallets(mux *http.ServeMux) {
	give := func(path string, f func(*http.Request) (any, error)) { mux.Handle("GET "+path, p.public(f)) }
	give(wallet.PathIssuer, func(*http.Request) (any, error) { return p.Desk.Issuer(), nil })
	give(wallet.PathServer, func(*http.Request) (any, error) { return p.Desk.Server(), nil })
	give(wallet.PathKeys, func(*http.Request) (any, error) { return p.Desk.Keys() })
	give(wallet.PathTypes+"{type}", func(r *http.Request) (any, error) {
		return p.Desk.Type(city.CredentialType(r.PathValue("type")))
	})
	mux.Handle("POST "+wallet.PathToken, p.private(p.token))
	mux.Handle("POST "+wallet.PathNonce, p.private(p.nonce))
	mux.Handle("POST "+wallet.PathCredential, p.private(p.credential))
}

// public answers what anybody may know and keep for an hour.
func (p *Pages) public(f func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		if err != nil {
			fail(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		write(w, http.StatusOK, v)
	})
}

// private answers one wallet; nothing of it is kept on the way.
func (p *Pages) private(f func(http.ResponseWriter, *http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		v, err := f(w, r)
		if err != nil {
			fail(w, r, err)
			return
		}
		write(w, http.StatusOK, v)
	})
}

// mostBody bounds what a wallet sends.
const mostBody = 64 << 10

func (p *Pages) token(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := p.Try(r); err != nil {
		return nil, err
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, &wallet.Refusal{Code: wallet.InvalidRequest, Detail: "a form is needed"}
	}
	if err := r.ParseForm(); err != nil {
		return nil, &wallet.Refusal{Code: wallet.InvalidRequest, Detail: "the form can't be read"}
	}
	return p.Desk.Exchange(r.Context(), wallet.TokenRequest{Grant: r.PostForm.Get("grant_type"),
		Code: r.PostForm.Get("pre-authorized_code"), PIN: r.PostForm.Get("tx_code")})
}

func (p *Pages) nonce(http.ResponseWriter, *http.Request) (any, error) {
	n, err := p.Desk.Nonce()
	return map[string]string{"c_nonce": n}, err
}

func (p *Pages) credential(_ http.ResponseWriter, r *http.Request) (any, error) {
	if err := p.Try(r); err != nil {
		return nil, err
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, &wallet.Refusal{Code: wallet.InvalidToken}
	}
	var q wallet.CredentialRequest
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		return nil, &wallet.Refusal{Code: wallet.InvalidRequest, Detail: "the JSON can't be read"}
	}
	vc, err := p.Desk.Give(r.Context(), strings.TrimSpace(token), q)
	if err != nil {
		return nil, err
	}
	return map[string]any{"credentials": []map[string]string{{"credential": vc}}}, nil
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(v)
}

// fail answers as the protocols want it (RFC 6749, 5.2; OpenID4VCI, 8.3.1).
func fail(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *wallet.Refusal
	switch kind := city.KindOf(err); {
	case errors.As(err, &refusal):
		status := http.StatusBadRequest
		if refusal.Code == wallet.InvalidToken {
			status = http.StatusUnauthorized
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		}
		write(w, status, refusal)
	case kind == city.KindNotFound:
		write(w, http.StatusNotFound, map[string]string{"error": "not_found"})
	case kind == city.KindRateLimited:
		w.Header().Set("Retry-After", "60")
		write(w, http.StatusTooManyRequests, map[string]string{"error": "slow_down"})
	default:
		slog.ErrorContext(r.Context(), "a wallet's request failed", "path", r.URL.Path, "err", err)
		write(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
	}
}
