package report_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/incident"
	"yiwang/web/report"
)

const lamp = "门口的井盖不见了"

// with is several sets of values together.
func with(sets ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, s := range sets {
		for k, v := range s {
			out[k] = v
		}
	}
	return out
}

var send = map[string]string{"do": "send"}

// Nobody in particular reports with a photo and no script: the guess is shown
// before anything is sent, and number and code lead back.
func TestNobodyReports(t *testing.T) {
	w := jianghai(t)
	v := w.visit().get(report.Path).expect(http.StatusOK, "Report a problem", "110", "119", "120")
	v.fill(report.Path, with(send, haitang, map[string]string{"text": lamp, "address": "海棠里 6 幢门口", "phone": "13900990002"}), photo(80, 60))
	v.expect(http.StatusOK, "One more step", "This looks like", "Because you said")
	if n := len(v.all("img[src^='/report/kept/']")); n != 1 {
		t.Fatalf("%d photos were kept", n)
	}
	kept := attr(v.one("img[src^='/report/kept/']"), "src")
	if q := v.all(`[name="answers.state"]`); len(q) != 3 {
		t.Errorf("the class asks %d things", len(q))
	}
	v.fill(report.Path, with(send, map[string]string{"answers.state": "broken"}))
	v.expect(http.StatusOK, "We have it", "sent on as", "Please keep this")
	if v.at != report.PathDone {
		t.Errorf("afterwards at %s", v.at)
	}
	kv := v.all(".keep .number")
	number, code := words(kv[0]), words(kv[1])
	if !strings.HasPrefix(number, "JH-2026-") || len(code) != 8 {
		t.Fatalf("number %q, code %q", number, code)
	}
	for _, at := range v.been {
		if strings.Contains(at, code) {
			t.Errorf("the code stands in the address %s", at)
		}
	}
	// who holds the cookie follows at once
	v.get(report.PathFollow).expect(http.StatusOK, lamp, "海棠里 6 幢门口", "acts next, by")
	src := attr(v.one(".shots img"), "src")
	if v.get(src); v.status != http.StatusOK || v.head.Get("Content-Type") != "image/jpeg" || !strings.HasPrefix(string(v.body), "\xFF\xD8\xFF") {
		t.Errorf("the photo: %d %s", v.status, v.head.Get("Content-Type"))
	}
	if v.get(kept); v.status != http.StatusOK {
		t.Errorf("the photo before it was sent: %d", v.status)
	}
	// nobody else does, without number and code
	other := w.visit()
	if other.get(src); other.status != http.StatusNotFound {
		t.Errorf("a stranger gets the photo: %d", other.status)
	}
	other.get(report.FollowPath(city.CaseNumber(number))).expect(http.StatusOK, "How is your report doing?")
	other.fill(report.PathFollow, map[string]string{"code": " " + strings.ToLower(code[:4]) + "-" + code[4:]}).expect(http.StatusOK, lamp)
	other.get(src)
	if other.status != http.StatusOK {
		t.Errorf("with number and code the photo is %d", other.status)
	}
	other.get(report.PathFollow).fill(report.PathLeave, nil).expect(http.StatusOK, "How is your report doing?")
	other.get(report.PathFollow).expect(http.StatusOK, "How is your report doing?")

	w.clock.Advance(61 * time.Minute) // the cookie is over, and so are photos that were never sent
	v.get(report.PathFollow).expect(http.StatusOK, "How is your report doing?")
	if v.get(kept); v.status != http.StatusNotFound {
		t.Errorf("the kept photo after an hour: %d", v.status)
	}
}

