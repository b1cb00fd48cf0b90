package citizen

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// kept is a form that was sent when nobody was signed in any more. It travels in
// the sign-in page and is sent again afterwards. It is readable: only the person
// who typed it has the page.
type kept struct {
	Path string     `json:"path"`
	Form url.Values `json:"form"`
}

func (k kept) String() string {
	b, err := json.Marshal(k)
	if err != nil { // texts only
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseKept(s string) (k kept, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(b, &k) != nil {
		return k, false
	}
	return k, strings.HasPrefix(k.Path, "/")
}

// keep takes a form apart from what must not stand in a page.
func keep(path string, form url.Values) kept {
	k := kept{Path: path, Form: url.Values{}}
	for name, v := range form {
		if !strings.Contains(name, "password") && name != "current" && name != "keep" {
			k.Form[name] = v
		}
	}
	return k
}
