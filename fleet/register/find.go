package register

import (
	"cmp"
	"slices"
	"strings"
)

// VehicleQuery asks for vehicles; what is empty doesn't narrow.
type VehicleQuery struct {
	Use    VehicleUse
	Status VehicleStatus
	Firm   USCC
	Text   string // within plate, terminal or the firm's name
	After  VehicleID
	Limit  int // at least 1
}

// FindVehicles lists vehicles by plate, and after which one the next page begins;
// "" on the last.
func (b *Book) FindVehicles(q VehicleQuery) ([]*Vehicle, VehicleID) {
	text := strings.ToUpper(strings.TrimSpace(q.Text))
	return found(b.vehicles.list, q.After, q.Limit, func(v *Vehicle) bool {
		return (q.Use == "" || v.Use == q.Use) && (q.Status == "" || v.Status == q.Status) && (q.Firm == "" || v.Firm == q.Firm) &&
			(text == "" || strings.Contains(string(v.ID), text) || strings.Contains(v.Terminal, text) || strings.Contains(strings.ToUpper(b.FirmName(v.Firm)), text))
	})
}

// SiteQuery asks for sites; what is empty doesn't narrow.
type SiteQuery struct {
	Link   Link
	Status SiteStatus
	Firm   USCC
	Text   string // within identifier, name, address or the firm's name
	After  SiteID
	Limit  int // at least 1
}

// FindSites lists sites by identifier, as FindVehicles does vehicles.
func (b *Book) FindSites(q SiteQuery) ([]*Site, SiteID) {
	text := strings.ToUpper(strings.TrimSpace(q.Text))
	return found(b.sites.list, q.After, q.Limit, func(s *Site) bool {
		return (q.Link == "" || s.Link == q.Link) && (q.Status == "" || s.Status == q.Status) && (q.Firm == "" || s.Firm == q.Firm) &&
			(text == "" || slices.ContainsFunc([]string{string(s.ID), s.Name.ZhHans, s.Name.En, s.Address, b.FirmName(s.Firm)}, func(in string) bool {
				return strings.Contains(strings.ToUpper(in), text)
			}))
	})
}

// FirmName is the firm's name, or its code where the directory knows no name.
func (b *Book) FirmName(id USCC) string {
	if f := b.firms.byID[id]; f != nil && f.Name != "" {
		return f.Name
	}
	return string(id)
}

// found is a page of a list in the order of identifiers.
func found[K ~string, R Record](list []R, after K, limit int, fits func(R) bool) (page []R, next K) {
	at, there := slices.BinarySearchFunc(list, string(after), func(r R, id string) int { return cmp.Compare(r.Key(), id) })
	if there {
		at++
	}
	for _, r := range list[at:] {
		if !fits(r) {
			continue
		}
		if len(page) == limit {
			return page, K(page[limit-1].Key())
		}
		page = append(page, r)
	}
	return page, ""
}
