package web

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/story"
)

func TestMain(m *testing.M) { os.Exit(story.Main(m)) }

func jianghai(t testing.TB) *geo.Roads {
	t.Helper()
	b, err := os.ReadFile("../cities/jianghai/roads.geojson")
	if err != nil {
		t.Fatal(err)
	}
	roads, faults := geo.ReadRoads(b, nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return roads
}

func mapSite(t testing.TB, roads *geo.Roads) *Site {
	t.Helper()
	s, err := New(Options{City: City{Code: "9901", Name: city.Text{ZhHans: "江海市", En: "Jianghai"}}, Clock: city.NewSetClock(noon), Roads: roads})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mapIn(t testing.TB, roads *geo.Roads, l city.Lang) context.Context {
	t.Helper()
	s := mapSite(t, roads)
	return With(context.Background(), &View{Lang: l, City: s.o.City, Now: noon, Path: "/", site: s})
}

func drawn(t testing.TB, ctx context.Context, v MapView) string {
	t.Helper()
	var b bytes.Buffer
	if err := Map(v).Render(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var binjiang = geo.Point{Lat: 31.9240, Lon: 121.0560}

func TestAMapShowsRoadsPinsAndSaysTheSame(t *testing.T) {
	roads := jianghai(t)
	road, at, _ := roads.Near(binjiang, 5000)
	v := MapView{Name: "where", Title: Plain("x"), Centre: at, Radius: 400, Pins: []Pin{
		{At: at, Kind: PinPlace, Text: city.Text{ZhHans: "井盖缺失", En: "Missing cover"}},
		{At: geo.Move(at, 90, 200), Kind: PinOfficer, Label: "<1>", Text: Plain("A & B"), Href: "/desk"},
	}}
	page := drawn(t, mapIn(t, roads, city.Chinese), v)
	for _, want := range []string{`data-name="` + road.Name.ZhHans + `"`, road.Name.ZhHans + "旁", "井盖缺失", "&lt;1&gt;", "A &amp; B", `href="/desk"`, "200 米", ">北<",
		"地图：江海市示意路网", `x="50.00%" y="50.00%"`, `class="pin officer"`, `class="pin place"`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, never := range []string{"<script", "style=", "data-map-lat", "http://", "https://"} {
		if strings.Contains(page, never) {
			t.Errorf("%s stands in a map that picks nothing", never)
		}
	}
	if page := drawn(t, mapIn(t, roads, city.English), v); !strings.Contains(page, "near "+road.Name.En) || !strings.Contains(page, "200 m<") || !strings.Contains(page, "Missing cover") {
		t.Error("the map is not said in English")
	}
	v.NoList = true
	if page := drawn(t, mapIn(t, roads, city.Chinese), v); strings.Contains(page, "<ol") {
		t.Error("the list stands twice")
	}
}

// Without a map there are words, and a place can still be given.
// A way that was taken and shaded areas are drawn; a pattern and a number tell areas
// apart without colours, and the keyboard isn't led through them.
func TestAMapShowsWaysAndAreas(t *testing.T) {
	ctx := mapIn(t, jianghai(t), city.English)
	at := geo.Point{Lat: 31.933, Lon: 121.04}
	ring := []geo.Point{geo.Move(at, 0, 800), geo.Move(at, 120, 800), geo.Move(at, 240, 800)}
	far := []geo.Point{geo.Move(at, 90, 90_000), geo.Move(at, 91, 90_000), geo.Move(at, 90, 91_000)}
	got := drawn(t, ctx, MapView{Name: "m", Centre: at, Radius: 2000, Lines: [][]geo.Point{ring, {at}},
		Areas: []MapArea{{Ring: ring, At: at, Tint: "red", Pattern: "cross", Title: "Somewhere: 70", Label: "70", Href: "/there"}, {Ring: far, At: far[0], Tint: "green"}}})
	for what, n := range map[string]int{`class="taken"`: 1, `class="area red"`: 1, `class="area green"`: 0, `fill="url(#pattern-cross)"`: 1, `id="pattern-cross"`: 1, `href="/there" tabindex="-1"`: 1, "<title>Somewhere: 70</title>": 1, ">70</text>": 1} {
		if strings.Count(got, what) != n {
			t.Errorf("%q stands %d times, want %d", what, strings.Count(got, what), n)
		}
	}
	if plain := drawn(t, ctx, MapView{Name: "m", Centre: at, Radius: 2000}); strings.Contains(plain, "pattern-") || strings.Contains(plain, "taken") {
		t.Error("a map without any has them")
	}
}

func TestACityWithoutAMap(t *testing.T) {
	page := drawn(t, mapIn(t, nil, city.Chinese), MapView{Name: "where", Pick: true, Picked: binjiang, Pins: []Pin{{At: binjiang, Text: Plain("井盖")}}})
	for _, want := range []string{"井盖", `name="where.lat" value="31.924000"`, `name="where.lon" value="121.056000"`, "data-map-here"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(page, "data-map-drawing") || strings.Contains(page, "data-map-in") {
		t.Error("something was drawn")
	}
	h := mapPages(mapSite(t, nil))
	if w := do(h, "GET", "/map?lat=31.9&lon=121&r=500"); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
}

func mapPages(s *Site) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", s.Static())
	mux.Handle("GET "+MapPath, s.Map())
	return s.Wrap(mux)
}

// The whole city, any place in it and any number of pins make a page of bounded
// size; the drawing is well-formed and no number in it is far outside.
func TestMapsAreBounded(t *testing.T) {
	roads := jianghai(t)
	ctx := mapIn(t, roads, city.Chinese)
	coordinates := regexp.MustCompile(`[ML](-?[0-9.]+) (-?[0-9.]+)`)
	check := func(t interface{ Fatalf(string, ...any) }, page string) {
		if len(page) > 200_000 {
			t.Fatalf("%d bytes", len(page))
		}
		for _, m := range coordinates.FindAllStringSubmatch(page, -1) {
			x, errX := strconv.ParseFloat(m[1], 64)
			y, errY := strconv.ParseFloat(m[2], 64)
			if errX != nil || errY != nil || math.Abs(x) > 2000 || math.Abs(y) > 2000 {
				t.Fatalf("a line goes to %s, %s", m[1], m[2])
			}
		}
	}
	whole := drawn(t, ctx, MapView{Name: "city"})
	if check(t, whole); !strings.Contains(whole, "滨江路") || !strings.Contains(whole, "公里") {
		t.Error("the whole city shows nothing")
	}
	var pins []Pin
	for i := range 5000 {
		pins = append(pins, Pin{At: geo.Move(binjiang, float64(i), float64(i)), Text: Plain("x")})
	}
	check(t, drawn(t, ctx, MapView{Name: "many", Pins: pins}))
	for _, odd := range []geo.Point{{}, {Lat: math.NaN(), Lon: 3}, {Lat: 90, Lon: 180}, {Lat: -90, Lon: -180}, {Lat: 400, Lon: 400}} {
		check(t, drawn(t, ctx, MapView{Name: "odd", Centre: odd, Radius: math.Inf(1), Pins: []Pin{{At: odd}}, Picked: odd, Pick: true}))
	}
	rapid.Check(t, func(t *rapid.T) {
		v := MapView{Name: "any", Radius: rapid.Float64Range(-5, 1e6).Draw(t, "r"), Pick: true, Centre: geo.Point{
			Lat: rapid.Float64Range(31.8, 32.1).Draw(t, "lat"), Lon: rapid.Float64Range(120.9, 121.4).Draw(t, "lon")}}
		var b bytes.Buffer
		if err := Map(v).Render(ctx, &b); err != nil {
			t.Fatal(err)
		}
		check(t, b.String())
	})
}

// What is drawn stands where it is: the road under a place passes its pin.
func TestRoadsAreDrawnWhereTheyAre(t *testing.T) {
	roads := jianghai(t)
	ctx := mapIn(t, roads, city.Chinese)
	rapid.Check(t, func(t *rapid.T) {
		r := &roads.Roads[rapid.IntRange(0, len(roads.Roads)-1).Draw(t, "road")]
		i := rapid.IntRange(1, len(r.Line)-1).Draw(t, "piece")
		f := rapid.Float64Range(0, 1).Draw(t, "f")
		a, b := r.Line[i-1], r.Line[i]
		p := geo.Point{Lat: a.Lat + f*(b.Lat-a.Lat), Lon: a.Lon + f*(b.Lon-a.Lon)}
		m := lay(ctx, MapView{Centre: p, Radius: rapid.Float64Range(leastRadius, 700).Draw(t, "radius")})
		least := math.Inf(1)
		for _, g := range m.roads {
			for _, l := range g.lines {
				least = math.Min(least, toPath(l.path, mapWide/2, mapHigh/2))
			}
		}
		if least > 3 {
			t.Fatalf("the nearest line is %.1f units from a place on %s", least, r.ID)
		}
	})
}

func toPath(d string, x, y float64) float64 {
	least := math.Inf(1)
	var lx, ly float64
	for _, m := range regexp.MustCompile(`([ML])(-?[0-9.]+) (-?[0-9.]+)`).FindAllStringSubmatch(d, -1) {
		px, _ := strconv.ParseFloat(m[2], 64)
		py, _ := strconv.ParseFloat(m[3], 64)
		if m[1] == "L" {
			dx, dy := px-lx, py-ly
			f := 0.0
			if l := dx*dx + dy*dy; l > 0 {
				f = math.Min(1, math.Max(0, ((x-lx)*dx+(y-ly)*dy)/l))
			}
			least = math.Min(least, math.Hypot(lx+f*dx-x, ly+f*dy-y))
		}
		lx, ly = px, py
	}
	return least
}

func TestTheMapOfAnotherPlace(t *testing.T) {
	h := mapPages(mapSite(t, jianghai(t)))
	for query, want := range map[string]int{
		"lat=31.924&lon=121.056&r=500":      http.StatusOK,
		"lat=31.924&lon=121.056&r=1e300":    http.StatusOK,
		"lat=31.924&lon=121.056&r=-1":       http.StatusOK,
		"lat=31.924&lon=121.056&r=NaN":      http.StatusNotFound,
		"lat=31.924&lon=121.056":            http.StatusNotFound,
		"lat=x&lon=121&r=5":                 http.StatusUnprocessableEntity,
		"lat=NaN&lon=121&r=5":               http.StatusUnprocessableEntity,
		"lat=91&lon=121&r=5":                http.StatusUnprocessableEntity,
		"lat=1" + strings.Repeat("0", 40):   http.StatusUnprocessableEntity,
		"":                                  http.StatusNotFound,
		"lat=1&lon=1&r=5&name=" + long("x"): http.StatusNotFound,
	} {
		w := do(h, "GET", "/map?"+query)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", query, w.Code, want)
		}
		if want == http.StatusOK {
			if _, err := html.Parse(w.Body); err != nil {
				t.Error(err)
			}
		}
	}
}

func long(s string) string { return strings.Repeat(s, 500) }

func TestReadPoint(t *testing.T) {
	for _, c := range []struct {
		lat, lon string
		want     geo.Point
		bad      bool
	}{
		{"31.9", "121.05", geo.Point{Lat: 31.9, Lon: 121.05}, false},
		{"", " ", geo.Point{}, false},
		{"31.9", "", geo.Point{}, true},
		{"31.9", "181", geo.Point{}, true},
		{"Inf", "0", geo.Point{}, true},
		{"<b>", "1", geo.Point{}, true},
	} {
		form := url.Values{"where.lat": {c.lat}, "where.lon": {c.lon}}
		p, err := ReadPoint(form.Get, "where")
		if p != c.want && !c.bad || (err != nil) != c.bad {
			t.Errorf("%s, %s: %v, %v", c.lat, c.lon, p, err)
		}
	}
}

// A place is chosen by a tap and by the keys, and the page learns of it.
func TestChoosingAPlaceInABrowser(t *testing.T) {
	story.Available(t)
	roads := jianghai(t)
	for _, view := range []story.View{
		{Size: story.Phone, Lang: city.Chinese},
		{Size: story.Laptop, Lang: city.English},
		{Size: story.Phone, Lang: city.Chinese, Elder: true},
		{Size: story.Laptop, Lang: city.Chinese, NoScript: true},
	} {
		t.Run(view.String(), func(t *testing.T) {
			s := mapSite(t, roads)
			mux := http.NewServeMux()
			mux.Handle("GET /static/", s.Static())
			mux.Handle("GET "+MapPath, s.Map())
			mux.Handle("/", Page(func(w http.ResponseWriter, r *http.Request) error {
				p, err := ReadPoint(r.URL.Query().Get, "where")
				if err != nil {
					return err
				}
				return Render(w, r, http.StatusOK, mapPage(MapView{Name: "where", Title: Plain("map"), Pick: true, Picked: p, Centre: binjiang, Radius: 600,
					Pins: []Pin{{At: geo.Move(binjiang, 60, 300), Kind: PinOther, Label: "1", Text: Plain("manhole"), Href: "/1"},
						{At: geo.Move(binjiang, 250, 350), Kind: PinOfficer, Label: "Chen", Text: Plain("on duty")}, {At: geo.Move(binjiang, 190, 250), Kind: PinDone, Label: "2", Text: Plain("mended")}}}))
			}))
			server := httptest.NewServer(s.Wrap(mux))
			defer server.Close()
			v := story.Visit(t, server.URL, view)
			mode := "/?lang=" + string(view.Lang)
			if view.Elder {
				mode += "&elder=1"
			}
			v.Go(mode)
			v.Expect("manhole", "on duty")
			v.Screenshot("map-1")
			if view.NoScript {
				if v.Count("[data-map-tools]:not([hidden])") != 0 {
					t.Error("buttons that need the script are shown without it")
				}
				return
			}
			say := func(zh, en string) string { return city.Text{ZhHans: zh, En: en}.In(view.Lang) }
			v.Press(kb.Tab)
			for range 40 {
				if v.Count("[data-map-sheet]:focus") > 0 {
					break
				}
				v.Press(kb.Tab)
			}
			v.Press(kb.ArrowUp)
			v.Press(kb.ArrowRight)
			v.Expect(say("按回车选定", "Press Enter to take it"))
			if got := v.Attr("[data-map-lat]", "value"); got != "" {
				t.Errorf("%q was taken before Enter", got)
			}
			v.Press(kb.Enter)
			v.Expect(say("选在", "Chosen: "))
			v.Screenshot("map-2")
			for range 20 {
				v.Press(kb.ArrowUp)
			}
			v.Press(kb.Enter)
			v.Expect(say("选在", "Chosen: "))
			v.Click(say("放大", "Closer"))
			v.Screenshot("map-3")
			v.Click("send")
			where, err := url.ParseQuery(strings.TrimPrefix(v.Address()[strings.Index(v.Address(), "?"):], "?"))
			if err != nil {
				t.Fatal(err)
			}
			p, err := ReadPoint(where.Get, "where")
			if err != nil || p.Lat < binjiang.Lat+0.003 || math.Abs(p.Lon-binjiang.Lon) > 0.002 {
				t.Errorf("chosen %v, %v", p, err)
			}
			v.Expect(say("选在", "Chosen: "))
		})
	}
}

func mapPage(v MapView) interface {
	Render(context.Context, io.Writer) error
} {
	return pageOf(func(ctx context.Context, w io.Writer) error {
		if _, err := io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><title>map</title><meta name="viewport" content="width=device-width, initial-scale=1"/><link rel="stylesheet" href="`+
			ViewOf(ctx).asset("yiwang.css")+`"/></head><body><main><h1>map</h1><form method="get">`); err != nil {
			return err
		}
		if err := Map(v).Render(ctx, w); err != nil {
			return err
		}
		_, err := io.WriteString(w, `<button class="button">send</button></form></main></body></html>`)
		return err
	})
}

type pageOf func(context.Context, io.Writer) error

func (f pageOf) Render(ctx context.Context, w io.Writer) error { return f(ctx, w) }
