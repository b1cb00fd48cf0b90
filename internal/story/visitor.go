package story

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"yiwang/city"
)

// Size is the screen that a visitor looks at, in CSS pixels.
type Size struct {
	Name          string
	Width, Height int64
	Scale         float64
	Touch         bool
}

var (
	Phone  = Size{"phone", 390, 844, 2, true}
	Laptop = Size{"laptop", 1280, 800, 1, false}
	Desk   = Size{"desk", 1440, 900, 1, false}
	Wall   = Size{"wall", 1920, 1080, 1, false}
)

// View says how a visitor comes. The zero View is a desk screen in Chinese.
type View struct {
	Size     Size
	Lang     city.Lang
	Elder    bool // in elder mode
	NoScript bool // with JavaScript off
}

func (w View) String() string {
	w = w.orDefault()
	s := w.Size.Name + " " + string(w.Lang)
	if w.Elder {
		s += " elder"
	}
	if w.NoScript {
		s += " noscript"
	}
	return s
}

func (w View) orDefault() View {
	if w.Size == (Size{}) {
		w.Size = Desk
	}
	if w.Lang == "" {
		w.Lang = city.Chinese
	}
	return w
}

// patience is how long a visitor waits for anything before the test fails.
const patience = time.Minute

// Visitor is somebody with a browser window of their own (cookies included).
// A step that can't be done ends the test and says what the page offers instead.
type Visitor struct {
	t     testing.TB
	ctx   context.Context
	base  *url.URL
	View  View
	scope string // CSS; "" is the whole page

	*window
}

// window is what visitors that look at parts of one page share.
type window struct {
	mu      sync.Mutex
	loading bool
	outside []string        // addresses loaded from elsewhere
	faults  []string        // script errors and blocked resources
	seen    map[string]bool // pages already looked at by axe, by content
	pages   []string        // addresses that axe looked at
	fresh   bool            // nothing visited yet
	dark    bool            // without a signal: what fails to load is no fault
	search  time.Duration   // how long find looks before it says that nothing is there
}

// Visit opens a browser window on the site at base.
func Visit(t testing.TB, base string, view View) *Visitor {
	t.Helper()
	parent := browser(t)
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	view = view.orDefault()
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	v := &Visitor{t: t, ctx: ctx, base: u, View: view, window: &window{seen: map[string]bool{}, fresh: true, search: 10 * time.Second}}
	t.Cleanup(func() {
		if t.Failed() {
			v.keep(fmt.Sprintf("failed-%s", strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())))
			t.Logf("the visitor (%s) was at %s", view, v.Address())
		}
		cancel()
	})
	if err := chromedp.Listen(ctx, v.listen); err != nil {
		t.Fatalf("no window: %v", err)
	}
	must(v, network.Enable, network.EnableParams{})
	must(v, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
		Headers: network.Headers{"Accept-Language": string(view.Lang)},
	})
	must(v, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: view.Size.Width, Height: view.Size.Height, DeviceScaleFactor: view.Size.Scale, Mobile: view.Size.Touch,
	})
	if view.NoScript {
		v.scripts(false)
	}
	return v
}

