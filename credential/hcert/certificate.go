package hcert

import (
	"slices"
	"time"
)

// Certificate is a health certificate. Values are those of the code, in its own
// code lists; what is missing in it is empty here.
type Certificate struct {
	Country  string    `json:"country"`            // of the issuer, ISO 3166-1; claim iss
	IssuedAt time.Time `json:"issued_at,omitzero"` // claim iat
	Expires  time.Time `json:"expires,omitzero"`   // the signature counts until then; claim exp
	Version  string    `json:"version"`            // of the schema
	Name     Name      `json:"name"`
	Born     string    `json:"born"` // year, month or day; may be empty

	Vaccinations []Vaccination `json:"vaccinations,omitempty"`
	Tests        []Test        `json:"tests,omitempty"`
	Recoveries   []Recovery    `json:"recoveries,omitempty"`

	// Findings say where the contents don't keep to the schema, at most MostFindings.
	Findings []Finding `json:"findings,omitempty"`
}

// Name is a person's name, as it is written and in the letters of a passport's
// machine-readable zone (ICAO 9303).
type Name struct {
	Family    string `json:"family,omitempty"`
	Given     string `json:"given,omitempty"`
	FamilyMRZ string `json:"family_mrz"`
	GivenMRZ  string `json:"given_mrz,omitempty"`
}

// Vaccination is one dose.
type Vaccination struct {
	Disease  string `json:"disease"`  // SNOMED CT
	Vaccine  string `json:"vaccine"`  // kind of vaccine, SNOMED CT or ATC
	Product  string `json:"product"`  // the Union's number of the marketing authorisation
	Maker    string `json:"maker"`    // who holds the authorisation
	Dose     int    `json:"dose"`     // the how manieth
	Doses    int    `json:"doses"`    // of how many
	Day      string `json:"day"`      // ISO 8601
	Country  string `json:"country"`  // where it was given
	Issuer   string `json:"issuer"`   // who wrote the certificate
	Document string `json:"document"` // unique certificate identifier
}

// Test is one test for the disease.
type Test struct {
	Disease  string `json:"disease"`
	Type     string `json:"type"`            // LOINC
	Name     string `json:"name,omitempty"`  // of the test
	Maker    string `json:"maker,omitempty"` // of a rapid test
	Sampled  string `json:"sampled"`         // when, ISO 8601
	Result   string `json:"result"`          // SNOMED CT
	Centre   string `json:"centre,omitempty"`
	Country  string `json:"country"`
	Issuer   string `json:"issuer"`
	Document string `json:"document"`
}

// Recovery says that somebody had the disease.
type Recovery struct {
	Disease  string `json:"disease"`
	Positive string `json:"positive"` // day of the first positive test
	Country  string `json:"country"`
	Issuer   string `json:"issuer"`
	From     string `json:"from"`  // days between which
	Until    string `json:"until"` // the certificate is meant to be used
	Document string `json:"document"`
}

// Codes of the Union's lists that decide how a certificate is read.
const (
	Covid19     = "840539006"
	Detected    = "260373001"
	NotDetected = "260415000"
	NAAT        = "LP6464-4"   // nucleic acid amplification
	RapidTest   = "LP217198-3" // antigen
)

// Kind is what a certificate is about, and what a signer's certificate may allow.
type Kind uint8

// The kinds, to be combined.
const (
	KindTest Kind = 1 << iota
	KindVaccination
	KindRecovery

	EveryKind = KindTest | KindVaccination | KindRecovery
)

// Kinds are those of the entries that the certificate has.
func (c *Certificate) Kinds() Kind {
	var k Kind
	if len(c.Tests) > 0 {
		k |= KindTest
	}
	if len(c.Vaccinations) > 0 {
		k |= KindVaccination
	}
	if len(c.Recoveries) > 0 {
		k |= KindRecovery
	}
	return k
}

// usages are the object identifiers under which a signer's certificate names the
// kinds it is for: those of hcert 1.0.8, and those with a zero that its first
// readers and half the test certificates have.
var usages = map[string]Kind{
	"1.3.6.1.4.1.1847.2021.1.1":   KindTest,
	"1.3.6.1.4.1.1847.2021.1.2":   KindVaccination,
	"1.3.6.1.4.1.1847.2021.1.3":   KindRecovery,
	"1.3.6.1.4.1.0.1847.2021.1.1": KindTest,
	"1.3.6.1.4.1.0.1847.2021.1.2": KindVaccination,
	"1.3.6.1.4.1.0.1847.2021.1.3": KindRecovery,
}

// UsageOf is the kind that an extended key usage stands for, given as its object
// identifier in dotted digits; 0 for one that isn't about health certificates.
func UsageOf(oid string) Kind { return usages[oid] }

// Positive reports whether a test found the disease.
func (c *Certificate) Positive() bool {
	return slices.ContainsFunc(c.Tests, func(t Test) bool { return t.Result == Detected })
}

// SampledAt is when the latest sample was taken; zero without a test, or where that
// can't be read.
func (c *Certificate) SampledAt() time.Time {
	var last time.Time
	for _, t := range c.Tests {
		if at, ok := moment(t.Sampled); ok && at.After(last) {
			last = at
		}
	}
	return last
}

// UsableOn reports whether a day lies between those for which a recovery is meant
// to be used; true where it says none.
func (c *Certificate) UsableOn(t time.Time) bool {
	day := t.Format(time.DateOnly)
	for _, r := range c.Recoveries {
		if isDay(r.From) && day < r.From || isDay(r.Until) && day > r.Until {
			return false
		}
	}
	return true
}

// products are the vaccines that the Union authorised first; a reader at a door
// knows them by these names.
var products = map[string]string{
	"EU/1/20/1507": "Spikevax (Moderna)",
	"EU/1/20/1525": "Jcovden (Janssen)",
	"EU/1/20/1528": "Comirnaty (BioNTech, Pfizer)",
	"EU/1/21/1529": "Vaxzevria (AstraZeneca)",
	"EU/1/21/1618": "Nuvaxovid (Novavax)",
	"EU/1/21/1624": "Valneva",
}

// ProductName is the name by which the vaccine is known, or its code.
func (v Vaccination) ProductName() string {
	if name := products[v.Product]; name != "" {
		return name
	}
	return v.Product
}
