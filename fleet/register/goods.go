package register

import (
	"math"
	"strconv"
	"strings"

	"yiwang/city"
)

// Class is a class or division of dangerous goods (GB 6944): "3", "2.1".
type Class string

var classes = map[Class]bool{
	"1": true, "1.1": true, "1.2": true, "1.3": true, "1.4": true, "1.5": true, "1.6": true,
	"2": true, "2.1": true, "2.2": true, "2.3": true, "3": true, "4": true, "4.1": true, "4.2": true, "4.3": true,
	"5": true, "5.1": true, "5.2": true, "6": true, "6.1": true, "6.2": true, "7": true, "8": true, "9": true,
}

// Covers reports whether leave for the class is leave for d: a class covers its
// divisions.
func (c Class) Covers(d Class) bool {
	return c == d || len(c) == 1 && len(d) == 3 && d[0] == c[0] && d[1] == '.'
}

// Substance is something dangerous that is carried or kept.
type Substance struct {
	Entry[SubstanceID]
	Name    city.Text `json:"name"`
	UN      int       `json:"un,omitempty"` // 0: none, as waste may have
	Class   Class     `json:"class"`
	Packing int       `json:"packing,omitempty"` // group 1 to 3; 0: none is given
	Waste   bool      `json:"waste,omitempty"`
}

// Unit is what an amount is counted in.
type Unit string

const (
	Kilograms   Unit = "kg"
	Tonnes      Unit = "t"
	Litres      Unit = "l"
	CubicMetres Unit = "m3"
	Pieces      Unit = "pcs"
)

// Quantity is an amount; the zero Quantity means that none is given.
type Quantity struct {
	Amount float64 `json:"amount"`
	Unit   Unit    `json:"unit"`
}

// IsZero reports whether no quantity is given; none of something is one.
func (q Quantity) IsZero() bool { return q.Unit == "" }

const mostAmount = 1e9

// Valid reports whether there can be such a quantity.
func (q Quantity) Valid() bool {
	_, _, ok := q.base()
	return ok && q.Amount >= 0 && q.Amount <= mostAmount
}

// base is the amount in kilograms, litres or pieces.
func (q Quantity) base() (Unit, float64, bool) {
	switch q.Unit {
	case Kilograms, Litres, Pieces:
		return q.Unit, q.Amount, true
	case Tonnes:
		return Kilograms, q.Amount * 1000, true
	case CubicMetres:
		return Litres, q.Amount * 1000, true
	}
	return "", 0, false
}

// MoreThan reports whether q is more than limit. known is false when the two can't
// be compared: without a limit, or mass against volume.
func (q Quantity) MoreThan(limit Quantity) (more, known bool) {
	u, a, ok := q.base()
	v, b, also := limit.base()
	if !ok || !also || u != v {
		return false, false
	}
	return a > b*(1+1e-9), true
}

// Tonnes is the amount as mass, with so many tonnes in a cubic metre; false for what
// is counted in pieces, and where none is given.
func (q Quantity) Tonnes(perM3 float64) (float64, bool) {
	switch u, amount, ok := q.base(); {
	case ok && u == Kilograms:
		return amount / 1000, true
	case ok && u == Litres:
		return amount / 1000 * perM3, true
	}
	return 0, false
}

// String writes "29.5 t".
func (q Quantity) String() string {
	if q.IsZero() {
		return ""
	}
	return strconv.FormatFloat(q.Amount, 'f', -1, 64) + " " + string(q.Unit)
}

// ParseQuantity reads what String writes, with or without the space; "" is none.
func ParseQuantity(s string) (Quantity, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Quantity{}, true
	}
	at := strings.LastIndexAny(s, "0123456789.")
	if strings.HasSuffix(s, "m3") {
		at = len(s) - 3
	}
	number, err := strconv.ParseFloat(strings.TrimSpace(s[:at+1]), 64)
	q := Quantity{number, Unit(strings.TrimSpace(s[at+1:]))}
	if err != nil || math.IsNaN(number) || !q.Valid() {
		return Quantity{}, false
	}
	return q, true
}

// SheetKind is which paper a sheet is.
type SheetKind string

const (
	TransportSheet SheetKind = "transport" // 危险货物运单
	WasteSheet     SheetKind = "waste"     // 危险废物转移联单
)

// Sheet says what goes where on a day. Since and Until don't bound it: it governs
// from when it is on record.
type Sheet struct {
	Entry[SheetID]
	Kind      SheetKind     `json:"kind"`
	Day       city.Date     `json:"day"`
	Vehicle   VehicleID     `json:"vehicle"`
	From      SiteID        `json:"from"`
	To        SiteID        `json:"to"`
	Substance SubstanceID   `json:"substance"`
	Quantity  Quantity      `json:"quantity"`
	Driver    CertificateID `json:"driver,omitempty"`
	Escort    CertificateID `json:"escort,omitempty"`
}
