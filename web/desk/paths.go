package desk

import (
	"net/http"
	"net/url"

	"yiwang/casework"
	"yiwang/city"
)

// Addresses of the desk.
const (
	Path         = "/desk"
	PathInbox    = "/desk/inbox"
	PathSearch   = "/desk/search"
	PathCounter  = "/desk/counter"
	PathLicences = "/desk/licences"
	PathScores   = "/desk/scorecard"
	PathAlerts   = "/desk/alerts" // served by web/alerts
)

// CasePath is the page of a case, and what hangs under it: "" for the page, or
// the name of an action.
func CasePath(n city.CaseNumber, under string) string {
	p := "/desk/cases/" + url.PathEscape(string(n))
	if under != "" {
		p += "/" + url.PathEscape(under)
	}
	return p
}

// FilePath is an uploaded file of a case.
func FilePath(n city.CaseNumber, b city.BlobID) string {
	return CasePath(n, "files") + "/" + b.String()
}

// LicencePath is the page of a licence, and what hangs under it: "revoke",
// "suspend", "restore". From is the case that the officer comes from, if any.
func LicencePath(number, under string, from city.CaseNumber) string {
	p := PathLicences + "/" + url.PathEscape(number)
	if under != "" {
		p += "/" + under
	}
	if from != "" {
		p += "?case=" + url.QueryEscape(string(from))
	}
	return p
}

// place is where the officer stands in the inbox; it travels in the query of
// every address of the desk, so that the list beside a case stays the same.
type place struct {
	scope casework.Scope // "" when nobody chose
	after string
}

func placeOf(r *http.Request) place {
	q := r.URL.Query()
	p := place{scope: casework.Scope(q.Get("scope")), after: q.Get("after")}
	switch p.scope {
	case casework.ScopeMine, casework.ScopePost, casework.ScopeOverdue:
	default:
		p.scope, p.after = "", ""
	}
	return p
}

// at is the address with the place in the inbox.
func (p place) at(path string, more ...string) string {
	q := url.Values{}
	if p.scope != "" {
		q.Set("scope", string(p.scope))
	}
	if p.after != "" {
		q.Set("after", p.after)
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// AlgorithmPath is a rule's entry in the public register.
func AlgorithmPath(id city.RuleID) string { return "/algorithms/" + url.PathEscape(string(id)) }