func (v *Visitor) scripts(on bool) {
	must(v, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// listen runs on the goroutine that reads the browser's messages.
func (w *window) listen(ev any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch ev := ev.(type) {
	case *page.EventFrameStartedNavigating:
		w.loading = true
	case *page.EventFrameStartedLoading:
		w.loading = true
	case *page.EventFrameStoppedLoading:
		w.loading = false
	case *network.EventRequestWillBeSent:
		w.outside = append(w.outside, ev.Request.URL)
	case *network.EventResponseReceived:
		if ev.Response.Status >= 400 && !w.dark && ev.Type != network.ResourceTypeDocument && ev.Type != network.ResourceTypeFetch && ev.Type != network.ResourceTypeXHR {
			w.faults = append(w.faults, fmt.Sprintf("%s answered %d", ev.Response.URL, ev.Response.Status))
		}
	case *runtime.EventExceptionThrown:
		d := ev.ExceptionDetails
		text := d.Text
		if d.Exception != nil && d.Exception.Description != "" {
			text = d.Exception.Description
		}
		w.faults = append(w.faults, "a script failed: "+text)
	}
}

// In is the same visitor looking only at the part of the page that the CSS
// selector names.
func (v *Visitor) In(selector string) *Visitor {
	part := *v
	part.scope = selector
	return &part
}

// Go opens an address of the site, such as "/items".
func (v *Visitor) Go(path string) {
	v.t.Helper()
	to, err := v.base.Parse(path)
	if err != nil {
		v.t.Fatal(err)
	}
	v.mu.Lock()
	first := v.fresh
	v.fresh = false
	v.mu.Unlock()
	if first && v.View.Elder {
		q := to.Query()
		q.Set("elder", "1")
		to.RawQuery = q.Encode()
	}
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(to.String())); err != nil {
		v.t.Fatalf("%s does not open: %v", to, err)
	}
	v.settle()
}

// Click presses the link or button with the words on it.
func (v *Visitor) Click(words string) {
	v.t.Helper()
	v.press(v.find("press", words, ""), words)
	v.settle()
}

// Choose ticks the box or radio button with the label; with a group, the one
// under that legend.
func (v *Visitor) Choose(label string, group ...string) {
	v.t.Helper()
	el := v.find("choice", label, strings.Join(group, ""))
	if callOn[bool](v, el, `function() { return !!this.checked }`) {
		return
	}
	v.press(el, label)
	v.settle()
	if still := callOn[bool](v, el, `function() { return this.isConnected && this.checked === false }`); still {
		v.fatal("%q stays unticked", label)
	}
}

// Fill types into the field with the label, or picks the option of a list by
// its words.
func (v *Visitor) Fill(label, text string) {
	v.t.Helper()
	el := v.find("field", label, "")
	const prepare = `function(text) {
		this.scrollIntoView({block: "center", behavior: "instant"});
		if (this.disabled || this.readOnly) return "locked";
		const tell = () => { this.dispatchEvent(new Event("input", {bubbles: true})); this.dispatchEvent(new Event("change", {bubbles: true})); };
		if (this instanceof HTMLSelectElement) {
			const norm = s => s.replace(/\s+/g, " ").trim();
			const o = [...this.options].find(o => norm(o.text) === text) || [...this.options].find(o => norm(o.text).startsWith(text));
			if (!o) return "has no “" + text + "” but: " + [...this.options].map(o => norm(o.text)).join(" · ");
			this.value = o.value; tell(); return "";
		}
		this.focus();
		if (/^(date|time|month|week|datetime-local|color|range)$/.test(this.type)) { this.value = text; tell(); return this.value === text ? "" : "does not take “" + text + "”"; }
		if (this.select) this.select();
		return "type";
	}`
	switch answer := callOn[string](v, el, prepare, text); answer {
	case "":
	case "type":
		if text == "" {
			callOn[bool](v, el, `function() { this.value = ""; this.dispatchEvent(new Event("input", {bubbles: true})); return true }`)
			break
		}
		must(v, input.InsertText, input.InsertTextParams{Text: text})
		if got := callOn[string](v, el, `function() { return this.value ?? this.textContent }`); got != text {
			v.fatal("typed %q into %q, there stands %q", text, label, got)
		}
		callOn[bool](v, el, `function() { this.dispatchEvent(new Event("change", {bubbles: true})); return true }`)
	default:
		v.fatal("the field %q %s", label, answer)
	}
	v.settle()
}

// Value is what stands in the field with the label.
func (v *Visitor) Value(label string) string {
	v.t.Helper()
	return callOn[string](v, v.find("field", label, ""), `function() { return this.value }`)
}

// Signal says whether the test lets the visitor reach the city. Without a signal
// pages that don't come are no fault of theirs.
func (v *Visitor) Signal(there bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dark = !there
}

// ExpectKept waits until the telephone has kept the page, to be read without a
// signal.
func (v *Visitor) ExpectKept() {
	v.t.Helper()
	v.waitFor(patience, "the page is not kept", func() bool { return v.Attr("html", "data-kept") == "1" })
}

// Upload gives files to the file field with the label.
func (v *Visitor) Upload(label string, files ...string) {
	v.t.Helper()
	whole := make([]string, len(files)) // the browser ends a page that sends a relative path
	for i, name := range files {
		path, err := filepath.Abs(name)
		if err == nil {
			_, err = os.Stat(path)
		}
		if err != nil {
			v.t.Fatal(err)
		}
		whole[i] = path
	}
	el := v.find("field", label, "")
	must(v, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: whole, ObjectID: el})
	v.settle()
}

