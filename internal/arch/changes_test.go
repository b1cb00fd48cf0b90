package arch

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"sort"
	"strings"
	"testing"
)

// Rule: every exported change is f(ctx, tx, actor, …) or opens the tx itself,
// and its first act asks access. The test follows calls through the house and
// demands of each exported function that
//
//	takes a *db.Tx and a city.Actor, or
//	opens a transaction with Update
//
// that it asks, with the actor it was given, on every path and before the first
// write; reading first is fine, since policies look at the resource. Asking may
// be left to the function that is called, as long as nothing was written before.
// A function that takes a *db.Tx and writes must take the actor, too.

// exempt names what need not ask, each with its reason.
var exempt = map[string]string{
	"access.RecordUse":               "writes down a look for which its caller has asked",
	"casework.New":                   "registers the pack's kinds when the program starts; there is no actor yet",
	"credential.New":                 "registers the pack's types and the signing keys when the program starts; there is no actor yet",
	"credential.Registry.FollowKeys": "takes over what the operator put into the folder of keys, as New does at the start",
	"tlog.Witness.Add":               "the caller is another city's log; its signature on the checkpoint is what is asked for",
	"casework.Engine.Options":        "asks for each action whether it may be offered, and offers those that may",
}

// exemptPackages are plumbing, or stand above the domain and own no state.
var exemptPackages = map[string]string{
	"internal/db":        "the transaction itself",
	"internal/db/dbtest": "tests only",
	"journal":            "written by those who have asked",
}

type act int

const (
	asks act = iota
	writes
)

// deed is what a function's body does, in order.
type deed struct {
	what        act
	node        ast.Node
	conditional bool         // on some paths only
	ignored     bool         // the answer is thrown away
	actor       types.Object // whom it asked for; nil when that is no plain variable
	why         string       // for people
}

type change struct {
	fn     *types.Func
	decl   *ast.FuncDecl
	part   *part
	deeds  []deed
	opens  bool         // has an Update call of its own
	actor  types.Object // its city.Actor parameter
	tx     bool         // has a *db.Tx parameter
	asks   bool         // asks before the first write
	writes bool
}

type changes struct {
	p   *program
	fns map[*types.Func]*change
}

func walkChanges(p *program) *changes {
	c := &changes{p: p, fns: map[*types.Func]*change{}}
	for _, part := range p.parts {
		for _, f := range part.files {
			for _, d := range f.Decls {
				decl, ok := d.(*ast.FuncDecl)
				if !ok || decl.Body == nil {
					continue
				}
				fn := part.info.Defs[decl.Name].(*types.Func)
				ch := &change{fn: fn, decl: decl, part: part}
				for v := range fn.Signature().Params().Variables() {
					if isNamed(v.Type(), "internal/db", "Tx") {
						ch.tx = true
					}
					if isNamed(v.Type(), "city", "Actor") && ch.actor == nil {
						ch.actor = v
					}
				}
				c.fns[fn] = ch
			}
		}
	}
	// What a function does depends on those it calls: go round until nothing moves.
	for moved := true; moved; {
		moved = false
		for _, ch := range c.fns {
			if exemptPackages[ch.part.path] != "" && ch.part.path != "journal" {
				continue
			}
			c.follow(ch)
			a, w := ch.summary()
			if a != ch.asks || w != ch.writes {
				ch.asks, ch.writes, moved = a, w, true
			}
		}
	}
	return c
}

func (ch *change) summary() (asksFirst, writesAtAll bool) {
	for _, d := range ch.deeds {
		switch {
		case d.what == writes:
			writesAtAll = true
		case !writesAtAll && !d.conditional && !d.ignored && (ch.actor == nil || d.actor == ch.actor):
			asksFirst = true
		}
	}
	return asksFirst, writesAtAll
}

var writingSQL = regexp.MustCompile(`(?is)^\s*(insert|update|delete|create|drop|alter|with\s.*\b(insert|update|delete)\b)`)

