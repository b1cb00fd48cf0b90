package report

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/web"
)

// emergencyNumbers are police, fire and ambulance, the same in the whole country.
var emergencyNumbers = []string{"110", "119", "120"}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// asksAgain makes a part of the form fetch the guess anew when something in it
// changes.
func asksAgain(trigger string) templ.Attributes {
	return templ.Attributes{"data-hx-post": PathGuess, "data-hx-trigger": trigger, "data-hx-target": "#guess", "data-hx-swap": "outerHTML",
		"data-hx-encoding": "application/x-www-form-urlencoded", "data-hx-sync": "this:replace"}
}

// choiceID is the id of a choice; the first carries the field's, so that the
// summary of faults leads to it.
func choiceID(name string, i int) string {
	if i == 0 {
		return web.FieldID(name)
	}
	return web.FieldID(name) + "-" + strconv.Itoa(i)
}

func photoDescribed(f web.Field) string {
	id := web.FieldID("photos")
	if f.Fault.Key != "" {
		return id + "-hint " + id + "-fault"
	}
	return id + "-hint"
}

// quotes are words in the quotation marks of the language.
func quotes(ctx context.Context, list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = web.T(ctx, "report.quote", "words", s)
	}
	return strings.Join(out, web.T(ctx, "web.list.and"))
}

// groups cuts a list of options where their group changes.
func groups(list []web.Option) (out [][]web.Option) {
	for i, o := range list {
		if i == 0 || list[i-1].Group != o.Group {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], o)
	}
	return out
}

// sayPlace is an address, or nothing said of it.
func sayPlace(ctx context.Context, address string) string {
	if address == "" {
		return web.T(ctx, "report.address.none")
	}
	return address
}

func dueOf(m Done) city.Message {
	switch {
	case m.Office.IsZero():
		return city.Message{}
	case m.Due.IsZero():
		return city.Message{Key: "report.then", Args: []any{"body", m.Office}}
	}
	return city.Message{Key: "report.then.due", Args: []any{"body", m.Office, "due", m.Due}}
}
