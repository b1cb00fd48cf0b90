package check_test

import (
	"fmt"
	"os"
	"time"

	"yiwang/city"
	"yiwang/credential/check"
)

// Somebody shows a licence. The checker has a folder of keys and the newest
// status list, and no network.
func Example() {
	trust, faults, err := check.LoadTrust(os.DirFS("testdata/trust"))
	if err != nil || len(faults) > 0 {
		fmt.Println(err, faults)
		return
	}
	code, err := os.ReadFile("testdata/eddsa.code")
	if err != nil {
		fmt.Println(err)
		return
	}
	r := check.Verify(string(code), trust, time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	fmt.Println(r.Valid, r.Reason.Say(city.English))
	fmt.Println(r.Claims.Number)
	fmt.Println(r.Claims.Name.ZhHans, r.Claims.Holder, r.Claims.From, r.Claims.Until)
	fmt.Println(r.Claims.Issuer.En, "· signed by", r.Signer.Name)
	// Output:
	// true Valid. The signature is genuine and the licence is in force.
	// 1.2.156.3005.2.11990100MB0000011X012.11990100MB0000011X.20260000403.001.1
	// 食品经营许可证 江海市滨江好再来饭店有限公司 2026-11-23 2031-11-22
	// Jianghai Market Regulation Bureau · signed by 江海市
}

// A number alone proves nothing offline, but a slip of the pen is found.
func ExampleParseNumber() {
	n, err := check.ParseNumber("11100000000013338w032.11220000013544541j.2430599.001.f")
	fmt.Println(n, err)
	_, err = check.ParseNumber("11100000000013338W032.11220000013544541J.2430598.001.F")
	fmt.Println(err != nil)
	// Output:
	// 1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F <nil>
	// true
}