// What was typed stays when something is wrong, photos too.
func TestNothingTypedIsLost(t *testing.T) {
	w := jianghai(t)
	v := w.visit().get(report.Path)
	v.fill(report.Path, send).expect(http.StatusUnprocessableEntity, "Please say where it is", "Please say what is wrong")
	v.fill(report.Path, with(send, map[string]string{"text": lamp, "address": "桥头", "region": "990101001002", "email": "nobody", "phone": "call me"}),
		photo(40, 30), []byte("<svg onload=alert(1)>"), photo(30, 40))
	v.expect(http.StatusUnprocessableEntity, "Photo 2:", "Everything else is still here")
	if n := len(v.all(".shots img")); n != 2 {
		t.Fatalf("%d photos stay", n)
	}
	v.fill(report.Path, send).expect(http.StatusUnprocessableEntity, "doesn't look like an e-mail", "doesn't look like a telephone")
	if got := words(v.one("#f-text")); strings.TrimSpace(got) != lamp || attr(v.one("#f-address"), "value") != "桥头" || len(v.all(`option[value="990101001002"][selected]`)) != 1 {
		t.Errorf("what was typed: %q", got)
	}
	// a photo is taken away
	drop := attr(v.one(".shots button"), "value")
	v.fill(report.Path, map[string]string{"drop": drop}).expect(http.StatusOK)
	if n := len(v.all(".shots img")); n != 1 {
		t.Fatalf("%d photos after one was removed", n)
	}
	// too many: those beyond are left out, and it says so
	v.fill(report.Path, with(send, map[string]string{"email": "", "phone": ""}), photo(9, 9), photo(9, 9), photo(9, 9), photo(9, 9), photo(9, 9), photo(9, 9))
	v.expect(http.StatusUnprocessableEntity, "at most 5 photos")
	if n := len(v.all(".shots img")); n != 5 {
		t.Errorf("%d photos of seven", n)
	}
	// and after a long time they are gone, which is said
	w.clock.Advance(40 * time.Minute)
	v.fill(report.Path, send).expect(http.StatusUnprocessableEntity, "must be chosen again")
	v.fill(report.Path, send).expect(http.StatusOK, "We have it")
}

func TestAPlaceOutsideTheCity(t *testing.T) {
	v := jianghai(t).visit().get(report.Path)
	v.fill(report.Path, with(send, map[string]string{"place.lat": "39.9", "place.lon": "116.4", "text": lamp})).expect(http.StatusOK, "One more step")
	v.fill(report.Path, send).expect(http.StatusUnprocessableEntity, "outside the city", "0990-12345", "0991-12345")
	if len(v.all(`a[href="tel:0990-12345"]`)) != 1 || strings.TrimSpace(words(v.one("#f-text"))) != lamp {
		t.Error("the neighbour can't be called, or the words are lost")
	}
	for _, bad := range []map[string]string{{"place.lat": "NaN", "place.lon": "1"}, {"place.lat": "1e400", "place.lon": "1"}, {"place.lat": "91", "place.lon": "0"}, {"place.lat": "-", "place.lon": ""}, {"region": "12345"}, {"region": "%_"}} {
		v.get(report.Path).fill(report.Path, with(send, bad, map[string]string{"text": lamp}))
		if v.status != http.StatusUnprocessableEntity && v.status != http.StatusOK {
			t.Errorf("%v: %d", bad, v.status)
		}
	}
}

// A double click, or a page that was sent again, files once.
func TestSentTwice(t *testing.T) {
	w := jianghai(t)
	v := w.visit().get(report.Path).fill(report.Path, with(send, haitang, map[string]string{"text": lamp}), photo(20, 20))
	numbers := make([]string, 6)
	var together sync.WaitGroup
	for i := range numbers {
		together.Go(func() {
			again := *v
			again.fill(report.Path, send)
			if again.status != http.StatusOK {
				t.Errorf("%d %s", again.status, again.text("main"))
			} else {
				numbers[i] = again.text(".keep .number")
			}
		})
	}
	together.Wait()
	for _, n := range numbers {
		if n == "" || n != numbers[0] {
			t.Fatalf("sent six times: %q", numbers)
		}
	}
}

// Somebody reported it before: whoever comes second says whether it is the same.
func TestReportedBefore(t *testing.T) {
	w := jianghai(t)
	place := city.Place{Lat: 31.933, Lon: 121.040}
	first := w.reports(incident.Report{Class: "c0101", Text: "井盖不见了", Place: place})
	v := w.visit().get(report.Path)
	v.fill(report.Path, with(send, haitang, map[string]string{"text": lamp})).expect(http.StatusUnprocessableEntity, "Is it the same?", "5 m away", "Please say whether it is the same")
	v.fill(report.Path, with(send, map[string]string{"same": string(first.Number)})).expect(http.StatusOK, "reported before")
	if got := v.text(".keep .number"); !strings.HasPrefix(got, string(first.Number)) || strings.Contains(got, first.Code) {
		t.Errorf("joined as %q, the first has %s %s", got, first.Number, first.Code)
	}
	v = w.visit().get(report.Path)
	v.fill(report.Path, with(send, haitang, map[string]string{"text": lamp}))
	v.fill(report.Path, with(send, map[string]string{"same": "none"})).expect(http.StatusOK, "sent on as")
	if got := v.text(".keep .number"); strings.HasPrefix(got, string(first.Number)) {
		t.Errorf("another matter became %q", got)
	}
	v.get(report.SeenPath(first.Number)).expect(http.StatusOK, "I see this, too")
	v.get(report.Path+"?join="+string(first.Number)).expect(http.StatusOK, "the same as others did")
	v.fill(report.Path, with(send, map[string]string{"text": "我也看到了"})).expect(http.StatusOK, "reported before")
	if got := v.text(".keep .number"); !strings.HasPrefix(got, string(first.Number)) {
		t.Errorf("joined as %q", got)
	}
}

