package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// How long an answer is kept for repeats, and how long a first call may take
// before a repeat may try again.
const (
	keepAnswer = 24 * time.Hour
	callTime   = time.Minute
	maxKey     = 200
)

// answer is what was answered to a request with an idempotency key.
type answer struct {
	digest string // of method, path and body
	status int    // 0 while the first call runs
	kind   string // Content-Type
	key    journal.KeyID
	body   []byte // sealed
	at     time.Time
}

// once answers a POST that carries an Idempotency-Key: the first call goes
// through, a repeat gets the first answer, the same key with another body is
// refused. Faults of ours (5xx) and refusals for haste are not kept.
func (a *API) once(w http.ResponseWriter, r *http.Request) {
	rd := a.readerOf(r.Context(), r.Header.Get("Authorization"), r.Header.Get("Cookie"), r.Header.Get("Accept-Language"))
	fail := func(err error) { a.writeProblem(w, sayProblem(r.Context(), rd.lang, err)) }
	key := r.Header.Get("Idempotency-Key")
	if len(key) > maxKey {
		fail(city.Invalid("api.key_too_long", "max", maxKey))
		return
	}
	limit := int64(maxUpload + 1<<20)
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			fail(city.TooLarge("api.too_large", "mb", limit>>20))
			return
		}
		fail(city.Invalid("api.malformed"))
		return
	}
	who := rd.actor.Account.String()
	if who == "" {
		who = "from " + addressOf(r)
	}
	h := sha256.New()
	io.WriteString(h, r.Method+" "+r.URL.RequestURI()+"\n")
	h.Write(raw)
	digest := string(hexOf(h.Sum(nil)))
	name := string(hexOf(sum(who + "\x00" + key)))

	first, err := a.claimKey(r.Context(), name, digest)
	if err != nil {
		fail(err)
		return
	}
	if first != nil {
		switch {
		case first.digest != digest:
			fail(city.Invalid("api.key_reused"))
		case first.status == 0:
			e := city.Conflict("api.key_running")
			e.RetryAfter = time.Second
			fail(e)
		default:
			var plain []byte
			err := a.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
				plain, err = a.Journal.Vault().UnsealBytes(ctx, tx, first.key, first.body)
				return err
			})
			if err != nil {
				fail(err)
				return
			}
			w.Header().Set("Content-Type", first.kind)
			w.Header().Set("Idempotency-Replayed", "true")
			w.WriteHeader(first.status)
			_, _ = w.Write(plain)
		}
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	a.mux.ServeHTTP(rec, r)
	ctx := context.WithoutCancel(r.Context())
	if rec.status >= 500 || rec.status == http.StatusTooManyRequests || rec.status == http.StatusUnauthorized {
		err = a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return dropAnswer(ctx, tx, name) })
	} else {
		err = a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			vault := a.Journal.Vault()
			key, err := vault.NewKey(ctx, tx, rd.actor.Person) // answers hold personal values
			if err != nil {
				return err
			}
			sealed, err := vault.SealBytes(ctx, tx, key, rec.body.Bytes())
			if err != nil {
				return err
			}
			return keep(ctx, tx, name, answer{status: rec.status, kind: rec.Header().Get("Content-Type"), key: key, body: sealed, at: a.Clock.Now()})
		})
	}
	if err != nil {
		// The change itself is done and carries the key; only the answer is lost, and a repeat makes it again.
		return
	}
}

// claimKey reserves the key for this call, or gives what the first call
// answered.
func (a *API) claimKey(ctx context.Context, name, digest string) (*answer, error) {
	now := a.Clock.Now()
	var first *answer
	err := a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		have, err := answerOf(ctx, tx, name)
		switch {
		case errors.Is(err, db.ErrNoRows):
			return reserve(ctx, tx, name, digest, now)
		case err != nil:
			return err
		case have.status == 0 && now.Sub(have.at) > callTime || now.Sub(have.at) > keepAnswer:
			if err := dropAnswer(ctx, tx, name); err != nil {
				return err
			}
			return reserve(ctx, tx, name, digest, now)
		}
		first = &have
		return nil
	})
	if errors.Is(err, db.ErrDuplicate) { // two first calls at once
		return &answer{digest: digest}, nil
	}
	return first, err
}

// Sweep forgets answers that are no longer kept.
func (a *API) Sweep(ctx context.Context, actor city.Actor) error {
	if err := a.Access.Ask(ctx, actor, "answers.sweep", access.Resource{Type: "Register", ID: "answers"}); err != nil {
		return err
	}
	return a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		return forgetAnswers(ctx, tx, a.Clock.Now().Add(-keepAnswer))
	})
}

func (a *API) writeProblem(w http.ResponseWriter, p *problem) {
	for k, v := range p.GetHeaders() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

// addressOf is the caller's address without its port.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
