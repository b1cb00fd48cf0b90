// Package publiclog serves the city's public log to programs, in the formats of C2SP:
// checkpoint, tiles and entries (tlog-tiles), and the city as a witness of others'
// logs (tlog-witness). Nothing here is personal, and nobody signs in.
package publiclog

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strconv"

	"yiwang/tlog"
)

// Addresses. The log's own page stands at Path; what programs read lies below it.
const (
	Path        = "/log"
	WitnessPath = "/witness"
)

// tilePath is what may follow Path: tile/<L>/<N>[.p/<W>] and tile/entries/<N>[.p/<W>],
// with N in groups of three digits, all but the last beginning with x.
var tilePath = regexp.MustCompile(`^tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/(x[0-9]{3}/){0,6}[0-9]{3}(\.p/([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5]))?$`)

// Deps are what is served. Witness is nil where the city watches no other's log.
type Deps struct {
	Log     *tlog.Log
	Witness *tlog.Witness
}

// Routes adds the addresses.
func Routes(mux *http.ServeMux, d Deps) error {
	root, err := os.OpenRoot(d.Log.Dir) // nothing outside of it is ever served
	if err != nil {
		return err
	}
	mux.HandleFunc("GET "+Path+"/checkpoint", func(w http.ResponseWriter, r *http.Request) {
		raw, err := d.Log.Checkpoint(r.Context())
		switch {
		case err != nil:
			slog.ErrorContext(r.Context(), "the checkpoint can't be read", "err", err)
			http.Error(w, "unavailable", http.StatusServiceUnavailable)
		case raw == nil:
			http.Error(w, "there is no checkpoint yet", http.StatusNotFound)
		default:
			public(w, "text/plain; charset=utf-8", "no-cache")
			_, _ = w.Write(raw)
		}
	})
	mux.HandleFunc("GET "+Path+"/tile/{rest...}", func(w http.ResponseWriter, r *http.Request) {
		name := "tile/" + r.PathValue("rest")
		if !tilePath.MatchString(name) {
			http.Error(w, "no such tile", http.StatusNotFound)
			return
		}
		raw, err := root.ReadFile(name)
		if err != nil {
			http.Error(w, "no such tile", http.StatusNotFound)
			return
		}
		public(w, "application/octet-stream", "public, max-age=604800, immutable")
		_, _ = w.Write(raw)
	})
	if d.Witness != nil {
		mux.HandleFunc("POST "+WitnessPath+"/add-checkpoint", d.add)
	}
	return nil
}

func public(w http.ResponseWriter, media, cache string) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", cache)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*") // whoever checks may do so in a browser
}

// answers are the status codes of C2SP tlog-witness.
var answers = map[tlog.Refusal]int{
	tlog.RefusedFormat:    http.StatusBadRequest,
	tlog.RefusedUnknown:   http.StatusNotFound,
	tlog.RefusedSignature: http.StatusForbidden,
	tlog.RefusedSize:      http.StatusConflict,
	tlog.RefusedProof:     http.StatusUnprocessableEntity,
}

func (d Deps) add(w http.ResponseWriter, r *http.Request) {
	request, err := io.ReadAll(http.MaxBytesReader(w, r.Body, tlog.MaxAddCheckpoint))
	if err != nil {
		http.Error(w, "the request is too long", http.StatusBadRequest)
		return
	}
	lines, err := d.Witness.Add(r.Context(), request)
	var refused *tlog.Refused
	switch {
	case errors.As(err, &refused):
		if refused.Why == tlog.RefusedSize {
			w.Header().Set("Content-Type", "text/x.tlog.size")
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, strconv.FormatUint(refused.Size, 10)+"\n")
			return
		}
		http.Error(w, http.StatusText(answers[refused.Why]), answers[refused.Why])
	case err != nil:
		slog.ErrorContext(r.Context(), "the witness could not answer", "err", err)
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(lines)
	}
}
