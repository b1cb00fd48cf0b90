package hcert

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

// doc is a certificate as it stands in the claim, to be bent by tests.
type doc = map[string]any

func person() doc {
	return doc{"ver": "1.3.0", "dob": "1998-02-26", "nam": doc{"fn": "Musterfrau-Gößinger", "gn": "Gabriele", "fnt": "MUSTERFRAU<GOESSINGER", "gnt": "GABRIELE"}}
}

func vaccinated() doc {
	d := person()
	d["v"] = []any{doc{"tg": Covid19, "vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215", "dn": 1, "sd": 2, "dt": "2021-02-18",
		"co": "AT", "is": "Ministry of Health, Austria", "ci": "URN:UVCI:01:AT:10807843F94AEE0EE5093FBC254BD813#B"}}
	return d
}

func tested(sampled any, result string) doc {
	d := person()
	d["t"] = []any{doc{"tg": Covid19, "tt": NAAT, "nm": "PCR", "sc": sampled, "tr": result, "tc": "Vienna 1", "co": "AT", "is": "Ministry of Health", "ci": "URN:UVCI:01:AT:71EE2559DE38C6BF7304FB65A1A451EC#3"}}
	return d
}

func recovered() doc {
	d := person()
	d["r"] = []any{doc{"tg": Covid19, "fr": "2021-02-20", "co": "AT", "is": "Ministry of Health", "df": "2021-04-04", "du": "2021-10-04", "ci": "URN:UVCI:01:AT:858CC18CFCF5965EF82F60E493349AA5#K"}}
	return d
}

