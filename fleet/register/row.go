package register

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"yiwang/city"
	"yiwang/geo"
)

// Tables are the registers by the names of their tables.
var Tables = map[string]Kind{
	"firms": KindFirm, "substances": KindSubstance, "sites": KindSite, "licences": KindLicence, "storages": KindStorage,
	"equipment": KindEquipment, "certificates": KindCertificate, "vehicles": KindVehicle, "vessels": KindVessel,
	"routes": KindRoute, "sheets": KindSheet, "events": KindEvent, "poi": KindPOI, "zones": KindZone,
}

// columns of each table, the record's own first. Every table may have since, until
// and version besides; those with places may have datum, which is gcj02 for places
// that are shifted as maps in China are.
var columns = map[Kind][]string{
	KindFirm:        {"uscc", "links"},
	KindSubstance:   {"id", "name", "name_en", "un", "class", "packing", "waste"},
	KindSite:        {"id", "uscc", "name", "name_en", "link", "status", "lat", "lon", "radius", "border", "region", "address", "datum"},
	KindLicence:     {"number", "uscc", "site", "type", "link", "status", "from", "to", "scope"},
	KindStorage:     {"id", "site", "kind", "name", "substance", "capacity", "stock", "declared"},
	KindEquipment:   {"id", "site", "kind", "name", "inspected", "due", "failed"},
	KindCertificate: {"number", "uscc", "role", "status", "from", "to"},
	KindVehicle:     {"plate", "uscc", "terminal", "use", "operating", "status", "permit", "classes", "quantity", "permit_from", "permit_to"},
	KindVessel:      {"id", "uscc", "name", "name_en", "terminal", "status", "permit", "classes", "quantity", "permit_from", "permit_to"},
	KindRoute:       {"id", "plates", "from_site", "to_site", "corridor", "line", "datum"},
	KindSheet:       {"number", "kind", "day", "plate", "from_site", "to_site", "substance", "quantity", "driver", "escort"},
	KindEvent:       {"id", "kind", "day", "uscc", "site", "plate", "grade", "case", "what", "what_en"},
	KindPOI:         {"id", "kind", "name", "name_en", "lat", "lon", "radius", "datum"},
	KindZone:        {"id", "name", "name_en", "lat", "lon", "radius", "border", "hours", "classes", "datum"},
}

// Columns are what a table of the register may hold, the record's own identifier
// first.
func Columns(k Kind) []string {
	return append(slices.Clone(columns[k]), "since", "until", "version")
}

//go:embed columns.yaml
var columnsText []byte

// customary is how tables are commonly written: headings, and words of columns by
// "table.column" or by "column".
var customary = sync.OnceValue(func() (c struct {
	Headings map[string]string            `yaml:"headings"`
	Words    map[string]map[string]string `yaml:"words"`
}) {
	if err := yaml.Unmarshal(columnsText, &c); err != nil {
		panic(err)
	}
	return c
})

// Headings are columns by how they are commonly headed.
func Headings() map[string]string { return customary().Headings }

// Defaults of what a table need not say.
const (
	usualCorridor = 300.0
	usualReach    = 50.0
)

