package form

import "yiwang/city"

// Citizen is what a citizen number (GB 11643) tells.
type Citizen = city.Citizen

// CheckCitizenNumber reads a citizen number as NormalNumber gives it; see city.
func CheckCitizenNumber(s string) (Citizen, error) { return city.CheckCitizenNumber(s) }

// NewCitizenNumber makes a valid made-up number for demonstrations; see city.
func NewCitizenNumber(region string, birth city.Date, seq int, female bool) string {
	return city.NewCitizenNumber(region, birth, seq, female)
}

// CheckUSCC checks a unified social credit code as NormalNumber gives it; see city.
func CheckUSCC(s string) error { return city.CheckUSCC(s) }

// NewUSCC makes a valid made-up code for demonstrations; see city.
func NewUSCC(kind, region string, seq int) string { return city.NewUSCC(kind, region, seq) }
