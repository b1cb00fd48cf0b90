package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/internal/cborscan"
)

// Claims are what a licence's code says. Everything in them can be read by
// whoever sees the code: no more than a reader at a counter needs.
type Claims struct {
	City       string    `json:"city"` // division code of the city that issued
	Number     Number    `json:"number"`
	Name       city.Text `json:"name"`        // 证照名称
	Issuer     city.Text `json:"issuer"`      // 证照颁发机构
	IssuerCode string    `json:"issuer_code"` // 证照颁发机构代码; from the number
	Holder     string    `json:"holder,omitempty"`
	Issued     city.Date `json:"issued"`           // 证照颁发日期
	From       city.Date `json:"from"`             // 证照有效期起始日期
	Until      city.Date `json:"until,omitzero"`   // 证照有效期截止日期; none for ever
	SignedAt   time.Time `json:"signed_at"`        // when the code was made
	Begins     time.Time `json:"begins"`           // first moment of From in the city's zone
	Expires    time.Time `json:"expires,omitzero"` // first moment after Until; none for ever
	// StatusList and StatusIndex say where the licence's present state stands.
	StatusList  string `json:"status_list,omitempty"`
	StatusIndex int    `json:"status_index,omitempty"`
	// Grant is for what alone the code may be used; nil for the licence's own code. A
	// grant's code may lack the number.
	Grant *GrantClaims `json:"grant,omitempty"`
}

// Claim labels of the CWT: the first are registered, 65535 is the status of the
// token status list; the licence itself stands under a private one.
const (
	claimIssuer  = 1
	claimExpires = 4
	claimBegins  = 5
	claimSigned  = 6
	claimStatus  = 65535
	claimLicence = -65537
)

// wireClaims is how claims are written; parseClaims reads them.
type wireClaims struct {
	Issuer  string       `cbor:"1,keyasint,omitempty"`
	For     string       `cbor:"3,keyasint,omitempty"`
	Expires int64        `cbor:"4,keyasint,omitempty"`
	Begins  int64        `cbor:"5,keyasint,omitempty"`
	Signed  int64        `cbor:"6,keyasint,omitempty"`
	Status  *wireStatus  `cbor:"65535,keyasint,omitempty"`
	Licence *wireLicence `cbor:"-65537,keyasint,omitempty"`
	Grant   *wireGrant   `cbor:"-65539,keyasint,omitempty"`
}

type wireStatus struct {
	List wireStatusRef `cbor:"status_list"`
}

type wireStatusRef struct {
	Index int64  `cbor:"idx"`
	URI   string `cbor:"uri"`
}

// wireLicence is our claim. Days are counted from 1 January 1970.
type wireLicence struct {
	Number   string `cbor:"1,keyasint,omitempty"`
	NameZh   string `cbor:"2,keyasint"`
	NameEn   string `cbor:"3,keyasint,omitempty"`
	IssuerZh string `cbor:"4,keyasint"`
	IssuerEn string `cbor:"5,keyasint,omitempty"`
	Holder   string `cbor:"6,keyasint,omitempty"`
	Issued   int64  `cbor:"7,keyasint"`
	From     int64  `cbor:"8,keyasint"`
	Until    int64  `cbor:"9,keyasint,omitempty"`
}

const secondsADay = 24 * 60 * 60

func dayOf(d city.Date) int64 {
	if d.IsZero() {
		return 0
	}
	return d.In(time.UTC).Unix() / secondsADay
}

func dateOf(day int64) city.Date {
	if day == 0 {
		return city.Date{}
	}
	return city.DateOf(time.Unix(day*secondsADay, 0).UTC())
}

// Days and seconds that a claim may name: the years 1900 to 3000. Outside them
// arithmetic and printing have surprises.
const (
	earliest = -25567 * secondsADay
	latest   = 376200 * secondsADay
)

func plausible(seconds int64) bool { return earliest <= seconds && seconds <= latest }

// Encode makes the licence's code: signed, compressed, in the letters of a QR
// code. The same claims signed by the same Ed25519 key give the same code.
func Encode(ctx context.Context, s Signer, c Claims) (string, error) {
	payload, err := c.payload()
	if err != nil {
		return "", err
	}
	m, err := signMessage(ctx, s, "", payload)
	if err != nil {
		return "", err
	}
	text := sealText(m)
	if len(text) > maxPrintable {
		return "", city.TooLarge("credential.code_too_long", "number", string(c.Number))
	}
	return text, nil
}

// maxPrintable is what fits a QR code that a phone reads from paper in one go:
// version 27 at error correction level Q.
const maxPrintable = 1172