// follow lists the deeds of a function's body in the order of evaluation.
func (c *changes) follow(ch *change) {
	ch.deeds, ch.opens = nil, false
	var walk func(n ast.Node, conditional, ignored bool)
	kids := func(conditional bool, nodes ...ast.Node) {
		for _, n := range nodes {
			walk(n, conditional, false)
		}
	}
	walk = func(n ast.Node, conditional, ignored bool) {
		switch n := n.(type) {
		case nil:
		case *ast.IfStmt:
			if n.Init != nil {
				walk(n.Init, conditional, false)
			}
			walk(n.Cond, conditional, false)
			walk(n.Body, true, false)
			if n.Else != nil {
				walk(n.Else, true, false)
			}
		case *ast.SwitchStmt:
			if n.Init != nil {
				walk(n.Init, conditional, false)
			}
			if n.Tag != nil {
				walk(n.Tag, conditional, false)
			}
			walk(n.Body, true, false)
		case *ast.TypeSwitchStmt:
			walk(n.Body, true, false)
		case *ast.SelectStmt:
			walk(n.Body, true, false)
		case *ast.BinaryExpr:
			walk(n.X, conditional, false)
			walk(n.Y, conditional || n.Op == token.LAND || n.Op == token.LOR, false)
		case *ast.ExprStmt:
			walk(n.X, conditional, true)
		case *ast.AssignStmt:
			blank := len(n.Lhs) > 0
			for _, l := range n.Lhs {
				if id, ok := l.(*ast.Ident); !ok || id.Name != "_" {
					blank = false
				}
			}
			for _, r := range n.Rhs {
				walk(r, conditional, blank)
			}
		case *ast.CallExpr:
			walk(n.Fun, conditional, false)
			for _, a := range n.Args {
				walk(a, conditional, false)
			}
			c.call(ch, n, conditional, ignored)
		default:
			// All other nodes hand on to what they hold.
			ast.Inspect(n, func(m ast.Node) bool {
				if m == n {
					return true
				}
				if m != nil {
					kids(conditional, m)
				}
				return false
			})
		}
	}
	walk(ch.decl.Body, false, false)
}

func (c *changes) call(ch *change, call *ast.CallExpr, conditional, ignored bool) {
	info := ch.part.info
	if tv, ok := info.Types[call.Fun]; ok && (tv.IsType() || tv.IsBuiltin()) {
		return
	}
	add := func(what act, why string) {
		d := deed{what: what, node: call, conditional: conditional, ignored: ignored, why: why}
		for _, a := range call.Args {
			if tv, ok := info.Types[a]; ok && isNamed(tv.Type, "city", "Actor") {
				if id, ok := ast.Unparen(a).(*ast.Ident); ok {
					d.actor = info.Uses[id]
				}
			}
		}
		ch.deeds = append(ch.deeds, d)
	}
	fn := callee(info, call)
	if fn == nil { // through a variable
		for _, a := range call.Args {
			if tv, ok := info.Types[a]; ok && isNamed(tv.Type, "internal/db", "Tx") {
				add(writes, "hands its transaction to a function it does not know")
			}
		}
		return
	}
	recv := fn.Signature().Recv()
	switch {
	case fn.Name() == "Ask" && takesActor(fn):
		add(asks, "asks")
		return
	case recv != nil && isNamed(recv.Type(), "internal/db", "DB"):
		if fn.Name() == "Update" {
			ch.opens = true
		}
		return
	case recv != nil && isNamed(recv.Type(), "internal/db", "Tx"):
		switch fn.Name() {
		case "Exec", "Later":
			add(writes, "tx."+fn.Name())
		case "Query", "QueryRow":
			if writesByText(info, call) {
				add(writes, "tx."+fn.Name()+" that changes rows")
			}
		}
		return
	case fn.Pkg() != nil && fn.Pkg().Path() == module+"/internal/db":
		if writesByText(info, call) {
			add(writes, "db."+fn.Name()+" that changes rows")
		}
		return
	}
	if to := c.fns[fn]; to != nil {
		switch {
		case to.asks && takesActor(fn):
			add(asks, funcName(fn)+" asks")
		case to.writes:
			add(writes, funcName(fn))
		}
		return
	}
	if recv != nil && types.IsInterface(recv.Type()) {
		for _, a := range call.Args {
			if tv, ok := info.Types[a]; ok && isNamed(tv.Type, "internal/db", "Tx") {
				add(writes, "hands its transaction to an interface")
			}
		}
	}
}

func takesActor(fn *types.Func) bool {
	for v := range fn.Signature().Params().Variables() {
		if isNamed(v.Type(), "city", "Actor") {
			return true
		}
	}
	return false
}

// writesByText reports whether a call's SQL, where it is a constant, changes rows.
func writesByText(info *types.Info, call *ast.CallExpr) bool {
	for _, a := range call.Args {
		if tv := info.Types[a]; tv.Value != nil && tv.Value.Kind() == constant.String {
			return writingSQL.MatchString(constant.StringVal(tv.Value))
		}
	}
	return false
}

