package trustlist

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/check"
)

var day = time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)

const (
	food  = "11990100MB0000011X012"
	smoke = "11990100MB0000011X013"
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// key makes a signing key that may sign since two years before the day.
func key(t testing.TB, a credential.Algorithm, owner string) credential.Signer {
	t.Helper()
	f, err := credential.OpenKeys(t.TempDir() + "/keys")
	ok(t, err)
	s, err := f.Create(a, owner, day.AddDate(-2, 0, 0))
	ok(t, err)
	return s
}

// region is a made-up neighbour with its keys.
type region struct {
	testing.TB
	anchor, lists, issuer credential.Signer
	sequence              int64
}

func newRegion(t testing.TB, a credential.Algorithm) *region {
	return &region{TB: t, anchor: key(t, a, "Province"), lists: key(t, a, "Hudson"), issuer: key(t, a, "Hudson")}
}

var name = city.Text{ZhHans: "邻市", En: "Next Door"}

func (r *region) regions(at time.Time, change func(*Regions)) []byte {
	r.Helper()
	r.sequence++
	l := Regions{Head: Head{r.sequence, at, at.AddDate(1, 0, 0)}, Authority: city.Text{ZhHans: "省里", En: "The province"},
		Regions: []Region{{Code: "9902", Name: name, Address: "https://next.example/trust/list", Since: day.AddDate(-3, 0, 0), Keys: []ListKey{{Key: r.lists.Certificate(), From: day.AddDate(-3, 0, 0)}}}}}
	if change != nil {
		change(&l)
	}
	raw, err := SignRegions(context.Background(), r.anchor, l)
	ok(r, err)
	return raw
}

func (r *region) issuers(at time.Time, change func(*Issuers)) []byte {
	r.Helper()
	r.sequence++
	l := Issuers{Head: Head{r.sequence, at, at.Add(Term)}, Region: "9902", Name: name, StatusLists: "https://next.example/credentials/status/",
		Keys: []IssuerKey{{Key: r.issuer.Certificate(), Algorithm: r.issuer.Algorithm(), From: day.AddDate(-2, 0, 0), Licences: []Licence{{food, city.Text{ZhHans: "食品经营许可证", En: "Food permit"}}}, PassCodes: []string{"visit"}}}}
	if change != nil {
		change(&l)
	}
	raw, err := SignIssuers(context.Background(), r.lists, l)
	ok(r, err)
	return raw
}

// licence is the code of a licence of the region, signed at a moment.
func (r *region) licence(typ, from string, at time.Time) string {
	r.Helper()
	n, err := credential.NewNumber(credential.NumberParts{Type: typ, Issuer: typ[:18], Serial: "20260000403", Version: 1})
	ok(r, err)
	d := city.DateOf(at)
	code, err := credential.Encode(context.Background(), r.issuer, credential.Claims{City: from, Number: n, Name: city.Text{ZhHans: "食品经营许可证"},
		Issuer: city.Text{ZhHans: "邻市市场监督管理局"}, Holder: "好再来饭店", Issued: d, From: d, SignedAt: at, Begins: at})
	ok(r, err)
	return code
}

// folder is what somebody trusts: the anchor and some lists.
func (r *region) folder(lists ...[]byte) fstest.MapFS {
	dir := fstest.MapFS{"anchors/province.pem": {Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.anchor.Certificate()})}}
	for i, l := range lists {
		dir[string(rune('a'+i))+".jws"] = &fstest.MapFile{Data: l}
	}
	return dir
}

func trusting(t testing.TB, dir fstest.MapFS, faults int) *credential.Trust {
	t.Helper()
	f, err := Load(dir, day)
	ok(t, err)
	if len(f.Faults) != faults {
		t.Errorf("faults: %v, want %d", f.Faults, faults)
	}
	trust, _, err := credential.LoadTrust(dir, func(t *credential.Trust) { err = f.AddTo(t) })
	ok(t, err)
	return trust
}

