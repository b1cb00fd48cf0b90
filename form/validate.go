package form

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"yiwang/city"
)

// Validate lists the faults of answers, in the order of the form. Names are field
// ids, with a part behind a dot for compound answers ("father.name"). Answers are
// cleaned first, so it may be called with what Clean gave or with the same read
// back from JSON; hidden fields are never faulty.
func (c *Compiled) Validate(answers map[string]any) []city.Field {
	return c.validate(answers, func(*field) bool { return true })
}

// ValidateStep is Validate for the fields of one step.
func (c *Compiled) ValidateStep(stepID string, answers map[string]any) []city.Field {
	return c.validate(answers, func(f *field) bool {
		for _, s := range c.steps {
			if s.ID == stepID {
				return slices.Contains(s.fields, f)
			}
		}
		return false
	})
}

func (c *Compiled) validate(answers map[string]any, wanted func(*field) bool) []city.Field {
	var out []city.Field
	c.walk(func(f *field) (any, bool) { return f.value(answers, nil) }, func(f *field, v any, ok bool) {
		if wanted(f) {
			w := &faults{c: c, f: f}
			w.check(v, ok)
			out = append(out, w.list...)
		}
	})
	return out
}

// faults collects those of one field.
type faults struct {
	c    *Compiled
	f    *field
	list []city.Field
}

func (w *faults) add(part, key string, args ...any) {
	name := w.f.ID
	if part != "" {
		name += "." + part
	}
	w.list = append(w.list, city.Field{Name: name, Message: city.Message{Key: key, Args: append([]any{"label", w.f.Label}, args...)}})
}

// addErr takes the message of a city.Error.
func (w *faults) addErr(part string, err error) {
	var e *city.Error
	if errors.As(err, &e) {
		w.add(part, e.Message.Key, e.Message.Args...)
	}
}

func (w *faults) check(v any, ok bool) {
	if !ok {
		if w.f.Required {
			w.add("", requiredKey(w.f.Type))
		}
		return
	}
	switch v := v.(type) {
	case string:
		w.text(v)
	case int64:
		w.whole(v)
	case float64:
		w.decimal(v)
	case []string:
		w.several(v)
	case map[string]string:
		w.parts(v)
	}
}

func requiredKey(t FieldType) string {
	switch t {
	case Choice, MultiChoice, YesNo, Region:
		return "form.required_choice"
	case File:
		return "form.required_file"
	case Statement:
		return "form.required_statement"
	}
	return "form.required"
}

// text checks an answer that is a text, also one that should have been something
// else.
func (w *faults) text(s string) {
	f := w.f
	switch f.Type {
	case Text, LongText:
		n := utf8.RuneCountInString(s)
		switch {
		case n > f.Most():
			w.add("", "form.too_long", "max", f.Most(), "n", n)
		case f.Min != nil && float64(n) < *f.Min:
			w.add("", "form.too_short", "min", int(*f.Min), "n", n)
		case f.pattern != nil && !f.pattern.MatchString(s):
			w.add("", "form.pattern", "wanted", f.PatternText)
		}
	case Integer:
		w.add("", "form.integer")
	case Decimal:
		w.add("", "form.decimal")
	case Money:
		w.add("", "form.money")
	case YesNo:
		w.add("", "form.yesno")
	case Date:
		w.date(s)
	case Phone:
		if !validPhone(s) {
			w.add("", "form.phone")
		}
	case Email:
		if !emailPattern.MatchString(s) {
			w.add("", "form.email")
		}
	case CitizenNumber:
		w.citizen("", s)
	case USCC:
		if err := CheckUSCC(s); err != nil {
			w.addErr("", err)
		}
	case Choice:
		if w.f.position(s) == len(w.f.Options) {
			w.add("", "form.choice")
		}
	case Region:
		w.region("", s)
	}
}

func (w *faults) citizen(part, s string) {
	who, err := CheckCitizenNumber(s)
	switch {
	case err != nil:
		w.addErr(part, err)
	case !w.c.today.IsZero() && w.c.today.Before(who.Birth):
		w.add(part, "form.citizen_date", "date", strings.ReplaceAll(who.Birth.String(), "-", ""))
	}
}

