package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// How long an answer is kept for repeats. A call that runs says so again and
// again; once it has been silent for a while, its process is gone and a repeat
// goes through. (Beside a file of SQLite there is one process: what another one
// began has ended.) What then happens twice after all is one by the key of the
// application or the action itself.
const (
	keepAnswer = 24 * time.Hour
	sayRunning = time.Second
	silent     = 3 * sayRunning
	maxKey     = 200
)

// answer is what was answered to a request with an idempotency key.
type answer struct {
	digest string // of method, path and body, keyed
	status int    // 0 while the first call runs
	kind   string // Content-Type; while the call runs, the process that runs it
	key    journal.KeyID
	body   []byte // sealed: the Location, a line's end, the body
	at     time.Time
}

// once answers a POST that carries an Idempotency-Key: the first call goes
// through, a repeat gets the first answer, the same key with another body is
// refused. Faults of ours (5xx) and refusals for haste are not kept, nor is what
// anybody may ask: it changes nothing, or gives a token, which is told once, and
// would let strangers fill the database. Nor is where somebody is kept. There a
// repeat goes through again.
func (a *API) once(w http.ResponseWriter, r *http.Request, open bool) {
	rd := a.readerOf(r.Context(), r.Header.Get("Authorization"), r.Header.Get("Cookie"), r.Header.Get("Accept-Language"))
	fail := func(err error) { a.writeProblem(w, sayProblem(r.Context(), rd.lang, err)) }
	if rd.actor.Kind == city.Anonymous && !open {
		a.mux.ServeHTTP(w, r)
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > maxKey {
		fail(city.Invalid("api.key_too_long", "max", maxKey))
		return
	}
	limit := int64(maxUpload + 1<<20)
	if open {
		limit = maxBody
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		fail(city.TooLarge("api.too_large", "mb", limit>>20))
		return
	case errors.Is(err, errNoRoom):
		fail(city.Unavailable(err, sayRunning))
		return
	case err != nil:
		a.writeProblem(w, brokeOff(rd.lang))
		return
	}
	h := sha256.New()
	io.WriteString(h, r.Method+" "+r.URL.RequestURI()+"\n")
	h.Write(raw)
	r.Body = io.NopCloser(bytes.NewReader(raw))
	if open {
		if a.strange.before(string(sum(a.Address(r)+"\x00"+r.URL.Path+"\x00"+key)), string(h.Sum(nil))) {
			fail(city.Invalid("api.key_reused"))
			return
		}
		a.mux.ServeHTTP(w, r)
		return
	}
	digest := string(hexOf(a.Journal.Vault().Digest("api body", string(h.Sum(nil))))) // tells nobody what was sent
	name := string(hexOf(sum(rd.actor.Account.String() + "\x00" + key)))

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
			e.RetryAfter = sayRunning
			fail(e)
		default:
			if err := a.repeat(r.Context(), w, first); err != nil {
				fail(err)
			}
		}
		return
	}
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	ctx := context.WithoutCancel(r.Context())
	done := a.running(ctx, name)
	func() {
		defer done()
		a.mux.ServeHTTP(rec, r)
	}()
	if rec.status >= 500 || rec.status == http.StatusTooManyRequests || rec.status == http.StatusUnauthorized {
		err = a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return dropAnswer(ctx, tx, name) })
	} else {
		err = a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			vault := a.Journal.Vault()
			key, err := vault.NewKey(ctx, tx, rd.actor.Person) // answers hold personal values
			if err != nil {
				return err
			}
			sealed, err := vault.SealBytes(ctx, tx, key, append([]byte(rec.Header().Get("Location")+"\n"), rec.body.Bytes()...))
			if err != nil {
				return err
			}
			return keep(ctx, tx, name, answer{status: rec.status, kind: rec.Header().Get("Content-Type"), key: key, body: sealed, at: a.Clock.Now()})
		})
	}
	if err != nil {
		// The change itself is done and carries the key; only the answer is lost, and a repeat makes it again.
		slog.WarnContext(ctx, "an answer could not be kept for repeats", "path", r.URL.Path, "err", err)
	}
}

// heard remembers what strangers sent with their keys, in memory and not for long.
type heard struct {
	mu   sync.Mutex
	what map[string]string
}

const mostHeard = 10_000

// before reports whether the name came with something else.
func (h *heard) before(name, digest string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if have, ok := h.what[name]; ok {
		return have != digest
	}
	if h.what == nil || len(h.what) >= mostHeard { // a flood: forget rather than fill the memory
		h.what = map[string]string{}
	}
	h.what[name] = digest
	return false
}

// repeat gives the first answer again.
func (a *API) repeat(ctx context.Context, w http.ResponseWriter, first *answer) error {
	var plain []byte
	err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		plain, err = a.Journal.Vault().UnsealBytes(ctx, tx, first.key, first.body)
		return err
	})
	if err != nil {
		return err
	}
	location, body, _ := bytes.Cut(plain, []byte("\n"))
	if len(location) > 0 {
		w.Header().Set("Location", string(location))
	}
	w.Header().Set("Content-Type", first.kind)
	w.Header().Set("Idempotency-Replayed", "true")
	w.WriteHeader(first.status)
	_, _ = w.Write(body)
	return nil
}

// running keeps the key of a call reserved until the function it gives is called.
func (a *API) running(ctx context.Context, name string) (done func()) {
	ctx, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(sayRunning)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				// Without a database a repeat can't get through either.
				_ = a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return stillRunning(ctx, tx, name, a.Clock.Now()) })
			}
		}
	}()
	return func() { cancel(); <-gone }
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
			return reserve(ctx, tx, name, digest, a.process, now)
		case err != nil:
			return err
		case have.status == 0 && (now.Sub(have.at) > silent || a.DB.Engine() == db.SQLite && have.kind != a.process) || now.Sub(have.at) > keepAnswer:
			if err := dropAnswer(ctx, tx, name); err != nil {
				return err
			}
			return reserve(ctx, tx, name, digest, a.process, now)
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

// Unwrap lets deadlines be set through it.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}
