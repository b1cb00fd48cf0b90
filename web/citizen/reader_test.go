package citizen_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"github.com/skip2/go-qrcode"
	"golang.org/x/net/html"

	"yiwang/city"
)

// reader is somebody with a browser that runs no scripts: pages are read, links
// followed, forms filled in as they stand and sent.
type reader struct {
	testing.TB
	url    string
	client *http.Client
	lang   city.Lang

	status int
	head   http.Header
	at     *url.URL
	body   []byte
	doc    *html.Node
	form   *html.Node // the one that is being filled in
	values url.Values
	files  map[string]attachment
}

type attachment struct {
	name string
	body []byte
}

func (w *town) visit() *reader {
	w.Helper()
	jar, err := cookiejar.New(nil)
	w.ok(err)
	return &reader{TB: w, url: w.url, lang: city.English, client: &http.Client{Jar: jar}}
}

func (v *reader) send(method, path string, kind string, body io.Reader) *reader {
	v.Helper()
	u := path
	if strings.HasPrefix(path, "/") {
		u = v.url + path
	}
	r, err := http.NewRequest(method, u, body)
	if err != nil {
		v.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	r.Header.Set("Accept-Language", string(v.lang))
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := v.client.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	defer res.Body.Close()
	v.status, v.head, v.at = res.StatusCode, res.Header, res.Request.URL
	if v.body, err = io.ReadAll(res.Body); err != nil {
		v.Fatal(err)
	}
	if v.doc, err = html.Parse(bytes.NewReader(v.body)); err != nil {
		v.Fatal(err)
	}
	v.form, v.values, v.files = nil, nil, nil
	if strings.HasPrefix(v.head.Get("Content-Type"), "text/html") {
		v.sane()
	}
	return v
}

// sane is what no page may lack or say.
func (v *reader) sane() {
	v.Helper()
	said := v.text("html")
	for _, free := range v.all(".code-text, textarea") { // any signs may follow each other in a licence's code, and in what somebody typed
		if given := words(free); given != "" {
			said = strings.ReplaceAll(said, given, "")
		}
	}
	for _, bad := range []string{"citizen.", "web.", "service.no", "service.m", "purpose.", "%!", "<nil>", "{n", "{due", "{item", "{body", "**", "case.not", "INTERNAL"} {
		if i := strings.Index(said, bad); i >= 0 {
			v.Errorf("%s says %q", v.at, said[max(0, i-40):min(len(said), i+40)])
		}
	}
	if n := len(v.all("h1")); n != 1 {
		v.Errorf("%s has %d h1", v.at, n)
	}
	for _, n := range v.all("[style], style, script:not([src]), [onclick]") {
		v.Errorf("%s: %s holds what the content policy forbids", v.at, n.Data)
	}
	ids := map[string]bool{}
	for _, n := range v.all("[id]") {
		if ids[attr(n, "id")] {
			v.Errorf("%s: id %q stands twice", v.at, attr(n, "id"))
		}
		ids[attr(n, "id")] = true
	}
	for _, n := range v.all(".faults a") {
		if !ids[strings.TrimPrefix(attr(n, "href"), "#")] {
			v.Errorf("%s: a fault leads to %s, which is not there", v.at, attr(n, "href"))
		}
	}
}

func (v *reader) get(path string) *reader {
	v.Helper()
	return v.send(http.MethodGet, path, "", nil)
}

func (v *reader) all(selector string) []*html.Node {
	return cascadia.QueryAll(v.doc, cascadia.MustCompile(selector))
}

func (v *reader) one(selector string) *html.Node {
	v.Helper()
	list := v.all(selector)
	if len(list) != 1 {
		v.Fatalf("%s has %d times %s: %s", v.at, len(list), selector, v.text("main"))
	}
	return list[0]
}

func (v *reader) text(selector string) string {
	var b strings.Builder
	for _, n := range v.all(selector) {
		b.WriteString(words(n) + " ")
	}
	return strings.TrimSpace(b.String())
}

func words(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
			b.WriteString(" ")
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// is expects a status.
func (v *reader) is(status int) *reader {
	v.Helper()
	if v.status != status {
		v.Fatalf("%s: status %d, want %d: %s", v.at, v.status, status, v.text("main"))
	}
	return v
}

// on expects the address to begin so.
func (v *reader) on(path string) *reader {
	v.Helper()
	if !strings.HasPrefix(v.at.RequestURI(), path) {
		v.Fatalf("at %s, want %s: %d %s", v.at.RequestURI(), path, v.status, v.text("main"))
	}
	return v
}

// reads expects words in the main part of the page.
func (v *reader) reads(all ...string) *reader {
	v.Helper()
	said := v.text("body")
	for _, s := range all {
		if !strings.Contains(said, s) {
			v.Errorf("%s lacks %q: %s", v.at, s, v.text("main"))
		}
	}
	return v
}

func (v *reader) lacks(all ...string) *reader {
	v.Helper()
	said := v.text("main")
	for _, s := range all {
		if strings.Contains(said, s) {
			v.Errorf("%s says %q: %s", v.at, s, said)
		}
	}
	return v
}

// click follows the first link with the words in it.
func (v *reader) click(said string) *reader {
	v.Helper()
	for _, n := range v.all("a[href]") {
		if strings.Contains(words(n), said) {
			to, err := v.at.Parse(attr(n, "href"))
			if err != nil {
				v.Fatal(err)
			}
			return v.get(to.String())
		}
	}
	v.Fatalf("%s has no link %q: %s", v.at, said, v.text("main"))
	return v
}

// open takes up the form that has a button with the words.
func (v *reader) open(button string) *reader {
	v.Helper()
	v.form, v.values, v.files = nil, url.Values{}, map[string]attachment{}
	for _, f := range v.all("form") {
		for _, b := range cascadia.QueryAll(f, cascadia.MustCompile("button")) {
			if strings.Contains(words(b), button) && v.form == nil {
				v.form = f
			}
		}
	}
	if v.form == nil {
		v.Fatalf("%s has no button %q: %s", v.at, button, v.text("main"))
	}
	for _, n := range cascadia.QueryAll(v.form, cascadia.MustCompile("input, textarea, select")) {
		name := attr(n, "name")
		switch {
		case name == "" || attr(n, "type") == "file":
		case n.Data == "textarea":
			v.values.Add(name, words(n))
		case n.Data == "select":
			for _, o := range cascadia.QueryAll(n, cascadia.MustCompile("option[selected]")) {
				v.values.Add(name, attr(o, "value"))
			}
		case attr(n, "type") == "radio" || attr(n, "type") == "checkbox":
			if has(n, "checked") {
				v.values.Add(name, attr(n, "value"))
			}
		default:
			v.values.Add(name, attr(n, "value"))
		}
	}
	return v
}

// fill writes into the open form; a field that isn't there is a fault.
func (v *reader) fill(name, value string) *reader {
	v.Helper()
	v.field(name)
	v.values.Set(name, value)
	return v
}

// tick adds to the chosen answers.
func (v *reader) tick(name, value string) *reader {
	v.Helper()
	v.field(name)
	v.values.Add(name, value)
	return v
}

func (v *reader) field(name string) {
	v.Helper()
	if len(cascadia.QueryAll(v.form, cascadia.MustCompile(fmt.Sprintf("[name=%q]", name)))) == 0 {
		v.Fatalf("%s: the form has no %s: %s", v.at, name, words(v.form))
	}
}

func (v *reader) attach(name, file string, body []byte) *reader {
	v.Helper()
	v.field(name)
	v.files[name] = attachment{file, body}
	return v
}

// press sends the open form by its button.
func (v *reader) press(button string) *reader {
	v.Helper()
	if v.form == nil {
		v.open(button)
	}
	for _, b := range cascadia.QueryAll(v.form, cascadia.MustCompile("button[name]")) {
		if strings.Contains(words(b), button) {
			v.values.Set(attr(b, "name"), attr(b, "value"))
			break
		}
	}
	to, err := v.at.Parse(attr(v.form, "action"))
	if err != nil {
		v.Fatal(err)
	}
	if attr(v.form, "method") != "post" {
		to.RawQuery = v.values.Encode()
		return v.get(to.String())
	}
	if attr(v.form, "enctype") != "multipart/form-data" {
		return v.send(http.MethodPost, to.String(), "application/x-www-form-urlencoded", strings.NewReader(v.values.Encode()))
	}
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, n := range cascadia.QueryAll(v.form, cascadia.MustCompile("input[type=file]")) {
		f := v.files[attr(n, "name")]
		part, err := m.CreateFormFile(attr(n, "name"), f.name)
		if err == nil {
			_, err = part.Write(f.body)
		}
		if err != nil {
			v.Fatal(err)
		}
	}
	for name, list := range v.values {
		for _, value := range list {
			if err := m.WriteField(name, value); err != nil {
				v.Fatal(err)
			}
		}
	}
	if err := m.Close(); err != nil {
		v.Fatal(err)
	}
	return v.send(http.MethodPost, to.String(), m.FormDataContentType(), &b)
}

// signIn signs in by the form.
func (v *reader) signIn(login string) *reader {
	v.Helper()
	v.get("/sign-in").open("Sign in").fill("login", login).fill("password", "demo")
	v.press("Sign in")
	if v.status != http.StatusOK || strings.HasPrefix(v.at.Path, "/sign-in") {
		v.Fatalf("%s can't sign in: %d %s", login, v.status, v.text("main"))
	}
	return v
}

// actFor lets the session act for whom the button names.
func (v *reader) actFor(name string) *reader {
	v.Helper()
	return v.get("/delegations").press(name).is(http.StatusOK)
}

// number is the number of the case whose page it is.
func (v *reader) number() city.CaseNumber {
	v.Helper()
	n, err := city.ParseCaseNumber(strings.TrimPrefix(v.at.Path, "/matters/"))
	if err != nil {
		v.Fatalf("%s is no case: %s", v.at, v.text("main"))
	}
	return n
}

// qrPicture draws a code as somebody would photograph it.
func qrPicture(t testing.TB, code string) []byte {
	t.Helper()
	b, err := qrcode.Encode(code, qrcode.High, 900)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
