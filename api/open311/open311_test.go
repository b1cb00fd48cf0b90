package open311_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"yiwang/api/open311"
	"yiwang/city"
)

var (
	zone = time.FixedZone("", 8*3600)
	noon = time.Date(2026, 3, 2, 12, 0, 0, 0, zone)
)

func both(s string) city.Text { return city.Text{ZhHans: s, En: s} }

// paperDesk keeps requests on a sheet of paper.
type paperDesk struct {
	filed   []open311.Request
	reports []open311.Report
	updates []open311.Update
	asked   open311.Query
	err     error
}

func (p *paperDesk) Services() []open311.Service {
	return []open311.Service{
		{Code: "c0101", Name: both("Manhole cover"), About: both("A cover is missing, broken or loud."), Group: both("Utilities"), Keywords: []string{"man,hole", "cover"},
			Attributes: []open311.Attribute{
				{Code: "kind", Datatype: "singlevaluelist", Required: true, Label: both("What is wrong?"), Values: []open311.Choice{{Key: "missing", Name: both("It is missing")}, {Key: "loud", Name: both("It is loud")}}},
				{Code: "depth", Datatype: "number", Label: both("How deep is it?"), Help: both("In metres.")},
				{Code: "since", Datatype: "datetime", Label: both("Since when?")},
				{Code: "also", Datatype: "multivaluelist", Label: both("What else?"), Values: []open311.Choice{{Key: "a", Name: both("A")}, {Key: "b", Name: both("B")}}},
			}},
		{Code: "e0101", Name: both("Rubbish"), About: both("Waste lies about."), Group: both("Cleanliness")},
	}
}

func (p *paperDesk) File(_ context.Context, _ city.Actor, r open311.Report) (city.CaseNumber, error) {
	if p.err != nil {
		return "", p.err
	}
	if r.Place.Lat > 40 {
		return "", city.Invalid("open311.no_place")
	}
	for i, old := range p.reports {
		if r.Key != "" && old.Key == r.Key {
			return p.filed[i].Number, nil
		}
	}
	n := city.NewCaseNumber("JH", 2026, int64(len(p.filed)+1))
	p.reports = append(p.reports, r)
	p.filed = append(p.filed, open311.Request{Number: n, Code: r.Code, Open: true, Note: both("Somebody is on the way."), Text: r.Text, Body: both("Works"),
		Reported: noon, Changed: noon, Due: noon.Add(2 * time.Hour), Place: r.Place})
	return n, nil
}

func (p *paperDesk) Requests(_ context.Context, q open311.Query) (out []open311.Request, err error) {
	p.asked = q
	for _, r := range p.filed {
		for _, n := range q.Numbers {
			if n == r.Number {
				out = append(out, r)
			}
		}
		if len(q.Numbers) == 0 && !r.Reported.Before(q.Since) && r.Reported.Before(q.Until) && (q.Open == q.Closed || q.Open == r.Open) {
			out = append(out, r)
		}
	}
	return out, p.err
}

func (p *paperDesk) Updates(context.Context, time.Time, time.Time, int) ([]open311.Update, error) {
	return p.updates, p.err
}

func (p *paperDesk) Remark(_ context.Context, _ city.Actor, r open311.Remark) (string, error) {
	for _, f := range p.filed {
		if f.Number == r.Number {
			id := fmt.Sprintf("%s.%d", r.Number, len(p.updates)+1)
			p.updates = append(p.updates, open311.Update{ID: id, Number: r.Number, Open: true, At: r.At, Text: both(r.Text)})
			return id, nil
		}
	}
	return "", city.NotFound("open311.no_request", "id", string(r.Number))
}

func newDoor(desk open311.Desk) *open311.Door {
	return open311.New(open311.Options{Desk: desk, Clock: city.NewSetClock(noon), Zone: zone, Origin: "https://city.example", Code: "9901", Contact: both("12345"),
		Changed: noon, Haste: func(*http.Request) error { return nil },
		Key: func(_ context.Context, key string) (city.Actor, error) {
			if key != "demo" {
				return city.Actor{}, city.Unauthenticated("error.sign_in")
			}
			return city.Actor{Kind: city.Anonymous, Channel: city.ChannelAPI}, nil
		}})
}

func send(d http.Handler, method, path, media string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, body)
	r.Header.Set("Accept-Language", "en")
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

const formMedia = "application/x-www-form-urlencoded"

