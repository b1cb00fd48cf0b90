package open311

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
)

// Bounds of what people write, in characters.
const (
	longText    = 4000
	longAddress = 200
	longName    = 100
	longLink    = 2000
	longKey     = 200
)

func (d *Door) post(x *exchange) error {
	switch x.name {
	case "requests", "servicerequestupdates":
	case "discovery", "services":
		x.w.Header().Set("Allow", "GET, HEAD")
		d.errors(x, http.StatusMethodNotAllowed, city.Say(x.lang, "open311.method"))
		return nil
	default:
		return city.NotFound("open311.address")
	}
	v, photos, err := d.form(x)
	if err != nil {
		return err
	}
	if err := d.jurisdiction(v["jurisdiction_id"]); err != nil {
		return err
	}
	key := v.Get("api_key")
	if key == "" {
		return city.Forbidden("open311.key_missing")
	}
	actor, err := d.Key(x.r.Context(), key)
	if err != nil {
		if k := city.KindOf(err); k == city.KindForbidden || k == city.KindUnauthenticated {
			return city.Forbidden("open311.key_wrong")
		}
		return err
	}
	if err := d.Haste(x.r); err != nil {
		return err
	}
	if x.name == "requests" {
		return d.file(x, actor, v, photos)
	}
	return d.remark(x, actor, v, photos)
}

// form reads what was sent, form-encoded or in parts with pictures. Fields in the
// address count, too: some clients put the key there.
func (d *Door) form(x *exchange) (url.Values, []Photo, error) {
	media, params, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") && !strings.EqualFold(c, "us-ascii") {
		return nil, nil, city.Invalid("open311.charset")
	}
	v := x.r.URL.Query()
	var photos []Photo
	switch media {
	case "application/x-www-form-urlencoded":
		raw, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, mostForm))
		if err != nil {
			return nil, nil, unread(err, mostForm)
		}
		sent, err := url.ParseQuery(string(raw))
		if err != nil {
			return nil, nil, city.Invalid("open311.no_form")
		}
		for name, values := range sent {
			v[name] = append(values, v[name]...)
		}
	case "multipart/form-data":
		body := http.MaxBytesReader(x.w, x.r.Body, mostWithFile)
		if photos, err = parts(multipart.NewReader(body, params["boundary"]), v); err != nil {
			return nil, nil, err
		}
	default:
		return nil, nil, city.Invalid("open311.no_form")
	}
	for name, values := range v {
		if !isText(name) || slices.ContainsFunc(values, func(s string) bool { return !isText(s) }) {
			return nil, nil, city.Invalid("open311.no_text")
		}
	}
	return v, photos, nil
}

func unread(err error, most int) error {
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		return city.TooLarge("open311.large", "mb", most>>20)
	}
	return city.Invalid("open311.no_form")
}

func parts(r *multipart.Reader, v url.Values) (photos []Photo, err error) {
	room := mostForm
	for n := 0; ; n++ {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return photos, nil
		}
		if err != nil || n > 500 {
			return nil, unread(err, mostWithFile)
		}
		most := room
		if p.FileName() != "" {
			most = mostPhoto
		}
		raw, err := io.ReadAll(io.LimitReader(p, int64(most)+1))
		switch {
		case err != nil:
			return nil, unread(err, mostWithFile)
		case len(raw) > most:
			return nil, city.TooLarge("open311.large", "mb", most>>20)
		case p.FileName() == "":
			room -= len(raw)
			v.Add(p.FormName(), string(raw))
		case len(raw) > 0:
			if len(photos) == mostPhotos {
				return nil, city.Invalid("open311.many_photos", "max", mostPhotos)
			}
			photos = append(photos, Photo{Name: p.FileName(), Bytes: raw})
		}
	}
}

func (d *Door) file(x *exchange, actor city.Actor, v url.Values, photos []Photo) error {
	code := strings.TrimSpace(v.Get("service_code"))
	if code == "" {
		return city.InvalidFields([]city.Field{{Name: "service_code", Message: city.Message{Key: "open311.required"}}})
	}
	s, err := d.service(code)
	if err != nil {
		return err
	}
	var bad faults
	text := func(name string, most int) string { return short(&bad, v, name, most) }
	r := Report{Code: s.Code, Text: text("description", longText), Email: text("email", longName), Phone: text("phone", 40),
		Name: strings.TrimSpace(text("first_name", longName) + " " + text("last_name", longName)), Photos: photos, Links: links(&bad, v),
		Key: x.r.Header.Get("Idempotency-Key"), Lang: x.lang}
	if len(r.Key) > longKey || !isText(r.Key) {
		bad.add("Idempotency-Key", "open311.long", "max", longKey)
	}
	lat, lon := strings.TrimSpace(v.Get("lat")), strings.TrimSpace(v.Get("long"))
	if lat != "" || lon != "" {
		r.Place.Lat, r.Place.Lon = point(&bad, lat, lon)
	}
	r.Place.Address = text("address_string", longAddress)
	r.Place.Region = city.RegionCode(text("address_id", 20))
	if lat == "" && lon == "" && r.Place.Address == "" && r.Place.Region == "" {
		bad.add("lat", "open311.no_place")
	}
	r.Values = attributes(&bad, s, v, d.Zone)
	if err := bad.err(); err != nil {
		return err
	}
	if strings.HasPrefix(x.r.URL.Path, trial) {
		return x.answer(http.StatusOK, listOf[filedWire]{"service_requests", []filedWire{{ID: "", Notice: maybe(city.Say(x.lang, "open311.trial"))}}})
	}
	n, err := d.Desk.File(x.r.Context(), actor, r)
	if err != nil {
		return err
	}
	notice := maybe(city.Say(x.lang, "open311.filed", "number", string(n)))
	return x.answer(http.StatusOK, listOf[filedWire]{"service_requests", []filedWire{{ID: string(n), Notice: notice}}})
}