// Press sends keys to what has the focus, such as "j" or kb.Enter.
func (v *Visitor) Press(keys string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(keys)); err != nil {
		v.fatal("keys %q: %v", keys, err)
	}
	v.settle()
}

// Expect waits until all the texts can be read on the page.
func (v *Visitor) Expect(texts ...string) {
	v.t.Helper()
	for _, want := range texts {
		v.waitFor(patience, fmt.Sprintf("%q is not to be read", want), func() bool { return strings.Contains(v.Text(), squeeze(want)) })
	}
	v.look()
}

// ExpectGone waits until none of the texts can be read on the page.
func (v *Visitor) ExpectGone(texts ...string) {
	v.t.Helper()
	for _, gone := range texts {
		v.waitFor(patience, fmt.Sprintf("%q is still to be read", gone), func() bool { return !strings.Contains(v.Text(), squeeze(gone)) })
	}
	v.look()
}

// ExpectAt waits until the window is at a path of the site that begins so.
func (v *Visitor) ExpectAt(path string) {
	v.t.Helper()
	v.waitFor(patience, "the window is not at "+path, func() bool { return strings.HasPrefix(v.Path(), path) })
}

// Reload opens the same address again until the text can be read, for what
// happens at the city's own pace.
func (v *Visitor) Reload(until string, within time.Duration) {
	v.t.Helper()
	v.waitFor(within, fmt.Sprintf("%q did not come", until), func() bool {
		if strings.Contains(v.Text(), squeeze(until)) {
			return true
		}
		ctx, cancel := context.WithTimeout(v.ctx, patience)
		defer cancel()
		if err := chromedp.Do(ctx, chromedp.Reload()); err != nil {
			v.fatal("reload: %v", err)
		}
		time.Sleep(150 * time.Millisecond)
		return strings.Contains(v.Text(), squeeze(until))
	})
	v.settle()
}

func (v *Visitor) waitFor(limit time.Duration, otherwise string, done func() bool) {
	v.t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			v.fatal("%s after %s", otherwise, limit)
		}
	}
}

// Text is what can be read on the page, white space squeezed.
func (v *Visitor) Text() string {
	text, _ := eval[string](v, fmt.Sprintf(`(%s ? document.querySelector(%[1]s) : document.body)?.innerText || ""`, quote(v.scope)))
	return squeeze(text)
}

// Path is the address within the site, query included.
func (v *Visitor) Path() string {
	p, _ := eval[string](v, `location.pathname + location.search`)
	return p
}

// Address is the whole address of the page.
func (v *Visitor) Address() string {
	p, _ := eval[string](v, `location.href`)
	return p
}

// Count says how many elements match the selector.
func (v *Visitor) Count(selector string) int {
	n, _ := eval[int](v, fmt.Sprintf(`document.querySelectorAll(%s).length`, quote(selector)))
	return n
}

// Attr is an attribute of the first element that matches, "" without one.
func (v *Visitor) Attr(selector, name string) string {
	s, _ := eval[string](v, fmt.Sprintf(`document.querySelector(%s)?.getAttribute(%s) || ""`, quote(selector), quote(name)))
	return s
}

// Screenshot keeps a picture of the whole page under the name, when
// YIWANG_SCREENSHOTS names a folder.
func (v *Visitor) Screenshot(name string) {
	v.t.Helper()
	v.keep(fmt.Sprintf("%s-%s", name, strings.ReplaceAll(v.View.String(), " ", "-")))
}