// wellFormed holds an answer to its format, whatever it says.
func wellFormed(t *testing.T, at string, w *httptest.ResponseRecorder) {
	t.Helper()
	kind := w.Header().Get("Content-Type")
	switch {
	case strings.HasPrefix(kind, "application/json"):
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: no JSON: %s", at, w.Body)
		}
	case strings.HasPrefix(kind, "text/xml"):
		d := xml.NewDecoder(w.Body)
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Errorf("%s: no XML: %v", at, err)
				return
			}
		}
	default:
		t.Errorf("%s: answered as %q", at, kind)
	}
}

// Whatever is asked, the answer is in the format of the address, and an error has
// code and description.
func TestFaults(t *testing.T) {
	report := func(more string) string { return "api_key=demo&service_code=e0101&lat=30&long=121&" + more }
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "requests.json?start_date=yesterday", "", 400},
		{"GET", "requests.json?start_date=2026-01-01T00:00:00Z&end_date=2025-01-01T00:00:00Z", "", 400},
		{"GET", "requests.xml?start_date=2025-01-01&end_date=2026-01-01", "", 400},
		{"GET", "requests.json?status=done", "", 400},
		{"GET", "requests.json?service_code=nothing", "", 404},
		{"GET", "requests.json?service_request_id=1,2,3", "", 404},
		{"GET", "requests.json?lat=30", "", 400},
		{"GET", "requests.json?lat=NaN&long=1", "", 400},
		{"GET", "requests.json?lat=30&long=121&radius=1e9", "", 400},
		{"GET", "requests.json?page=0", "", 400},
		{"GET", "requests.json?page=999999&page_size=1000", "", 400},
		{"GET", "requests.json?page_size=1001", "", 400},
		{"GET", "requests.json?start_date=%00", "", 400},
		{"GET", "requests.json?start_date=%ff", "", 400},
		{"GET", "requests.json?start_date=%zz", "", 400},
		{"GET", "requests/nothing.xml", "", 404},
		{"GET", "requests/JH-2026-000999-0.json", "", 404},
		{"GET", "tokens/nothing.xml", "", 404},
		{"GET", "services/nothing.json", "", 404},
		{"GET", "services.xml?jurisdiction_id=nyc.gov", "", 404},
		{"GET", "nothing.xml", "", 404},
		{"GET", "services", "", 404},
		{"GET", "services.yaml", "", 404},
		{"GET", ".json", "", 404},
		{"DELETE", "requests.json", "", 405},
		{"POST", "services.json", "", 405},
		{"POST", "nothing.json", "x=1", 404},
		{"POST", "requests.json", "", 403},
		{"POST", "requests.xml", "api_key=wrong&service_code=e0101&lat=30&long=121", 403},
		{"POST", "requests.xml", "api_key=demo", 400},
		{"POST", "requests.xml", "api_key=demo&service_code=nothing&lat=1&long=1", 404},
		{"POST", "requests.xml", "api_key=demo&service_code=e0101", 400},
		{"POST", "requests.xml", "api_key=demo&service_code=e0101&lat=30", 400},
		{"POST", "requests.xml", "api_key=demo&service_code=e0101&lat=91&long=1", 400},
		{"POST", "requests.xml", report("jurisdiction_id=elsewhere"), 404},
		{"POST", "requests.xml", report("description=" + strings.Repeat("x", 5000)), 400},
		{"POST", "requests.xml", report("description=%ff%fe"), 400},
		{"POST", "requests.xml", report("description=a%00b"), 400},
		{"POST", "requests.xml", report("media_url=javascript:alert(1)"), 400},
		{"POST", "requests.xml", report("media_url=file:///etc/passwd"), 400},
		{"POST", "requests.xml", "%zz", 400},
		{"POST", "requests.xml", strings.Repeat("a", 2<<20), 413},
		{"POST", "requests.json", "api_key=demo&service_code=c0101&lat=30&long=121", 400},
		{"POST", "requests.json", "api_key=demo&service_code=c0101&lat=30&long=121&attribute[kind]=other", 400},
		{"POST", "requests.json", "api_key=demo&service_code=c0101&lat=30&long=121&attribute[kind]=loud&attribute[kind]=missing", 400},
		{"POST", "requests.json", "api_key=demo&service_code=c0101&lat=30&long=121&attribute[kind]=loud&attribute[depth]=deep", 400},
		{"POST", "requests.json", "api_key=demo&service_code=c0101&lat=30&long=121&attribute[kind]=loud&attribute[since]=then", 400},
		{"POST", "requests.json", "api_key=demo&service_code=e0101&lat=50&long=121", 400},
		{"POST", "servicerequestupdates.xml", "api_key=demo", 400},
		{"POST", "servicerequestupdates.xml", "api_key=demo&service_request_id=7&description=x", 404},
		{"POST", "servicerequestupdates.xml", "api_key=demo&service_request_id=JH-2026-000001-7&description=x&status=burning", 400},
		{"POST", "servicerequestupdates.json", "api_key=demo&service_request_id=" + string(city.NewCaseNumber("JH", 2026, 9)) + "&description=x", 404},
	} {
		desk := &paperDesk{}
		w := send(newDoor(desk), c.method, "/open311/v2/"+c.path, formMedia, strings.NewReader(c.body))
		at := fmt.Sprintf("%s %s %.80s", c.method, c.path, c.body)
		said := w.Body.String()
		wellFormed(t, at, w)
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d: %s", at, w.Code, c.status, said)
		}
		if !strings.Contains(said, fmt.Sprint(c.status)) || !strings.Contains(said, "description") || strings.Contains(said, "open311.") {
			t.Errorf("%s: %s", at, said)
		}
		if len(desk.filed) > 0 {
			t.Errorf("%s: something was filed", at)
		}
	}
}

