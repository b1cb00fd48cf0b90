package register

import (
	"strings"
	"testing"
)

func TestPagesOfVehiclesAndSites(t *testing.T) {
	rec := Records{Firms: []*Firm{{Entry: entry(firmCode), Name: "Harbour Ltd"}}}
	for _, plate := range []string{"A1", "A2", "A3", "B1", "B2"} {
		v := &Vehicle{Entry: entry(VehicleID(plate)), Use: UseHazmat, Status: Active, Terminal: "139" + plate[1:]}
		if plate[0] == 'B' {
			v.Use, v.Firm = UseTaxi, firmCode
		}
		rec.Add(v)
	}
	rec.Add(&Site{Entry: entry(SiteID("s1")), Firm: firmCode, Name: both("Pond"), Link: Use, Status: Closed, Area: Area{Centre: middle, Radius: 9}})
	rec.Add(&Site{Entry: entry(SiteID("s2")), Name: both("Lake"), Link: Trade, Status: Operating, Address: "Mill Road", Area: Area{Centre: middle, Radius: 9}})
	b := NewBook(today, shanghai, rec)
	vehicles := func(q VehicleQuery) string {
		list, next := b.FindVehicles(q)
		var out []string
		for _, v := range list {
			out = append(out, string(v.ID))
		}
		return strings.Join(out, " ") + "|" + string(next)
	}
	for _, c := range []struct {
		q    VehicleQuery
		want string
	}{
		{VehicleQuery{Limit: 9}, "A1 A2 A3 B1 B2|"}, {VehicleQuery{Limit: 5}, "A1 A2 A3 B1 B2|"}, {VehicleQuery{Limit: 2}, "A1 A2|A2"},
		{VehicleQuery{Limit: 2, After: "A2"}, "A3 B1|B1"}, {VehicleQuery{Limit: 2, After: "A4"}, "B1 B2|"}, {VehicleQuery{Limit: 2, After: "Z"}, "|"},
		{VehicleQuery{Limit: 9, Use: UseTaxi}, "B1 B2|"}, {VehicleQuery{Limit: 9, Firm: firmCode}, "B1 B2|"}, {VehicleQuery{Limit: 9, Status: Retired}, "|"},
		{VehicleQuery{Limit: 9, Text: " a"}, "A1 A2 A3 B1 B2|"}, {VehicleQuery{Limit: 9, Text: "harbour"}, "B1 B2|"}, {VehicleQuery{Limit: 9, Text: "1392"}, "A2 B2|"},
		{VehicleQuery{Limit: 1, Text: "b"}, "B1|B1"},
	} {
		if got := vehicles(c.q); got != c.want {
			t.Errorf("%+v: %s, want %s", c.q, got, c.want)
		}
	}
	for want, q := range map[string]SiteQuery{"s1": {Text: "harbour", Limit: 9}, "s2": {Text: "mill", Limit: 9}, "s1 ": {Link: Use, Limit: 9}, "s2 ": {Status: Operating, Limit: 9}, "s1  ": {Firm: firmCode, Limit: 9}} {
		list, next := b.FindSites(q)
		if len(list) != 1 || string(list[0].ID) != strings.TrimSpace(want) || next != "" {
			t.Errorf("%+v: %d sites, next %q", q, len(list), next)
		}
	}
}