// faults says which exported changes do not ask as they should.
func (c *changes) faults(excused map[string]string, used map[string]bool) []string {
	var out []string
	for _, ch := range c.fns {
		if exemptPackages[ch.part.path] != "" || !ch.fn.Exported() || !receiverExported(ch.fn) {
			continue
		}
		fault := c.fault(ch)
		if fault == "" {
			continue
		}
		if excused[funcName(ch.fn)] != "" {
			used[funcName(ch.fn)] = true
			continue
		}
		out = append(out, fmt.Sprintf("%s: %s %s", c.p.at(ch.decl), funcName(ch.fn), fault))
	}
	sort.Strings(out)
	return out
}

func (c *changes) fault(ch *change) string {
	if isFollower(ch.fn) {
		return "" // changes only its own rows, from what was already allowed
	}
	mustAsk := ch.opens || ch.tx && ch.actor != nil
	if !mustAsk {
		if ch.tx && ch.writes {
			return "changes the database and takes no actor, so nobody can be asked"
		}
		return ""
	}
	if ch.asks {
		return ""
	}
	for _, d := range ch.deeds {
		if d.what == writes {
			return fmt.Sprintf("writes (%s at line %d) before it has asked access", d.why, c.p.fset.Position(d.node.Pos()).Line)
		}
		line := c.p.fset.Position(d.node.Pos()).Line
		switch {
		case d.ignored:
			return fmt.Sprintf("asks at line %d and does not listen to the answer", line)
		case d.conditional:
			return fmt.Sprintf("asks at line %d only on some paths", line)
		case ch.actor != nil && d.actor != ch.actor:
			return fmt.Sprintf("asks at line %d for somebody else than its actor", line)
		}
	}
	if ch.opens {
		return "opens a transaction with Update and never asks access"
	}
	return "takes an actor and a transaction and never asks access"
}

// isFollower knows the methods by which followers read the journal and start
// over: Handle and Reset of a type whose Handle takes events.
func isFollower(fn *types.Func) bool {
	recv := fn.Signature().Recv()
	if recv == nil || fn.Name() != "Handle" && fn.Name() != "Reset" {
		return false
	}
	handle, _, _ := types.LookupFieldOrMethod(recv.Type(), true, fn.Pkg(), "Handle")
	h, ok := handle.(*types.Func)
	if !ok {
		return false
	}
	for v := range h.Signature().Params().Variables() {
		if s, ok := types.Unalias(v.Type()).(*types.Slice); ok && isNamed(s.Elem(), "journal", "Recorded") {
			return true
		}
	}
	return false
}

func receiverExported(fn *types.Func) bool {
	recv := fn.Signature().Recv()
	if recv == nil {
		return true
	}
	t := types.Unalias(recv.Type())
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	n, ok := t.(*types.Named)
	return ok && n.Obj().Exported()
}

func TestEveryChangeAsksFirst(t *testing.T) {
	used := map[string]bool{}
	for _, f := range walkChanges(typedHouse(t)).faults(exempt, used) {
		t.Error(f)
	}
	for name, why := range exempt {
		if why == "" {
			t.Errorf("%s is exempt without a reason", name)
		}
		if !used[name] {
			t.Errorf("%s is exempt and need not be; take it off the list", name)
		}
	}
}

