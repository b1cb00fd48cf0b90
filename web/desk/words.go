package desk

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/rule"
	"yiwang/web"
)

func titled(d web.DeskDoc, title string) web.DeskDoc {
	d.Title = title
	return d
}

func current(is bool) templ.Attributes {
	if is {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}

func currentTrue(is bool) templ.Attributes {
	if is {
		return templ.Attributes{"aria-current": "true"}
	}
	return nil
}

// key makes an element answer to a key of the keyboard.
func key(k string) templ.Attributes {
	if k == "" {
		return nil
	}
	return templ.Attributes{"data-key": k, "aria-keyshortcuts": k}
}

// again makes the list fetch itself while the page is open; what the reader has
// focused stays focused.
func again(in Inbox) templ.Attributes {
	return templ.Attributes{"data-hx-get": in.Again, "data-hx-trigger": "every 20s", "data-hx-swap": "outerMorph"}
}

// count says a number of cases; counting stops at a thousand.
func count(n int) string {
	if n >= 1000 {
		return "999+"
	}
	return strconv.Itoa(n)
}

// amount says a number of units: "10 个工作日", "10 working days".
func amount(u city.Unit, n int) city.Text {
	if u == "" {
		u = city.WorkingDays
	}
	return web.Words("web.limit."+string(u), "n", n)
}

func limitWords(l city.Limit) city.Text { return amount(l.Unit, l.N) }

// joined is a list of texts in each language.
func joined(list []city.Text) city.Text {
	and := web.Words("web.list.and")
	var t city.Text
	for i, x := range list {
		if i > 0 {
			t.ZhHans += and.ZhHans
			t.En += and.En
		}
		t.ZhHans += x.ZhHans
		t.En += x.En
	}
	return t
}

// paragraphs cuts what somebody wrote at its line breaks.
func paragraphs(s string) []string {
	var out []string
	for _, p := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

func upper(k string) string { return strings.ToUpper(k) }

func clauseIcon(s rule.State) string {
	switch s {
	case rule.Holds:
		return "done"
	case rule.Fails:
		return "refused"
	}
	return "waiting"
}

func stepLimit(at time.Time) city.Message {
	return city.Message{Key: "desk.clock.step", Args: []any{"due", at}}
}

// allFields are the fields of a form with those of its rows, for the summary of
// faults.
func allFields(f StepForm) []web.Field {
	var out []web.Field
	for _, p := range f.Points {
		out = append(out, p.Field, p.Text)
	}
	return append(out, f.Fields...)
}

// typedText is what was typed, as one note.
func typedText(ctx context.Context, list []Said) string {
	var lines []string
	for _, s := range list {
		lines = append(lines, web.In(ctx, s.What))
		lines = append(lines, s.Text...)
	}
	return strings.Join(lines, "\n")
}

// startHere moves the focus to the head of a form that has just been opened;
// where something is wrong, the summary of faults takes it.
func startHere(fields []web.Field, others []city.Field) templ.Attributes {
	if len(others) > 0 {
		return nil
	}
	for _, f := range fields {
		if f.Fault.Key != "" {
			return nil
		}
	}
	return templ.Attributes{"data-focus": ""}
}
