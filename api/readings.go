package api

import (
	"bytes"
	"context"

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

// readings takes what sensors measured, a JSON object a line.
func (a *API) readings(ctx context.Context, actor city.Actor, in *readingsIn) (*body[readingsBody], error) {
	lang := readerFrom(ctx).lang
	out := &body[readingsBody]{readingsBody{Refused: []refusedLine{}}}
	refuse := func(line int, err error) {
		p := sayProblem(ctx, lang, err)
		out.Body.Refused = append(out.Body.Refused, refusedLine{line, p.Code, p.Detail})
	}
	var readings []alert.Reading
	var lines []int
	n := 0
	for raw := range bytes.Lines(in.RawBody) {
		if n++; n > mostReadings {
			return nil, city.Invalid("api.readings.many", "max", mostReadings)
		}
		if raw = bytes.TrimSpace(raw); len(raw) == 0 {
			continue
		}
		r, err := alert.ReadReading(raw)
		if err != nil {
			refuse(n, err)
			continue
		}
		readings, lines = append(readings, r), append(lines, n)
	}
	if len(lines)+len(out.Body.Refused) == 0 {
		return nil, city.Invalid("api.readings.none")
	}
	faults, err := a.Sensors.Observe(ctx, actor, readings)
	if err != nil {
		return nil, err
	}
	for i, err := range faults {
		if err != nil {
			refuse(lines[i], err)
		} else {
			out.Body.Taken++
		}
	}
	return out, nil
}
