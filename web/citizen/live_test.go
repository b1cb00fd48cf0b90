package citizen

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/internal/story"
	"yiwang/web"
)

// live serves a case that is decided at the third look, and a search.
func live(t *testing.T) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var looks atomic.Int64
	mux := http.NewServeMux()
	site, err := web.New(web.Options{City: web.City{Name: city.Text{ZhHans: "江海市", En: "Jianghai"}}})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("GET /matters/1", web.Page(func(w http.ResponseWriter, r *http.Request) error {
		c := sampleSent()
		if looks.Add(1) > 2 {
			c = sampleGranted()
		}
		return web.Render(w, r, http.StatusOK, CasePage(c))
	}))
	mux.Handle("GET /items", web.Page(func(w http.ResponseWriter, r *http.Request) error {
		s := Search{Query: r.URL.Query().Get("q")}
		if s.Query == "津贴" {
			s = sampleSearch()
		}
		return web.Render(w, r, http.StatusOK, SearchPage(s))
	}))
	mux.Handle("GET /static/", site.Static())
	srv := httptest.NewServer(site.Wrap(mux))
	t.Cleanup(srv.Close)
	return srv, &looks
}

func TestACaseThatIsAboutToBeDecidedShowsTheDecisionByItself(t *testing.T) {
	story.Available(t)
	srv, looks := live(t)
	v := story.Visit(t, srv.URL, story.View{Size: story.Phone})
	v.Go("/matters/1")
	if v.Count(`script[src*="htmx"]`) == 0 {
		t.Skip("the front-end packages have not been bundled (make bundle), so the page waits to be asked")
	}
	v.Expect("正在核对，几秒就好")
	for end := time.Now().Add(2 * time.Minute); looks.Load() < 3 && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	v.Expect("按规则自动准予")
	v.ExpectGone("正在核对，几秒就好")
	time.Sleep(2500 * time.Millisecond)
	if n := looks.Load(); n != 3 {
		t.Errorf("the page looked %d times; after the decision it has nothing to ask", n)
	}
}

func TestWithoutAScriptALinkLooksAgain(t *testing.T) {
	story.Available(t)
	srv, _ := live(t)
	v := story.Visit(t, srv.URL, story.View{Size: story.Phone, NoScript: true})
	v.Go("/matters/1")
	v.Click("再看一下")
	v.Click("再看一下")
	v.Expect("按规则自动准予")
}

func TestResultsFollowTheTyping(t *testing.T) {
	story.Available(t)
	srv, _ := live(t)
	v := story.Visit(t, srv.URL, story.View{})
	v.Go("/items")
	if v.Count(`script[src*="htmx"]`) == 0 {
		t.Skip("the front-end packages have not been bundled (make bundle), so results come on pressing the button")
	}
	v.Expect("没有找到")
	v.Fill("您想办什么事？", "津贴")
	v.Expect("居民身份证换领")
	v.ExpectAt("/items")
}
