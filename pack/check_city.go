package pack

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"yiwang/access"
	"yiwang/city"
	"yiwang/directory"
)

var (
	prefixPattern = regexp.MustCompile(`^[A-Z]{1,8}$`)
	phonePattern  = regexp.MustCompile(`^[0-9][0-9-]{2,19}$`)
	idPattern     = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
)

// For how many days notices are kept: as long as they count as unread, at least.
const leastKept, mostKept = 60, 36500

// The grounds that the city's colours stand on, and the least contrast (WCAG 2.2
// AA) of text on them.
const (
	white         = "#ffffff"
	paper         = "#faf9f6"
	leastContrast = 4.5
)

func (d *document) text(path string, t city.Text) {
	for _, lang := range t.Missing() {
		d.at(path, "pack.text_missing", "language", string(lang))
	}
}

func (l *loader) checkSite() {
	d, s := l.site, &l.siteDef
	if d == nil {
		return
	}
	if len(s.Code) != 4 || strings.Trim(string(s.Code), "0123456789") != "" {
		d.at("code", "pack.city_code", "code", string(s.Code))
	}
	d.text("name", s.Name)
	if !prefixPattern.MatchString(s.NumberPrefix) {
		d.at("number_prefix", "pack.prefix", "prefix", s.NumberPrefix)
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil || s.Zone == "" || s.Zone == "Local" {
		d.at("zone", "pack.zone", "zone", s.Zone)
		zone = time.UTC
	}
	l.city.Zone = zone
	if !phonePattern.MatchString(s.Hotline) {
		d.at("hotline", "pack.phone", "phone", s.Hotline)
	}
	if n := utf8.RuneCountInString(s.Mark.Text); n < 1 || n > 4 {
		d.at("mark.text", "pack.mark_text")
	}
	l.checkColour("mark.colour", s.Mark.Colour, white)
	l.checkColour("river", s.River, paper)
	seen := map[string]bool{}
	for i, p := range s.CodeProfiles {
		at := fmt.Sprintf("code_profiles.%d", i)
		l.siteID(at+".id", p.ID, seen)
		if _, err := regexp.Compile(p.Pattern); err != nil || p.Pattern == "" {
			d.at(at+".pattern", "pack.pattern", "pattern", p.Pattern)
		}
	}
	seen = map[string]bool{}
	for i, c := range s.Counters {
		at := fmt.Sprintf("counters.%d", i)
		l.siteID(at+".id", c.ID, seen)
		d.text(at+".name", c.Name)
		d.text(at+".address", c.Address)
		d.text(at+".hours", c.Hours)
		if !l.known.region(c.Region) {
			d.at(at+".region", "pack.no_region", "id", string(c.Region))
		}
		if !phonePattern.MatchString(c.Phone) {
			d.at(at+".phone", "pack.phone", "phone", c.Phone)
		}
	}
	if len(s.Counters) == 0 {
		d.at("counters", "pack.no_counters")
	}
	seen = map[string]bool{}
	for i, e := range s.LifeEvents {
		at := fmt.Sprintf("life_events.%d", i)
		l.siteID(at+".id", e.ID, seen)
		d.text(at+".name", e.Name)
		d.text(at+".summary", e.Summary)
		l.itemList(at+".items", e.Items)
	}
	l.itemList("popular", s.Popular)
	kept := func(path string, days int) {
		if days != 0 && days < leastKept || days > mostKept {
			d.at(path, "pack.keep", "least", leastKept, "most", mostKept)
		}
	}
	kept("keep.notices", s.Keep.Notices)
	kept("keep.messages", s.Keep.Messages)
	kept("keep.tracks", s.Keep.Tracks)
	for _, f := range s.Channels.Check() {
		d.at("channels."+f.Name, f.Message.Key, f.Message.Args...)
	}
	for i, p := range s.BadRatings {
		body, post, _ := strings.Cut(p, ".")
		for _, it := range l.items.vals {
			id := body
			if body == "$body" {
				id = string(it.Body)
			}
			if !l.known.body(city.BodyID(id)) || !l.known.post(city.BodyID(id), post) {
				d.at(fmt.Sprintf("bad_ratings.%d", i), "pack.no_post", "id", id+"."+post)
				break
			}
		}
	}
}

// siteID checks the id of an entry of a list in city.yaml.
func (l *loader) siteID(path, id string, seen map[string]bool) {
	switch {
	case !idPattern.MatchString(id):
		l.site.at(path, "pack.id", "id", id)
	case seen[id]:
		l.site.at(path, "pack.twice", "id", id)
	}
	seen[id] = true
}

func (l *loader) itemList(path string, items []city.ItemCode) {
	seen := map[city.ItemCode]bool{}
	for i, code := range items {
		at := fmt.Sprintf("%s.%d", path, i)
		switch {
		case !l.known.item(code):
			l.site.at(at, "pack.no_item", "id", string(code))
		case seen[code]:
			l.site.at(at, "pack.twice", "id", string(code))
		}
		seen[code] = true
	}
}

func (l *loader) checkColour(path, colour, ground string) {
	ratio, err := city.Contrast(colour, ground)
	switch {
	case err != nil:
		l.site.at(path, "pack.colour", "colour", colour)
	case ratio < leastContrast:
		l.site.at(path, "pack.contrast", "colour", colour, "ratio", fmt.Sprintf("%.2f", ratio), "least", leastContrast)
	}
}

func (l *loader) checkCalendar() {
	d, f := l.calendar, &l.calendarDef
	if d == nil {
		return
	}
	zone := l.city.Zone
	if zone == nil {
		zone = time.UTC
	}
	cal := &city.Calendar{Zone: zone, Holidays: map[city.Date]city.Text{}, Workdays: map[city.Date]city.Text{}}
	if hours, bad, err := directory.ParseHours(f.Office); err != nil || len(hours) == 0 {
		d.at(fmt.Sprintf("office.%d", bad), "pack.office")
	} else {
		cal.Office = hours
	}
	days := func(key string, table map[string]string, into map[city.Date]city.Text) {
		for _, day := range sortedKeys(table) {
			at := key + "." + day
			date, err := city.ParseDate(day)
			if err != nil {
				d.at(at, "pack.date", "date", day)
				continue
			}
			parts := strings.Split(table[day], ",")
			if len(parts) != 3 || strings.TrimSpace(parts[0]) == "" || strings.TrimSpace(parts[1]) == "" || strings.Trim(parts[2], "0123456789") != "" || parts[2] == "" {
				d.at(at, "pack.day_format", "text", table[day])
				continue
			}
			into[date] = city.Text{ZhHans: parts[1], En: parts[0]}
		}
	}
	days("holidays", f.Holidays, cal.Holidays)
	days("workdays", f.Workdays, cal.Workdays)
	for date := range cal.Workdays {
		if _, off := cal.Holidays[date]; off {
			d.at("workdays."+date.String(), "pack.day_both", "date", date.String())
		} else if w := date.Weekday(); w != time.Saturday && w != time.Sunday {
			d.at("workdays."+date.String(), "pack.day_no_weekend", "date", date.String())
		}
	}
	l.city.Calendar = cal
}

func (l *loader) checkRegions() {
	d := l.regions
	if d == nil {
		return
	}
	d.atFields(directory.CheckRegions(l.regionsDef))
	if l.site != nil && l.regionsDef.Code != l.siteDef.Code {
		d.at("code", "pack.city_differs", "code", string(l.regionsDef.Code), "city", string(l.siteDef.Code))
	}
}

func (l *loader) checkBodies() {
	by := map[string]string{}
	for i, d := range l.bodies.docs {
		b := &l.bodies.vals[i]
		d.atFields(directory.CheckBody(*b, l.known.region))
		if other := by[b.USCC]; other != "" && b.USCC != "" {
			d.at("uscc", "pack.taken", "id", b.USCC, "file", other)
		} else {
			by[b.USCC] = d.file
		}
	}
	if len(l.files["bodies"]) == 0 {
		l.faults.add("bodies", 0, "pack.no_definitions")
	}
}

var cedarPlace = regexp.MustCompile(`(?s)^(.*?):?([0-9]+):[0-9]+:? *(.*)$`)

// checkPolicies compiles the policies, file by file so that each tells its own
// faults, and then together.
func (l *loader) checkPolicies() {
	broken := false
	for _, name := range sortedKeys(l.city.Policies) {
		b := l.city.Policies[name]
		if line := firstBadText(b); line > 0 {
			l.faults.add(name, line, "pack.not_utf8")
			broken = true
			continue
		}
		if _, err := access.New(map[string][]byte{name: b}); err != nil {
			broken = true
			line, detail := 1, strings.TrimPrefix(err.Error(), name+": ")
			if m := cedarPlace.FindStringSubmatch(detail); m != nil {
				fmt.Sscan(m[2], &line)
				detail = m[3]
			}
			l.faults.add(name, line, "pack.policy", "detail", detail)
		}
	}
	if broken || len(l.city.Policies) < 2 {
		return
	}
	if _, err := access.New(l.city.Policies); err != nil {
		file, detail, ok := strings.Cut(err.Error(), ": ")
		if !ok {
			file, detail = "access", err.Error()
		}
		l.faults.add(file, 1, "pack.policy", "detail", detail)
	}
}
