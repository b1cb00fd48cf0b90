package credential

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/credential/packing"
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

func isKey(err error, key string) bool {
	var e *city.Error
	return errors.As(err, &e) && e.Message.Key == key
}

// published is a number that stands in STANDARDS §10; a real body issued it.
const published = "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F"

// unpack is what a code says, as it is read by whoever scans it.
func unpack(t testing.TB, code string) []byte {
	t.Helper()
	packed, err := packing.Decode(nil, strings.TrimPrefix(code, "YW1:"))
	if err != nil {
		t.Fatal(err)
	}
	in := packing.NewInflater(16 << 10)
	plain, err := in.Inflate(packed)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}