// A licence of another region is judged by what was said of its key on its day.
func TestJudgedByItsDay(t *testing.T) {
	for _, a := range check.Algorithms {
		r := newRegion(t, a)
		day := func(n int) time.Time { return day.AddDate(0, 0, n) }
		end := func(f func(*IssuerKey)) func(*Issuers) { return func(l *Issuers) { f(&l.Keys[0]) } }
		smokers := end(func(k *IssuerKey) { k.Licences = append(k.Licences, Licence{smoke, name}) })
		for _, c := range []struct {
			name  string
			lists [][]byte
			typ   string
			from  string
			at    time.Time
			want  credential.Reason
			warn  string
		}{
			{"on the list", [][]byte{r.issuers(day(-1), nil)}, food, "9902", day(-10), credential.ReasonOK, "status_unknown?"},
			{"before the first list", [][]byte{r.issuers(day(-1), nil)}, food, "9902", day(-300), credential.ReasonOK, ""},
			{"before the key", [][]byte{r.issuers(day(-1), nil)}, food, "9902", day(-800), credential.ReasonSignerNotValid, ""},
			{"another sort", [][]byte{r.issuers(day(-1), nil)}, smoke, "9902", day(-10), credential.ReasonNotEntitled, ""},
			{"another region's", [][]byte{r.issuers(day(-1), nil)}, food, "9903", day(-10), credential.ReasonNotEntitled, ""},
			{"of a part of the region", [][]byte{r.issuers(day(-1), nil)}, food, "990204", day(-10), credential.ReasonOK, ""},
			{"a sort that came later", [][]byte{r.issuers(day(-20), nil), r.issuers(day(-5), smokers)}, smoke, "9902", day(-10), credential.ReasonNotEntitled, ""},
			{"after it came", [][]byte{r.issuers(day(-20), nil), r.issuers(day(-5), smokers)}, smoke, "9902", day(-3), credential.ReasonOK, ""},
			{"a sort that went later", [][]byte{r.issuers(day(-20), smokers), r.issuers(day(-5), nil)}, smoke, "9902", day(-10), credential.ReasonOK, ""},
			{"retired, signed before", [][]byte{r.issuers(day(-20), nil), r.issuers(day(-5), end(func(k *IssuerKey) { k.Retired = day(-6) }))}, food, "9902", day(-10), credential.ReasonOK, ""},
			{"retired, signed after", [][]byte{r.issuers(day(-5), end(func(k *IssuerKey) { k.Retired = day(-6) }))}, food, "9902", day(-6), credential.ReasonSignerNotValid, ""},
			{"retired, then left out", [][]byte{r.issuers(day(-20), nil), r.issuers(day(-5), end(func(k *IssuerKey) { k.Retired = day(-6) })), r.issuers(day(-1), func(l *Issuers) { l.Keys = nil })}, food, "9902", day(-10), credential.ReasonOK, ""},
			{"stolen, signed before", [][]byte{r.issuers(day(-5), end(func(k *IssuerKey) { k.Compromised = day(-6) }))}, food, "9902", day(-10), credential.ReasonOK, "signer_compromised_later"},
			{"stolen, signed after", [][]byte{r.issuers(day(-5), end(func(k *IssuerKey) { k.Compromised = day(-6) }))}, food, "9902", day(-6), credential.ReasonCompromised, ""},
			{"stolen, and taken back", [][]byte{r.issuers(day(-5), end(func(k *IssuerKey) { k.Compromised = day(-6) })), r.issuers(day(-1), nil)}, food, "9902", day(-3), credential.ReasonCompromised, ""},
			{"dropped without a word", [][]byte{r.issuers(day(-20), nil), r.issuers(day(-5), func(l *Issuers) { l.Keys = nil })}, food, "9902", day(-10), credential.ReasonDropped, ""},
			{"stale", [][]byte{r.issuers(day(-3), nil)}, food, "9902", day(-10), credential.ReasonOK, "trust_stale"},
			{"nothing but the region", nil, food, "9902", day(-10), credential.ReasonUnknownSigner, ""},
		} {
			trust := trusting(t, r.folder(append(c.lists, r.regions(day(-100), nil))...), 0)
			got := credential.Verify(r.licence(c.typ, c.from, c.at), trust, day(0))
			if got.Reason != c.want || got.Valid != (c.want == credential.ReasonOK) {
				t.Errorf("%s, %s: %s, want %s", a, c.name, got.Reason, c.want)
			}
			said := ""
			for _, w := range got.Warnings {
				said += string(w) + " "
			}
			if strings.Contains(said, "trust_stale") != (c.warn == "trust_stale" || got.Valid && got.TrustAt.Before(day(-1))) {
				t.Errorf("%s, %s: warns of %q", a, c.name, said)
			}
			if c.warn == "signer_compromised_later" && !strings.Contains(said, c.warn) {
				t.Errorf("%s, %s: warns of %q", a, c.name, said)
			}
			if got.Valid && (got.Signer.Region != "9902" || got.Signer.RegionName != name) {
				t.Errorf("%s, %s: for %+v", a, c.name, got.Signer)
			}
		}
		// a region that left the first layer, and one whose time is over
		gone := func(l *Regions) { l.Regions = nil }
		over := func(l *Regions) { l.Regions[0].Until = day(-5) }
		for want, change := range map[credential.Reason]func(*Regions){credential.ReasonDropped: gone, credential.ReasonOK: over} {
			trust := trusting(t, r.folder(r.issuers(day(-20), nil), r.regions(day(-100), nil), r.regions(day(-2), change)), 0)
			if got := credential.Verify(r.licence(food, "9902", day(-10)), trust, day(0)); got.Reason != want {
				t.Errorf("%s: %s, want %s", a, got.Reason, want)
			}
			if got := credential.Verify(r.licence(food, "9902", day(-3)), trust, day(0)); got.Valid {
				t.Errorf("%s: signed when the region's time was over: %s", a, got.Reason)
			}
		}
	}
}

