package sdjwt_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"yiwang/credential/sdjwt"
)

// example is one of the published specifications, read.
type example struct {
	name    string
	claims  map[string]any // with sdjwt.Hidden where the specification says !sd
	plain   map[string]any
	frame   any // as @sd-jwt/core wants to be told what is hidden
	show    any // what the holder discloses
	want    any // what a reader is then told, reckoned from the specification alone
	decoys  bool
	binding bool
	json    bool
	issuers []pair // the first, or both of the general serialization
	holder  pair
}

// examples reads all of them; they are no part of the project.
func examples(t testing.TB) []example {
	t.Helper()
	files, err := filepath.Glob("../../../shared/data/sd-jwt-examples/examples/*/specification.yml")
	must(t, err)
	if len(files) == 0 {
		if os.Getenv("YIWANG_REQUIRE_SHARED") == "1" {
			t.Fatal("the shared data is not here")
		}
		t.Skip("the shared data is not here: ../shared/data/sd-jwt-examples")
	}
	if len(files) != 15 {
		t.Fatalf("%d examples; 15 were published", len(files))
	}
	var common struct {
		Keys keySettings `yaml:"key_settings"`
	}
	raw, err := os.ReadFile("../../../shared/data/sd-jwt-examples/examples/settings.yml")
	must(t, err)
	must(t, yaml.Unmarshal(raw, &common))
	var all []example
	for _, f := range files {
		raw, err := os.ReadFile(f)
		must(t, err)
		var spec struct {
			Claims   yaml.Node `yaml:"user_claims"`
			Show     any       `yaml:"holder_disclosed_claims"`
			Decoys   bool      `yaml:"add_decoy_claims"`
			Binding  bool      `yaml:"key_binding"`
			Format   string    `yaml:"serialization_format"`
			Override struct {
				Keys *keySettings `yaml:"key_settings"`
			} `yaml:"settings_override"`
		}
		must(t, yaml.Unmarshal(raw, &spec))
		keys := common.Keys
		if spec.Override.Keys != nil {
			keys = *spec.Override.Keys
		}
		e := example{name: filepath.Base(filepath.Dir(f)), show: spec.Show, decoys: spec.Decoys, binding: spec.Binding,
			json: spec.Format == "json", holder: keys.Holder.pair(t)}
		for _, k := range keys.Issuers {
			e.issuers = append(e.issuers, k.pair(t))
		}
		e.claims = concealed(t, &spec.Claims).(map[string]any)
		delete(e.claims, "cnf") // one example has a key cut short; the tests put the holder's in
		plain, frame := split(e.claims)
		e.plain, e.frame = plain.(map[string]any), frame
		e.want = shown(e.claims, e.show)
		all = append(all, e)
	}
	return all
}

type keySettings struct {
	Issuers []privateKey `yaml:"issuer_keys"`
	Holder  privateKey   `yaml:"holder_key"`
}

type privateKey struct{ D string }

func (k privateKey) pair(t testing.TB) pair {
	d, err := base64.RawURLEncoding.DecodeString(k.D)
	must(t, err)
	return es(t, d)
}

// concealed makes claims of YAML; the tag !sd stands before a name or an element.
func concealed(t testing.TB, n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			name, v := n.Content[i], concealed(t, n.Content[i+1])
			if name.Tag == "!sd" {
				v = sdjwt.Hidden{Value: v}
			}
			m[name.Value] = v
		}
		return m
	case yaml.SequenceNode:
		a := []any{}
		for _, e := range n.Content {
			hide := e.Tag == "!sd"
			plain := *e
			if hide {
				plain.Tag = ""
			}
			v := concealed(t, &plain)
			if hide {
				v = sdjwt.Hidden{Value: v}
			}
			a = append(a, v)
		}
		return a
	}
	var v any
	must(t, n.Decode(&v))
	if s, ok := v.(time.Time); ok {
		return s.Format(time.DateOnly)
	}
	return v
}

// split takes the marks out of claims and says where they were, as a disclosure
// frame of @sd-jwt/core.
func split(v any) (plain, frame any) {
	switch v := v.(type) {
	case sdjwt.Hidden:
		return split(v.Value)
	case map[string]any:
		out, f, hidden := map[string]any{}, map[string]any{}, []string{}
		for name, e := range v {
			p, below := split(e)
			out[name] = p
			if below != nil {
				f[name] = below
			}
			if _, is := e.(sdjwt.Hidden); is {
				hidden = append(hidden, name)
			}
		}
		if len(hidden) > 0 {
			f["_sd"] = hidden
		}
		if len(f) == 0 {
			return out, nil
		}
		return out, f
	case []any:
		m := map[string]any{}
		for i, e := range v {
			m[strconv.Itoa(i)] = e
		}
		_, frame := split(m)
		if f, ok := frame.(map[string]any); ok {
			if names, ok := f["_sd"].([]string); ok {
				var numbers []int
				for _, n := range names {
					i, _ := strconv.Atoi(n)
					numbers = append(numbers, i)
				}
				f["_sd"] = numbers
			}
		}
		out := make([]any, len(v))
		for i, e := range v {
			out[i], _ = split(e)
		}
		return out, frame
	}
	return v, nil
}

