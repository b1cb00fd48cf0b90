package api

import (
	"bytes"
	"context"
	"slices"

	"yiwang/alert"
	"yiwang/city"
)

const mostReadings = 1000 // in one request

type readingsIn struct {
	RawBody []byte `contentType:"application/x-ndjson"`
}

type readingsBody struct {
	Taken   int           `json:"taken" doc:"Readings that count."`
	Refused []refusedLine `json:"refused" doc:"Those that don't, each with its reason."`
}

type refusedLine struct {
	Line    int    `json:"line" doc:"From 1."`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// lines takes a body of JSON objects, one a line: read reads one, take takes those that
// could be read and says for each why it wasn't. What is refused comes back by line.
func lines[T any](ctx context.Context, raw []byte, most int, read func([]byte) (T, error), take func([]T) ([]error, error)) (taken int, refused []refusedLine, err error) {
	lang := readerFrom(ctx).lang
	refused = []refusedLine{}
	refuse := func(line int, err error) {
		p := sayProblem(ctx, lang, err)
		refused = append(refused, refusedLine{line, p.Code, p.Detail})
	}
	var all []T
	var at []int
	n := 0
	for line := range bytes.Lines(raw) {
		if n++; n > most {
			return 0, nil, city.Invalid("api.readings.many", "max", most)
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		x, err := read(line)
		if err != nil {
			refuse(n, err)
			continue
		}
		all, at = append(all, x), append(at, n)
	}
	if len(at)+len(refused) == 0 {
		return 0, nil, city.Invalid("api.readings.none")
	}
	faults, err := take(all)
	if err != nil {
		return 0, nil, err
	}
	for i, err := range faults {
		if err != nil {
			refuse(at[i], err)
		} else {
			taken++
		}
	}
	slices.SortFunc(refused, func(a, b refusedLine) int { return a.Line - b.Line })
	return taken, refused, nil
}

// readings takes what sensors measured, a JSON object a line.
func (a *API) readings(ctx context.Context, actor city.Actor, in *readingsIn) (out *body[readingsBody], err error) {
	out = &body[readingsBody]{}
	out.Body.Taken, out.Body.Refused, err = lines(ctx, in.RawBody, mostReadings, alert.ReadReading,
		func(all []alert.Reading) ([]error, error) { return a.Sensors.Observe(ctx, actor, all) })
	return out, err
}
