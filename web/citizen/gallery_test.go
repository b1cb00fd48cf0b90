package citizen

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"yiwang/city"
	"yiwang/internal/story"
	"yiwang/web"
)

func TestMain(m *testing.M) { os.Exit(story.Main(m)) }

// gallery serves the sample of every page at its path.
func gallery(t *testing.T) http.Handler {
	t.Helper()
	signedOut, acting := map[string]bool{}, map[string]string{}
	mux := http.NewServeMux()
	for _, s := range samples() {
		signedOut[s.path], acting[s.path] = s.stranger, s.actingFor
		pattern := "GET " + s.path
		if s.path == "/" {
			pattern += "{$}"
		}
		mux.Handle(pattern, web.Page(func(w http.ResponseWriter, r *http.Request) error {
			return web.Render(w, r, http.StatusOK, s.c)
		}))
	}
	mux.HandleFunc("/", web.NotFound)
	site, err := web.New(web.Options{
		City: web.City{Code: "9901", Name: city.Text{ZhHans: "江海市", En: "Jianghai"}}, Clock: city.NewSetClock(at(11, 23, 12, 0)), Demo: true,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Visitor: func(r *http.Request) (web.Visitor, error) {
			if signedOut[r.URL.Path] {
				return web.Visitor{}, nil
			}
			return web.Visitor{Actor: city.Actor{Kind: city.Resident, Name: "林小满"}, ActingFor: acting[r.URL.Path]}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("GET /static/", site.Static())
	return site.Wrap(mux)
}

func all(n *html.Node, selector string) []*html.Node {
	return cascadia.QueryAll(n, cascadia.MustCompile(selector))
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
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
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

// TestGallery makes every page in both languages, usual and elder, and looks at
// what any page must have. YIWANG_GALLERY names a folder to keep them in.
func TestGallery(t *testing.T) {
	h := gallery(t)
	keep := os.Getenv("YIWANG_GALLERY")
	if keep == "" {
		keep = t.TempDir()
	}
	for _, s := range samples() {
		for _, query := range []string{"lang=zh-Hans&elder=0", "lang=en&elder=0", "lang=zh-Hans&elder=1", "lang=en&elder=1"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", s.path+"?"+query, nil))
			name := strings.Trim(strings.NewReplacer("/", "-", "&", "-", "=", "-").Replace(s.path+"-"+query), "-")
			if err := os.WriteFile(filepath.Join(keep, name+".html"), w.Body.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Run(name, func(t *testing.T) {
				if w.Code != http.StatusOK {
					t.Fatalf("status %d", w.Code)
				}
				check(t, w.Body.Bytes())
			})
		}
	}
}

// check is what every page must have.
func check(t *testing.T, page []byte) {
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(all(doc, "h1")); n != 1 {
		t.Errorf("%d h1", n)
	}
	desk := len(all(doc, "html.desk")) == 1
	for _, one := range []string{"html[lang]", "title", "main#main", "body > header", "body > footer", `a.skip[href="#main"]`} {
		if n := len(all(doc, one)); n != 1 && !(desk && one == "body > footer") {
			t.Errorf("%d times %s", n, one)
		}
	}
	if !desk && len(all(doc, `a[href*="elder="]`)) == 0 || len(all(doc, `a[href*="lang="][hreflang]`)) != 1 {
		t.Error("the way to elder mode, or to the other language, is missing")
	}
	ids := map[string]int{}
	for _, n := range all(doc, "[id]") {
		ids[attr(n, "id")]++
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("id %q stands %d times", id, n)
		}
	}
	for _, in := range all(doc, "input:not([type=hidden]), select, textarea") {
		id := attr(in, "id")
		if attr(in, "aria-label") == "" && (id == "" || len(all(doc, `label[for="`+id+`"]`)) == 0) && !within(in, "label") {
			t.Errorf("no label for %s %s", in.Data, attr(in, "name"))
		}
		if attr(in, "name") == "" {
			t.Errorf("%s %s has no name and is sent to nobody", in.Data, id)
		}
	}
	for _, n := range all(doc, "[aria-describedby], label[for]") {
		for _, id := range strings.Fields(attr(n, "aria-describedby") + " " + attr(n, "for")) {
			if ids[id] == 0 {
				t.Errorf("%s points at #%s, which is not there", n.Data, id)
			}
		}
	}
	for _, n := range all(doc, ".faults a") {
		if id := strings.TrimPrefix(attr(n, "href"), "#"); ids[id] == 0 {
			t.Errorf("a fault leads to #%s, which is not there", id)
		}
	}
	for _, n := range all(doc, "a, button") {
		if words(n) == "" && attr(n, "aria-label") == "" {
			t.Errorf("a %s without words: %v", n.Data, n.Attr)
		}
	}
	for _, n := range all(doc, "[style], style, script:not([src]), [onclick]") {
		t.Errorf("%s holds what the content policy forbids", n.Data)
	}
	level := 0
	for _, n := range all(doc, "h1, h2, h3, h4") {
		l := int(n.Data[1] - '0')
		if l > level+1 {
			t.Errorf("after h%d comes h%d %q", level, l, words(n))
		}
		level = l
	}
	said := words(doc)
	for _, bad := range []string{"web.", "citizen.", "error.", "%!", "{n", "{when", "{due", "**", "<nil>"} {
		if i := strings.Index(said, bad); i >= 0 {
			t.Errorf("the page says %q", said[max(0, i-20):min(len(said), i+40)])
		}
	}
}

func within(n *html.Node, tag string) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == tag {
			return true
		}
	}
	return false
}

// TestGalleryInABrowser looks at every page on a telephone in elder mode or on a
// laptop by turns and, in the long tests, on all of them and others: axe finds
// nothing, nothing scrolls
// sideways, what is pressed is large enough. YIWANG_SCREENSHOTS names a folder
// for pictures.
func TestGalleryInABrowser(t *testing.T) {
	story.Available(t)
	srv := httptest.NewServer(gallery(t))
	defer srv.Close()
	views := []story.View{
		{Size: story.Phone, Lang: city.Chinese, Elder: true},
		{Size: story.Laptop, Lang: city.English},
	}
	long := os.Getenv("YIWANG_SOAK") != "" || os.Getenv("YIWANG_SCREENSHOTS") != ""
	if long {
		views = append(views,
			story.View{Size: story.Phone, Lang: city.Chinese},
			story.View{Size: story.Phone, Lang: city.English},
			story.View{Size: story.Laptop, Lang: city.Chinese},
			story.View{Size: story.Desk, Lang: city.English, Elder: true},
			story.View{Size: story.Wall, Lang: city.Chinese},
		)
	}
	for turn, view := range views {
		t.Run(view.String(), func(t *testing.T) {
			v := story.Visit(t, srv.URL, view)
			query := "?lang=" + string(view.Lang)
			if view.Elder {
				query += "&elder=1"
			}
			for i, s := range samples() {
				if !long && i%len(views) != turn {
					continue
				}
				v.Go(s.path + query)
				v.Screenshot(strings.Trim(strings.ReplaceAll(s.path, "/", "-"), "-"))
				if view.Elder && s.path != "/desk" { // officers have no elder mode
					v.ExpectTargets(60)
				}
			}
		})
	}
}