// shown is what is left of claims when the holder discloses what show names.
func shown(v, show any) any {
	switch v := v.(type) {
	case sdjwt.Hidden:
		return shown(v.Value, show)
	case map[string]any:
		out := map[string]any{}
		for name, e := range v {
			below, asked := part(show, name)
			if _, hidden := e.(sdjwt.Hidden); !hidden || asked {
				out[name] = shown(e, below)
			}
		}
		return out
	case []any:
		out := []any{}
		for i, e := range v {
			below, asked := part(show, i)
			if _, hidden := e.(sdjwt.Hidden); !hidden || asked {
				out = append(out, shown(e, below))
			}
		}
		return out
	}
	return v
}

// part is what a frame of disclosure says below a step.
func part(show any, step any) (below any, asked bool) {
	switch s := show.(type) {
	case map[string]any:
		name, _ := step.(string)
		below, asked = s[name]
	case []any:
		if i, ok := step.(int); ok && i < len(s) {
			below, asked = s[i], true
		}
	}
	return below, asked && below != false && below != nil
}

func (e example) shows(path sdjwt.Path) bool {
	at, asked := e.show, true
	for _, step := range path {
		if at, asked = part(at, step); !asked {
			return false
		}
	}
	return true
}

// canonical makes values comparable that came from YAML, Go or JSON.
func canonical(t testing.TB, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	must(t, err)
	d := json.NewDecoder(bytes.NewReader(raw))
	var out any
	must(t, d.Decode(&out))
	return out
}

var day = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// issued makes the example's token, and what its holder shows of it.
func (e example) issued(t testing.TB) (whole, presented *sdjwt.Token) {
	t.Helper()
	ctx := context.Background()
	claims := map[string]any{}
	for k, v := range e.claims {
		claims[k] = v
	}
	if e.binding {
		claims["cnf"] = map[string]any{"jwk": e.holder.public}
	}
	from := e.issuers[0].issuer()
	if e.decoys {
		from.Decoys = 3
	}
	whole, err := from.Issue(ctx, claims)
	must(t, err)
	for _, more := range e.issuers[1:] {
		must(t, more.issuer().Countersign(ctx, whole))
	}
	o, err := whole.Open(e.issuers[0].trusts)
	must(t, err)
	presented = o.Present(e.shows)
	if e.binding {
		must(t, presented.Bind(ctx, e.holder.alg, e.holder.sign, "https://verifier.example.org", "1234567890", day))
	}
	return whole, presented
}

// text writes the token as the example wants it.
func (e example) text(t testing.TB, token *sdjwt.Token) string {
	if !e.json {
		return token.String()
	}
	raw, err := json.Marshal(token)
	must(t, err)
	return string(raw)
}

// settle takes away what was added to the example for the sake of the signature.
func (e example) settle(got map[string]any) {
	delete(got, "cnf")
	if _, own := e.plain["iat"]; !own {
		delete(got, "iat")
	}
}

func (e example) opens(t testing.TB, text string) {
	t.Helper()
	token, err := sdjwt.Parse(text)
	must(t, err)
	for _, k := range e.issuers { // either key alone is enough
		o, err := token.Open(k.trusts)
		must(t, err)
		got := canonical(t, o.Claims).(map[string]any)
		e.settle(got)
		if want := canonical(t, e.want); !reflect.DeepEqual(any(got), want) {
			t.Errorf("read\n%v\nwant\n%v", got, want)
		}
		if e.binding {
			must(t, o.Bound(sdjwt.Expected{Audience: "https://verifier.example.org", Nonce: "1234567890", At: day.Add(time.Minute),
				MaxAge: 5 * time.Minute, Check: e.holder.proves}))
		}
	}
}

// Each published example is issued, shown in part, and read again.
func TestPublishedExamples(t *testing.T) {
	serialized := 0
	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			_, presented := e.issued(t)
			e.opens(t, e.text(t, presented))
		})
		if e.json {
			serialized++
		}
	}
	if serialized != 2 {
		t.Errorf("%d examples use the JSON serialization, 2 are known to", serialized)
	}
}

// What the holder keeps back is not in the bytes.
func TestWhatIsKeptBackIsNotSent(t *testing.T) {
	for _, e := range examples(t) {
		if e.name != "simple" && e.name != "complex_ekyc" {
			continue
		}
		whole, presented := e.issued(t)
		if len(presented.Disclosures) >= len(whole.Disclosures) || len(presented.Disclosures) == 0 {
			t.Errorf("%s: %d of %d disclosures are shown", e.name, len(presented.Disclosures), len(whole.Disclosures))
		}
	}
}
