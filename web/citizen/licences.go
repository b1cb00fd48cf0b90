package citizen

import (
	"time"

	"yiwang/city"
	"yiwang/web"
	"yiwang/web/receipt"
)

// Licences is the list of the reader's licences.
type Licences struct {
	Valid []LicenceLine
	Other []LicenceLine // suspended, revoked, expired
	// Limited says that the reader acts for somebody with leave for single
	// services, which is none to see all licences.
	Limited bool
}

// LicenceLine is a licence in a list.
type LicenceLine struct {
	Name   city.Text
	Number string
	Holder string
	Issuer city.Text
	Until  city.Date // zero for ever
	State  web.Tagged
	Href   string
}

// Licence is one licence as its holder sees it.
type Licence struct {
	Name       city.Text
	Number     string // as people quote it
	Identifier string // 证照标识, 1.2.156.3005.2.…
	Holder     string
	Issuer     city.Text
	Issued     city.Date
	Until      city.Date // zero for ever
	State      web.Tagged
	Valid      bool
	Note       city.Message // why it is not valid, and what can be done
	Rows       []LicenceRow
	Code       string    // content of the QR code; "" shows none
	CodeUntil  time.Time // when a fresh code is needed; zero when it stays good
	PDF        string    // address of the PDF; "" when the font is missing
	PDFWhy     city.Message
	Grants     string          // address where it is shown and copied for one purpose; "" for a reader who may not
	Wallet     string          // address where it is taken into a wallet; "" when it can't be
	Case       city.CaseNumber // the matter it came from
	Uses       []Look
	Receipts   receipt.Offer
}

// LicenceRow is a field of the licence. Values that stand in the register are
// plain strings.
type LicenceRow struct {
	Name  city.Text
	Value string
}

// Verify is the page where anybody checks a licence, a code or a receipt.
type Verify struct {
	Code      string
	Fault     city.Message
	FileFault city.Message
	Result    *VerifyResult
}

// VerifyResult is what a check found.
type VerifyResult struct {
	State   web.State    // done, refused, waiting (can't be told now)
	Verdict city.Message // "有效", with since when or why not
	Reason  city.Message
	// Warnings are what a reader should know although it doesn't decide.
	Warnings []city.Message
	Name     city.Text // of the licence type, when it could be read
	Rows     []LicenceRow
	// Told says that the holder sees that the reader's office checked.
	Told bool
	At   time.Time
}
