package register

import (
	"slices"

	"yiwang/city"
)

// Link is a step in the life of dangerous goods (六环节).
type Link string

const (
	Production Link = "production" // 生产
	Trade      Link = "trade"      // 经营
	Storing    Link = "storage"    // 储存
	Transport  Link = "transport"  // 运输
	Use        Link = "use"        // 使用
	Disposal   Link = "disposal"   // 废弃处置
)

// Links are all six, in the order of life.
var Links = []Link{Production, Trade, Storing, Transport, Use, Disposal}

// FirmStatus is whether the firm is in business, as the directory says.
type FirmStatus string

const (
	FirmActive    FirmStatus = "active"
	FirmRevoked   FirmStatus = "revoked"
	FirmCancelled FirmStatus = "cancelled"
	FirmUnknown   FirmStatus = "unknown" // the directory has no such firm
)

// Firm is a firm that has to do with what is watched. Name and status belong to
// the directory and are filled in when a Book is made.
type Firm struct {
	Entry[USCC]
	Links  []Link     `json:"links,omitempty"`
	Name   string     `json:"-"`
	Status FirmStatus `json:"-"`
}

// SiteStatus is whether a site works.
type SiteStatus string

const (
	Operating  SiteStatus = "operating"
	Closed     SiteStatus = "closed"
	Suspended  SiteStatus = "suspended"
	Unlicensed SiteStatus = "unlicensed" // known, and never allowed
)

// Site is a plant, shop, store, yard or treatment works of a firm.
type Site struct {
	Entry[SiteID]
	Firm    USCC            `json:"firm"`
	Name    city.Text       `json:"name"`
	Link    Link            `json:"link"`
	Status  SiteStatus      `json:"status"`
	Area    Area            `json:"area"`
	Region  city.RegionCode `json:"region,omitempty"`
	Address string          `json:"address,omitempty"`
}

// LicenceStatus is how a licence stands apart from its days (GB/T 36904).
type LicenceStatus string

const (
	LicenceValid     LicenceStatus = "valid"     // 有效
	LicenceSuspended LicenceStatus = "suspended" // 暂扣
	LicenceWithdrawn LicenceStatus = "withdrawn" // 撤销
	LicenceCancelled LicenceStatus = "cancelled" // 注销
	LicenceRevoked   LicenceStatus = "revoked"   // 吊销
)

// Allowance is how much of a substance a licence allows at a time; no quantity is
// no bound.
type Allowance struct {
	Substance SubstanceID `json:"substance"`
	Quantity  Quantity    `json:"quantity,omitzero"`
}

// Licence is what a firm may do, everywhere or at one site. The paper itself is
// kept by package credential or by another authority; this names it.
type Licence struct {
	Entry[LicenceID]
	Firm   USCC                `json:"firm"`
	Site   SiteID              `json:"site,omitempty"` // "": the firm as a whole
	Type   city.CredentialType `json:"type"`
	Link   Link                `json:"link"`
	Status LicenceStatus       `json:"status"`
	From   city.Date           `json:"from"`
	To     city.Date           `json:"to,omitzero"` // last day; zero: without term
	Scope  []Allowance         `json:"scope,omitempty"`
}

// InForce reports whether the licence allows anything on the day.
func (l *Licence) InForce(day city.Date) bool {
	return l.Status == LicenceValid && within(day, l.From, l.To)
}

// Allows finds the allowance for a substance. A licence whose scope names nothing
// allows its link without bound.
func (l *Licence) Allows(s SubstanceID) (Allowance, bool) {
	for i := range l.Scope {
		if l.Scope[i].Substance == s {
			return l.Scope[i], true
		}
	}
	return Allowance{Substance: s}, len(l.Scope) == 0
}

// StorageKind is what a storage is.
type StorageKind string

const (
	Tank      StorageKind = "tank"
	Warehouse StorageKind = "warehouse"
	Yard      StorageKind = "yard"
)

// Storage is a tank, a warehouse or a yard of a site. A new stock is a new version
// from the day it was declared for.
type Storage struct {
	Entry[StorageID]
	Site      SiteID      `json:"site"`
	Kind      StorageKind `json:"kind"`
	Name      string      `json:"name,omitempty"`
	Substance SubstanceID `json:"substance"`
	Capacity  Quantity    `json:"capacity"` // licensed
	Stock     Quantity    `json:"stock,omitzero"`
	Declared  city.Date   `json:"declared,omitzero"` // day of the stock; zero: never
}

// Beyond reports whether the declared stock is more than licensed.
func (s *Storage) Beyond() bool {
	more, known := s.Stock.MoreThan(s.Capacity)
	return more && known
}

// Equipment is something that has to be inspected.
type Equipment struct {
	Entry[EquipmentID]
	Site      SiteID    `json:"site"`
	Kind      string    `json:"kind"` // such as pressure_vessel, pipeline, loading_arm, gas_alarm
	Name      string    `json:"name,omitempty"`
	Inspected city.Date `json:"inspected,omitzero"` // zero: never
	Due       city.Date `json:"due"`                // last day on which the inspection counts
	Failed    bool      `json:"failed,omitempty"`   // the last inspection found it unfit
}

// Role is what a certificate lets somebody do.
type Role string

const (
	Driver   Role = "driver"   // 驾驶员
	Escort   Role = "escort"   // 押运员
	Loader   Role = "loader"   // 装卸管理人员
	Manager  Role = "manager"  // 安全管理人员
	Operator Role = "operator" // 特种作业人员
)

// Certificate is that of a member of staff, whose name nobody needs here.
type Certificate struct {
	Entry[CertificateID]
	Firm   USCC          `json:"firm"`
	Role   Role          `json:"role"`
	Status LicenceStatus `json:"status"`
	From   city.Date     `json:"from"`
	To     city.Date     `json:"to"` // last day
}

// InForce reports whether the certificate counts on the day.
func (c *Certificate) InForce(day city.Date) bool {
	return c.Status == LicenceValid && within(day, c.From, c.To)
}

// Event is what happened before: an accident, or what an inspection found.
type Event struct {
	Entry[EventID]
	Kind    EventKind       `json:"kind"`
	Day     city.Date       `json:"day"`
	Firm    USCC            `json:"firm,omitempty"`
	Site    SiteID          `json:"site,omitempty"`
	Vehicle VehicleID       `json:"vehicle,omitempty"`
	Grade   int             `json:"grade"` // 1 gravest to 4
	Case    city.CaseNumber `json:"case,omitempty"`
	What    city.Text       `json:"what,omitzero"`
}

// EventKind is the sort of an event.
type EventKind string

const (
	Accident EventKind = "accident"
	Leak     EventKind = "leak"
	Fire     EventKind = "fire"
	Finding  EventKind = "finding" // something forbidden that was confirmed
)

// Does reports whether the firm is on record with the link.
func (f *Firm) Does(l Link) bool { return slices.Contains(f.Links, l) }

// within reports whether the day lies between two days, both included; a zero day
// is no bound.
func within(day, from, to city.Date) bool {
	return !day.Before(from) && (to.IsZero() || !to.Before(day))
}
