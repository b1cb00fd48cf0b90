package citizen

import (
	"net/url"

	"yiwang/city"
)

// Addresses of the resident's pages. Handlers are mounted at these patterns and
// components link by these functions, so that no address is written twice.
const (
	PathHome        = "/"
	PathItems       = "/items"
	PathMatters     = "/matters"
	PathLicences    = "/licences"
	PathUses        = "/uses"
	PathDelegations = "/delegations"
	PathCounters    = "/counters"
	PathVerify      = "/verify"
	PathSignIn      = "/sign-in"
	PathSignOut     = "/sign-out"
	PathAccount     = "/account"
	PathNotices     = "/notices"
	PathAlgorithms  = "/algorithms"
	PathOffers      = "/offers"
)

// ItemPath is the guide of an item.
func ItemPath(c city.ItemCode) string { return PathItems + "/" + url.PathEscape(string(c)) }

// ApplyPath begins an application (POST), or goes on with the one begun.
func ApplyPath(c city.ItemCode) string { return ItemPath(c) + "/apply" }

// EventPath is a life event: several items seen as one thing.
func EventPath(id string) string { return "/events/" + url.PathEscape(id) }

// DraftPath is a page of an application not sent yet: a step of the form,
// "papers" or "check".
func DraftPath(d city.DraftID, step string) string {
	return "/apply/" + d.String() + "/" + url.PathEscape(step)
}

// CasePath is the page of a case, and what hangs under it: "" for the page,
// "withdraw", "supply", "review", "rate", "urge", "receipt".
func CasePath(n city.CaseNumber, under string) string {
	p := PathMatters + "/" + url.PathEscape(string(n))
	if under != "" {
		p += "/" + under
	}
	return p
}

// LicencePath is the page of a licence, and what hangs under it: "pdf", "lend".
func LicencePath(number string, under string) string {
	p := PathLicences + "/" + url.PathEscape(number)
	if under != "" {
		p += "/" + under
	}
	return p
}
