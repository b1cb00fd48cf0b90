package hcert

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"yiwang/internal/cborscan"
)

// Rule is what of the schema wasn't kept to.
type Rule string

const (
	RuleMissing  Rule = "missing"   // what must stand there doesn't
	RuleType     Rule = "type"      // text, number or list is another one of them
	RulePattern  Rule = "pattern"   // text or day of another form
	RuleLength   Rule = "length"    // longer than is allowed
	RuleRange    Rule = "range"     // a number that can't be
	RuleOneEntry Rule = "one_entry" // not exactly one vaccination, test or recovery
)

// Finding is one place where a certificate doesn't keep to the schema.
type Finding struct {
	At   string `json:"at"` // the schema's own names with points between: "v.0.dn"
	Rule Rule   `json:"rule"`
}

func (f Finding) String() string { return f.At + ": " + string(f.Rule) }

// MostFindings are kept of one certificate.
const MostFindings = 20

const (
	mostEntries = 100 // of one kind; the schema allows one
	mostLetters = 80
)

// Claims of the CWT.
const (
	claimIssuer  = 1
	claimExpires = 4
	claimIssued  = 6
	claimHealth  = -260
	covidVersion = 1 // the digital COVID certificate within claimHealth
)

var (
	// ErrOther is a well-formed claims set without a digital COVID certificate.
	ErrOther = errors.New("no health certificate")
	// ErrMalformed is one that can't be read.
	ErrMalformed = errors.New("not a claims set")
)

// Parse reads the payload of a signed message. Its errors are ErrOther and
// ErrMalformed.
func Parse(payload string) (*Certificate, error) {
	p := parser{r: cborscan.Of(payload), c: &Certificate{}}
	found := false
	p.r.Fields(func(key int64) bool {
		switch key {
		case claimIssuer:
			p.c.Country = p.text("iss", 0)
		case claimExpires:
			p.r.Tags()
			p.c.Expires = p.r.Moment()
		case claimIssued:
			p.r.Tags()
			p.c.IssuedAt = p.r.Moment()
		case claimHealth:
			p.r.Tags()
			p.r.Fields(func(version int64) bool {
				if version != covidVersion {
					return false
				}
				found = true
				if p.r.Tags(); p.r.Next() != cborscan.Map {
					p.r.Fail()
				}
				p.certificate()
				return true
			})
		default:
			return false
		}
		return true
	})
	if !p.r.End() {
		return nil, ErrMalformed
	}
	if !found {
		return nil, ErrOther
	}
	if p.c.Expires.IsZero() {
		p.find("exp", RuleMissing)
	}
	if p.c.IssuedAt.IsZero() {
		p.find("iat", RuleMissing)
	}
	return p.c, nil
}

type parser struct {
	r     cborscan.Reader
	c     *Certificate
	group string // where it is: a group of entries, or the name
	index int    // -1 outside of lists
}

func (p *parser) find(field string, rule Rule) {
	if len(p.c.Findings) == MostFindings {
		return
	}
	at := field
	if p.group != "" {
		at = p.group
		if p.index >= 0 {
			at += "." + strconv.Itoa(p.index)
		}
		if field != "" {
			at += "." + field
		}
	}
	p.c.Findings = append(p.c.Findings, Finding{at, rule})
}

// text reads text of at most so many letters; 0 for any length.
func (p *parser) text(field string, most int) string {
	p.r.Tags()
	if p.r.Next() != cborscan.TextString {
		p.find(field, RuleType)
		p.r.Skip()
		return ""
	}
	s := p.r.Text()
	if most > 0 && len(s) > most && utf8.RuneCountInString(s) > most {
		p.find(field, RuleLength)
	}
	return s
}

// day reads a whole day, ISO 8601.
func (p *parser) day(field string) string {
	s := p.text(field, 0)
	if !isDay(s) {
		p.find(field, RulePattern)
	}
	return s
}

// dose reads a number of doses.
func (p *parser) dose(field string) int {
	if t := p.r.Next(); t > cborscan.Negative && t != cborscan.Simple {
		p.find(field, RuleType)
		p.r.Skip()
		return 0
	}
	before := p.r
	f := p.r.Number()
	if p.r.Bad() { // null or a truth value
		p.r = before
		p.r.Skip()
		p.find(field, RuleType)
		return 0
	}
	n := int(max(-1, min(f, 1e6)))
	if float64(n) != f || n < 1 {
		p.find(field, RuleRange)
		return 0
	}
	return n
}

