package check

import (
	"context"
	"os"
	"testing"
	"time"

	"yiwang/city"
)

var shanghai = time.FixedZone("CST", 8*60*60)

// day is 10 o'clock in Jianghai on 23 November 2026, when most tests happen.
var day = time.Date(2026, 11, 23, 10, 0, 0, 0, shanghai)

func testSigner(t testing.TB, a Algorithm) Signer {
	t.Helper()
	f, err := OpenKeys(t.TempDir() + "/keys")
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Create(a, "江海市", day.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func trusting(t testing.TB, signers ...Signer) *Trust {
	t.Helper()
	trust := NewTrust()
	for _, s := range signers {
		if err := trust.AddCertificate("test", s.Certificate()); err != nil {
			t.Fatal(err)
		}
	}
	return trust
}

const listURI = "https://jianghai.example/status/1"

// testClaims are a food business licence as the demonstration city gives it.
func testClaims() Claims {
	n, err := NewNumber(NumberParts{Type: "11990100MB0000011X012", Issuer: "11990100MB0000011X", Serial: "20260000403", Version: 1})
	if err != nil {
		panic(err)
	}
	from := city.Date{Year: 2026, Month: 11, Day: 23}
	until := city.Date{Year: 2031, Month: 11, Day: 22}
	return Claims{
		City: "9901", Number: n,
		Name:   city.Text{ZhHans: "食品经营许可证", En: "Food business licence"},
		Issuer: city.Text{ZhHans: "江海市市场监督管理局", En: "Jianghai Market Regulation Bureau"},
		Holder: "江海市滨江好再来饭店有限公司",
		Issued: from, From: from, Until: until,
		SignedAt: day, Begins: from.In(shanghai), Expires: until.AddDays(1).In(shanghai),
		StatusList: listURI, StatusIndex: 70001,
	}
}

func encode(t testing.TB, s Signer, c Claims) string {
	t.Helper()
	code, err := Encode(context.Background(), s, c)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// addList publishes a status list in which the entry has the state.
func addList(t testing.TB, trust *Trust, s Signer, at time.Time, index int, state ListStatus) {
	t.Helper()
	l := StatusList{URI: listURI, Statuses: NewStatusBits(ListLen), SignedAt: at, Expires: at.Add(24 * time.Hour), TTL: 12 * time.Hour}
	l.Statuses.Set(index, state)
	token, err := EncodeStatusList(context.Background(), s, l)
	if err != nil {
		t.Fatal(err)
	}
	if err := trust.AddStatusList("test", token); err != nil {
		t.Fatal(err)
	}
}

// shared opens a file of the outside test data, which lies beside the checkout.
func shared(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../../shared/data/" + name)
	if os.IsNotExist(err) {
		t.Skipf("the outside test data are not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}
