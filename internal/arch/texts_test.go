package arch

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"yiwang/city"
)

// Sentences for people stand in the catalogue, in every language, and the code
// names them by keys. Where a key comes from is followed through the whole
// program: a variable, field, parameter or result that reaches city.Say is itself
// a place for keys, and every constant put there must be a key of the catalogue.

// place is somewhere a key can stand: a types.Object for variables, parameters
// and fields, a result for what a function returns.
type place any

type result struct {
	fn *types.Func
	n  int
}

// keyUse is a constant that is used as a key, or as the beginning of one.
type keyUse struct {
	text   string
	prefix bool
	at     string
}

type keyFlow struct {
	p     *program
	sites map[place][]site // what is put into a place
	lits  map[types.Object]*ast.FuncLit
}

type site struct {
	info *types.Info
	expr ast.Expr
}

// keySeeds are the doors through which keys reach people.
func keySeeds(p *program) []place {
	var seeds []place
	for _, part := range p.parts {
		if part.path != "city" {
			continue
		}
		scope := part.pkg.Scope()
		for _, name := range []string{"Say", "LookupText"} {
			if fn, ok := scope.Lookup(name).(*types.Func); ok {
				for v := range fn.Signature().Params().Variables() {
					if v.Name() == "key" {
						seeds = append(seeds, v)
					}
				}
			}
		}
		if m, ok := scope.Lookup("Message").(*types.TypeName); ok {
			for f := range m.Type().Underlying().(*types.Struct).Fields() {
				if f.Name() == "Key" {
					seeds = append(seeds, f)
				}
			}
		}
	}
	return seeds
}

// followKeys lists every constant that ends up as a key.
func followKeys(p *program) []keyUse {
	k := &keyFlow{p: p, sites: map[place][]site{}, lits: map[types.Object]*ast.FuncLit{}}
	for _, part := range p.parts {
		for _, f := range part.files {
			k.collectLits(part.info, f)
		}
	}
	for _, part := range p.parts {
		for _, f := range part.files {
			k.collect(part.info, f)
		}
	}
	var uses []keyUse
	seen := map[place]bool{}
	queue := keySeeds(p)
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		for _, s := range k.sites[at] {
			uses = k.trace(s.info, s.expr, uses, func(from place) { queue = append(queue, from) })
		}
	}
	return uses
}

func (k *keyFlow) put(to place, info *types.Info, e ast.Expr) {
	if to != nil && e != nil {
		k.sites[to] = append(k.sites[to], site{info, e})
	}
}

// target is the place that an expression on the left of an assignment names.
func target(info *types.Info, e ast.Expr) place {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		if o := info.Defs[e]; o != nil {
			return o
		}
		if v, ok := info.Uses[e].(*types.Var); ok {
			return v.Origin()
		}
	case *ast.SelectorExpr:
		if v, ok := info.Uses[e.Sel].(*types.Var); ok {
			return v.Origin()
		}
	case *ast.IndexExpr:
		return target(info, e.X)
	case *ast.StarExpr:
		return target(info, e.X)
	}
	return nil
}

func (k *keyFlow) collectLits(info *types.Info, f *ast.File) {
	remember := func(l, r ast.Expr) {
		lit, ok := ast.Unparen(r).(*ast.FuncLit)
		if !ok {
			return
		}
		if o, ok := target(info, l).(types.Object); ok {
			k.lits[o] = lit
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if len(n.Lhs) == len(n.Rhs) {
				for i := range n.Lhs {
					remember(n.Lhs[i], n.Rhs[i])
				}
			}
		case *ast.ValueSpec:
			if len(n.Names) == len(n.Values) {
				for i := range n.Names {
					remember(n.Names[i], n.Values[i])
				}
			}
		}
		return true
	})
}

