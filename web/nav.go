package web

import "slices"

// NavItem is one entry of a menu. Section names the part of the site that is
// marked as current.
type NavItem struct {
	Section string
	Key     string // of the catalogue
	Href    string
	Count   int // shown behind the word when it is not 0
}

// ResidentNav is the menu of the resident's pages.
var ResidentNav = []NavItem{
	{Section: "services", Key: "web.nav.services", Href: "/"},
	{Section: "matters", Key: "web.nav.matters", Href: "/matters"},
	{Section: reportSection, Key: "web.nav.report", Href: "/report"},
	{Section: "licences", Key: "web.nav.licences", Href: "/licences"},
	{Section: "verify", Key: "web.nav.verify", Href: "/verify"},
}

// reportSection is there only in cities that take reports.
const reportSection = "report"

func residentNav(v *View) []NavItem {
	if v.City.Reports {
		return ResidentNav
	}
	return slices.DeleteFunc(slices.Clone(ResidentNav), func(n NavItem) bool { return n.Section == reportSection })
}

// footNav stands at the foot of the resident's pages.
var footNav = []NavItem{
	{Key: "web.nav.uses", Href: "/uses"},
	{Key: "web.nav.delegations", Href: "/delegations"},
	{Key: "web.nav.passes", Href: "/passes"},
	{Key: "web.nav.algorithms", Href: "/algorithms"},
	{Key: "web.nav.publiclog", Href: "/log"},
	{Key: "web.nav.trust", Href: "/trust"},
}

// Doc is what the shell has to know of a page of the resident.
type Doc struct {
	Title   string // in the reader's language; the page has its own h1
	Section string // entry of the menu that is current, "" for none
	Ways    bool   // shows the three ways that need no screen at the foot
}

// Held are the posts that an officer holds in one body.
type Held struct {
	Body  string
	Posts string
}

// DeskDoc is what the shell has to know of a page of the desk.
type DeskDoc struct {
	Title   string
	Section string
	Nav     []NavItem
	Duty    string // "值班到 17:30", "" when nobody is on duty
	Post    string // the officer's post with its body; of several, how many
	Posts   []Held // all of them, when there are several
	Search  string // what was searched for
}
