package register

import (
	"fmt"
	"strconv"
	"strings"

	"yiwang/city"
)

// Kind is a register.
type Kind string

const (
	KindFirm        Kind = "firm"
	KindSite        Kind = "site"
	KindLicence     Kind = "licence"
	KindStorage     Kind = "storage"
	KindEquipment   Kind = "equipment"
	KindCertificate Kind = "certificate"
	KindVehicle     Kind = "vehicle"
	KindVessel      Kind = "vessel"
	KindRoute       Kind = "route"
	KindSubstance   Kind = "substance"
	KindSheet       Kind = "sheet"
	KindEvent       Kind = "event"
	KindPOI         Kind = "poi"
	KindZone        Kind = "zone"
)

// Kinds are all registers, each after those that its records name.
var Kinds = []Kind{KindFirm, KindSubstance, KindSite, KindLicence, KindStorage, KindEquipment, KindCertificate,
	KindVehicle, KindVessel, KindRoute, KindSheet, KindEvent, KindPOI, KindZone}

// Identifiers of records, as the registers give them.
type (
	USCC          string // of a firm (GB 32100)
	SiteID        string
	LicenceID     string // the licence's number
	StorageID     string
	EquipmentID   string
	CertificateID string // keyed digest of the number, never the number
	VehicleID     string // the plate as registered
	VesselID      string
	RouteID       string
	SubstanceID   string // "UN1203", or a waste code such as "900-249-08"
	SheetID       string
	EventID       string
	POIID         string
	ZoneID        string
)

// Ref names one version of a record: what evidence rests on.
type Ref struct {
	Kind    Kind   `json:"kind"`
	ID      string `json:"id"`
	Version int    `json:"version"`
}

// String writes "site:hx-01@3".
func (r Ref) String() string { return fmt.Sprintf("%s:%s@%d", r.Kind, r.ID, r.Version) }

// ParseRef reads what String writes.
func ParseRef(s string) (Ref, bool) {
	kind, rest, ok := strings.Cut(s, ":")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 1 {
		return Ref{}, false
	}
	n, err := strconv.Atoi(rest[at+1:])
	r := Ref{Kind(kind), rest[:at], n}
	return r, err == nil && n > 0 && New(r.Kind) != nil
}

// Entry is what every record has.
type Entry[K ~string] struct {
	ID      K         `json:"id"`
	Version int       `json:"version"`        // from 1
	Since   city.Date `json:"since,omitzero"` // first day of the version; zero: ever since
	Until   city.Date `json:"until,omitzero"` // last day of the record; zero: open
}

// Span is when the version begins to govern, and when the record ends.
func (e *Entry[K]) Span() (since, until city.Date) { return e.Since, e.Until }

// End says on which day the record ends.
func (e *Entry[K]) End(last city.Date) { e.Until = last }

// Key is the identifier as plain text.
func (e *Entry[K]) Key() string { return string(e.ID) }

// Stamp numbers the version; whoever keeps the record does.
func (e *Entry[K]) Stamp(version int) { e.Version = version }

// Begin says from which day on the version governs.
func (e *Entry[K]) Begin(since city.Date) { e.Since = since }

func (e *Entry[K]) ref(k Kind) Ref { return Ref{k, string(e.ID), e.Version} }

// Record is a version of any register.
type Record interface {
	Ref() Ref
	Key() string
	Span() (since, until city.Date)
	Stamp(version int)
	Begin(since city.Date)
	End(last city.Date)
	// Check finds what is wrong with the record by itself.
	Check() []city.Field
	// Names lists the records of other registers that this one names.
	Names() []Named
}

// Named is a record that another one names, and in which field.
type Named struct {
	Field string
	Kind  Kind
	ID    string
}

// New makes an empty record; nil when there is no such register.
func New(k Kind) Record {
	switch k {
	case KindFirm:
		return &Firm{}
	case KindSite:
		return &Site{}
	case KindLicence:
		return &Licence{}
	case KindStorage:
		return &Storage{}
	case KindEquipment:
		return &Equipment{}
	case KindCertificate:
		return &Certificate{}
	case KindVehicle:
		return &Vehicle{}
	case KindVessel:
		return &Vessel{}
	case KindRoute:
		return &Route{}
	case KindSubstance:
		return &Substance{}
	case KindSheet:
		return &Sheet{}
	case KindEvent:
		return &Event{}
	case KindPOI:
		return &POI{}
	case KindZone:
		return &Zone{}
	}
	return nil
}

// Governing picks of some versions of one register those that govern the day, one
// a record: of the versions begun by then the newest, unless it has ended. The
// order is that of their first appearance.
func Governing[R Record](day city.Date, versions []R) []R {
	place := make(map[string]int, len(versions))
	var newest []R
	for _, v := range versions {
		if since, _ := v.Span(); day.Before(since) {
			continue
		}
		i, seen := place[v.Key()]
		if !seen {
			place[v.Key()] = len(newest)
			newest = append(newest, v)
		} else if v.Ref().Version > newest[i].Ref().Version {
			newest[i] = v
		}
	}
	out := newest[:0]
	for _, v := range newest {
		if _, until := v.Span(); until.IsZero() || !until.Before(day) {
			out = append(out, v)
		}
	}
	return out
}