func (k *keyFlow) collect(info *types.Info, f *ast.File) {
	var within []*types.Func // functions around the node, for return statements
	var visit func(n ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			fn, _ := info.Defs[n.Name].(*types.Func)
			if n.Body != nil {
				within = append(within, fn)
				ast.Inspect(n.Body, visit)
				within = within[:len(within)-1]
			}
			return false
		case *ast.FuncLit:
			within = append(within, nil)
			ast.Inspect(n.Body, visit)
			within = within[:len(within)-1]
			return false
		case *ast.ReturnStmt:
			if len(within) > 0 && within[len(within)-1] != nil {
				for i, r := range n.Results {
					k.put(result{within[len(within)-1], i}, info, r)
				}
			}
		case *ast.AssignStmt:
			if len(n.Lhs) == len(n.Rhs) {
				for i := range n.Lhs {
					k.put(target(info, n.Lhs[i]), info, n.Rhs[i])
				}
			} else if call, ok := ast.Unparen(n.Rhs[0]).(*ast.CallExpr); ok {
				if fn := callee(info, call); fn != nil {
					for i := range n.Lhs {
						if to := target(info, n.Lhs[i]); to != nil {
							k.sites[to] = append(k.sites[to], site{nil, resultExpr{call, fn, i}})
						}
					}
				}
			}
		case *ast.ValueSpec:
			if len(n.Names) == len(n.Values) {
				for i := range n.Names {
					k.put(target(info, n.Names[i]), info, n.Values[i])
				}
			}
		case *ast.RangeStmt:
			if n.Value != nil {
				k.put(target(info, n.Value), info, n.X)
			}
		case *ast.CompositeLit:
			k.composite(info, n)
		case *ast.CallExpr:
			k.callSites(info, n)
		}
		return true
	}
	ast.Inspect(f, visit)
}

// resultExpr stands for one of several results of a call.
type resultExpr struct {
	ast.Expr
	fn *types.Func
	n  int
}

func (k *keyFlow) composite(info *types.Info, lit *ast.CompositeLit) {
	t := info.Types[lit].Type
	if t == nil {
		return
	}
	if p, ok := t.Underlying().(*types.Pointer); ok { // an element of []*T written as {…}
		t = p.Elem()
	}
	st, ok := t.Underlying().(*types.Struct)
	if !ok {
		return
	}
	for i, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if id, ok := kv.Key.(*ast.Ident); ok {
				if v, ok := info.Uses[id].(*types.Var); ok {
					k.put(v.Origin(), info, kv.Value)
				}
			}
		} else if i < st.NumFields() {
			k.put(st.Field(i).Origin(), info, e)
		}
	}
}

func (k *keyFlow) callSites(info *types.Info, call *ast.CallExpr) {
	if fn := callee(info, call); fn != nil {
		params := fn.Signature().Params()
		for i, a := range call.Args {
			if i >= params.Len() {
				if fn.Signature().Variadic() {
					k.put(params.At(params.Len()-1), info, a)
				}
				continue
			}
			k.put(params.At(i), info, a)
		}
		return
	}
	// A call of a function literal that stands in a variable.
	if o, ok := target(info, call.Fun).(types.Object); ok && k.lits[o] != nil {
		i := 0
		for _, field := range k.lits[o].Type.Params.List {
			for _, name := range field.Names {
				if i < len(call.Args) {
					for _, part := range k.p.parts {
						if d := part.info.Defs[name]; d != nil {
							k.put(d, info, call.Args[i])
						}
					}
				}
				i++
			}
		}
	}
}

// trace finds the constants in an expression, and the places it reads from.
func (k *keyFlow) trace(info *types.Info, e ast.Expr, uses []keyUse, reads func(place)) []keyUse {
	if r, ok := e.(resultExpr); ok {
		reads(result{r.fn, r.n})
		return uses
	}
	e = ast.Unparen(e)
	if tv := info.Types[e]; tv.Value != nil {
		if tv.Value.Kind() == constant.String {
			if s := constant.StringVal(tv.Value); s != "" {
				uses = append(uses, keyUse{s, false, k.p.at(e)})
			}
		}
		return uses
	}
	switch e := e.(type) {
	case *ast.Ident, *ast.SelectorExpr:
		if to := target(info, e); to != nil {
			reads(to)
		}
	case *ast.IndexExpr:
		uses = k.trace(info, e.X, uses, reads)
	case *ast.StarExpr:
		uses = k.trace(info, e.X, uses, reads)
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			left := e.X
			for {
				b, ok := ast.Unparen(left).(*ast.BinaryExpr)
				if !ok || b.Op != token.ADD || info.Types[b].Value != nil {
					break
				}
				left = b.X
			}
			if tv := info.Types[left]; tv.Value != nil && tv.Value.Kind() == constant.String {
				uses = append(uses, keyUse{constant.StringVal(tv.Value), true, k.p.at(e)})
			}
		}
	case *ast.CompositeLit: // a list or table of keys
		switch info.Types[e].Type.Underlying().(type) {
		case *types.Map, *types.Slice, *types.Array:
			for _, el := range e.Elts {
				if kv, ok := el.(*ast.KeyValueExpr); ok {
					el = kv.Value
				}
				if b, ok := info.Types[el].Type.Underlying().(*types.Basic); ok && b.Info()&types.IsString != 0 {
					uses = k.trace(info, el, uses, reads)
				}
			}
		}
	case *ast.CallExpr:
		if tv := info.Types[e.Fun]; tv.IsType() && len(e.Args) == 1 {
			return k.trace(info, e.Args[0], uses, reads)
		}
		if fn := callee(info, e); fn != nil {
			reads(result{fn, 0})
		}
	}
	return uses
}