// fields reads a map of known words, of which the first so many must stand, and
// finds those missing. A word that stands twice makes the whole unreadable: two
// readers might see two certificates.
func (p *parser) fields(words []string, must int, read func(word string)) {
	if p.r.Next() != cborscan.Map {
		p.find("", RuleType)
		p.r.Skip()
		return
	}
	var seen uint32
	for pairs := p.r.Map(); pairs.Next(); {
		known := -1
		if p.r.Next() == cborscan.TextString {
			known = slices.Index(words, p.r.Text())
		} else {
			p.r.Skip()
		}
		if known < 0 {
			p.r.Skip()
			continue
		}
		if seen&(1<<known) != 0 {
			p.r.Fail()
			return
		}
		seen |= 1 << known
		read(words[known])
	}
	for i, w := range words[:must] {
		if seen&(1<<i) == 0 && !p.r.Bad() {
			p.find(w, RuleMissing)
		}
	}
}

// entries reads the list of a group; another kind of thing in its place is a finding.
func (p *parser) entries(group string, one func()) {
	p.group, p.index = group, -1
	p.r.Tags()
	if p.r.Next() != cborscan.Array {
		p.find("", RuleType)
		p.r.Skip()
	} else {
		for list := p.r.Array(); list.Next(); {
			if p.index++; p.index == mostEntries {
				p.r.Fail()
			}
			one()
		}
	}
	p.group = ""
}

// The words of each map, those first that must stand.
var (
	certificateWords = []string{"ver", "nam", "dob", "v", "t", "r"}
	nameWords        = []string{"fnt", "fn", "gn", "gnt"}
	vaccinationWords = []string{"tg", "vp", "mp", "ma", "dn", "sd", "dt", "co", "is", "ci"}
	testWords        = []string{"tg", "tt", "sc", "tr", "co", "is", "ci", "nm", "ma", "tc"}
	recoveryWords    = []string{"tg", "fr", "co", "is", "df", "du", "ci"}
)

// certificate reads the certificate itself. What the newest schema allows is held
// against every version: it forbids nothing that an older one allowed, but for
// more than one entry, which no profile ever did.
func (p *parser) certificate() {
	c := p.c
	groups := 0
	p.fields(certificateWords, 3, func(key string) {
		switch key {
		case "ver":
			if c.Version = p.text("ver", 0); !isVersion(c.Version) {
				p.find("ver", RulePattern)
			}
		case "nam":
			p.group, p.index = "nam", -1
			p.fields(nameWords, 1, p.name)
			p.group = ""
		case "dob":
			if c.Born = p.text("dob", 0); !isBirth(c.Born) {
				p.find("dob", RulePattern)
			}
		case "v", "t", "r":
			if p.r.Null() { // written by those who list what there isn't
				return
			}
			groups++
			switch key {
			case "v":
				p.entries(key, p.vaccination)
			case "t":
				p.entries(key, p.test)
			case "r":
				p.entries(key, p.recovery)
			}
		}
	})
	if groups != 1 || len(c.Vaccinations)+len(c.Tests)+len(c.Recoveries) != 1 {
		p.find("v|t|r", RuleOneEntry)
	}
}

func (p *parser) name(key string) {
	n := &p.c.Name
	switch key {
	case "fn":
		n.Family = p.text(key, mostLetters)
	case "gn":
		n.Given = p.text(key, mostLetters)
	case "fnt":
		n.FamilyMRZ = p.machineName(key)
	case "gnt":
		n.GivenMRZ = p.machineName(key)
	}
}

func (p *parser) machineName(field string) string {
	s := p.text(field, mostLetters)
	for i := 0; i < len(s); i++ {
		if s[i] != '<' && (s[i] < 'A' || 'Z' < s[i]) {
			p.find(field, RulePattern)
			break
		}
	}
	return s
}

// country reads a country; the schema asks no more of it than a capital letter.
func (p *parser) country(field string) string {
	s := p.text(field, 0)
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return s
		}
	}
	p.find(field, RulePattern)
	return s
}

