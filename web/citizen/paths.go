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
	PathActing      = "/acting" // POST: on whose behalf the session acts from now on
	PathFamily      = "/family" // and the relative
	PathReport      = "/report" // what is wrong in the streets: web/report
	PathTokens      = "/account/tokens"

	PathStatusList = "/credentials/status/" // and the list's number
	PathTrustPEM   = "/credentials/trust.pem"
	PathTrustZip   = "/credentials/trust.zip"
)

// Pages of a draft that are no steps of its form. Their names have a hyphen,
// which no step's has.
const (
	stepScenario = "which-case"
	stepFirst    = "papers-first" // licences whose content fills in the form
	stepPapers   = "all-papers"
	stepCheck    = "check-answers"
	stepDiscard  = "throw-away"
)

// ItemPath is the guide of an item.
func ItemPath(c city.ItemCode) string { return PathItems + "/" + url.PathEscape(string(c)) }

// ApplyPath begins an application (POST), or goes on with the one begun.
func ApplyPath(c city.ItemCode) string { return ItemPath(c) + "/apply" }

// EventPath is a life event: several items seen as one thing.
func EventPath(id string) string { return "/events/" + url.PathEscape(id) }

// DraftPath is a page of an application not sent yet: a step of the form or one
// of the pages named above; "" goes on where somebody stopped.
func DraftPath(d city.DraftID, step string) string {
	if step == "" {
		return "/apply/" + d.String()
	}
	return "/apply/" + d.String() + "/" + url.PathEscape(step)
}

// RulePath is a rule in the public register.
func RulePath(id city.RuleID) string { return PathAlgorithms + "/" + url.PathEscape(string(id)) }

// FilePath gives back a file that the reader uploaded.
func FilePath(id city.BlobID) string { return "/files/" + id.String() }

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