// FromRow reads a row of a register's table: cells by column. digest makes the
// identifier of a certificate from its number. The version is 1 where the row says
// none. What is wrong is said by column, and then the record must not be used; it
// may be nil.
func FromRow(k Kind, of map[string]string, digest func(number string) CertificateID) (Record, []city.Field) {
	r := New(k)
	if r == nil {
		return nil, []city.Field{{Message: city.Message{Key: "register.no_table", Args: []any{"value", short(string(k))}}}}
	}
	c := &cells{kind: k, of: of}
	switch v := r.(type) {
	case *Firm:
		v.ID = USCC(c.code("uscc"))
		for _, l := range c.list("links") {
			v.Links = append(v.Links, Link(c.ours("links", l)))
		}
		c.span(&v.Since, &v.Until)
	case *Substance:
		v.ID, v.Name = SubstanceID(c.code("id")), c.name("name", "name_en")
		v.Class, v.Packing, v.Waste = Class(c.text("class")), c.whole("packing", 0), c.yes("waste", false)
		if v.UN = c.whole("un", 0); v.ID == "" && v.UN > 0 {
			v.ID = SubstanceID(fmt.Sprintf("UN%04d", v.UN))
		}
		c.span(&v.Since, &v.Until)
	case *Site:
		v.ID, v.Firm, v.Name = SiteID(c.text("id")), USCC(c.code("uscc")), c.name("name", "name_en")
		v.Link, v.Status = Link(c.word("link", "")), SiteStatus(c.word("status", ""))
		v.Area, v.Region, v.Address = c.area(), city.RegionCode(c.text("region")), c.text("address")
		c.span(&v.Since, &v.Until)
	case *Licence:
		v.ID, v.Firm, v.Site = LicenceID(c.text("number")), USCC(c.code("uscc")), SiteID(c.text("site"))
		v.Type, v.Link = city.CredentialType(c.text("type")), Link(c.word("link", ""))
		v.Status, v.From, v.To = LicenceStatus(c.word("status", string(LicenceValid))), c.day("from"), c.day("to")
		v.Scope = c.scope()
		c.span(&v.Since, &v.Until)
	case *Storage:
		v.ID, v.Site, v.Kind, v.Name = StorageID(c.text("id")), SiteID(c.text("site")), StorageKind(c.word("kind", "")), c.text("name")
		v.Substance, v.Capacity = SubstanceID(c.code("substance")), c.quantity("capacity")
		v.Stock, v.Declared = c.quantity("stock"), c.day("declared")
		c.span(&v.Since, &v.Until)
	case *Equipment:
		v.ID, v.Site, v.Kind, v.Name = EquipmentID(c.text("id")), SiteID(c.text("site")), c.word("kind", ""), c.text("name")
		v.Inspected, v.Due, v.Failed = c.day("inspected"), c.day("due"), c.yes("failed", false)
		c.span(&v.Since, &v.Until)
	case *Certificate:
		if n := c.code("number"); n != "" {
			v.ID = digest(n)
		}
		v.Firm, v.Role = USCC(c.code("uscc")), Role(c.word("role", ""))
		v.Status, v.From, v.To = LicenceStatus(c.word("status", string(LicenceValid))), c.day("from"), c.day("to")
		c.span(&v.Since, &v.Until)
	case *Vehicle:
		v.ID, v.Firm, v.Terminal = VehicleID(c.code("plate")), USCC(c.code("uscc")), c.phone("terminal")
		v.Use, v.Status, v.Permit = VehicleUse(c.word("use", "")), VehicleStatus(c.word("status", string(Active))), c.permit()
		v.Operating = c.yes("operating", v.Use != UsePrivate)
		c.span(&v.Since, &v.Until)
	case *Vessel:
		v.ID, v.Firm, v.Name = VesselID(c.code("id")), USCC(c.code("uscc")), c.name("name", "name_en")
		v.Terminal, v.Status, v.Permit = c.phone("terminal"), VehicleStatus(c.word("status", string(Active))), c.permit()
		c.span(&v.Since, &v.Until)
	case *Route:
		v.ID, v.From, v.To = RouteID(c.text("id")), SiteID(c.text("from_site")), SiteID(c.text("to_site"))
		for _, plate := range c.list("plates") {
			v.Vehicles = append(v.Vehicles, VehicleID(strings.ToUpper(plate)))
		}
		v.Corridor, v.Line = c.number("corridor", usualCorridor), c.points("line", "LINESTRING", mostLine)
		c.span(&v.Since, &v.Until)
	case *Sheet:
		v.ID, v.Kind, v.Day = SheetID(c.text("number")), SheetKind(c.word("kind", string(TransportSheet))), c.day("day")
		v.Vehicle, v.From, v.To = VehicleID(c.code("plate")), SiteID(c.text("from_site")), SiteID(c.text("to_site"))
		v.Substance, v.Quantity = SubstanceID(c.code("substance")), c.quantity("quantity")
		if n := c.code("driver"); n != "" {
			v.Driver = digest(n)
		}
		if n := c.code("escort"); n != "" {
			v.Escort = digest(n)
		}
		c.span(&v.Since, &v.Until)
	case *Event:
		v.ID, v.Kind, v.Day = EventID(c.text("id")), EventKind(c.word("kind", "")), c.day("day")
		v.Firm, v.Site, v.Vehicle = USCC(c.code("uscc")), SiteID(c.text("site")), VehicleID(c.code("plate"))
		v.Grade, v.Case = c.whole("grade", 4), city.CaseNumber(c.text("case"))
		if c.text("what") != "" {
			v.What = c.name("what", "what_en")
		}
		c.span(&v.Since, &v.Until)
	case *POI:
		v.ID, v.Kind, v.Name = POIID(c.text("id")), POIKind(c.word("kind", "")), c.name("name", "name_en")
		v.At, v.Radius = c.point(), c.number("radius", usualReach)
		c.span(&v.Since, &v.Until)
	case *Zone:
		v.ID, v.Name, v.Area, v.Hours = ZoneID(c.text("id")), c.name("name", "name_en"), c.area(), c.hours()
		v.Classes = c.classes("classes")
		c.span(&v.Since, &v.Until)
	}
	r.Stamp(max(1, c.whole("version", 1)))
	if len(c.wrong) > 0 {
		return r, c.wrong
	}
	bad := r.Check()
	for i := range bad {
		bad[i].Name = columnOf(k, bad[i].Name)
	}
	return r, bad
}