func (p *parser) vaccination() {
	var v Vaccination
	p.fields(vaccinationWords, 10, func(key string) {
		switch key {
		case "tg":
			v.Disease = p.text(key, 0)
		case "vp":
			v.Vaccine = p.text(key, 0)
		case "mp":
			v.Product = p.text(key, 0)
		case "ma":
			v.Maker = p.text(key, 0)
		case "dn":
			v.Dose = p.dose(key)
		case "sd":
			v.Doses = p.dose(key)
		case "dt":
			v.Day = p.day(key)
		case "co":
			v.Country = p.country(key)
		case "is":
			v.Issuer = p.text(key, mostLetters)
		case "ci":
			v.Document = p.text(key, mostLetters)
		}
	})
	p.c.Vaccinations = append(p.c.Vaccinations, v)
}

func (p *parser) test() {
	var t Test
	p.fields(testWords, 7, func(key string) {
		switch key {
		case "tg":
			t.Disease = p.text(key, 0)
		case "tt":
			t.Type = p.text(key, 0)
		case "nm":
			t.Name = p.text(key, mostLetters)
		case "ma":
			t.Maker = p.text(key, 0)
		case "sc":
			t.Sampled = p.sampled(key)
		case "tr":
			t.Result = p.text(key, 0)
		case "tc":
			t.Centre = p.text(key, mostLetters)
		case "co":
			t.Country = p.country(key)
		case "is":
			t.Issuer = p.text(key, mostLetters)
		case "ci":
			t.Document = p.text(key, mostLetters)
		}
	})
	p.c.Tests = append(p.c.Tests, t)
}

// sampled reads a moment: text as the schema wants it, or the number of seconds
// that some wrote in its place.
func (p *parser) sampled(field string) string {
	p.r.Tags()
	switch p.r.Next() {
	case cborscan.Uint, cborscan.Negative:
		p.find(field, RuleType)
		return p.r.Moment().Format(time.RFC3339)
	}
	s := p.text(field, 0)
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		p.find(field, RulePattern)
	}
	return s
}

func (p *parser) recovery() {
	var r Recovery
	p.fields(recoveryWords, 7, func(key string) {
		switch key {
		case "tg":
			r.Disease = p.text(key, 0)
		case "fr":
			r.Positive = p.day(key)
		case "co":
			r.Country = p.country(key)
		case "is":
			r.Issuer = p.text(key, mostLetters)
		case "df":
			r.From = p.day(key)
		case "du":
			r.Until = p.day(key)
		case "ci":
			r.Document = p.text(key, mostLetters)
		}
	})
	p.c.Recoveries = append(p.c.Recoveries, r)
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || '9' < s[i] {
			return false
		}
	}
	return s != ""
}

// isDay reports whether the text is a day that exists.
func isDay(s string) bool {
	if len(s) != len(time.DateOnly) || s[4] != '-' || s[7] != '-' || !digits(s[:4]) || !digits(s[5:7]) || !digits(s[8:]) {
		return false
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(5), two(8)
	switch month {
	case 4, 6, 9, 11:
		return 1 <= day && day <= 30
	case 2:
		leap := year%4 == 0 && (year%100 != 0 || year%400 == 0)
		return 1 <= day && (day <= 28 || leap && day == 29)
	}
	return 1 <= month && month <= 12 && 1 <= day && day <= 31
}

// isBirth reports whether the text is a year, month or day from 1900 to 2099, or empty.
func isBirth(s string) bool {
	switch len(s) {
	case 0:
		return true
	case 4, 7, 10:
	default:
		return false
	}
	return (s[:2] == "19" || s[:2] == "20") && digits(s[2:4]) &&
		(len(s) < 7 || s[4] == '-' && digits(s[5:7])) && (len(s) < 10 || s[7] == '-' && digits(s[8:]))
}

// isVersion reports whether the text is a version of three numbers.
func isVersion(s string) bool {
	if len(s) == 5 && s[1] == '.' && s[3] == '.' && digits(s[:1]) && digits(s[2:3]) && digits(s[4:]) {
		return true
	}
	return versionPattern.MatchString(s)
}

var versionPattern = regexp.MustCompile(`^\d{1,9}\.\d{1,9}\.\d{1,9}$`)

// moment reads ISO 8601 as it is found in tests.
func moment(s string) (time.Time, bool) {
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