// The test can fail: each way of not asking is seen, each way of asking passes.
func TestChangesThatDoNotAskAreSeen(t *testing.T) {
	sources := map[string]string{
		"city": `type Actor struct{}; func SystemActor(string) Actor { return Actor{} }`,
		"internal/db": `type Ctx interface{}
			type DB struct{}; type Tx struct{}; type Row struct{}
			func (*DB) Update(ctx Ctx, f func(Ctx, *Tx) error) error { return f(ctx, &Tx{}) }
			func (*DB) View(ctx Ctx, f func(Ctx, *Tx) error) error { return f(ctx, &Tx{}) }
			func (*Tx) Exec(ctx Ctx, q string) (int64, error) { return 0, nil }
			func (*Tx) Later(q string) {}
			func (*Tx) QueryRow(ctx Ctx, q string) Row { return Row{} }`,
		"journal": `import "yiwang/internal/db"
			type Event struct{}; type Recorded struct{}
			func Append(ctx db.Ctx, tx *db.Tx, e Event) error { _, err := tx.Exec(ctx, "INSERT INTO journal"); return err }`,
		"access": `import "yiwang/city"
			type Access struct{}
			func (*Access) Ask(ctx interface{}, a city.Actor, action string) error { return nil }`,
		"work": `import ("yiwang/city"; "yiwang/internal/db"; "yiwang/access"; "yiwang/journal")
			type S struct{ a *access.Access; d *db.DB; effects map[string]func(db.Ctx, *db.Tx) error }
			func (s *S) Good(ctx db.Ctx, tx *db.Tx, actor city.Actor) error {
				tx.QueryRow(ctx, "SELECT 1 FROM t")
				if err := s.a.Ask(ctx, actor, "x"); err != nil { return err }
				return journal.Append(ctx, tx, journal.Event{})
			}
			func (s *S) GoodOpens(ctx db.Ctx, actor city.Actor) error {
				return s.d.Update(ctx, func(ctx db.Ctx, tx *db.Tx) error { return s.Good(ctx, tx, actor) })
			}
			func (s *S) GoodHelper(ctx db.Ctx, tx *db.Tx, actor city.Actor) error {
				if err := s.mayI(ctx, actor); err != nil { return err }
				return s.effects["x"](ctx, tx)
			}
			func (s *S) mayI(ctx db.Ctx, actor city.Actor) error { return s.a.Ask(ctx, actor, "y") }
			func (s *S) Reads(ctx db.Ctx, tx *db.Tx) { tx.QueryRow(ctx, "SELECT 1 FROM t") }
			func (s *S) Handle(ctx db.Ctx, tx *db.Tx, e []journal.Recorded) error { tx.Later("INSERT"); return nil }
			func (s *S) Reset(ctx db.Ctx, tx *db.Tx) error { tx.Later("DELETE"); return nil }

			func (s *S) Never(ctx db.Ctx, tx *db.Tx, actor city.Actor) error { return nil }
			func (s *S) TooLate(ctx db.Ctx, tx *db.Tx, actor city.Actor) error {
				if err := journal.Append(ctx, tx, journal.Event{}); err != nil { return err }
				return s.a.Ask(ctx, actor, "x")
			}
			func (s *S) Sometimes(ctx db.Ctx, tx *db.Tx, actor city.Actor, b bool) error {
				if b { if err := s.a.Ask(ctx, actor, "x"); err != nil { return err } }
				tx.Later("UPDATE t"); return nil
			}
			func (s *S) Deaf(ctx db.Ctx, tx *db.Tx, actor city.Actor) { s.a.Ask(ctx, actor, "x"); tx.Later("UPDATE t") }
			func (s *S) Blank(ctx db.Ctx, tx *db.Tx, actor city.Actor) { _ = s.a.Ask(ctx, actor, "x"); tx.Later("UPDATE t") }
			func (s *S) SomebodyElse(ctx db.Ctx, tx *db.Tx, actor city.Actor) error { return s.a.Ask(ctx, city.SystemActor("x"), "x") }
			func (s *S) NobodyToAsk(ctx db.Ctx, tx *db.Tx) { s.quietly(ctx, tx) }
			func (s *S) quietly(ctx db.Ctx, tx *db.Tx) { tx.QueryRow(ctx, " insert into t values (1) returning id") }
			func (s *S) Opens(ctx db.Ctx) error { return s.d.Update(ctx, func(ctx db.Ctx, tx *db.Tx) error { return nil }) }
			func (s *S) Unknown(ctx db.Ctx, tx *db.Tx, actor city.Actor) error {
				if err := s.effects["x"](ctx, tx); err != nil { return err }
				return s.a.Ask(ctx, actor, "x")
			}`,
	}
	got := walkChanges(typedSources(t, sources)).faults(map[string]string{"work.S.Opens": "to see that a name can be excused"}, map[string]bool{})
	want := []string{
		"S.Never takes an actor and a transaction and never asks",
		"S.TooLate writes (journal.Append",
		"S.Sometimes asks at line", "only on some paths",
		"S.Deaf asks at line", "does not listen",
		"S.Blank asks at line",
		"S.SomebodyElse asks at line", "for somebody else",
		"S.NobodyToAsk changes the database and takes no actor",
		"S.Unknown writes (hands its transaction",
	}
	all := strings.Join(got, "\n")
	for _, w := range want {
		if !strings.Contains(all, w) {
			t.Errorf("%q went unseen", w)
		}
	}
	if len(got) != 8 {
		t.Errorf("8 faults expected, got %d:\n%s", len(got), all)
	}
}
