package api

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yiwang/city"
)

var update = flag.Bool("update", false, "write testdata anew")

// bare is an API that nobody is signed in to; it has no parts behind it.
func bare() *API { return New(Deps{Cookie: "yiwang", Clock: city.WallClock{}}) }

func ask(a *API, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Accept-Language", "en")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func document(t *testing.T) map[string]any {
	t.Helper()
	w := ask(bare(), "GET", "/api/openapi.json", "")
	var doc map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d: %v", w.Code, err)
	}
	return doc
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }

// Words of OpenAPI 3.1 and JSON Schema 2020-12 that the document may use, by what
// they stand in. What is not here is a misspelling until somebody has looked.
var words = map[string]string{
	"document":  "openapi info paths components",
	"operation": "operationId summary description parameters requestBody responses security",
	"parameter": "name in required description schema explode example",
	"response":  "description headers content",
	"schema": "$ref type properties required additionalProperties items enum format description examples default minimum maximum " +
		"minLength maxLength minItems maxItems pattern contentEncoding contentMediaType",
}

// The document is what it says it is: every reference leads somewhere, every
// parameter of an address is described, every answer has a description, every
// operation has a name of its own.
func TestDocumentIsOpenAPI31(t *testing.T) {
	doc := document(t)
	if doc["openapi"] != "3.1.0" || object(doc["info"])["title"] == "" || object(doc["info"])["version"] == "" {
		t.Errorf("openapi %v, info %v", doc["openapi"], doc["info"])
	}
	fault := func(at, format string, args ...any) { t.Errorf("%s: %s", at, fmt.Sprintf(format, args...)) }
	known := func(at, kind string, m map[string]any) {
		for k := range m {
			if !slices.Contains(strings.Fields(words[kind]), k) {
				fault(at, "%q is no word for a %s", k, kind)
			}
		}
	}
	known("document", "document", doc)
	schemas := object(object(doc["components"])["schemas"])
	schemes := object(object(doc["components"])["securitySchemes"])
	var schema func(at string, v any)
	schema = func(at string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			if _, ok := v.(bool); !ok {
				fault(at, "is no schema: %v", v)
			}
			return
		}
		known(at, "schema", m)
		if ref, ok := m["$ref"].(string); ok && schemas[strings.TrimPrefix(ref, "#/components/schemas/")] == nil {
			fault(at, "%s leads nowhere", ref)
		}
		for name, p := range object(m["properties"]) {
			schema(at+"."+name, p)
		}
		required, _ := m["required"].([]any)
		for _, name := range required {
			if object(m["properties"])[name.(string)] == nil {
				fault(at, "requires %v, which it doesn't describe", name)
			}
		}
		for _, k := range []string{"items", "additionalProperties"} {
			if m[k] != nil {
				schema(at+"."+k, m[k])
			}
		}
	}
	for name, s := range schemas {
		schema(name, s)
	}
	content := func(at string, c map[string]any) {
		for media, m := range c {
			schema(at+" "+media, object(m)["schema"])
		}
	}
	ids := map[string]string{}
	hole := regexp.MustCompile(`\{(\w+)\}`)
	for path, item := range object(doc["paths"]) {
		for method, op := range object(item) {
			at, o := method+" "+path, object(op)
			known(at, "operation", o)
			id, _ := o["operationId"].(string)
			if id == "" || ids[id] != "" {
				fault(at, "has the name %q of %q", id, ids[id])
			}
			ids[id] = at
			described := map[string]bool{}
			params, _ := o["parameters"].([]any)
			for _, p := range params {
				q := object(p)
				known(at, "parameter", q)
				key := fmt.Sprint(q["in"], " ", q["name"])
				if described[key] {
					fault(at, "describes %s twice", key)
				}
				described[key] = true
				schema(at+" "+key, q["schema"])
			}
			for _, h := range hole.FindAllStringSubmatch(path, -1) {
				if !described["path "+h[1]] {
					fault(at, "doesn't describe %s", h[0])
				}
			}
			if method == "post" && !described["header Idempotency-Key"] {
				fault(at, "doesn't say that it honours Idempotency-Key")
			}
			content(at, object(object(o["requestBody"])["content"]))
			for status, r := range object(o["responses"]) {
				res := object(r)
				known(at+" "+status, "response", res)
				if res["description"] == "" {
					fault(at, "%s has no description", status)
				}
				content(at+" "+status, object(res["content"]))
				if status >= "400" && object(object(object(res["content"])["application/problem+json"])["schema"])["$ref"] != "#/components/schemas/Problem" {
					fault(at, "%s is no problem of ours: %v", status, res["content"])
				}
			}
			for _, s := range object2(o["security"]) {
				for name := range s {
					if schemes[name] == nil {
						fault(at, "is secured by %q, which isn't described", name)
					}
				}
			}
		}
	}
	if len(ids) != 36 {
		t.Errorf("%d operations", len(ids))
	}
}

func object2(v any) (out []map[string]any) {
	list, _ := v.([]any)
	for _, x := range list {
		out = append(out, object(x))
	}
	return out
}

// The surface is a promise: what it is stands in testdata/surface.txt, and a change
// of it is a change of that file.
func TestSurface(t *testing.T) {
	doc := document(t)
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(object(doc["paths"]))) {
		item := object(object(doc["paths"])[path])
		for _, method := range slices.Sorted(maps.Keys(item)) {
			o := object(item[method])
			fmt.Fprintf(&b, "%s %s", strings.ToUpper(method), path)
			params, _ := o["parameters"].([]any)
			for _, p := range params {
				if q := object(p); q["in"] == "query" {
					fmt.Fprintf(&b, " ?%s", q["name"])
				}
			}
			if o["security"] == nil {
				b.WriteString(" (open)")
			}
			b.WriteString("\n ")
			responses := object(o["responses"])
			for _, status := range slices.Sorted(maps.Keys(responses)) {
				b.WriteString(" " + status)
				for _, m := range object(object(responses[status])["content"]) {
					if ref, ok := object(object(m)["schema"])["$ref"].(string); ok && status < "400" {
						b.WriteString(" " + filepath.Base(ref))
					}
				}
			}
			b.WriteString("\n")
		}
	}
	schemas := object(object(doc["components"])["schemas"])
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		s := object(schemas[name])
		required, _ := s["required"].([]any)
		b.WriteString(name + ":")
		for _, p := range slices.Sorted(maps.Keys(object(s["properties"]))) {
			b.WriteString(" " + p)
			if !slices.Contains(required, any(p)) {
				b.WriteString("?")
			}
		}
		b.WriteString("\n")
	}
	file := filepath.Join("testdata", "surface.txt")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("the surface has changed; if that is meant, say -update and keep what programs outside rely on:\n%s", d)
	}
}