// The guess follows the words, and what the reader chose stays chosen.
func TestTheGuess(t *testing.T) {
	v := jianghai(t).visit().get(report.Path)
	post := func(body string) *reader {
		return v.send(http.MethodPost, report.PathGuess, "application/x-www-form-urlencoded", strings.NewReader(body))
	}
	post("text=").expect(http.StatusOK)
	if len(v.all("#guess *")) != 0 {
		t.Error("a guess without words")
	}
	post("text=zzzz+qqqq").expect(http.StatusOK, "don't tell us what kind", "let the hotline decide")
	post("text=井盖不见了").expect(http.StatusOK, "This looks like")
	if attr(v.one(`[name="shown"]`), "value") != "c0101" || !has(v.one(`[value="c0101"]`), "checked") && len(v.all(`input[value="c0101"][checked]`)) != 1 {
		t.Error("the guess is not chosen")
	}
	if len(v.all("details[open]")) != 0 {
		t.Error("a clear guess is laid open")
	}
	post("text=路灯不亮&shown=c0101&class=c0101").expect(http.StatusOK)
	if len(v.all(`input[value="c0101"][checked]`)) != 0 {
		t.Error("the guess didn't follow the words")
	}
	post("text=路灯不亮&shown=c0103&class=c0101").expect(http.StatusOK)
	if len(v.all(`input[value="c0101"][checked]`)) != 1 || len(v.all("details[open]")) != 1 {
		t.Error("what was chosen is lost")
	}
	v.get(report.Path).fill(report.Path, with(send, haitang, map[string]string{"text": "路灯不亮"}))
	v.fill(report.Path, with(send, map[string]string{"class": "other"})).expect(http.StatusUnprocessableEntity, "choose one of all kinds")
	v.fill(report.Path, with(send, map[string]string{"class": "hotline"})).expect(http.StatusOK, "We have it")
	if strings.Contains(v.text("main"), "sent on as") {
		t.Error("what was left to the hotline was sent on")
	}
}

// Whoever sends too much waits, keeps what was typed, and hears when.
func TestThePace(t *testing.T) {
	w := jianghai(t)
	v := w.visit().get(report.Path)
	for range 30 {
		v.send(http.MethodPost, report.Path, "application/x-www-form-urlencoded", strings.NewReader("text=x"))
	}
	v.get(report.Path).fill(report.Path, with(send, haitang, map[string]string{"text": lamp}), photo(9, 9))
	v.expect(http.StatusTooManyRequests, "A great many reports", "12345")
	if v.head.Get("Retry-After") == "" || strings.TrimSpace(words(v.one("#f-text"))) != lamp {
		t.Error("no time to come back, or the words are lost")
	}
	w.clock.Advance(time.Minute)
	v.fill(report.Path, send).expect(http.StatusOK, "We have it")
}

// A wrong code and an unknown number are one answer, and nobody tries many.
func TestWrongCodes(t *testing.T) {
	w := jianghai(t)
	r := w.reports(incident.Report{Class: "c0101", Text: lamp, Place: city.Place{Region: "990101001001"}})
	v := w.visit()
	try := func(number, code string) string {
		v.get(report.PathFollow).fill(report.PathFollow, map[string]string{"number": number, "code": code})
		return v.text("main")
	}
	wrong := try(string(r.Number), "ABCDEFGH")
	v.expect(http.StatusNotFound)
	unknown := try("JH-2026-999999-"+checkDigit("JH", 2026, 999999), "ABCDEFGH")
	v.expect(http.StatusNotFound)
	if strings.ReplaceAll(wrong, string(r.Number), "") != strings.ReplaceAll(unknown, "JH-2026-999999", "") && wrong != unknown {
		t.Errorf("%q and %q differ", wrong, unknown)
	}
	if try("JH-1", "ABCDEFGH"); v.status != http.StatusUnprocessableEntity {
		t.Errorf("a number that is none: %d", v.status)
	}
	for range 40 {
		try(string(r.Number), "ABCDEFGH")
	}
	v.expect(http.StatusTooManyRequests)
	if try(string(r.Number), r.Code); v.status != http.StatusTooManyRequests {
		t.Errorf("after many tries the right code is taken at once: %d", v.status)
	}
	w.clock.Advance(time.Minute)
	try(string(r.Number), r.Code)
	v.expect(http.StatusOK, lamp)
	// a cookie that nobody signed is nobody's
	forged := w.visit()
	forged.get(report.Path)
	raw, _ := http.NewRequest(http.MethodGet, w.url+report.PathFollow, nil)
	raw.AddCookie(&http.Cookie{Name: "yw_report", Value: "SkgtMjAyNi0wMDAwMDEtMXxBQUFBQUFBQXw5OTk5OTk5OTk5fHg"})
	res, err := http.DefaultClient.Do(raw)
	w.ok(err)
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("a forged cookie: %d", res.StatusCode)
	}
}