func short(bad *faults, v url.Values, name string, most int) string {
	s := strings.TrimSpace(v.Get(name))
	if len([]rune(s)) > most {
		bad.add(name, "open311.long", "max", most)
		return ""
	}
	return s
}

// links are addresses of pictures elsewhere. They are kept as text; nothing is
// fetched from outside.
func links(bad *faults, v url.Values) (out []string) {
	for _, s := range append(v["media_url"], v["media_url[]"]...) {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(s) > longLink || len(out) == mostPhotos {
			bad.add("media_url", "open311.link", "max", mostPhotos)
			return nil
		}
		out = append(out, s)
	}
	return out
}

// attributes are the answers to the questions of a service: attribute[CODE], or
// attribute[CODE][] for several. Times are given on as RFC 3339; one without an
// offset is the city's.
func attributes(bad *faults, s Service, v url.Values, zone *time.Location) map[string]string {
	out := map[string]string{}
	for _, a := range s.Attributes {
		name := "attribute[" + a.Code + "]"
		var said []string
		for _, value := range append(slices.Clone(v[name]), v[name+"[]"]...) {
			if value = strings.TrimSpace(value); value != "" {
				said = append(said, value)
			}
		}
		switch {
		case len(said) == 0:
			if a.Required {
				bad.add(name, "open311.required")
			}
			continue
		case len(said) > 1 && a.Datatype != "multivaluelist":
			bad.add(name, "open311.one_value")
			continue
		}
		for _, value := range said {
			if !fits(a, value) {
				bad.add(name, "open311.value")
				break
			}
		}
		out[a.Code] = strings.Join(said, ",")
		if a.Datatype == "datetime" {
			var known faults
			out[a.Code] = date(&known, name, said[0], zone, false).Format(time.RFC3339)
		}
	}
	return out
}

func fits(a Attribute, value string) bool {
	switch a.Datatype {
	case "number":
		_, err := strconv.ParseFloat(value, 64)
		return err == nil && len(value) <= 40
	case "datetime":
		var bad faults
		date(&bad, a.Code, value, time.UTC, false)
		return len(bad) == 0
	case "singlevaluelist", "multivaluelist":
		return slices.ContainsFunc(a.Values, func(c Choice) bool { return c.Key == value })
	}
	return len([]rune(value)) <= longText
}

// remark takes an update from outside, as FixMyStreet sends them. What it says of
// the status is the client's opinion: a request is closed here by whoever mended
// it, and that was verified.
func (d *Door) remark(x *exchange, actor city.Actor, v url.Values, photos []Photo) error {
	var bad faults
	text := func(name string, most int) string { return short(&bad, v, name, most) }
	r := Remark{Text: text("description", longText), Email: text("email", longName), Phone: text("phone", 40),
		Name: strings.TrimSpace(text("first_name", longName) + " " + text("last_name", longName)), Photos: photos, Links: links(&bad, v),
		Key: text("update_id", longKey), At: d.Clock.Now()}
	if r.Key == "" {
		r.Key = x.r.Header.Get("Idempotency-Key")
	}
	if r.Text == "" && len(photos) == 0 && len(r.Links) == 0 {
		bad.add("description", "open311.required")
	}
	if s := strings.ToLower(v.Get("status")); s != "" && s != "open" && s != "closed" {
		bad.add("status", "open311.status")
	}
	if s := v.Get("updated_datetime"); s != "" {
		if at := date(&bad, "updated_datetime", s, d.Zone, false); at.Before(r.At) {
			r.At = at
		}
	}
	id := v.Get("service_request_id")
	if id == "" {
		bad.add("service_request_id", "open311.required")
	}
	if err := bad.err(); err != nil {
		return err
	}
	var err error
	if r.Number, err = city.ParseCaseNumber(id); err != nil {
		return city.NotFound("open311.no_request", "id", clip(id))
	}
	done := ""
	if !strings.HasPrefix(x.r.URL.Path, trial) {
		if done, err = d.Desk.Remark(x.r.Context(), actor, r); err != nil {
			return err
		}
	}
	return x.answer(http.StatusOK, listOf[remarkedWire]{"service_request_updates", []remarkedWire{{ID: done}}})
}
