package form

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"yiwang/city"
)

// How much is kept of an answer that is longer than it may be: enough that it is
// still too long, and that the person finds most of it again.
const (
	spare      = 1000 // characters beyond a text's bound
	mostOther  = 200  // characters of any other value
	mostOption = 64   // characters of a chosen option
)

// NormalNumber brings a number, code or date into the form in which it is checked:
// ASCII for full-width characters, no spaces, upper case.
func NormalNumber(s string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, fold(plain(s), true)))
}

// plain removes what no answer contains: broken UTF-8, control characters but tab
// and newline, marks that reverse the direction of writing, byte order marks, and
// gives composed characters (NFC) and one sort of newline.
func plain(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0xFEFF, r == 0x200B:
			return -1
		}
		return r
	}, s)
	return norm.NFC.String(s)
}

// fold turns full-width letters and digits and the ideographic space into ASCII;
// with marks, full-width punctuation too.
func fold(s string, marks bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '　':
			return ' '
		case r >= '！' && r <= '～':
			a := r - '！' + '!'
			if marks || a < 128 && (unicode.IsLetter(a) || unicode.IsDigit(a)) {
				return a
			}
		}
		return r
	}, s)
}

// oneLine is a text of one line without needless spaces.
func oneLine(s string) string {
	return strings.Join(strings.Fields(fold(plain(s), false)), " ")
}

// lines is a text of several lines without spaces at their ends and without empty
// lines around it.
func lines(s string) string {
	rows := strings.Split(plain(s), "\n")
	for i, r := range rows {
		rows[i] = strings.TrimRightFunc(r, unicode.IsSpace)
	}
	return strings.TrimSpace(strings.Join(rows, "\n"))
}

// cut keeps the first n characters.
func cut(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return strings.TrimSpace(s[:i])
		}
		n--
	}
	return s
}

// bounded cuts bytes before any work is done on them.
func bounded(s string, characters int) string {
	if n := (characters + 1) * 8; len(s) > n {
		return s[:n]
	}
	return s
}

// asText gives a value that was sent as the text somebody could have typed.
func asText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", false
		}
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case city.Date:
		return v.String(), true
	case time.Time: // as YAML reads a bare date
		return city.DateOf(v).String(), true
	}
	return "", false
}

// normal gives the answer in the one form of its type, or the text as typed when
// it can't be read; ok is false when there is no answer.
func (f *field) normal(v any) (out any, ok bool) {
	switch f.Type {
	case YesNo, Statement:
		return f.normalYes(v)
	case MultiChoice, File:
		return f.normalList(v)
	case Person, Address:
		return f.normalParts(v)
	}
	if s, ok := v.(string); ok {
		v = bounded(s, mostText+spare)
	}
	if f.Type == Integer || f.Type == Money || f.Type == Decimal {
		if n, ok := f.number(v); ok {
			return n, true
		}
	}
	s, isText := asText(v)
	if !isText {
		return nil, false
	}
	if _, typed := v.(string); f.Type == Money && !typed {
		return cut(s, mostOther) + "分", true // a number is fen; read again as text it would be yuan
	}
	switch f.Type {
	case Text:
		s = cut(oneLine(s), f.Most()+spare)
	case LongText:
		s = cut(lines(s), f.Most()+spare)
	case Integer, Decimal, Money:
		return f.typedNumber(s)
	case Date:
		s = normalDate(s)
	case Phone:
		s = normalPhone(s)
	case CitizenNumber:
		s = NormalNumber(s)
	case USCC:
		s = NormalNumber(s)
		if bare := strings.ReplaceAll(s, "-", ""); bare != "" {
			s = bare
		}
	case Region:
		s = NormalNumber(s)
	case Email:
		s = normalEmail(s)
	case Choice:
		s = cut(oneLine(s), mostOption)
	}
	if f.Type != Text && f.Type != LongText {
		s = cut(s, mostOther)
	}
	return s, s != ""
}

var yes = []string{"true", "yes", "on", "1", "是"}
var no = []string{"false", "no", "off", "0", "否"}

func (f *field) normalYes(v any) (any, bool) {
	b, ok := v.(bool)
	if s, isText := asText(v); isText {
		s = strings.ToLower(NormalNumber(bounded(s, mostOption)))
		switch {
		case slices.Contains(yes, s):
			b, ok = true, true
		case slices.Contains(no, s):
			b, ok = false, true
		case s != "" && f.Type == YesNo:
			return cut(s, mostOption), true
		}
	}
	if !ok || f.Type == Statement && !b {
		return nil, false
	}
	return b, true
}

func (f *field) normalList(v any) (any, bool) {
	var given []string
	switch v := v.(type) {
	case string:
		given = []string{v}
	case []string:
		given = v
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				given = append(given, s)
			}
			if len(given) > 4*mostChosen {
				break
			}
		}
	}
	var out []string
	for _, s := range given {
		if len(out) > mostChosen {
			break // one more than allowed, so that Validate says so
		}
		s = cut(oneLine(bounded(s, mostOption)), mostOption)
		if f.Type == File {
			s = strings.ToLower(s)
		}
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if f.Type == MultiChoice {
		slices.SortStableFunc(out, func(a, b string) int { return f.position(a) - f.position(b) })
	}
	return out, len(out) > 0
}

// position is that of an option; what is none comes last.
func (f *field) position(id string) int {
	if i := slices.IndexFunc(f.Options, func(o Option) bool { return o.ID == id }); i >= 0 {
		return i
	}
	return len(f.Options)
}