// What nobody signed who may isn't taken, and says why not.
func TestListsThatAreNotTaken(t *testing.T) {
	r, stranger := newRegion(t, credential.EdDSA), newRegion(t, credential.EdDSA)
	good, first := r.issuers(day, nil), r.regions(day, nil)
	for what, dir := range map[string]fstest.MapFS{
		"another anchor":    r.folder(good, stranger.regions(day, nil)),
		"another region":    r.folder(stranger.issuers(day, nil), first),
		"altered":           r.folder(alter(good), first),
		"cut short":         r.folder(good[:len(good)-4], first),
		"of the future":     r.folder(r.issuers(day.Add(time.Hour), nil), first),
		"one for the other": r.folder(swap(t, r, first), first),
	} {
		f, err := Load(dir, day)
		ok(t, err)
		if len(f.Faults) == 0 {
			t.Errorf("%s: no fault", what)
		}
		for _, x := range f.Faults {
			if !strings.HasPrefix(x.Message.Key, "trust.") || x.Message.In(city.English) == x.Message.Key {
				t.Errorf("%s: %+v", what, x)
			}
		}
		trust := credential.NewTrust()
		ok(t, f.AddTo(trust))
		if got := credential.Verify(r.licence(food, "9902", day), trust, day); got.Reason != credential.ReasonUnknownSigner {
			t.Errorf("%s: %s", what, got.Reason)
		}
	}
	// the anchor's own key vouches for no licence
	trust := trusting(t, r.folder(good, first), 0)
	r.issuer = r.anchor
	if got := credential.Verify(r.licence(food, "9902", day), trust, day); got.Reason != credential.ReasonUnknownSigner {
		t.Errorf("signed by the anchor: %s", got.Reason)
	}
	for _, bad := range []func(*Issuers){
		func(l *Issuers) { l.Sequence = 0 },
		func(l *Issuers) { l.Next = l.Issued.Add(-1) },
		func(l *Issuers) { l.Region = "../etc" },
		func(l *Issuers) { l.StatusLists = "file:///etc/passwd" },
		func(l *Issuers) { l.Keys[0].Algorithm = credential.SM2 },
		func(l *Issuers) { l.Keys = append(l.Keys, l.Keys[0]) },
		func(l *Issuers) { l.Name = city.Text{En: "two\nlines"} },
	} {
		l := *mustParse(t, good).Issuers
		l.Keys = append([]IssuerKey(nil), l.Keys...)
		bad(&l)
		if _, err := SignIssuers(context.Background(), r.lists, l); err == nil {
			t.Errorf("signed: %+v", l)
		}
	}
}

func mustParse(t testing.TB, raw []byte) *List {
	t.Helper()
	l, err := Parse(raw)
	ok(t, err)
	return l
}

func alter(raw []byte) []byte {
	parts := bytes.Split(raw, []byte("."))
	body, _ := b64.DecodeString(string(parts[1]))
	parts[1] = []byte(b64.EncodeToString(bytes.Replace(body, []byte("012"), []byte("013"), 1)))
	return bytes.Join(parts, []byte("."))
}

// swap signs with the region's key what looks like the other layer.
func swap(t *testing.T, r *region, first []byte) []byte {
	var l Regions
	raw, err := json.Marshal(mustParse(t, first).Regions)
	ok(t, err)
	ok(t, json.Unmarshal(raw, &l))
	l.Sequence = 1000
	out, err := SignRegions(context.Background(), r.lists, l)
	ok(t, err)
	return out
}