// columnOf is where in a table a field of a record stands.
func columnOf(k Kind, field string) string {
	head, rest, _ := strings.Cut(field, ".")
	switch head {
	case "id":
		return columns[k][0]
	case "firm":
		return "uscc"
	case "area", "at":
		return "lat"
	case "vehicle":
		return "plate"
	case "vehicles":
		return "plates"
	case "permit":
		return map[string]string{"number": "permit", "from": "permit_from", "to": "permit_to"}[rest] + map[string]string{"classes": "classes", "quantity": "quantity"}[rest]
	case "from", "to":
		if k == KindRoute || k == KindSheet {
			return head + "_site"
		}
	}
	return head
}

// Column is where in the register's table a record names another.
func (n Named) Column(k Kind) string { return columnOf(k, n.Field) }

// cells reads the cells of a row and gathers what is wrong with them.
type cells struct {
	kind Kind
	of   map[string]string
	wrong
}

func (c *cells) text(column string) string { return strings.TrimSpace(c.of[column]) }

// code reads what is written in capitals and without spaces.
func (c *cells) code(column string) string {
	return strings.ToUpper(strings.Join(strings.Fields(c.of[column]), ""))
}

// word reads one of our words, or what is commonly written for it.
func (c *cells) word(column, usual string) string {
	s := c.text(column)
	if s == "" {
		return usual
	}
	return c.ours(column, s)
}

func (c *cells) ours(column, s string) string {
	for _, at := range []string{string(c.kind) + "." + column, column} {
		if our, ok := customary().Words[at][s]; ok {
			return our
		}
	}
	return s
}

// name reads a name in both languages; one serves for both.
func (c *cells) name(chinese, english string) city.Text {
	t := city.Text{ZhHans: c.text(chinese), En: c.text(english)}
	if t.En == "" {
		t.En = t.ZhHans
	}
	if t.ZhHans == "" {
		t.ZhHans = t.En
	}
	return t
}

func (c *cells) list(column string) []string {
	return strings.FieldsFunc(c.of[column], func(r rune) bool { return strings.ContainsRune(" ;,|\t\n\u3001\uff0c\uff1b", r) })
}

