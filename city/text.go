package city

import (
	"embed"
	"fmt"
	"io/fs"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// Lang is a language that the program speaks, as a BCP 47 tag.
type Lang string

const (
	Chinese Lang = "zh-Hans"
	English Lang = "en"
)

// Langs are all languages, the first being the one used when nobody asks.
var Langs = []Lang{Chinese, English}

// LangOf picks the language for an Accept-Language header or a plain tag;
// what is unknown is Chinese.
func LangOf(accept string) Lang {
	best, bestQ := Chinese, -1.0
	for _, part := range strings.Split(accept, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			if f, err := strconv.ParseFloat(v, 64); err == nil {
				q = f
			}
		}
		var l Lang
		switch primary, _, _ := strings.Cut(strings.ToLower(tag), "-"); primary {
		case "zh":
			l = Chinese
		case "en":
			l = English
		default:
			continue
		}
		if q > bestQ {
			best, bestQ = l, q
		}
	}
	return best
}

// Text is a sentence or a name in every language of the program.
type Text struct {
	ZhHans string `yaml:"zh-Hans" json:"zh-Hans"`
	En     string `yaml:"en" json:"en"`
}

// In gives the text in the language.
func (t Text) In(l Lang) string {
	if l == English {
		return t.En
	}
	return t.ZhHans
}

// IsZero reports whether no language has a word.
func (t Text) IsZero() bool { return t == Text{} }

// Missing lists the languages that lack the text.
func (t Text) Missing() []Lang {
	var m []Lang
	for _, l := range Langs {
		if strings.TrimSpace(t.In(l)) == "" {
			m = append(m, l)
		}
	}
	return m
}

//go:embed texts/*.yaml
var textFiles embed.FS

var catalogue = sync.OnceValue(func() map[string]Text {
	all := map[string]Text{}
	names, _ := fs.Glob(textFiles, "texts/*.yaml")
	for _, name := range names {
		raw, err := textFiles.ReadFile(name)
		if err != nil {
			panic(err)
		}
		var part map[string]Text
		if err := yaml.Unmarshal(raw, &part); err != nil {
			panic(fmt.Sprintf("%s: %v", name, err))
		}
		for k, t := range part {
			if _, twice := all[k]; twice {
				panic(fmt.Sprintf("%s: text %q stands twice", name, k))
			}
			all[k] = t
		}
	}
	return all
})

// TextKeys lists the keys of the catalogue in order.
func TextKeys() []string {
	keys := make([]string, 0, len(catalogue()))
	for k := range catalogue() {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// LookupText finds a text of the catalogue by its key.
func LookupText(key string) (Text, bool) {
	t, ok := catalogue()[key]
	return t, ok
}

// Say gives the catalogue's text for key in the language, with the arguments
// (name, value, name, value, …) put in their places:
//
//	{name}             a string, number, Text, Message or date
//	{n|day|days}       a number with the word in its number: "1 day", "3 days"
//	{when:date}        "12 月 3 日（星期四）", "Thursday 3 December"
//	{when:fulldate}    the same with the year
//	{when:datetime}    date and time of day
//	{when:time}        "17:30"
//
// Times are said in the zone they carry. An unknown key is said as itself, which
// a test over the sources prevents.
func Say(l Lang, key string, args ...any) string {
	t, ok := catalogue()[key]
	if !ok {
		return key
	}
	return Fill(l, t.In(l), args...)
}

// Fill puts arguments into a text as Say does.
func Fill(l Lang, s string, args ...any) string {
	if !strings.Contains(s, "{") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '{')
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		j := strings.IndexByte(s[i:], '}')
		if j < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		place := s[i+1 : i+j]
		s = s[i+j+1:]
		name, forms, plural := strings.Cut(place, "|")
		name, format, _ := strings.Cut(name, ":")
		v, ok := argument(args, name)
		if !ok {
			b.WriteString("{" + place + "}")
			continue
		}
		b.WriteString(sayValue(l, v, format))
		if plural {
			one, many, _ := strings.Cut(forms, "|")
			if fmt.Sprint(v) == "1" {
				b.WriteString(" " + one)
			} else {
				b.WriteString(" " + many)
			}
		}
	}
}

func argument(args []any, name string) (any, bool) {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return args[i+1], true
		}
	}
	return nil, false
}

func sayValue(l Lang, v any, format string) string {
	switch v := v.(type) {
	case Text:
		return v.In(l)
	case Message:
		return v.In(l)
	case time.Time:
		switch format {
		case "fulldate":
			return SayFullDate(l, v)
		case "datetime":
			return SayDate(l, v) + " " + v.Format("15:04")
		case "time":
			return v.Format("15:04")
		}
		return SayDate(l, v)
	case fmt.Stringer:
		return v.String()
	}
	return fmt.Sprint(v)
}

var zhWeekdays = [...]string{"日", "一", "二", "三", "四", "五", "六"}

// SayDate says a day as people do, without the year.
func SayDate(l Lang, t time.Time) string {
	if l == English {
		return t.Format("Monday 2 January")
	}
	return fmt.Sprintf("%d 月 %d 日（星期%s）", t.Month(), t.Day(), zhWeekdays[t.Weekday()])
}

// SayFullDate says a day with its year.
func SayFullDate(l Lang, t time.Time) string {
	if l == English {
		return t.Format("2 January 2006")
	}
	return fmt.Sprintf("%d 年 %d 月 %d 日", t.Year(), t.Month(), t.Day())
}

// SayMoney says an amount in fen, such as 20000 as "200 元" or "¥200".
func SayMoney(l Lang, fen int64) string {
	s := strconv.FormatInt(fen/100, 10)
	if r := fen % 100; r != 0 {
		s = fmt.Sprintf("%s.%02d", s, r)
	}
	if l == English {
		return "¥" + s
	}
	return s + " 元"
}