func TestFaultsOfOurs(t *testing.T) {
	for err, status := range map[error]int{
		city.Unavailable(io.EOF, time.Second):  503,
		city.RateLimited("open311.key_wrong"):  429,
		errors.New("a secret of the database"): 500,
		city.TooLarge("open311.large"):         413,
	} {
		w := send(newDoor(&paperDesk{err: err}), "GET", "/open311/v2/requests.xml", "", nil)
		if w.Code != status || strings.Contains(w.Body.String(), "secret") || (status == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%v: %d %v %s", err, w.Code, w.Header(), w.Body)
		}
	}
}

func TestWhatIsAsked(t *testing.T) {
	desk := &paperDesk{}
	d := newDoor(desk)
	ask := func(query string) open311.Query {
		t.Helper()
		if w := send(d, "GET", "/open311/v2/requests.json?"+query, "", nil); w.Code != 200 {
			t.Fatalf("%s: %d %s", query, w.Code, w.Body)
		}
		return desk.asked
	}
	if q := ask(""); !q.Since.Equal(noon.AddDate(0, 0, -90)) || q.Until.Before(noon) || q.Limit != 1000 {
		t.Errorf("%+v", q)
	}
	for _, start := range []string{"2026-03-01T00:00:00%2B08:00", "2026-03-01T00:00:00+08:00", "2026-02-28T16:00:00Z", "2026-02-28T16:00Z", "2026-03-01", "2026-03-01T00:00:00", "2026-03-01T00:00:00%2B0800", "2026-03-01T00:00:00.000%2B08:00"} {
		if q := ask("start_date=" + start); !q.Since.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, zone)) || !q.Until.Equal(q.Since.AddDate(0, 0, 90)) {
			t.Errorf("%s: %v", start, q.Since)
		}
	}
	if q := ask("end_date=2026-03-01"); !q.Until.Equal(time.Date(2026, 3, 2, 0, 0, 0, 0, zone)) {
		t.Errorf("a day is meant whole: %v", q.Until)
	}
	if q := ask("status=open&service_code=c0101,e0101&lat=30.5&long=121&radius=250&page=3&page_size=20&jurisdiction_id=9901&updated_after=2026-03-01"); !q.Open || q.Closed ||
		len(q.Codes) != 2 || q.Near != 250 || q.Lat != 30.5 || q.Skip != 40 || q.Limit != 20 || q.ChangedSince.IsZero() {
		t.Errorf("%+v", q)
	}
}