func (v *Visitor) keep(name string) {
	dir := os.Getenv("YIWANG_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		if err = os.MkdirAll(dir, 0o755); err == nil {
			err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644)
		}
	}
	if err != nil {
		v.t.Errorf("no picture of %s: %v", v.Address(), err)
	}
}

// settle waits until the page that the last step led to stands still, and looks
// at it.
func (v *Visitor) settle() {
	v.t.Helper()
	const still = `document.readyState === "complete" && !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling, [aria-busy=true]")`
	time.Sleep(40 * time.Millisecond) // a press needs a moment to set off a navigation
	for end, calm := time.Now().Add(patience), 0; calm < 2; time.Sleep(15 * time.Millisecond) {
		v.mu.Lock()
		loading := v.loading
		v.mu.Unlock()
		ok, err := eval[bool](v, still)
		switch {
		case !loading && err == nil && ok:
			calm++
		case time.Now().After(end):
			v.fatal("the page is still loading after %s", patience)
		default:
			calm = 0
		}
	}
	v.look()
}

func (v *Visitor) fatal(format string, args ...any) {
	v.t.Helper()
	text := v.Text()
	if r := []rune(text); len(r) > 1500 {
		text = string(r[:1500]) + " …"
	}
	v.t.Fatalf("%s\n  at %s (%s)\n  reading: %s", fmt.Sprintf(format, args...), v.Address(), v.View, text)
}

//go:embed find.js
var findScript string

func (v *Visitor) find(kind, words, group string) runtime.RemoteObjectID {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	expr := fmt.Sprintf("%s(%s, %s, %s, %s)", strings.TrimSpace(findScript), quote(kind), quote(words), quote(v.scope), quote(group))
	for end := time.Now().Add(v.search); ; time.Sleep(50 * time.Millisecond) {
		el, err := chromedp.Run(ctx, chromedp.Evaluate[*runtime.RemoteObject](expr))
		if err == nil {
			return el.ObjectID
		}
		if time.Now().After(end) {
			var ex *chromedp.ExceptionError
			if errors.As(err, &ex) && ex.Exception != nil {
				reason, _, _ := strings.Cut(ex.Exception.Description, "\n")
				v.fatal("%s", strings.TrimPrefix(reason, "Error: "))
			}
			v.fatal("looking for %q: %v", words, err)
		}
	}
}

// press clicks the middle of the element with the mouse, as long as nothing
// lies over it.
func (v *Visitor) press(el runtime.RemoteObjectID, words string) {
	v.t.Helper()
	const place = `function() {
		const label = this.labels && this.labels[0];
		const box = e => { e.scrollIntoView({block: "center", behavior: "instant"}); return e.getClientRects()[0] };
		let e = this, r = box(e);
		if ((!r || r.width < 2 || r.height < 2 || getComputedStyle(e).opacity === "0") && label) { e = label; r = box(e); }
		if (!r) return {why: "has no place on the page"};
		const x = r.left + r.width / 2, y = r.top + r.height / 2;
		const top = document.elementFromPoint(x, y);
		if (top && !(e.contains(top) || top.contains(e) || (label && (label.contains(top) || top.contains(label))))) return {why: "lies under " + top.outerHTML.slice(0, 160)};
		if (this.disabled) return {why: "is disabled"};
		return {x, y};
	}`
	type spot struct {
		X, Y float64
		Why  string
	}
	at := callOn[spot](v, el, place)
	if at.Why != "" {
		v.fatal("%q %s", words, at.Why)
	}
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.MouseClickXY(at.X, at.Y)); err != nil {
		v.fatal("pressing %q: %v", words, err)
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// Get fetches an address of the site as the visitor's browser would, cookies
// included, for what is no page: a PDF, a picture, JSON.
func (v *Visitor) Get(path string) (status int, contentType string, body []byte) {
	v.t.Helper()
	to, err := v.base.Parse(path)
	if err != nil {
		v.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Accept-Language", string(v.View.Lang))
	for _, c := range must(v, network.GetCookies, network.GetCookiesParams{URLs: []string{to.String()}}).Cookies {
		req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		v.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), body
}
