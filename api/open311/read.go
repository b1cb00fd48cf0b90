package open311

import (
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"yiwang/city"
)

// plainText refuses addresses that no database takes for text.
func plainText(r *http.Request) error {
	query, err := url.QueryUnescape(r.URL.RawQuery)
	if err != nil || !isText(query) || !isText(r.URL.Path) {
		return city.Invalid("open311.no_text")
	}
	return nil
}

// isText reports whether people could have written it.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' })
}

// one answers for a single request, by its number.
func (d *Door) one(x *exchange) error {
	n, err := city.ParseCaseNumber(x.name)
	if err != nil {
		return city.NotFound("open311.no_request", "id", clip(x.name))
	}
	found, err := d.Desk.Requests(x.r.Context(), Query{Numbers: []city.CaseNumber{n}, Limit: 1})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return city.NotFound("open311.no_request", "id", clip(x.name))
	}
	return x.answer(http.StatusOK, d.wires(x, found))
}

// token tells the number of a request that was filed. Numbers are given at once
// here, so the number is its own token.
func (d *Door) token(x *exchange) error {
	n, err := city.ParseCaseNumber(x.name)
	if err != nil {
		return city.NotFound("open311.no_token")
	}
	found, err := d.Desk.Requests(x.r.Context(), Query{Numbers: []city.CaseNumber{n}, Limit: 1})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return city.NotFound("open311.no_token")
	}
	return x.answer(http.StatusOK, listOf[tokenWire]{"service_requests", []tokenWire{{ID: string(n), Token: x.name}}})
}

func (d *Door) requests(x *exchange) error {
	q, err := d.query(x.r.URL.Query())
	if err != nil {
		return err
	}
	found, err := d.Desk.Requests(x.r.Context(), q)
	if err != nil {
		return err
	}
	return x.answer(http.StatusOK, d.wires(x, found))
}

func (d *Door) wires(x *exchange, found []Request) listOf[requestWire] {
	names := map[city.ItemCode]Service{}
	for _, s := range d.Desk.Services() {
		names[s.Code] = s
	}
	out := listOf[requestWire]{root: "service_requests"}
	for _, r := range found {
		w := requestWire{ID: string(r.Number), Status: status(r.Open), Notes: maybe(r.Note.In(x.lang)), Name: names[r.Code].Name.In(x.lang), Code: string(r.Code),
			Text: maybe(r.Text), Agency: maybe(r.Body.In(x.lang)), Requested: moment(r.Reported, d.Zone), Updated: moment(r.Changed, d.Zone),
			Expected: moment(r.Due, d.Zone), Address: maybe(r.Place.Address), AddressID: maybe(r.Place.Region), Media: maybe(r.Photo)}
		if r.Place.Lat != 0 || r.Place.Lon != 0 {
			w.Lat, w.Long = degrees(r.Place.Lat), degrees(r.Place.Lon)
		}
		out.items = append(out.items, w)
	}
	return out
}

func status(open bool) string {
	if open {
		return "open"
	}
	return "closed"
}

// faults gathers what is wrong with parameters.
type faults []city.Field

func (f *faults) add(name, key string, args ...any) {
	*f = append(*f, city.Field{Name: name, Message: city.Message{Key: key, Args: args}})
}

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return city.InvalidFields(f)
}