func TestFollows(t *testing.T) {
	r := newRegion(t, credential.EdDSA)
	one, two, three := mustParse(t, r.issuers(day, nil)), mustParse(t, r.issuers(day.Add(time.Hour), nil)), mustParse(t, r.issuers(day, nil))
	r.sequence = 1
	same := mustParse(t, r.issuers(day.Add(2*time.Hour), nil)) // the number of two
	now := day.AddDate(0, 0, 1)
	for _, c := range []struct {
		old, l *List
		news   bool
		why    string
	}{
		{nil, one, true, ""}, {one, two, true, ""}, {two, two, false, ""},
		{two, one, false, "trust.list.rollback"}, {two, same, false, "trust.list.twice"}, {two, three, false, "trust.list.older"},
	} {
		news, err := Follows(c.old, c.l, now)
		why := ""
		if e, ok := err.(*city.Error); ok {
			why = e.Message.Key
		}
		if news != c.news || why != c.why {
			t.Errorf("%d: %v %q, want %v %q", c.l.Head().Sequence, news, why, c.news, c.why)
		}
	}
}

func TestWhatChanges(t *testing.T) {
	r := newRegion(t, credential.ES256)
	other := key(t, credential.SM2, "Hudson")
	old := mustParse(t, r.issuers(day, nil)).Issuers
	l := mustParse(t, r.issuers(day, func(l *Issuers) {
		l.Keys[0].Licences = []Licence{{smoke, name}}
		l.Keys[0].PassCodes = nil
		l.Keys[0].Retired = day
		l.Keys = append(l.Keys, IssuerKey{Key: other.Certificate(), Algorithm: credential.SM2, From: day})
		l.StatusLists, l.Log = "https://elsewhere.example/", &Log{Origin: "x", Key: "k"}
	})).Issuers
	keys := func(all []Change) string {
		var s []string
		for _, c := range all {
			s = append(s, strings.TrimPrefix(c.Says.Key, "trust.change."))
			for _, lang := range []city.Lang{city.Chinese, city.English} {
				if said := c.Says.In(lang); strings.ContainsAny(said, "{}") || said == c.Says.Key {
					t.Errorf("not for people: %s", said)
				}
			}
		}
		return strings.Join(s, " ")
	}
	if got := keys(CompareIssuers(old, l)); got != "key.retired licence.added licence.dropped purpose.dropped key.added status_lists log" {
		t.Error(got)
	}
	if got := keys(CompareIssuers(l, old)); got != "key.retired licence.added licence.dropped purpose.added key.dropped status_lists log" {
		t.Error(got)
	}
	if got := keys(CompareIssuers(nil, old)) + keys(CompareIssuers(old, old)); got != "key.added" {
		t.Error(got)
	}
	a := mustParse(t, r.regions(day, nil)).Regions
	b := mustParse(t, r.regions(day, func(l *Regions) {
		l.Regions[0].Keys = []ListKey{{Key: other.Certificate(), From: day}}
		l.Regions[0].Address, l.Regions[0].Until = "", day
		l.Regions = append(l.Regions, Region{Code: "9903", Name: name, Keys: l.Regions[0].Keys, Since: day})
	})).Regions
	if got := keys(CompareRegions(a, b)); got != "region.key.added region.key.dropped region.address region.until region.added region.key.added" {
		t.Error(got)
	}
	if got := keys(CompareRegions(b, a)); got != "region.key.added region.key.dropped region.address region.since region.dropped" {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	r := newRegion(f, credential.EdDSA)
	f.Add(r.issuers(day, nil))
	f.Add(r.regions(day, nil))
	f.Add([]byte("eyJ.eyJ.x"))
	f.Add([]byte(`eyJhbGciOiJFZERTQSIsInR5cCI6Inlpd2FuZy1pc3N1ZXJzK2p3cyJ9.bnVsbA.AAAA`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := Parse(raw)
		if err != nil {
			if city.KindOf(err) == city.KindInternal {
				t.Errorf("not for people: %v", err)
			}
			return
		}
		if l.Head().Sequence < 1 {
			t.Errorf("taken: %+v", l.Head())
		}
		_ = Known{Region: Region{Code: "9902"}, History: []*Issuers{{Region: "9902"}}}.AddTo(credential.NewTrust())
		if l.Issuers != nil {
			if err := (Known{Region: Region{Code: "9902"}, History: []*Issuers{l.Issuers}}).AddTo(credential.NewTrust()); err != nil {
				t.Error(err)
			}
		}
	})
}