func TestWhatIsSent(t *testing.T) {
	desk := &paperDesk{}
	d := newDoor(desk)
	v := url.Values{"api_key": {"demo"}, "service_code": {"c0101"}, "lat": {"30.1"}, "long": {"121.2"}, "address_string": {" 1 Road "}, "email": {"a@b.example"},
		"first_name": {"Ann"}, "last_name": {"Lee"}, "phone": {"123"}, "description": {"loud"}, "media_url": {"http://pictures.example/1.jpg"},
		"attribute[kind]": {"loud"}, "attribute[since]": {"2026-03-01T08:00"}, "attribute[also][]": {"a", "b"}, "attribute[unknown]": {"x"}, "device_id": {"d"}}
	for range 2 {
		r := httptest.NewRequest("POST", "/open311/v2/requests.json", strings.NewReader(v.Encode()))
		r.Header.Set("Content-Type", formMedia+"; charset=UTF-8")
		r.Header.Set("Idempotency-Key", "once")
		w := httptest.NewRecorder()
		if d.ServeHTTP(w, r); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if len(desk.reports) != 1 {
		t.Fatalf("%d reports", len(desk.reports))
	}
	r := desk.reports[0]
	if r.Name != "Ann Lee" || r.Email != "a@b.example" || r.Phone != "123" || r.Text != "loud" || r.Place.Address != "1 Road" || r.Place.Lon != 121.2 ||
		r.Values["kind"] != "loud" || r.Values["also"] != "a,b" || r.Values["since"] != "2026-03-01T08:00:00+08:00" || len(r.Values) != 3 || len(r.Links) != 1 {
		t.Errorf("%+v", r)
	}
	if w := send(d, "POST", "/open311/test/v2/requests.xml", formMedia, strings.NewReader(v.Encode())); w.Code != 200 || len(desk.reports) != 1 {
		t.Errorf("a trial was filed: %d %s", w.Code, w.Body)
	}
	for media, status := range map[string]int{"text/xml": 400, "": 400, formMedia + "; charset=gbk": 400, "multipart/form-data": 400, "multipart/form-data; boundary=x": 403} {
		if w := send(d, "POST", "/open311/v2/requests.xml", media, strings.NewReader(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`)); w.Code != status {
			t.Errorf("%q: %d %s", media, w.Code, w.Body)
		}
	}
}

func TestPictures(t *testing.T) {
	desk := &paperDesk{}
	d := newDoor(desk)
	body := func(n, size int) io.Reader {
		var b bytes.Buffer
		for name, value := range map[string]string{"api_key": "demo", "service_code": "e0101", "lat": "30", "long": "121"} {
			fmt.Fprintf(&b, "--x\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", name, value)
		}
		for i := range n {
			fmt.Fprintf(&b, "--x\r\nContent-Disposition: form-data; name=\"media\"; filename=\"%d.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n", i, strings.Repeat("j", size))
		}
		b.WriteString("--x--\r\n")
		return &b
	}
	const media = "multipart/form-data; boundary=x"
	if w := send(d, "POST", "/open311/v2/requests.json", media, body(2, 100)); w.Code != 200 || len(desk.reports[0].Photos) != 2 || desk.reports[0].Photos[1].Name != "1.jpg" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := send(d, "POST", "/open311/v2/requests.json", media, body(6, 1)); w.Code != 400 {
		t.Errorf("six pictures: %d %s", w.Code, w.Body)
	}
	if w := send(d, "POST", "/open311/v2/requests.json", media, body(1, 21<<20)); w.Code != 413 {
		t.Errorf("a large picture: %d", w.Code)
	}
	if w := send(d, "POST", "/open311/v2/requests.json", media, io.MultiReader(body(0, 0), strings.NewReader("--x"))); w.Code != 200 {
		t.Errorf("what stands behind the end: %d %s", w.Code, w.Body)
	}
}

// No address and no body brings the door down, and every answer has a format.
func FuzzDoor(f *testing.F) {
	f.Add("requests.json?start_date=2026-01-01", "api_key=demo&service_code=e0101&lat=1&long=2")
	f.Add("services/c0101.xml", "attribute[a]=b")
	f.Fuzz(func(t *testing.T, path, body string) {
		u, err := url.Parse("/open311/v2/" + path)
		if err != nil {
			return
		}
		for _, method := range []string{"GET", "POST"} {
			r := httptest.NewRequest(method, "/open311/v2/x", strings.NewReader(body))
			r.URL = u
			r.Header.Set("Content-Type", formMedia)
			w := httptest.NewRecorder()
			newDoor(&paperDesk{}).ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Errorf("%s %q %q: %d", method, path, body, w.Code)
			}
			if w.Code < 300 || w.Code >= 400 {
				wellFormed(t, path, w)
			}
		}
	})
}