func checkDigit(prefix string, year int, n int64) string {
	s := string(city.NewCaseNumber(prefix, year, n))
	return s[len(s)-1:]
}

// When it is over, the reporter says how it went, and has it taken up again.
func TestRatedAndTakenUpAgain(t *testing.T) {
	w := jianghai(t)
	r := w.reports(incident.Report{Class: "c0101", Text: lamp, Place: city.Place{Region: "990101001001"}})
	v := w.visit().get(report.PathFollow)
	v.fill(report.PathFollow, map[string]string{"number": string(r.Number), "code": r.Code}).expect(http.StatusOK, lamp)
	if len(v.all("#rate")) != 0 {
		t.Error("rated while it is under way")
	}
	class, _ := w.incidents.Class("c0101")
	w.mends(r.Number, class.Post)
	v.get(report.PathFollow).expect(http.StatusOK, "How was it?", "Afterwards", "Did anybody get in touch")
	after := attr(v.one(".shots img"), "src")
	v.fill(report.PathRate, map[string]string{"words": "x"}).expect(http.StatusUnprocessableEntity, "at least one of these")
	v.fill(report.PathRate, map[string]string{"responded": "true", "resolved": "false", "level": "4", "words": strings.Repeat("长", 1001)}).expect(http.StatusUnprocessableEntity, "under 1000")
	v.fill(report.PathRate, map[string]string{"words": "还在晃"}).expect(http.StatusOK, "Thank you for your opinion")
	if v.get(after); v.status != http.StatusOK {
		t.Errorf("the photo afterwards: %d", v.status)
	}
	v.get(report.PathFollow).fill(report.PathReopen, map[string]string{"reason": " "}).expect(http.StatusUnprocessableEntity, "what is still wrong")
	v.fill(report.PathReopen, map[string]string{"reason": "还在晃"}).expect(http.StatusOK, "acts next")
	if len(v.all("#rate")) != 0 {
		t.Error("it is open again and can be rated")
	}
	// rated from another window meanwhile, or sent without the cookie: nothing breaks
	if v.send(http.MethodPost, report.PathRate, "application/x-www-form-urlencoded", strings.NewReader("level=1")); v.status != http.StatusOK {
		t.Errorf("rated while open: %d", v.status)
	}
	for _, path := range []string{report.PathRate, report.PathReopen} {
		w.visit().send(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader("level=1&reason=x")).expect(http.StatusOK, "How is your report doing?")
	}
}

// Who was signed in needs no code, and nobody else gets theirs.
func TestSignedIn(t *testing.T) {
	w := jianghai(t)
	w.visitor = city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: city.NewPersonID(), Name: "林小满", Assurance: city.AssurancePassword, Channel: city.ChannelWeb}
	v := w.visit().get(report.Path).expect(http.StatusOK, "You are signed in")
	v.fill(report.Path, with(send, haitang, map[string]string{"text": lamp})).expect(http.StatusOK, "One more step")
	v.fill(report.Path, send).expect(http.StatusOK, "among your matters")
	number := city.CaseNumber(words(v.all(".keep .number")[0]))
	w.visit().get(report.FollowPath(number)).expect(http.StatusOK, lamp)
	w.visitor.Person = city.NewPersonID()
	w.visit().get(report.FollowPath(number)).expect(http.StatusOK, "How is your report doing?")
	w.visitor = city.Actor{}
	w.visit().get(report.FollowPath(number)).expect(http.StatusOK, "How is your report doing?")
}
