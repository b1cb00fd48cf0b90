package kit

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/credential/check"
)

// day is when most tests happen.
var day = time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)

const listURI = "https://jianghai.example/credentials/status/0"

func signer(t *testing.T, a check.Algorithm) check.Signer {
	t.Helper()
	f, err := check.OpenKeys(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Create(a, "江海市", day.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func licence(t *testing.T, s check.Signer) string {
	t.Helper()
	n, err := check.NewNumber(check.NumberParts{Type: "11990100MB0000011X012", Issuer: "11990100MB0000011X", Serial: "20260000403", Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	from := city.Date{Year: 2026, Month: 11, Day: 23}
	code, err := check.Encode(t.Context(), s, check.Claims{City: "9901", Number: n, Name: city.Text{ZhHans: "食品经营许可证", En: "Food business licence"},
		Issuer: city.Text{ZhHans: "江海市市场监督管理局", En: "Jianghai Market Regulation Bureau"}, Holder: "好再来饭店", Issued: from, From: from,
		SignedAt: day, Begins: day, Expires: day.AddDate(1, 0, 0), StatusList: listURI, StatusIndex: 7})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func passCode(t *testing.T, s check.Signer, state string) string {
	t.Helper()
	code, _, err := check.EncodePass(t.Context(), s, check.PassClaims{City: "9901", Purpose: "flood", State: state, Carrier: check.OnScreen, SignedAt: day, Expires: day.Add(6 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func testKit(t *testing.T, s check.Signer, state check.ListStatus) Kit {
	t.Helper()
	l := check.StatusList{URI: listURI, Statuses: check.NewStatusBits(8), SignedAt: day, Expires: day.Add(24 * time.Hour), TTL: 12 * time.Hour}
	l.Statuses.Set(7, state)
	token, err := check.EncodeStatusList(t.Context(), s, l)
	if err != nil {
		t.Fatal(err)
	}
	return Kit{Made: day, Offset: 8 * 3600, Keys: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate()}), Lists: [][]byte{token},
		Purposes: []Purpose{{City: "9901", ID: "flood", Name: city.Text{ZhHans: "防汛通行", En: "Flood pass"}, Ends: day.AddDate(0, 1, 0),
			States: []State{{ID: "in", Name: city.Text{ZhHans: "可以进", En: "May enter"}, Enters: true}, {ID: "wait", Name: city.Text{ZhHans: "等一等", En: "Wait"}}}}}}
}

func pack(t *testing.T, k Kit) []byte {
	t.Helper()
	raw, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func open(t *testing.T, k Kit) *Checker {
	t.Helper()
	c, err := Open(pack(t, k))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnswers(t *testing.T) {
	s := signer(t, check.EdDSA)
	code := licence(t, s)
	good, revoked, bare := open(t, testKit(t, s, check.ListValid)), open(t, testKit(t, s, check.ListInvalid)), testKit(t, s, check.ListValid)
	bare.Lists = nil
	noList := open(t, bare)
	for name, x := range map[string]struct {
		c      *Checker
		text   string
		at     time.Time
		lamp   Lamp
		reason string
		note   string
	}{
		"genuine":          {good, code, day.Add(time.Hour), Green, "ok", "State as of"},
		"list is old":      {good, code, day.Add(30 * time.Hour), Green, "ok", "Status unknown since Monday 23 November 10:00"},
		"no list":          {noList, code, day.Add(time.Hour), Green, "ok", "Status unknown since"},
		"revoked":          {revoked, code, day.Add(time.Hour), Red, "revoked", ""},
		"expired":          {good, code, day.AddDate(1, 0, 1).Add(-Life), Amber, KitTooOld, ""},
		"kit is old":       {good, code, day.Add(Life), Amber, KitTooOld, ""},
		"of a stranger":    {good, licence(t, signer(t, check.EdDSA)), day.Add(time.Hour), Amber, "unknown_signer", ""},
		"altered":          {good, code[:len(code)-2] + "00", day.Add(time.Hour), Amber, "damaged", ""},
		"lets in":          {good, passCode(t, s, "in"), day.Add(time.Hour), Green, "ok", ""},
		"does not let in":  {good, passCode(t, s, "wait"), day.Add(time.Hour), Amber, "ok", ""},
		"state nobody has": {good, passCode(t, s, "xyz"), day.Add(time.Hour), Amber, "ok", ""},
		"pass is over":     {good, passCode(t, s, "in"), day.Add(7 * time.Hour), Red, "expired", ""},
		"health":           {good, "HC1:6BF", day, Amber, "damaged", ""},
	} {
		a := x.c.Answer(x.text, x.at, city.English, false)
		if a.Lamp != x.lamp || a.Reason != x.reason || a.Verdict == "" || !strings.Contains(strings.Join(a.Notes, " "), x.note) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// Without a network nobody knows what happened since the lists were made; what a code
// may be used for is said in either case.
func TestAnswersWithoutANetwork(t *testing.T) {
	s := signer(t, check.EdDSA)
	c := open(t, testKit(t, s, check.ListValid))
	from := city.Date{Year: 2026, Month: 11, Day: 23}
	code, err := check.Encode(t.Context(), s, check.Claims{City: "9901", Name: city.Text{ZhHans: "居民身份证", En: "Identity card"}, Issuer: city.Text{ZhHans: "江海市公安局", En: "Jianghai Police"},
		Holder: "林*兰", Issued: from, From: from, SignedAt: day, Begins: day, Expires: day.Add(time.Minute), StatusList: listURI, StatusIndex: 7,
		Grant: &check.GrantClaims{Kind: check.GrantShow, Type: "11990100MB0000011X012", Purpose: city.Text{ZhHans: "租房登记", En: "renting a home"}, Audience: "春江公寓"}})
	if err != nil {
		t.Fatal(err)
	}
	for alone, want := range map[bool]string{false: "State as of Monday 23 November 10:00", true: "Status unknown since Monday 23 November 10:00"} {
		a := c.Answer(code, day.Add(30*time.Second), city.English, alone)
		said := strings.Join(a.Notes, " ")
		if a.Lamp != Green || !strings.Contains(said, want) || !strings.Contains(said, "春江公寓") {
			t.Errorf("alone %v: %+v", alone, a)
		}
	}
}

// A key that a trust list vouches for counts for what the list says, and no more.
func TestVouchedKeys(t *testing.T) {
	ours, theirs := signer(t, check.EdDSA), signer(t, check.SM2)
	k := testKit(t, ours, check.ListValid)
	m := check.Mandate{Region: "9901", Name: city.Text{ZhHans: "江北", En: "Jiangbei"}, AsOf: day, Next: day.AddDate(0, 0, 7),
		Entitled: []check.Entitlement{{From: day.AddDate(-1, 0, 0), Types: []string{"11990100MB0000011X012"}}}}
	k.Vouched = []Vouched{{theirs.Certificate(), m}}
	if r := open(t, k).Check(licence(t, theirs), day.Add(time.Hour)); !r.Valid || r.Signer.Region != "9901" {
		t.Errorf("%+v", r)
	}
	k.Vouched[0].Mandate.Dropped = day
	if r := open(t, k).Check(licence(t, theirs), day.Add(time.Hour)); r.Reason != check.ReasonDropped {
		t.Errorf("dropped: %s", r.Reason)
	}
	if r := open(t, testKit(t, ours, check.ListValid)).Check(licence(t, theirs), day); r.Reason != check.ReasonUnknownSigner {
		t.Errorf("gone with the next kit: %s", r.Reason)
	}
}

func TestBrokenKits(t *testing.T) {
	s := signer(t, check.EdDSA)
	for name, bend := range map[string]func(*Kit){
		"no time":                func(k *Kit) { k.Made = time.Time{} },
		"a zone of no place":     func(k *Kit) { k.Offset = 1 << 30 },
		"no keys":                func(k *Kit) { k.Keys = nil },
		"a list of a stranger":   func(k *Kit) { k.Lists = testKit(t, signer(t, check.EdDSA), check.ListValid).Lists },
		"a list that is altered": func(k *Kit) { k.Lists[0][len(k.Lists[0])-1] ^= 1 },
		"a health key of bytes":  func(k *Kit) { k.Health = [][]byte{{1, 2, 3}} },
	} {
		k := testKit(t, s, check.ListValid)
		bend(&k)
		if _, err := Open(pack(t, k)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for _, raw := range []string{"", "{", "[]", `{"made":3}`} {
		if _, err := Open([]byte(raw)); err == nil {
			t.Errorf("%q: taken", raw)
		}
	}
}

// job is a text to be judged by a kit, at a time in milliseconds.
type job struct {
	Kit  json.RawMessage `json:"kit"`
	Text string          `json:"text"`
	At   int64           `json:"at"`
}

// What the browser runs judges as the program does: our codes, good and bad, and
// every file of the Union's test data.
func TestTheBrowsersCheckerJudgesAlike(t *testing.T) {
	dist := filepath.Join("..", "..", "web", "bundle", "dist")
	packed, err := os.Open(filepath.Join(dist, "gate.wasm.gz"))
	if err == nil {
		defer packed.Close()
		_, err = exec.LookPath("node")
	}
	if err != nil {
		t.Skipf("the browser's checker was not built, make bundle does; or there is no node: %v", err)
	}
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	var wasm bytes.Buffer
	if _, err := wasm.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "gate.wasm")
	if err := os.WriteFile(file, wasm.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}

	var jobs []job
	for _, a := range check.Algorithms {
		s := signer(t, a)
		raw := pack(t, testKit(t, s, check.ListSuspended))
		code := licence(t, s)
		texts := []string{code, "\n" + strings.ToLower(code) + "\r\n", passCode(t, s, "in"), licence(t, signer(t, a)), "", "你好", strings.Repeat("A", 9000), "YW1:" + strings.Repeat("0", 5000),
			"1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F", "11100000000013338W032.11220000013544541J.2430598.001.F"}
		for i := 4; i < len(code); i += 17 {
			texts = append(texts, code[:i]+"0"+code[i+1:], code[:i])
		}
		for _, text := range texts {
			for _, at := range []time.Time{day.Add(time.Hour), day.AddDate(2, 0, 0), day.AddDate(0, 0, -1)} {
				jobs = append(jobs, job{raw, text, at.UnixMilli()})
			}
		}
	}
	ours := testKit(t, signer(t, check.EdDSA), check.ListValid)
	ours.Lists = nil
	union, err := filepath.Glob("../../../shared/data/dcc/*/2DCode/raw/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range union {
		var x struct {
			Prefix  string `json:"PREFIX"`
			Context struct {
				Certificate string `json:"CERTIFICATE"`
				Clock       string `json:"VALIDATIONCLOCK"`
			} `json:"TESTCTX"`
		}
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if json.Unmarshal(body, &x) != nil {
			continue
		}
		der, err := base64.StdEncoding.DecodeString(x.Context.Certificate)
		k := ours
		if err == nil && len(der) > 0 {
			k.Health = [][]byte{der}
		}
		at, err := time.Parse(time.RFC3339, x.Context.Clock)
		if err != nil {
			at = day
		}
		raw := pack(t, k)
		if _, err := Open(raw); err != nil {
			raw = pack(t, ours)
		}
		jobs = append(jobs, job{raw, x.Prefix, at.UnixMilli()})
	}
	t.Logf("%d codes, %d files of the Union", len(jobs), len(union))

	in, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.Command("node", "testdata/judge.cjs", filepath.Join(dist, "gate-go.js"), file)
	node.Stdin = bytes.NewReader(in)
	var complaint bytes.Buffer
	node.Stderr = &complaint
	out, err := node.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaint.Bytes())
	}
	var got []string
	if err := json.Unmarshal(out, &got); err != nil || len(got) != len(jobs) {
		t.Fatalf("%d answers, %v", len(got), err)
	}
	valid := 0
	for i, j := range jobs {
		c, err := Open(j.Kit)
		if err != nil {
			t.Fatal(err)
		}
		r := c.Check(j.Text, time.UnixMilli(j.At))
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if r.Valid {
			valid++
		}
		if got[i] != string(want) {
			t.Errorf("%.40q: the browser says %s, the program %s", j.Text, got[i], want)
		}
	}
	if valid < 3 {
		t.Errorf("only %d of %d are valid", valid, len(jobs))
	}
}
