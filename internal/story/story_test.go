package story

import (
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yiwang/city"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// aside is a test that only takes notes, to see that the harness can find fault.
type aside struct {
	testing.TB
	faults []string
	fatal  bool
}

type stop struct{}

func (a *aside) Helper()                   {}
func (a *aside) Errorf(f string, x ...any) { a.faults = append(a.faults, fmt.Sprintf(f, x...)) }
func (a *aside) Fatalf(f string, x ...any) { a.Errorf(f, x...); a.fatal = true; panic(stop{}) }
func (a *aside) Failed() bool              { return false }

func (a *aside) run(f func()) (all string) {
	defer func() {
		if x := recover(); x != nil && x != (stop{}) {
			panic(x)
		}
		all = strings.Join(a.faults, "\n")
	}()
	f()
	return
}

var shell = template.Must(template.New("").Parse(`<!doctype html><html lang="{{.Lang}}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}}</title><link rel="icon" href="data:,"></head>
<body><main><h1>{{.Title}}</h1>{{.Body}}</main></body></html>`))

func site(t *testing.T) *httptest.Server {
	page := func(w http.ResponseWriter, r *http.Request, title, body string) {
		lang, elder := r.Header.Get("Accept-Language"), ""
		if r.URL.Query().Get("elder") == "1" {
			elder = "<p>elder mode</p>"
		}
		err := shell.Execute(w, map[string]any{"Lang": lang, "Title": title, "Body": template.HTML(body + elder)})
		if err != nil {
			t.Error(err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /good", func(w http.ResponseWriter, r *http.Request) {
		page(w, r, "What would you like to do?", `
		<p id="js">no script</p><script>document.getElementById("js").textContent = "script ran"</script>
		<form method="post" action="/good" enctype="multipart/form-data">
		<p><label for="n">Your name</label><br><input id="n" name="n" value="old" autocomplete="name"></p>
		<p><label for="b">Date of birth</label><br><input id="b" name="b" type="date"></p>
		<p><label>District <select name="d"><option value="1">River</option><option value="2">Hill</option></select></label></p>
		<fieldset><legend>Collect it</legend>
		<p><label><input type="radio" name="c" value="post"> By post</label></p><p><label><input type="radio" name="c" value="here"> At the counter</label></p></fieldset>
		<fieldset><legend>Pay it</legend>
		<p><label><input type="radio" name="p" value="post"> By post</label></p><p><label><input type="radio" name="p" value="here"> At the counter</label></p></fieldset>
		<p><label for="f">Floor plan</label><br><input id="f" name="f" type="file"></p>
		<p><button>Send</button></p></form><p><a href="/slow">Read more</a></p>`)
	})
	mux.HandleFunc("POST /good", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			t.Error(err)
		}
		page(w, r, "Thank you", fmt.Sprintf("<p>%s|%s|%s|%s|%s|%d file</p>", template.HTMLEscapeString(r.FormValue("n")),
			r.FormValue("b"), r.FormValue("d"), r.FormValue("c"), r.FormValue("p"), len(r.MultipartForm.File["f"])))
	})
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "who", Value: "Mei", HttpOnly: true, Path: "/"})
		page(w, r, "Signed in", "<p>Hello.</p>")
	})
	mux.HandleFunc("GET /paper", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("who")
		if err != nil {
			http.Error(w, "nobody", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/pdf")
		fmt.Fprint(w, "%PDF for ", c.Value)
	})
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) { page(w, r, "More", "<p>All there is.</p>") })
	mux.HandleFunc("GET /bad", func(w http.ResponseWriter, r *http.Request) {
		page(w, r, "Bad", `<img src="data:," width="10"><p style="color:#bbb;background:#fff">pale</p><input name="nameless">
		<a href="/slow" style="font-size:8px;display:inline-block">t</a><button style="padding:0;font-size:8px">x</button>`)
	})
	mux.HandleFunc("GET /wide", func(w http.ResponseWriter, r *http.Request) {
		page(w, r, "Wide", `<p style="width:3000px">very wide</p>`)
	})
	mux.HandleFunc("GET /leaky", func(w http.ResponseWriter, r *http.Request) {
		page(w, r, "Leaky", `<img alt="" src="http://127.0.0.1:9/pixel.png"><script>undefinedThing()</script>`)
	})
	mux.HandleFunc("GET /covered", func(w http.ResponseWriter, r *http.Request) {
		page(w, r, "Covered", `<button>Under</button><div style="position:fixed;inset:0;background:#fff"><p>Over</p></div>`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestVisitorFillsAndSends(t *testing.T) {
	s := site(t)
	plan := filepath.Join(t.TempDir(), "plan.pdf")
	if err := os.WriteFile(plan, []byte("%PDF-1.4"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, view := range []View{{Size: Phone, Lang: city.English}, {Size: Desk, Lang: city.Chinese, NoScript: true}, {Size: Wall, Elder: true}} {
		t.Run(view.String(), func(t *testing.T) {
			v := Visit(t, s.URL, view)
			v.Go("/good")
			if view.NoScript {
				v.Expect("no script")
			} else {
				v.Expect("script ran")
			}
			if view.Elder {
				v.Expect("elder mode")
			} else {
				v.ExpectGone("elder mode")
			}
			if got := v.Attr("html", "lang"); got != string(v.View.Lang) {
				t.Errorf("asked in %q", got)
			}
			v.Fill("Your name", "Mei 梅")
			if got := v.Value("Your name"); got != "Mei 梅" {
				t.Errorf("name is %q", got)
			}
			v.Fill("Date of birth", "1940-05-01")
			v.Fill("District", "Hill")
			v.Choose("At the counter", "Collect it")
			v.Choose("By post", "Pay it")
			v.Upload("Floor plan", plan)
			v.Screenshot("story-good")
			v.Click("Send")
			v.Expect("Mei 梅|1940-05-01|2|here|post|1 file")
			v.Go("/good")
			v.Click("Read more")
			v.Expect("All there is.")
			if status, _, _ := v.Get("/paper"); status != http.StatusUnauthorized {
				t.Errorf("a paper without a cookie: %d", status)
			}
			v.Go("/sign-in")
			if status, typ, body := v.Get("/paper"); status != http.StatusOK || typ != "application/pdf" || string(body) != "%PDF for Mei" {
				t.Errorf("the paper is %d %s %q", status, typ, body)
			}
			v.Go("/slow")
			v.ExpectAt("/slow")
			if n := len(v.Pages()); n < 3 {
				t.Errorf("axe looked at %d pages only: %v", n, v.Pages())
			}
		})
	}
}

// A page with faults is caught, in words that say where.
func TestHarnessFindsFaults(t *testing.T) {
	s := site(t)
	for _, c := range []struct {
		path string
		do   func(*Visitor)
		want []string
	}{
		{"/bad", func(*Visitor) {}, []string{"image-alt", "color-contrast", "label", "axe says", "/bad"}},
		{"/bad", func(v *Visitor) { v.ExpectTargets(44) }, []string{"smaller than 44 px"}},
		{"/wide", func(*Visitor) {}, []string{"scrolls sideways", "very wide"}},
		{"/leaky", func(*Visitor) {}, []string{"loads from outside: http://127.0.0.1:9/pixel.png", "undefinedThing is not defined"}},
		{"/covered", func(v *Visitor) { v.Click("Under") }, []string{"lies under"}},
		{"/good", func(v *Visitor) { v.Click("Snd") }, []string{"nothing to press is called “Snd”; there is: Send · Read more"}},
		{"/good", func(v *Visitor) { v.Choose("By post") }, []string{"2 things are called “By post”"}},
		{"/good", func(v *Visitor) { v.Fill("District", "Sea") }, []string{"has no “Sea” but: River · Hill"}},
		{"/good", func(v *Visitor) { v.ExpectTargets(44); v.ExpectTypeSize(26) }, []string{"smaller than 44 px", "smaller than 26 px"}},
	} {
		notes := &aside{TB: t}
		got := notes.run(func() {
			v := Visit(notes, s.URL, View{Size: Phone, Lang: city.English})
			v.search = 200 * time.Millisecond
			v.Go(c.path)
			c.do(v)
		})
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: %q went unseen; the harness said:\n%s", c.path, w, got)
			}
		}
	}
}

func TestProgramLivesDiesAndComesBack(t *testing.T) {
	p := Program{Package: "./internal/story/testdata/answer"}.Start(t)
	count := func() string {
		resp, err := http.Get(p.URL + "/count")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got := count(); got != "1" {
		t.Errorf("first count is %s", got)
	}
	p.Kill()
	if _, err := http.Get(p.URL + "/count"); err == nil {
		t.Error("it answers after kill -9")
	}
	p.Restart()
	if got := count(); got != "2" {
		t.Errorf("after the restart the count is %s", got)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if !strings.Contains(p.Log(), "stopping as asked") {
		t.Errorf("its last words are lost: %q", p.Log())
	}

	notes := &aside{TB: t}
	said := notes.run(func() {
		Program{Package: "./internal/story/testdata/answer", Args: []string{"--refuse"}}.Start(notes)
	})
	if !notes.fatal || !strings.Contains(said, "refusing to start") {
		t.Errorf("a program that does not start was told so: %q", said)
	}
}