func listed(s string) []string {
	var out []string
	for _, p := range strings.Split(s, ",") {
		if p = strings.TrimSpace(p); p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// query reads the parameters of a list: the specification's, and those that
// clients in use send beside them (lat, long, radius, page, page_size,
// updated_after).
func (d *Door) query(v url.Values) (Query, error) {
	var bad faults
	q := Query{Limit: mostRows}
	if ids := listed(v.Get("service_request_id")); len(ids) > 0 {
		if len(ids) > mostRows {
			bad.add("service_request_id", "open311.many", "max", mostRows)
			return q, bad.err()
		}
		for _, id := range ids {
			if n, err := city.ParseCaseNumber(id); err == nil { // others are nobody's number
				q.Numbers = append(q.Numbers, n)
			}
		}
		if len(q.Numbers) == 0 {
			return q, city.NotFound("open311.no_request", "id", clip(ids[0]))
		}
		return q, nil
	}
	for _, code := range listed(v.Get("service_code")) {
		if _, err := d.service(code); err != nil {
			return q, err
		}
		q.Codes = append(q.Codes, city.ItemCode(code))
	}
	for _, s := range listed(v.Get("status")) {
		switch strings.ToLower(s) {
		case "open":
			q.Open = true
		case "closed":
			q.Closed = true
		default:
			bad.add("status", "open311.status")
		}
	}
	q.Since, q.Until = d.span(v, &bad)
	if s := v.Get("updated_after"); s != "" {
		q.ChangedSince = date(&bad, "updated_after", s, d.Zone, false)
	}
	d.around(v, &q, &bad)
	page, size := 1, mostRows
	whole(&bad, v, "page", &page, mostSkipped)
	whole(&bad, v, "page_size", &size, mostRows)
	q.Skip, q.Limit = (page-1)*size, size
	if q.Skip > mostSkipped {
		bad.add("page", "open311.page_far", "max", mostSkipped)
	}
	return q, bad.err()
}

// span is the time asked for: at most ninety days, the last ninety unless told.
func (d *Door) span(v url.Values, bad *faults) (since, until time.Time) {
	now := d.Clock.Now()
	from, to := v.Get("start_date"), v.Get("end_date")
	if from != "" {
		since = date(bad, "start_date", from, d.Zone, false)
	}
	if to != "" {
		until = date(bad, "end_date", to, d.Zone, true)
	}
	switch {
	case from == "" && to == "":
		return now.AddDate(0, 0, -mostDays), now.Add(time.Minute)
	case to == "":
		return since, since.AddDate(0, 0, mostDays)
	case from == "":
		return until.AddDate(0, 0, -mostDays), until
	case until.Before(since):
		bad.add("end_date", "open311.span_backwards")
	case until.After(since.AddDate(0, 0, mostDays).Add(24 * time.Hour)):
		bad.add("end_date", "open311.span_long", "max", mostDays)
	}
	return since, until
}

func (d *Door) around(v url.Values, q *Query, bad *faults) {
	lat, lon := v.Get("lat"), v.Get("long")
	if lat == "" && lon == "" && v.Get("radius") == "" {
		return
	}
	q.Lat, q.Lon = point(bad, lat, lon)
	q.Near = 1000
	if s := v.Get("radius"); s != "" {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(f > 0 && f <= farthest) {
			bad.add("radius", "open311.radius", "max", farthest)
			return
		}
		q.Near = f
	}
}

func point(bad *faults, lat, lon string) (float64, float64) {
	one := func(name, s string, most float64) float64 {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || f < -most || f > most {
			bad.add(name, "open311.degrees", "max", most)
		}
		return f
	}
	return one("lat", lat, 90), one("long", lon, 180)
}

func whole(bad *faults, v url.Values, name string, into *int, most int) {
	s := v.Get(name)
	if s == "" {
		return
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		bad.add(name, "open311.whole", "max", most)
		return
	}
	*into = n
}

// A plus sign that a client forgot to escape arrives as a space.
var lostPlus = regexp.MustCompile(` (\d\d:?\d\d)$`)

var dateForms = []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02T15:04"}

// date reads W3C date and time. A day alone, or a time without an offset, is the
// city's; at the end of a span a day is meant whole.
func date(bad *faults, name, s string, zone *time.Location, end bool) time.Time {
	s = lostPlus.ReplaceAllString(strings.TrimSpace(s), "+$1")
	t, err := time.ParseInLocation(time.DateOnly, s, zone)
	if err == nil && end {
		t = t.AddDate(0, 0, 1)
	}
	for _, form := range dateForms {
		if err == nil {
			break
		}
		t, err = time.ParseInLocation(form, s, zone)
	}
	if err != nil || t.Year() < 1970 || t.Year() > 9998 {
		bad.add(name, "open311.date")
		return time.Time{}
	}
	return t
}

// updates are what became of requests, for those who show them elsewhere.
func (d *Door) updates(x *exchange) error {
	var bad faults
	since, until := d.span(x.r.URL.Query(), &bad)
	if err := bad.err(); err != nil {
		return err
	}
	found, err := d.Desk.Updates(x.r.Context(), since, until, mostRows)
	if err != nil {
		return err
	}
	out := listOf[updateWire]{root: "service_request_updates"}
	for _, u := range found {
		out.items = append(out.items, updateWire{ID: u.ID, Request: string(u.Number), Status: status(u.Open), Updated: moment(u.At, d.Zone),
			Text: maybe(u.Text.In(x.lang)), Media: maybe(u.Photo)})
	}
	return x.answer(http.StatusOK, out)
}
