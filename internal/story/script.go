package story

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A script is a conversation over HTTP in plain text: "###" and a title, the request with
// its headers and body, then lines that begin with ">" for the status and the
// headers that must come back, an empty line, and the body. {{name}} in an answer
// matches some text without a line's end and can be sent later; {{*}} matches
// anything. An answer without a body says nothing about it.
type turn struct {
	title, method, path string
	header              http.Header
	body                string
	status              string
	want                http.Header
	answer              string
	wantsBody           bool
}

func readScript(t testing.TB, text string) (turns []turn) {
	t.Helper()
	for _, block := range strings.Split("\n"+text, "\n### ")[1:] {
		var u turn
		u.header, u.want = http.Header{}, http.Header{}
		lines := strings.Split(strings.TrimRight(block, "\n"), "\n")
		u.title = lines[0]
		var ok bool
		if u.method, u.path, ok = strings.Cut(lines[1], " "); !ok {
			t.Fatalf("%s: no request in %q", u.title, lines[1])
		}
		rest := lines[2:]
		header := func(h http.Header, s string) {
			name, value, _ := strings.Cut(s, ":")
			h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
		for len(rest) > 0 && rest[0] != "" && rest[0][0] != '>' {
			header(u.header, rest[0])
			rest = rest[1:]
		}
		var body []string
		for len(rest) > 0 && !strings.HasPrefix(rest[0], "> ") {
			body = append(body, rest[0])
			rest = rest[1:]
		}
		u.body = strings.Trim(strings.Join(body, "\n"), "\n")
		for len(rest) > 0 && strings.HasPrefix(rest[0], "> ") {
			if s := strings.TrimPrefix(rest[0], "> "); u.status == "" {
				u.status = s
			} else {
				header(u.want, s)
			}
			rest = rest[1:]
		}
		if len(rest) > 1 {
			u.answer, u.wantsBody = strings.Trim(strings.Join(rest[1:], "\n"), "\n"), true
		}
		turns = append(turns, u)
	}
	return turns
}

var hole = regexp.MustCompile(`\{\{([a-z_]+|\*)\}\}`)

// matches holds an answer against what the script says, and keeps what the holes
// caught.
func matches(want, got string, kept map[string]string) bool {
	var pattern strings.Builder
	var names []string
	at := 0
	for _, m := range hole.FindAllStringSubmatchIndex(want, -1) {
		pattern.WriteString(regexp.QuoteMeta(want[at:m[0]]))
		at = m[1]
		switch name := want[m[2]:m[3]]; {
		case name == "*":
			pattern.WriteString(`(?s:.*)`)
		case kept[name] != "":
			pattern.WriteString(regexp.QuoteMeta(kept[name]))
		default:
			pattern.WriteString(`([^\n]+?)`)
			names = append(names, name)
		}
	}
	pattern.WriteString(regexp.QuoteMeta(want[at:]))
	m := regexp.MustCompile(`^` + pattern.String() + `$`).FindStringSubmatch(got)
	for i, name := range names {
		if m != nil {
			kept[name] = m[i+1]
		}
	}
	return m != nil
}

// Play holds a conversation with the handler as the file has it, and gives what the
// holes caught. known are words that it may send from the start. In a body in parts,
// what stands for a file may be such a word, too: bytes that no text can hold.
func Play(t testing.TB, h http.Handler, file string, known map[string]string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]string{}
	for name, v := range known {
		kept[name] = v
	}
	fill := func(s string) string {
		return hole.ReplaceAllStringFunc(s, func(m string) string {
			if v := kept[strings.Trim(m, "{}")]; v != "" {
				return v
			}
			return m
		})
	}
	turns := readScript(t, string(text))
	if len(turns) == 0 {
		t.Fatalf("%s: nothing is said", file)
	}
	for _, u := range turns {
		body := u.body
		if strings.HasPrefix(u.header.Get("Content-Type"), "multipart/") {
			body = strings.ReplaceAll(body, "\n", "\r\n") + "\r\n"
		}
		r := httptest.NewRequest(u.method, fill(u.path), strings.NewReader(fill(body)))
		r.Header = u.header
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if u.status != strings.TrimSpace(w.Result().Status) {
			t.Errorf("%s: %s: %d, want %s\n%s", file, u.title, w.Code, u.status, w.Body)
			continue
		}
		for name := range u.want {
			if got := w.Header().Get(name); !matches(u.want.Get(name), got, kept) {
				t.Errorf("%s: %s: %s is %q, want %q", file, u.title, name, got, u.want.Get(name))
			}
		}
		if got := string(bytes.TrimRight(w.Body.Bytes(), "\n")); u.wantsBody && !matches(u.answer, got, kept) {
			t.Errorf("%s: %s: got\n%s\nwant\n%s", file, u.title, got, u.answer)
		}
	}
	return kept
}