func (c *cells) number(column string, usual float64) float64 {
	s := c.text(column)
	if s == "" {
		return usual
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v != v || v > 1e12 || v < -1e12 {
		c.add(column, "register.number", "value", short(s))
	}
	return v
}

func (c *cells) whole(column string, usual int) int {
	v := c.number(column, float64(usual))
	if v != float64(int(v)) {
		c.add(column, "register.number", "value", short(c.text(column)))
	}
	return int(v)
}

func (c *cells) yes(column string, usual bool) bool {
	s := strings.ToLower(c.word(column, strconv.FormatBool(usual)))
	switch s {
	case "true", "yes", "y", "1":
		return true
	case "false", "no", "n", "0":
		return false
	}
	c.add(column, "register.yes", "value", short(s))
	return usual
}

func (c *cells) phone(column string) string {
	s := strings.Join(strings.Fields(c.of[column]), "")
	if s == "" {
		return ""
	}
	phone, ok := Phone(s)
	if !ok {
		c.add(column, "register.terminal")
	}
	return phone
}

func (c *cells) quantity(column string) Quantity {
	q, ok := ParseQuantity(c.text(column))
	if !ok {
		c.add(column, "register.quantity")
	}
	return q
}

// scope reads "UN1203 500 t; UN1170".
func (c *cells) scope() (all []Allowance) {
	for _, part := range strings.FieldsFunc(c.of["scope"], func(r rune) bool { return strings.ContainsRune(";|\n\uff1b", r) }) {
		id, amount, _ := strings.Cut(strings.TrimSpace(part), " ")
		if id == "" {
			continue
		}
		q, ok := ParseQuantity(amount)
		if !ok {
			c.add("scope", "register.quantity")
			return nil
		}
		all = append(all, Allowance{SubstanceID(strings.ToUpper(id)), q})
	}
	return all
}

func (c *cells) classes(column string) (all []Class) {
	for _, s := range c.list(column) {
		all = append(all, Class(s))
	}
	return all
}

func (c *cells) permit() Permit {
	return Permit{Number: c.text("permit"), Classes: c.classes("classes"), Quantity: c.quantity("quantity"), From: c.day("permit_from"), To: c.day("permit_to")}
}

// hours reads "07:00-09:00; 22:00-05:00".
func (c *cells) hours() (all []Hours) {
	for _, s := range c.list("hours") {
		from, to, _ := strings.Cut(s, "-")
		a, ok := minuteOf(from)
		b, also := minuteOf(to)
		if !ok || !also {
			c.add("hours", "register.hours")
			return nil
		}
		all = append(all, Hours{a, b})
	}
	return all
}

func minuteOf(s string) (int, bool) {
	h, m, ok := strings.Cut(s, ":")
	hour, err := strconv.Atoi(h)
	minute, also := strconv.Atoi(m)
	return hour*60 + minute, ok && err == nil && also == nil && hour >= 0 && hour <= 24 && minute >= 0 && minute < 60
}

func (c *cells) span(since, until *city.Date) { *since, *until = c.day("since"), c.day("until") }

// day reads a date as tables have it: 2026-03-09, 2026/3/9, 20260309, with words
// between the numbers, or a spreadsheet's count of days.
func (c *cells) day(column string) city.Date {
	s := c.text(column)
	if s == "" {
		return city.Date{}
	}
	part := strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	iso := s
	switch {
	case len(part) == 3 && len(part[1]) <= 2 && len(part[2]) <= 2:
		iso = fmt.Sprintf("%s-%02s-%02s", part[0], part[1], part[2])
	case len(part) == 1 && len(s) == 8 && len(part[0]) == 8:
		iso = s[:4] + "-" + s[4:6] + "-" + s[6:]
	case len(part) == 1 && len(s) == 5 && len(part[0]) == 5:
		n, _ := strconv.Atoi(s) // digits only
		return city.Date{Year: 1899, Month: 12, Day: 30}.AddDays(n)
	}
	d, err := city.ParseDate(iso)
	if err != nil {
		c.add(column, "directory.date", "date", short(s))
	}
	return d
}

func (c *cells) point() geo.Point {
	p := geo.Point{Lat: c.number("lat", 0), Lon: c.number("lon", 0)}
	return c.shifted(p)
}

// shifted gives the WGS-84 place of what the table says.
func (c *cells) shifted(p geo.Point) geo.Point {
	switch strings.ToLower(strings.ReplaceAll(c.text("datum"), "-", "")) {
	case "", "wgs84", "cgcs2000":
	case "gcj02":
		if p.Valid() {
			return geo.FromGCJ02(p)
		}
	default:
		if !slices.ContainsFunc(c.wrong, func(f city.Field) bool { return f.Name == "datum" }) {
			c.add("datum", "register.datum", "value", short(c.text("datum")))
		}
	}
	return p
}

func (c *cells) area() Area {
	if c.text("border") != "" {
		return Area{Border: c.points("border", "POLYGON", mostBorder+1)}
	}
	return Area{Centre: c.point(), Radius: c.number("radius", 0)}
}

// points reads the one line or ring of a well-known text, longitude first.
func (c *cells) points(column, shape string, most int) (all []geo.Point) {
	s := c.text(column)
	head, rest, ok := strings.Cut(s, "(")
	rest, closed := strings.CutSuffix(strings.TrimSpace(rest), ")")
	if shape == "POLYGON" {
		rest = strings.TrimSpace(rest)
		rest, ok = strings.CutPrefix(rest, "(")
		rest, closed = strings.CutSuffix(rest, ")")
	}
	if !ok || !closed || !strings.EqualFold(strings.TrimSpace(head), shape) || strings.ContainsAny(rest, "()") {
		c.add(column, "register.wkt", "shape", shape)
		return nil
	}
	for pair := range strings.SplitSeq(rest, ",") {
		part := strings.Fields(pair)
		if len(part) != 2 || len(all) >= most {
			c.add(column, "register.wkt", "shape", shape)
			return nil
		}
		lon, err := strconv.ParseFloat(part[0], 64)
		lat, also := strconv.ParseFloat(part[1], 64)
		if err != nil || also != nil {
			c.add(column, "register.wkt", "shape", shape)
			return nil
		}
		all = append(all, c.shifted(geo.Point{Lat: lat, Lon: lon}))
	}
	if shape == "POLYGON" && len(all) > 1 && all[0] == all[len(all)-1] {
		all = all[:len(all)-1]
	}
	return all
}
