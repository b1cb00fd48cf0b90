package web

import (
	"context"
	"fmt"
	"html"
	"io"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yiwang/city"
)

// zoneless is the zone in which a civil date is said: it is the same day
// everywhere.
var zoneless = time.UTC

func local(ctx context.Context, t time.Time) time.Time {
	if z := ViewOf(ctx).City.Zone; z != nil {
		return t.In(z)
	}
	return t
}

// stamp is the moment for machines, with its offset.
func stamp(ctx context.Context, t time.Time) string { return local(ctx, t).Format(time.RFC3339) }

// exact is the moment in full, for those who ask.
func exact(ctx context.Context, t time.Time) string {
	t = local(ctx, t)
	return fmt.Sprintf("%s %s", city.SayFullDate(ViewOf(ctx).Lang, t), t.Format("15:04:05"))
}

// SayWhen says a moment with its time of day, counted from now: today,
// yesterday and tomorrow by name, another year with its number.
func SayWhen(ctx context.Context, t time.Time) string {
	t = local(ctx, t)
	now := local(ctx, ViewOf(ctx).Now)
	clock := t.Format("15:04")
	switch day := city.DateOf(t); day {
	case city.DateOf(now):
		return T(ctx, "web.when.today", "time", clock)
	case city.DateOf(now).AddDays(-1):
		return T(ctx, "web.when.yesterday", "time", clock)
	case city.DateOf(now).AddDays(1):
		return T(ctx, "web.when.tomorrow", "time", clock)
	}
	return shortDay(ctx, t) + " " + clock
}

// SayDay says a day with its day of the week; another year with its number.
func SayDay(ctx context.Context, t time.Time) string {
	t = local(ctx, t)
	if t.Year() != ViewOf(ctx).Now.Year() {
		return city.SayFullDate(ViewOf(ctx).Lang, t)
	}
	return city.SayDate(ViewOf(ctx).Lang, t)
}

func shortDay(ctx context.Context, t time.Time) string {
	l := ViewOf(ctx).Lang
	switch {
	case t.Year() != ViewOf(ctx).Now.Year():
		return city.SayFullDate(l, t)
	case l == city.English:
		return t.Format("2 January")
	}
	return fmt.Sprintf("%d 月 %d 日", t.Month(), t.Day())
}

// Sentence says a message as markup: moments become time elements with the
// exact time on hover, and **words** between double stars stand out. Everything
// else is escaped. An empty message is nothing.
func Sentence(m city.Message) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if m.Key == "" {
			return nil
		}
		t, ok := city.LookupText(m.Key)
		if !ok {
			t = Plain(m.Key)
		}
		_, err := io.WriteString(w, markup(ctx, t.In(ViewOf(ctx).Lang), zoned(ctx, m.Args)))
		return err
	})
}

// Spoken says a text of the pack as Sentence does a message.
func Spoken(t city.Text, args ...any) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		_, err := io.WriteString(w, markup(ctx, t.In(ViewOf(ctx).Lang), zoned(ctx, args)))
		return err
	})
}

// markup fills one placeholder after the other; what comes out of an argument is
// never read as markup.
func markup(ctx context.Context, s string, args []any) string {
	l := ViewOf(ctx).Lang
	var b strings.Builder
	bold := false
	text := func(s string) {
		for {
			before, after, found := strings.Cut(s, "**")
			b.WriteString(html.EscapeString(before))
			if !found {
				return
			}
			if bold = !bold; bold {
				b.WriteString("<strong>")
			} else {
				b.WriteString("</strong>")
			}
			s = after
		}
	}
	for {
		i := strings.IndexByte(s, '{')
		j := strings.IndexByte(s[max(i, 0):], '}')
		if i < 0 || j < 0 {
			break
		}
		text(s[:i])
		place := s[i : i+j+1]
		said := html.EscapeString(city.Fill(l, place, args...))
		name, _, _ := strings.Cut(strings.Trim(place, "{}"), ":")
		for k := 0; k+1 < len(args); k += 2 {
			if at, ok := args[k+1].(time.Time); ok && args[k] == name {
				said = fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, stamp(ctx, at), exact(ctx, at), said)
			}
		}
		b.WriteString(said)
		s = s[i+j+1:]
	}
	text(s)
	if bold {
		b.WriteString("</strong>")
	}
	return b.String()
}