func (w *faults) date(s string) {
	d, err := city.ParseDate(s)
	if err != nil || d.Year == 0 {
		if datePattern.MatchString(s) {
			w.add("", "form.date_impossible", "date", s)
		} else {
			w.add("", "form.date")
		}
		return
	}
	if from, ok := w.f.from.on(w.c.today); ok && d.Before(from) {
		w.add("", "form.date_early", "date", from.In(time.UTC))
	}
	if to, ok := w.f.to.on(w.c.today); ok && to.Before(d) {
		w.add("", "form.date_late", "date", to.In(time.UTC))
	}
}

func (w *faults) whole(n int64) {
	say := func(x float64) any { return strconv.FormatFloat(x, 'f', -1, 64) }
	if w.f.Type == Money {
		say = func(fen float64) any { return moneyText(int64(fen)) }
	}
	w.bounds(float64(n), say)
}

func moneyText(fen int64) city.Text {
	return city.Text{ZhHans: city.SayMoney(city.Chinese, fen), En: city.SayMoney(city.English, fen)}
}

func (w *faults) decimal(n float64) {
	places := 2
	if w.f.Decimals != nil {
		places = *w.f.Decimals
	}
	s := strconv.FormatFloat(n, 'f', -1, 64)
	if _, behind, _ := strings.Cut(s, "."); len(behind) > places {
		w.add("", "form.decimals", "max", places)
		return
	}
	w.bounds(n, func(x float64) any { return strconv.FormatFloat(x, 'f', -1, 64) })
}

func (w *faults) bounds(n float64, say func(float64) any) {
	lo, hi := math.Inf(-1), math.Inf(1)
	if w.f.Min != nil {
		lo = *w.f.Min
	} else if w.f.Type == Money {
		lo = 0 // nobody owes the form money
	}
	if w.f.Max != nil {
		hi = *w.f.Max
	}
	switch {
	case n >= lo && n <= hi:
	case w.f.Min != nil && w.f.Max != nil:
		w.add("", "form.range", "min", say(lo), "max", say(hi))
	case n < lo:
		w.add("", "form.min", "min", say(lo))
	default:
		w.add("", "form.max", "max", say(hi))
	}
}

func (w *faults) several(v []string) {
	if w.f.Type == File {
		switch {
		case len(v) > w.f.Most():
			w.add("", "form.too_many_files", "max", w.f.Most())
		case slices.ContainsFunc(v, func(s string) bool { _, err := uuid.Parse(s); return err != nil || len(s) != 36 }):
			w.add("", "form.file")
		}
		return
	}
	switch {
	case slices.ContainsFunc(v, func(s string) bool { return w.f.position(s) == len(w.f.Options) }):
		w.add("", "form.choice")
	case w.f.Max != nil && float64(len(v)) > *w.f.Max:
		w.add("", "form.too_many", "max", int(*w.f.Max))
	case w.f.Min != nil && float64(len(v)) < *w.f.Min:
		w.add("", "form.too_few", "min", int(*w.f.Min))
	}
}

// parts checks a compound answer: begun means complete.
func (w *faults) parts(m map[string]string) {
	for _, part := range w.f.Type.Parts() {
		s := m[part]
		switch {
		case s == "":
			w.add(part, missingPart[part])
		case part == "citizen_number":
			w.citizen(part, s)
		case part == "region":
			w.region(part, s)
		case utf8.RuneCountInString(s) > defaultText:
			w.add(part, "form.too_long", "max", defaultText, "n", utf8.RuneCountInString(s))
		}
	}
}

var missingPart = map[string]string{
	"name": "form.part_name", "citizen_number": "form.part_citizen_number",
	"region": "form.part_region", "detail": "form.part_detail",
}

// levels says how long a code must be for a level, and what is said when it isn't.
var levels = map[city.RegionLevel]struct {
	digits int
	key    string
}{
	city.LevelDistrict:  {6, "form.region_district"},
	city.LevelStreet:    {9, "form.region_street"},
	city.LevelCommunity: {12, "form.region_community"},
}

func (w *faults) region(part, s string) {
	shape := len(s) == 4 || len(s) == 6 || len(s) == 9 || len(s) == 12
	if !shape || strings.Trim(s, "0123456789") != "" || w.c.regions != nil && !w.c.regions(city.RegionCode(s)) {
		w.add(part, "form.region")
		return
	}
	if l := levels[w.f.Level]; len(s) < l.digits {
		w.add(part, l.key)
	}
}