func (f *field) normalParts(v any) (any, bool) {
	out := map[string]string{}
	for _, part := range f.Type.Parts() {
		var s string
		switch v := v.(type) {
		case map[string]string:
			s = v[part]
		case map[string]any:
			s, _ = asText(v[part])
		}
		s = bounded(s, defaultText+spare)
		switch part {
		case "citizen_number", "region":
			s = cut(NormalNumber(s), mostOther)
		default:
			s = cut(oneLine(s), defaultText+spare)
		}
		if s != "" {
			out[part] = s
		}
	}
	return out, len(out) > 0
}

// number reads a number that was sent as one.
func (f *field) number(v any) (any, bool) {
	n, ok := v.(float64)
	switch v := v.(type) {
	case int:
		return f.number(int64(v))
	case int64:
		if f.Type == Decimal {
			return f.number(float64(v))
		}
		return v, v >= -mostNumber && v <= mostNumber
	case json.Number:
		var err error
		n, err = v.Float64()
		ok = err == nil
	}
	if !ok || math.IsNaN(n) || math.Abs(n) > mostNumber {
		return nil, false
	}
	if f.Type == Decimal {
		return positiveZero(n), true
	}
	return int64(n), n == math.Trunc(n)
}

// positiveZero: "-0" is 0, also when compared as text.
func positiveZero(n float64) float64 {
	if n == 0 {
		return 0
	}
	return n
}

// mostNumber bounds every number, so that sums and floats stay exact.
const mostNumber = 1e15

var (
	wholePattern   = regexp.MustCompile(`^[+-]?[0-9]{1,15}$`)
	decimalPattern = regexp.MustCompile(`^[+-]?[0-9]{1,15}(\.[0-9]{1,9})?$`)
	moneyPattern   = regexp.MustCompile(`^([+-]?)([0-9]{1,13})(?:\.([0-9]{1,2}))?$`)
	groupPattern   = regexp.MustCompile(`^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$`)
)

// typedNumber reads a number as people write it: "１，２００", "¥200", "12.5元".
func (f *field) typedNumber(typed string) (any, bool) {
	s := strings.ReplaceAll(NormalNumber(typed), "−", "-")
	if f.Type == Money {
		s = strings.TrimPrefix(strings.TrimPrefix(s, "¥"), "￥")
		s = strings.TrimSuffix(s, "元")
	}
	if groupPattern.MatchString(s) {
		s = strings.ReplaceAll(s, ",", "")
	}
	switch f.Type {
	case Integer:
		if wholePattern.MatchString(s) {
			if n, err := strconv.ParseInt(s, 10, 64); err == nil {
				return n, true
			}
		}
	case Decimal:
		if decimalPattern.MatchString(s) {
			if n, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(n) <= mostNumber {
				return positiveZero(n), true
			}
		}
	case Money:
		if m := moneyPattern.FindStringSubmatch(s); m != nil {
			if fen, err := strconv.ParseInt(m[1]+m[2]+(m[3] + "00")[:2], 10, 64); err == nil {
				return fen, true
			}
		}
	}
	kept := cut(oneLine(bounded(typed, mostOther)), mostOther)
	return kept, kept != ""
}

var (
	datePattern  = regexp.MustCompile(`^([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?$`)
	solidPattern = regexp.MustCompile(`^([0-9]{4})([0-9]{2})([0-9]{2})$`)
)

// normalDate reads a day as people write it; what can't be read stays as typed.
func normalDate(typed string) string {
	s := NormalNumber(bounded(typed, mostOther))
	m := datePattern.FindStringSubmatch(s)
	if m == nil {
		m = solidPattern.FindStringSubmatch(s)
	}
	if m == nil {
		return oneLine(bounded(typed, mostOther))
	}
	return m[1] + "-" + ("0" + m[2])[len(m[2])-1:] + "-" + ("0" + m[3])[len(m[3])-1:]
}

var (
	mobilePattern   = regexp.MustCompile(`^1[3-9][0-9]{9}$`)
	landlinePattern = regexp.MustCompile(`^(0(?:10|2[0-9]|[3-9][0-9]{2}))([0-9]{7,8})$`)
	otherPhones     = regexp.MustCompile(`^(?:\+[1-9][0-9]{6,14}|[48]00[0-9]{7}|0(?:10|2[0-9]|[3-9][0-9]{2})-[0-9]{7,8})$`)
)

// normalPhone gives 13800000000, 010-12345678, or +country and number; what can't
// be read stays as typed.
func normalPhone(typed string) string {
	s := NormalNumber(bounded(typed, mostOther))
	bare := strings.NewReplacer("-", "", "(", "", ")", "", "—", "", "–", "").Replace(s)
	if rest, ok := strings.CutPrefix(bare, "0086"); ok {
		bare = "+86" + rest
	}
	if rest, ok := strings.CutPrefix(bare, "+86"); ok {
		switch {
		case mobilePattern.MatchString(rest):
			bare = rest
		case landlinePattern.MatchString("0" + rest):
			bare = "0" + rest
		}
	}
	if m := landlinePattern.FindStringSubmatch(bare); m != nil {
		return m[1] + "-" + m[2]
	}
	if mobilePattern.MatchString(bare) || otherPhones.MatchString(bare) {
		return bare
	}
	return oneLine(bounded(typed, mostOther))
}

func validPhone(s string) bool { return mobilePattern.MatchString(s) || otherPhones.MatchString(s) }

var emailPattern = regexp.MustCompile(`^[^@\s<>(),;:"\[\]\\]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}$`)

// normalEmail keeps the case before the @ and drops it behind.
func normalEmail(typed string) string {
	s := strings.Join(strings.Fields(fold(plain(bounded(typed, mostOther)), true)), "")
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[:i] + strings.ToLower(s[i:])
	}
	return s
}