func TestTextKeysStandInTheCatalogue(t *testing.T) {
	keys := city.TextKeys()
	for _, u := range followKeys(typedHouse(t)) {
		if u.prefix {
			found := false
			for _, key := range keys {
				found = found || strings.HasPrefix(key, u.text)
			}
			if !found {
				t.Errorf("%s: no text of the catalogue begins with %q", u.at, u.text)
			}
			continue
		}
		if _, ok := city.LookupText(u.text); !ok {
			t.Errorf("%s: the catalogue has no text %q", u.at, u.text)
		}
	}
}

// The test can fail: keys are found wherever they come from.
func TestKeysAreFollowed(t *testing.T) {
	got := map[string]bool{}
	for _, u := range followKeys(typedSources(t, map[string]string{
		"city": `type Lang string
			type Message struct{ Key string; Args []any }
			func Say(l Lang, key string, args ...any) string { return key }
			func Invalid(key string, args ...any) error { m := Message{key, args}; _ = m; return nil }`,
		"web": `import "yiwang/city"
			type view struct{ l city.Lang }
			func (v view) T(key string, args ...any) string { return city.Say(v.l, key, args...) }
			type row struct{ title, other string }
			var rows = []row{{"k.row", "not a key"}, {title: "k.row2"}}
			var table = map[int]string{1: "k.table"}
			func name(n int) string { if n == 1 { return "k.result" }; return "k.result2" }
			func two() (int, string) { return 1, "k.second" }
			const fixed = "k.const"
			func page(v view, n int, id string) {
				v.T("k.direct"); v.T(fixed); v.T(name(n)); v.T(table[n]); v.T("k.prefix." + id + ".x")
				for _, r := range rows { v.T(r.title); println(r.other) }
				key := "k.local"; if n == 2 { key = "k.local2" }; v.T(key)
				t := func(key string) string { return v.T(key) }
				t("k.literal")
				_, s := two(); v.T(s)
				city.Invalid("k.error", "name", "not a key either")
				for _, k := range []string{"k.list"} { v.T(k) }
			}`,
	})) {
		got[u.text] = true
	}
	want := "k.direct k.const k.result k.result2 k.table k.prefix. k.row k.row2 k.local k.local2 k.literal k.second k.error k.list"
	for _, w := range strings.Fields(want) {
		if !got[w] {
			t.Errorf("%q went unseen", w)
		}
		delete(got, w)
	}
	for g := range got {
		t.Errorf("%q was taken for a key", g)
	}
}

var argument = regexp.MustCompile(`\{([^}|:]*)[^}]*\}`)

// Every text is there in every language, with the same arguments.
func TestCatalogueIsComplete(t *testing.T) {
	keys := city.TextKeys()
	if len(keys) == 0 {
		t.Fatal("the catalogue is empty")
	}
	for _, key := range keys {
		text, _ := city.LookupText(key)
		for _, l := range text.Missing() {
			t.Errorf("%s lacks its text in %s", key, l)
		}
		var args [2]string
		for i, l := range city.Langs {
			set := map[string]bool{}
			for _, m := range argument.FindAllStringSubmatch(text.In(l), -1) {
				set[m[1]] = true
			}
			var names []string
			for n := range set {
				names = append(names, n)
			}
			sort.Strings(names)
			args[i] = strings.Join(names, " ")
		}
		if args[0] != args[1] {
			t.Errorf("%s speaks of {%s} in Chinese and {%s} in English", key, args[0], args[1])
		}
		for _, r := range text.En {
			if unicode.Is(unicode.Han, r) {
				t.Errorf("%s: the English text has Chinese in it: %s", key, text.En)
				break
			}
		}
	}
}

// hanAllowed are the files whose Chinese is not a sentence for people, or is not
// ours to translate.
var hanAllowed = map[string]string{
	"city/text.go":        "how dates and money are said in Chinese, part of the catalogue's own machinery",
	"form/normal.go":      "reads what people type: yes and no, amounts and dates in Chinese",
	"web/citizen/home.go": "the characters inside the round marks of elder mode, drawn as pictures; English shows a drawing",
	"web/dates.go":        "how a day without its year is said, beside the dates of city",
	"web/site.go":         "the mark of a city that names none of its own",
}

