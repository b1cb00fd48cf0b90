package story

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// axeSource is the accessibility checker, fetched by `make axe`.
var axeSource = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	b, err := os.ReadFile(filepath.Join(filepath.Dir(here), "node_modules", "axe-core", "axe.min.js"))
	return string(b), err
})

// finding is what axe says against a page.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct {
		Target  []any
		HTML    string
		Summary string
	}
}

func (f finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s", f.ID, f.Impact, f.Help)
	for i, n := range f.Nodes {
		if i == 5 {
			fmt.Fprintf(&b, "\n      and %d more", len(f.Nodes)-i)
			break
		}
		html := n.HTML
		if len(html) > 200 {
			html = html[:200] + "…"
		}
		fmt.Fprintf(&b, "\n      at %v\n        %s\n        %s", n.Target, html, strings.Join(strings.Fields(n.Summary), " "))
	}
	return b.String()
}

// axeRun asks for WCAG 2.2 AA and axe's good practice, target sizes included.
const axeRun = `axe.run(document, {
	runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
	rules: {"target-size": {enabled: true}},
	resultTypes: ["violations"],
}).then(r => r.violations.map(v => ({id: v.id, impact: v.impact, help: v.help,
	nodes: v.nodes.map(n => ({target: n.target, html: n.html, summary: n.failureSummary}))})))`

// shape tells one make of page from another: which kinds of elements it has within
// which, with their roles and states, named or not. What it says and how often
// something is repeated doesn't count, since axe finds the same there.
const shape = `(() => {
	const telling = /^(role|type|class|open|disabled|required|aria-(hidden|current|expanded|invalid|live|pressed|selected))$/;
	const kind = e => e.tagName + e.getAttributeNames().sort().map(n => " " + n + (telling.test(n) ? "=" + e.getAttribute(n) : "")).join("") + (e.textContent.trim() ? "" : " bare");
	const kinds = new Set();
	for (const e of document.querySelectorAll("*")) kinds.add((e.parentElement ? e.parentElement.tagName : "") + ">" + kind(e));
	return [...kinds].sort().join("\n");
})()`

// looked holds the makes of page that axe has seen in this test binary, by view.
// The long tests look at each state of each page anew.
var looked sync.Map

// fingerprint tells one state of a page from another.
const fingerprint = `(() => { let h = 0; const s = document.documentElement.outerHTML; for (let i = 0; i < s.length; i++) h = (h * 31 + s.charCodeAt(i)) | 0; return location.href + " " + h })()`

// look checks the page as it stands, once for each state of it: what axe finds
// (once for each make of page), whether it scrolls sideways, whether it loads anything from elsewhere and
// whether a script failed.
func (v *Visitor) look() {
	v.t.Helper()
	print, err := eval[string](v, fingerprint)
	if err != nil || strings.HasPrefix(print, "about:blank") {
		return // between two pages; the next step looks again
	}
	v.mu.Lock()
	known := v.seen[print]
	v.seen[print] = true
	requests, faults := v.outside, v.faults
	v.outside, v.faults = nil, nil
	v.mu.Unlock()

	at := v.Address()
	for _, r := range requests {
		if u, err := url.Parse(r); err == nil && u.Host != "" && u.Host != v.base.Host {
			v.t.Errorf("%s loads from outside: %s", at, r)
		}
	}
	for _, f := range faults {
		v.t.Errorf("%s: %s", at, f)
	}
	if known {
		return
	}
	if over, err := eval[string](v, sideways); err == nil && over != "" {
		v.t.Errorf("%s (%s) scrolls sideways: %s", at, v.View, over)
	}
	if v.unlike() {
		found, err := v.axe()
		if err != nil {
			v.t.Errorf("%s: axe could not look at it: %v", at, err)
			return
		}
		for _, f := range found {
			v.t.Errorf("%s (%s): axe says\n    %s", at, v.View, f)
		}
	}
	v.mu.Lock()
	v.pages = append(v.pages, at)
	v.mu.Unlock()
}