func (c Claims) payload() ([]byte, error) {
	if c.Grant == nil || c.Number != "" {
		if n, err := ParseNumber(string(c.Number)); err != nil || n != c.Number {
			return nil, fmt.Errorf("licence number %q: %w", c.Number, err)
		}
	}
	if c.Grant != nil && !c.Grant.plausible(&c) {
		return nil, fmt.Errorf("a grant that can't be: %+v", c)
	}
	w := wireClaims{Issuer: c.City, Begins: c.Begins.Unix(), Signed: c.SignedAt.Unix(),
		Licence: &wireLicence{
			NameZh: c.Name.ZhHans, NameEn: c.Name.En,
			IssuerZh: c.Issuer.ZhHans, IssuerEn: c.Issuer.En, Holder: c.Holder,
			Issued: dayOf(c.Issued), From: dayOf(c.From), Until: dayOf(c.Until),
		}}
	if !c.Expires.IsZero() {
		w.Expires = c.Expires.Unix()
	}
	if c.StatusList != "" {
		w.Status = &wireStatus{wireStatusRef{int64(c.StatusIndex), c.StatusList}}
	}
	if c.Number != "" {
		w.Licence.Number = c.Number.Short()
	}
	if c.Grant != nil {
		w.For, w.Grant = c.Grant.Audience, c.Grant.wire()
	}
	if !w.plausible() {
		return nil, fmt.Errorf("licence %s has times that can't be: %+v", c.Number, c)
	}
	return encMode.Marshal(w)
}

func (w *wireClaims) plausible() bool {
	l := w.Licence
	return plausible(w.Expires) && plausible(w.Begins) && plausible(w.Signed) &&
		plausibleDay(l.Issued) && plausibleDay(l.From) && plausibleDay(l.Until) &&
		(w.Status == nil || 0 <= w.Status.List.Index && w.Status.List.Index < maxListLen)
}

func plausibleDay(d int64) bool {
	return earliest/secondsADay <= d && d <= latest/secondsADay
}

// parseClaims reads a licence's claims set; ok is false for one that holds no
// licence or can't be.
func parseClaims(payload string) (c *Claims, ok bool) {
	c = &Claims{}
	r := cborscan.Of(payload)
	licence := false
	var audience string
	r.Fields(func(key int64) bool {
		switch key {
		case claimIssuer:
			c.City = r.Text()
		case claimAudience:
			audience = r.Text()
		case claimExpires:
			c.Expires = readMoment(&r)
		case claimBegins:
			c.Begins = readMoment(&r)
		case claimSigned:
			c.SignedAt = readMoment(&r)
		case claimStatus:
			readStatus(&r, c)
		case claimLicence:
			licence = true
			readLicence(&r, c)
		case claimGrant:
			c.Grant = &GrantClaims{}
			readGrant(&r, c.Grant)
		default:
			return false
		}
		return true
	})
	if c.Grant != nil {
		c.Grant.Audience = audience
	}
	return c, r.End() && licence && (c.Grant == nil || c.Grant.plausible(c))
}

// readStatus reads the reference to a status list; its keys are words.
func readStatus(r *cborscan.Reader, c *Claims) {
	for list := r.Map(); list.Next(); {
		if r.Text() != "status_list" {
			r.Skip()
			continue
		}
		for ref := r.Map(); ref.Next(); {
			switch r.Text() {
			case "idx":
				i := r.Int()
				if i < 0 || i >= maxListLen {
					r.Fail()
				}
				c.StatusIndex = int(i)
			case "uri":
				c.StatusList = r.Text()
			default:
				r.Skip()
			}
		}
	}
}

func readLicence(r *cborscan.Reader, c *Claims) {
	r.Fields(func(key int64) bool {
		switch key {
		case 1:
			short := r.Text()
			c.Number = Number(numberRoot + short)
			if parts := strings.SplitN(short, ".", 3); len(parts) == 3 {
				c.IssuerCode = parts[1]
			}
		case 2:
			c.Name.ZhHans = r.Text()
		case 3:
			c.Name.En = r.Text()
		case 4:
			c.Issuer.ZhHans = r.Text()
		case 5:
			c.Issuer.En = r.Text()
		case 6:
			c.Holder = r.Text()
		case 7:
			c.Issued = readDay(r)
		case 8:
			c.From = readDay(r)
		case 9:
			c.Until = readDay(r)
		default:
			return false
		}
		return true
	})
}

// readMoment reads seconds since 1970; 0 is none.
func readMoment(r *cborscan.Reader) time.Time {
	s := r.Int()
	if !plausible(s) {
		r.Fail()
	}
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

// readDay reads days since 1970; 0 is none.
func readDay(r *cborscan.Reader) city.Date {
	d := r.Int()
	if !plausibleDay(d) {
		r.Fail()
		return city.Date{}
	}
	return dateOf(d)
}