// Chinese within code can't be read by an English reader, nor be changed by
// somebody who looks after the texts.
func TestNoSentencesInCode(t *testing.T) {
	used := map[string]bool{}
	for _, f := range goFiles(t, false) {
		if f.pkg == "pack" || strings.Contains(f.path, "testdata/") {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING && lit.Kind != token.CHAR {
				return true
			}
			s, err := strconv.Unquote(lit.Value)
			if err != nil || !strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
				return true
			}
			if hanAllowed[f.path] != "" {
				used[f.path] = true
				return true
			}
			t.Errorf("%s: %s belongs into the catalogue", f.at(lit), lit.Value)
			return true
		})
	}
	for path := range hanAllowed {
		if !used[path] {
			t.Errorf("%s is allowed Chinese and has none; take it off the list", path)
		}
	}
}

// markAllowed are words that pages may carry outside the catalogue: names that
// are the same in every language.
var markAllowed = map[string]string{
	"一网":            "the mark",
	"yiwang verify": "a command to type",
}

// Templates carry no words of their own: what people read comes from the
// catalogue or from the city pack.
func TestNoSentencesInTemplates(t *testing.T) {
	for _, part := range typedHouse(t).parts {
		for _, f := range part.files {
			name := typedHouse(t).fset.Position(f.Pos()).Filename
			if !generated(name) {
				continue
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				for _, words := range ownWords(writtenHTML(fn)) {
					if markAllowed[words] == "" {
						t.Errorf("%s: %s carries %q; it belongs into the catalogue", typedHouse(t).at(fn), fn.Name.Name, words)
					}
				}
			}
		}
	}
	got := ownWords(`<p class="x y">` + hole + `</p><p>Hello ` + hole + `</p><input placeholder="Your name" type="text"><script>var a = "b";</script><b>·</b>`)
	if fmt.Sprint(got) != `[Hello Your name]` {
		t.Errorf("words of a template were read as %q", got)
	}
}

const hole = "\uFFFC" // what is filled in when the page is made

// writtenHTML joins what a generated template writes, with holes for the rest.
func writtenHTML(fn *ast.FuncDecl) string {
	var b strings.Builder
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		switch sel.Sel.Name {
		case "WriteString":
			if lit, ok := call.Args[len(call.Args)-1].(*ast.BasicLit); ok {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					b.WriteString(s)
					return true
				}
			}
			b.WriteString(hole)
		case "Render":
			b.WriteString(hole)
		}
		return true
	})
	return b.String()
}

var spoken = map[string]bool{"placeholder": true, "title": true, "aria-label": true, "alt": true, "aria-description": true, "label": true, "content": false}

// ownWords are the pieces of text with letters in them that a page's own HTML has.
func ownWords(page string) []string {
	var found []string
	take := func(s string) {
		for _, piece := range strings.Split(s, hole) {
			if piece = strings.TrimSpace(piece); strings.ContainsFunc(piece, unicode.IsLetter) {
				found = append(found, piece)
			}
		}
	}
	z := html.NewTokenizer(strings.NewReader(page))
	raw := false
	for {
		switch z.Next() {
		case html.ErrorToken:
			return found
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			raw = tok.Data == "script" || tok.Data == "style"
			for _, a := range tok.Attr {
				if spoken[a.Key] {
					take(a.Val)
				}
			}
		case html.EndTagToken:
			raw = false
		case html.TextToken:
			if !raw {
				take(z.Token().Data)
			}
		}
	}
}

// notYetSaid are beginnings of keys whose page is still to be built.
var notYetSaid = map[string]string{
	"notify.channel.": "the page of notices names the channel",
	"notify.state.":   "and whether it arrived",
}

// A text that nobody says is a trap for translators.
func TestNoDeadTexts(t *testing.T) {
	said := map[string]bool{}
	var prefixes []string
	for p := range notYetSaid {
		prefixes = append(prefixes, p)
	}
	for _, u := range followKeys(typedHouse(t)) {
		if u.prefix {
			prefixes = append(prefixes, u.text)
		} else {
			said[u.text] = true
		}
	}
next:
	for _, key := range city.TextKeys() {
		if said[key] {
			continue
		}
		for _, p := range prefixes {
			if p != "" && strings.HasPrefix(key, p) {
				continue next
			}
		}
		t.Errorf("nobody says %s", key)
	}
}