func payload(t testing.TB, d any) string {
	t.Helper()
	b, err := cbor.Marshal(map[int]any{1: "AT", 4: 1633338836, 6: 1620064800, -260: map[int]any{1: d}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestParse(t *testing.T) {
	c, err := Parse(payload(t, vaccinated()))
	if err != nil {
		t.Fatal(err)
	}
	want := &Certificate{Country: "AT", IssuedAt: time.Unix(1620064800, 0).UTC(), Expires: time.Unix(1633338836, 0).UTC(), Version: "1.3.0",
		Name: Name{"Musterfrau-Gößinger", "Gabriele", "MUSTERFRAU<GOESSINGER", "GABRIELE"}, Born: "1998-02-26",
		Vaccinations: []Vaccination{{Covid19, "1119349007", "EU/1/20/1528", "ORG-100030215", 1, 2, "2021-02-18", "AT", "Ministry of Health, Austria",
			"URN:UVCI:01:AT:10807843F94AEE0EE5093FBC254BD813#B"}}}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if c.Kinds() != KindVaccination || c.Vaccinations[0].ProductName() != "Comirnaty (BioNTech, Pfizer)" {
		t.Errorf("kinds %d, %s", c.Kinds(), c.Vaccinations[0].ProductName())
	}
}

// Each way of straying from the schema is found where it is, and keeps nothing else
// from being read.
func TestFindings(t *testing.T) {
	with := func(d doc, path string, value any) doc {
		at, parts := d, strings.Split(path, ".")
		for _, p := range parts[:len(parts)-1] {
			if list, ok := at[p].([]any); ok {
				at = list[0].(doc)
			} else {
				at = at[p].(doc)
			}
		}
		last := parts[len(parts)-1]
		if at[last] = value; value == nil {
			delete(at, last)
		}
		return d
	}
	null := cbor.RawMessage("\xf6")
	for _, c := range []struct {
		d    doc
		want []string
	}{
		{vaccinated(), nil},
		{recovered(), nil},
		{tested("2021-02-20T12:34:56Z", NotDetected), nil},
		{tested(cbor.Tag{Number: 0, Content: "2021-02-20T12:34:56+01:00"}, NotDetected), nil},
		{with(vaccinated(), "dob", ""), nil},
		{with(vaccinated(), "dob", "1950"), nil},
		{with(vaccinated(), "v.dn", 3.0), nil},
		{with(vaccinated(), "t", null), nil},
		{with(vaccinated(), "more", []any{1, doc{"x": 2.5}}), nil},
		{with(vaccinated(), "dob", nil), []string{"dob: missing"}},
		{with(vaccinated(), "dob", "26.2.1998"), []string{"dob: pattern"}},
		{with(vaccinated(), "dob", "1898-02-26"), []string{"dob: pattern"}},
		{with(vaccinated(), "ver", "1.3"), []string{"ver: pattern"}},
		{with(vaccinated(), "nam", "Gabriele"), []string{"nam: type"}},
		{with(vaccinated(), "nam.fnt", "Musterfrau"), []string{"nam.fnt: pattern"}},
		{with(vaccinated(), "nam.fnt", nil), []string{"nam.fnt: missing"}},
		{with(vaccinated(), "nam.gn", strings.Repeat("ö", 81)), []string{"nam.gn: length"}},
		{with(vaccinated(), "nam.gn", strings.Repeat("ö", 80)), nil},
		{with(vaccinated(), "v.dn", 0), []string{"v.0.dn: range"}},
		{with(vaccinated(), "v.dn", 1.5), []string{"v.0.dn: range"}},
		{with(vaccinated(), "v.sd", "2"), []string{"v.0.sd: type"}},
		{with(vaccinated(), "v.sd", true), []string{"v.0.sd: type"}},
		{with(vaccinated(), "v.dt", "2021-02-30"), []string{"v.0.dt: pattern"}},
		{with(vaccinated(), "v.co", "at"), []string{"v.0.co: pattern"}},
		{with(vaccinated(), "v.mp", 7), []string{"v.0.mp: type"}},
		{with(vaccinated(), "v.ci", nil), []string{"v.0.ci: missing"}},
		{with(vaccinated(), "v", doc{}), []string{"v: type", "v|t|r: one_entry"}},
		{with(vaccinated(), "v", []any{}), []string{"v|t|r: one_entry"}},
		{with(vaccinated(), "t", tested("2021-02-20T12:34:56Z", NotDetected)["t"]), []string{"v|t|r: one_entry"}},
		{person(), []string{"v|t|r: one_entry"}},
		{tested("20.2.2021", NotDetected), []string{"t.0.sc: pattern"}},
		{tested(1613824496, NotDetected), []string{"t.0.sc: type"}},
		{with(recovered(), "r.df", "soon"), []string{"r.0.df: pattern"}},
	} {
		got, err := Parse(payload(t, c.d))
		if err != nil {
			t.Errorf("%v: %v", c.d, err)
			continue
		}
		var found []string
		for _, f := range got.Findings {
			found = append(found, f.String())
		}
		slices.Sort(found)
		if diff := cmp.Diff(c.want, found); diff != "" {
			t.Errorf("%v: %s", c.d, diff)
		}
		if got.Version == "" || got.Country != "AT" {
			t.Errorf("%v keeps the rest from being read: %+v", c.d, got)
		}
	}
}

func TestWhatIsNoCertificate(t *testing.T) {
	twice := vaccinated()
	raw, err := cbor.Marshal(twice)
	if err != nil {
		t.Fatal(err)
	}
	raw = append([]byte{raw[0] + 1}, raw[1:]...)
	raw = append(raw, "\x63ver\x651.3.0"...)
	many := person()
	many["v"] = make([]any, 101)
	for name, c := range map[string]struct {
		payload string
		want    error
	}{
		"nothing":                    {"", ErrMalformed},
		"no map":                     {"\x01", ErrMalformed},
		"other claims":               {"\xa1\x06\x00", ErrOther},
		"another version":            {"\xa1\x39\x01\x03\xa1\x02\xa0", ErrOther},
		"no map of versions":         {"\xa1\x39\x01\x03\x01", ErrMalformed},
		"no map inside":              {payload(t, "\xff\xff"), ErrMalformed},
		"a word twice":               {payload(t, cbor.RawMessage(raw)), ErrMalformed},
		"a hundred entries":          {payload(t, many), ErrMalformed},
		"more behind":                {payload(t, vaccinated()) + "\x00", ErrMalformed},
		"cut short":                  {payload(t, vaccinated())[:200], ErrMalformed},
		"expires in the past's past": {"\xa1\x04\x3b\xff\xff\xff\xff\xff\xff\xff\xff", ErrMalformed},
		"expires never":              {"\xa1\x04\xf9\x7c\x00", ErrMalformed},
	} {
		if got, err := Parse(c.payload); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	c, err := Parse("\xa1\x39\x01\x03\xa1\x01\xa0")
	if err != nil || !c.Expires.IsZero() || !slices.Contains(c.Findings, Finding{"exp", RuleMissing}) || !slices.Contains(c.Findings, Finding{"iat", RuleMissing}) {
		t.Errorf("%+v, %v", c, err)
	}
	// However much is wrong, what is kept of it is bounded.
	wrong := person()
	entries := make([]any, 99)
	for i := range entries {
		entries[i] = doc{}
	}
	wrong["v"] = entries
	if c, err = Parse(payload(t, wrong)); err != nil || len(c.Findings) != MostFindings {
		t.Errorf("%v", err)
	}
}

// What a gatekeeper must know beside the signature.
func TestWhatItMeans(t *testing.T) {
	parse := func(d doc) *Certificate {
		c, err := Parse(payload(t, d))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := parse(tested("2021-02-20T12:34:56+01:00", Detected))
	if !c.Positive() || c.Kinds() != KindTest || !c.SampledAt().Equal(time.Date(2021, 2, 20, 11, 34, 56, 0, time.UTC)) {
		t.Errorf("positive %v, kinds %d, %v", c.Positive(), c.Kinds(), c.SampledAt())
	}
	for _, s := range []string{"2021-02-20T12:34:56+0100", "2021-02-20T12:34:56+01", "2021-02-20T12:34+01:00"} {
		if got := parse(tested(s, NotDetected)); got.Positive() || got.SampledAt().UTC().Hour() != 11 {
			t.Errorf("%s is read as %v", s, got.SampledAt())
		}
	}
	c = parse(recovered())
	for day, want := range map[string]bool{"2021-04-03": false, "2021-04-04": true, "2021-10-04": true, "2021-10-05": false} {
		at, _ := time.Parse(time.DateOnly, day)
		if c.UsableOn(at.Add(12*time.Hour)) != want {
			t.Errorf("usable on %s: %v", day, !want)
		}
	}
	if c.Kinds() != KindRecovery || !parse(vaccinated()).UsableOn(time.Now()) || !c.SampledAt().IsZero() {
		t.Error("a recovery is taken for something else")
	}
	for oid, want := range map[string]Kind{"1.3.6.1.4.1.1847.2021.1.1": KindTest, "1.3.6.1.4.1.1847.2021.1.2": KindVaccination,
		"1.3.6.1.4.1.1847.2021.1.3": KindRecovery, "1.3.6.1.4.1.0.1847.2021.1.3": KindRecovery, "1.3.6.1.5.5.7.3.1": 0} {
		if UsageOf(oid) != want {
			t.Errorf("%s is for %d", oid, UsageOf(oid))
		}
	}
}

// What the Union's test data say stands in a certificate is what we read from it:
// their JSON and our reading of their CBOR, value for value.
func TestReadsWhatTheUnionWrote(t *testing.T) {
	names, err := filepath.Glob("../../../shared/data/dcc/*/2DCode/raw/*.json")
	if err != nil || len(names) == 0 {
		t.Skip("the outside test data are not here")
	}
	read := 0
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var f struct {
			JSON json.RawMessage
			CBOR string
		}
		if err := json.Unmarshal(raw, &f); err != nil {
			t.Fatal(name, err)
		}
		inside, err := hex.DecodeString(f.CBOR)
		var want doc
		if err != nil || len(inside) == 0 || inside[0]>>5 != 5 || json.Unmarshal(f.JSON, &want) != nil || want["ver"] == nil {
			continue
		}
		c, err := Parse(string(inside)) // some give the whole claims set
		if err != nil {
			c, err = Parse("\xa1\x39\x01\x03\xa1\x01" + string(inside))
		}
		if err != nil {
			if !strings.Contains(name, "CBO") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		read++
		got := doc{"ver": c.Version, "dob": c.Born, "nam": c.Name}
		for group, entry := range map[string]string{"v": fmt.Sprint(c.Vaccinations), "t": fmt.Sprint(c.Tests), "r": fmt.Sprint(c.Recoveries)} {
			list, _ := want[group].([]any)
			for _, one := range list {
				for key, value := range one.(doc) {
					if s, ok := value.(string); ok && key != "dr" && key != "sc" && !strings.Contains(entry, s) {
						t.Errorf("%s: %s of %s is %q, read %s", name, key, group, s, entry)
					}
				}
			}
		}
		nam := want["nam"].(doc)
		if got["ver"] != want["ver"] || got["dob"] != want["dob"] || c.Name.FamilyMRZ != nam["fnt"] || nam["gn"] != nil && c.Name.Given != nam["gn"] {
			t.Errorf("%s: %v is read as %+v", name, want, got)
		}
	}
	if read < 80 {
		t.Errorf("only %d were read", read)
	}
}

// Days are those of the calendar.
func TestDaysExist(t *testing.T) {
	for _, year := range []int{0, 1, 4, 1600, 1899, 1900, 1999, 2000, 2001, 2004, 2020, 2021, 2096, 2100, 9999} {
		for month := range 14 {
			for _, day := range []int{0, 1, 28, 29, 30, 31, 32} {
				s := fmt.Sprintf("%04d-%02d-%02d", year, month, day)
				if _, err := time.Parse(time.DateOnly, s); (err == nil) != isDay(s) {
					t.Fatalf("%s exists: %v", s, isDay(s))
				}
			}
		}
	}
	for _, s := range []string{"2021-1-01", "2021/01/01", "２０２１-01-0", "", "2021-01-01T", "-021-01-01"} {
		if isDay(s) {
			t.Errorf("%q is taken for a day", s)
		}
	}
}

// Whatever the bytes, the reader ends, and what it gives can be told as JSON.
func FuzzParse(f *testing.F) {
	for _, d := range []doc{vaccinated(), tested("2021-02-20T12:34:56Z", Detected), recovered(), person()} {
		f.Add([]byte(payload(f, d)))
	}
	f.Add([]byte("\xa1\x39\x01\x03\xa1\x01\xbf\x61v\x9f\xbf\x62dn\xf9\x7c\x00\xff\xff\xff"))
	f.Add([]byte("\xbf\x04\xfb\x41\xd8\x56\xb1\x75\x01\x78\xd5\x39\x01\x03\xa1\x01\xa0\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(string(b))
		if (c == nil) == (err == nil) {
			t.Fatalf("%+v, %v", c, err)
		}
		if err != nil {
			return
		}
		if _, err := json.Marshal(c); err != nil {
			t.Fatal(err)
		}
		if len(c.Findings) > MostFindings || len(c.Vaccinations)+len(c.Tests)+len(c.Recoveries) > 3*mostEntries {
			t.Errorf("%d findings, %d doses", len(c.Findings), len(c.Vaccinations))
		}
		c.Positive()
		c.SampledAt()
		c.UsableOn(time.Unix(0, 0))
	})
}