// unlike reports whether axe saw no page of this make in a window of this kind.
func (v *Visitor) unlike() bool {
	if os.Getenv("YIWANG_SOAK") == "1" {
		return true
	}
	made, err := eval[string](v, shape)
	if err != nil {
		return true
	}
	w := v.View
	w.Lang = ""
	_, known := looked.LoadOrStore(fmt.Sprint(w)+"\n"+made, true)
	return !known
}

// sideways names the widest thing of a page that has to be scrolled sideways.
const sideways = `(() => {
	const d = document.documentElement;
	if (d.scrollWidth <= d.clientWidth + 1) return "";
	let worst = null, right = d.clientWidth;
	for (const e of document.body.querySelectorAll("*")) {
		const r = e.getBoundingClientRect();
		if (r.right > right + 1 && r.width > 0) { right = r.right; worst = e; }
	}
	return d.scrollWidth + " px on " + d.clientWidth + " px" + (worst ? ", widest is " + worst.outerHTML.slice(0, 160) : "");
})()`

func (v *Visitor) axe() ([]finding, error) {
	source, err := axeSource()
	if err != nil {
		missing(v.t, "axe-core has not been fetched, so nobody looks at accessibility (make axe)")
	}
	if v.View.NoScript {
		// Scripts of the page did not run when it was loaded and do not run now.
		v.scripts(true)
		defer v.scripts(false)
	}
	loaded, err := eval[bool](v, `!!window.axe`)
	if err != nil {
		return nil, err
	}
	if !loaded {
		if _, err := eval[bool](v, source+"\n;!!window.axe"); err != nil {
			return nil, err
		}
	}
	return eval[[]finding](v, axeRun)
}

// Pages lists the addresses that axe has looked at, there or in a page of the same
// make, in order.
func (v *Visitor) Pages() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]string(nil), v.pages...)
}

// ExpectTargets fails for every link, button and field that is smaller than px
// in width or height, but for links within running text.
func (v *Visitor) ExpectTargets(px int) {
	v.t.Helper()
	small, err := eval[[]string](v, fmt.Sprintf(`(() => {
		const out = [];
		for (const e of document.querySelectorAll("a[href], button, summary, select, textarea, input:not([type=hidden])")) {
			if (!e.checkVisibility({visibilityProperty: true})) continue;
			if (e.tagName === "A" && getComputedStyle(e).display === "inline") continue;
			const label = e.labels && e.labels[0] && /^(radio|checkbox|file)$/.test(e.type) ? e.labels[0] : e;
			const r = label.getBoundingClientRect();
			if (r.width < 2 || r.bottom < 0) continue;
			if (r.width < %[1]d - 0.5 || r.height < %[1]d - 0.5) out.push(Math.round(r.width) + "×" + Math.round(r.height) + " " + e.outerHTML.slice(0, 120));
		}
		return out;
	})()`, px))
	if err != nil {
		v.fatal("sizes: %v", err)
	}
	for _, s := range small {
		v.t.Errorf("%s (%s): smaller than %d px: %s", v.Address(), v.View, px, s)
	}
}

// ExpectTypeSize fails when the page's running text is smaller than px.
func (v *Visitor) ExpectTypeSize(px float64) {
	v.t.Helper()
	small, err := eval[[]string](v, fmt.Sprintf(`(() => {
		const out = [];
		for (const e of document.querySelectorAll("main p, main li, main dd, main label, main button, main a[href]")) {
			if (!e.checkVisibility({visibilityProperty: true}) || !e.innerText.trim()) continue;
			const size = parseFloat(getComputedStyle(e).fontSize);
			if (size < %g - 0.01) out.push(size + " px: " + e.innerText.trim().slice(0, 60));
		}
		return out;
	})()`, px))
	if err != nil {
		v.fatal("type sizes: %v", err)
	}
	for _, s := range small {
		v.t.Errorf("%s (%s): type smaller than %g px: %s", v.Address(), v.View, px, s)
	}
}
