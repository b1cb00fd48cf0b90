package pack

import (
	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet/register"
)

// Book is what the folder has on record of dangerous goods and vehicles on a day, for
// those who look at files without a city's database. Certificates go by their numbers.
func (c *City) Book(day city.Date) *register.Book {
	firms := map[string]directory.Firm{}
	for _, f := range c.Registers.Firms {
		firms[f.USCC] = f
	}
	var list register.Records
	for _, rec := range c.Registers.Records {
		if f, ok := rec.(*register.Firm); ok {
			filled := *f
			known := firms[string(f.ID)]
			filled.Name, filled.Status = known.Name, register.FirmStatus(known.Status)
			if filled.Status == "" {
				filled.Status = register.FirmStatus(directory.FirmActive)
			}
			rec = &filled
		}
		list.Add(rec)
	}
	return register.NewBook(day, c.Zone, list)
}
