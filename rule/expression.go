package rule

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"yiwang/city"
)

// Bounds of an expression. A pack is bytes from outside: whatever it says must
// compile or be refused quickly, and end.
const (
	maxLength  = 2000   // characters
	maxDepth   = 60     // nesting
	maxNodes   = 2000   // nodes of the tree, macros expanded
	maxNesting = 2      // loops within loops
	maxRegex   = 1000   // instructions of a regular expression
	maxCost    = 100000 // steps of one evaluation, as CEL counts them
	checkEvery = 100    // iterations between looks at the context
)

var (
	stringList = reflect.TypeOf([]string(nil))
	stringMap  = reflect.TypeOf(map[string]string(nil))

	namePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,47}$`)
	// Words that CEL or this package keep for themselves.
	reserved = []string{"today", "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for",
		"function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while"}
)

// ValidName reports whether s can name a fact, a variable or a form's field:
// lower-case letters, digits and underscores, beginning with a letter, at most
// 48 characters, and no word that the language keeps for itself.
func ValidName(s string) bool { return namePattern.MatchString(s) && !slices.Contains(reserved, s) }

var baseEnv = sync.OnceValues(func() (*cel.Env, error) {
	opts := append(dateFunctions(),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxLength),
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserErrorRecoveryLimit(4),
		cel.ExpressionNestingDepthLimit(maxDepth),
		cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxRegex),
		cel.ASTValidators(
			cel.ValidateDurationLiterals(),
			cel.ValidateTimestampLiterals(),
			cel.ValidateRegexLiterals(),
			cel.ValidateRegexProgramSizeLimit(maxRegex),
			cel.ValidateComprehensionNestingLimit(maxNesting),
		))
	return cel.NewEnv(opts...)
})

// language is CEL with a set of typed variables.
type language struct {
	env  *cel.Env
	vars map[string]Type
}

// newLanguage refuses names and types that don't exist; "today" may be declared.
func newLanguage(vars map[string]Type) (*language, error) {
	base, err := baseEnv()
	if err != nil {
		return nil, err
	}
	var decls []cel.EnvOption
	for name, t := range vars {
		if !t.Valid() {
			return nil, Faults{{Message: city.Message{Key: "rule.type_unknown", Args: []any{"name", name, "type", string(t)}}}}
		}
		if name != "today" && !ValidName(name) {
			return nil, Faults{{Message: city.Message{Key: "rule.name_invalid", Args: []any{"name", name}}}}
		}
		decls = append(decls, cel.Variable(name, celTypes[t]))
	}
	env, err := base.Extend(decls...)
	if err != nil {
		return nil, err
	}
	return &language{env, vars}, nil
}

// program is a compiled expression.
type program struct {
	source string
	gives  *cel.Type
	names  []string // variables it names, sorted
	loops  bool     // only a loop can run long enough to be worth stopping
	index  map[string]int
	whole  cel.Program
	part   cel.Program // the same, able to leave facts unknown
}

// compile gives Faults with positions inside the expression.
func (l *language) compile(source string) (*program, error) {
	if strings.TrimSpace(source) == "" {
		return nil, Faults{{Message: city.Message{Key: "rule.expression_empty"}}}
	}
	checked, issues := l.env.Compile(source)
	if err := issues.Err(); err != nil {
		return nil, faultsOf(issues, err)
	}
	p := &program{source: source, gives: checked.OutputType()}
	if err := l.inspect(checked, p); err != nil {
		return nil, err
	}
	opts := []cel.ProgramOption{cel.CostLimit(maxCost), cel.InterruptCheckFrequency(checkEvery)}
	var err error
	if p.whole, err = l.env.Program(checked, append(opts, cel.EvalOptions(cel.OptOptimize))...); err != nil {
		return nil, FaultsOf(err)
	}
	if p.part, err = l.env.Program(checked, append(opts, cel.EvalOptions(cel.OptOptimize, cel.OptPartialEval))...); err != nil {
		return nil, FaultsOf(err)
	}
	return p, nil
}

// inspect collects the variables that the expression names, refuses loops that
// reuse the name of one, and checks literal dates.
func (l *language) inspect(checked *cel.Ast, p *program) error {
	var fs Faults
	info := checked.NativeRep().SourceInfo()
	at := func(e ast.Expr, key string, args ...any) {
		loc := info.GetStartLocation(e.ID())
		fs = append(fs, Fault{Line: loc.Line(), Column: loc.Column() + 1, Message: city.Message{Key: key, Args: args}})
	}
	seen := map[string]bool{}
	ast.PostOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			if name := strings.TrimPrefix(e.AsIdent(), "."); l.vars[name] != "" {
				seen[name] = true
			}
		case ast.ComprehensionKind:
			p.loops = true
			c := e.AsComprehension()
			for _, v := range []string{c.IterVar(), c.IterVar2()} {
				if v != "" && l.vars[v] != "" {
					at(e, "rule.loop_name", "name", v)
				}
			}
		case ast.CallKind:
			c := e.AsCall()
			if c.FunctionName() != "date" || len(c.Args()) != 1 || c.Args()[0].Kind() != ast.LiteralKind {
				return
			}
			if s, ok := c.Args()[0].AsLiteral().(types.String); ok && types.IsError(parseDate(s)) {
				at(c.Args()[0], "rule.date_literal", "date", string(s))
			}
		}
	}))
	for name := range seen {
		p.names = append(p.names, name)
	}
	slices.Sort(p.names)
	p.index = indexOf(p.names)
	return fs.Err()
}

var (
	containerNote = regexp.MustCompile(` \(in container '[^']*'\)`)
	undeclared    = regexp.MustCompile(`^undeclared reference to '([^']*)'(?: \(did you mean '([^']*)'\?\))?$`)
)

func faultsOf(issues *cel.Issues, err error) Faults {
	var fs Faults
	for _, e := range issues.Errors() {
		detail := containerNote.ReplaceAllString(e.Message, "")
		f := Fault{Message: city.Message{Key: "rule.expression", Args: []any{"detail", detail}}}
		if e.Location != nil && e.Location.Line() > 0 {
			f.Line, f.Column = e.Location.Line(), e.Location.Column()+1
		}
		if m := undeclared.FindStringSubmatch(detail); m != nil {
			f.Unknown = m[1]
			f.Message = city.Message{Key: "rule.undeclared", Args: []any{"name", m[1]}}
			if m[2] != "" {
				f.Message = city.Message{Key: "rule.undeclared_like", Args: []any{"name", m[1], "like", m[2]}}
			}
		}
		fs = append(fs, f)
	}
	if len(fs) == 0 {
		return FaultsOf(err)
	}
	return fs
}

// Evaluation faults that aren't the expression's own.
var errInterrupted = errors.New("stopped before the rule was evaluated")

// result is what one evaluation gives: a value, the names that are missing, or
// an error of the expression.
type result struct {
	value   ref.Val
	missing []string
	err     error
}

// run evaluates over values; names that are in the expression and not in values
// are unknown. The error is only for a context that ended.
func (p *program) run(ctx context.Context, values values) (result, error) {
	var unknown []*cel.AttributePatternType
	for _, name := range p.names {
		if _, ok := values.ResolveName(name); !ok {
			unknown = append(unknown, cel.AttributePattern(name))
		}
	}
	if err := ctx.Err(); err != nil {
		return result{}, interrupted(ctx)
	}
	program, vars := p.whole, cel.Activation(values)
	if len(unknown) > 0 {
		act, err := cel.PartialVars(values, unknown...)
		if err != nil {
			return result{err: err}, nil
		}
		program, vars = p.part, act
	}
	var out ref.Val
	var err error
	if p.loops {
		out, _, err = program.ContextEval(ctx, vars)
		if ctx.Err() != nil {
			return result{}, interrupted(ctx)
		}
	} else {
		out, _, err = program.Eval(vars)
	}
	if err != nil {
		return result{err: tidy(err)}, nil
	}
	if u, ok := out.(*types.Unknown); ok {
		return result{missing: unknownNames(u)}, nil
	}
	return result{value: out}, nil
}

func interrupted(ctx context.Context) error {
	return fmt.Errorf("%w: %w", errInterrupted, context.Cause(ctx))
}

// tidy names the cost limit in plain words; other errors are CEL's.
func tidy(err error) error {
	var c interpreter.EvalCancelledError
	if errors.As(err, &c) && c.Cause == interpreter.CostLimitExceeded {
		return fmt.Errorf("the expression takes more than %d steps", maxCost)
	}
	return err
}

func unknownNames(u *types.Unknown) []string {
	var names []string
	for _, id := range u.IDs() {
		trails, _ := u.GetAttributeTrails(id)
		for _, t := range trails {
			if !slices.Contains(names, t.Variable()) {
				names = append(names, t.Variable())
			}
		}
	}
	slices.Sort(names)
	return names
}

// values are the variables of an evaluation, by their position in index; nil is
// unknown.
type values struct {
	index map[string]int
	list  []ref.Val
}

// ResolveName and Parent make values an Activation of CEL.
func (v values) ResolveName(name string) (any, bool) {
	if i, ok := v.index[name]; ok && v.list[i] != nil {
		return v.list[i], true
	}
	return nil, false
}

func (v values) Parent() cel.Activation { return nil }

// set gives a variable its value. One of the wrong type becomes an error, which
// the expression meets only if it needs the value.
func (v values) set(name string, t Type, given any) {
	val, err := t.value(given)
	if err != nil {
		val = types.NewErr("%s: %v", name, err)
	}
	v.list[v.index[name]] = val
}

// valuesOf makes values for the variables that the program names; nil and absent
// ones are unknown.
func (p *program) valuesOf(vars map[string]Type, given map[string]any) values {
	v := values{p.index, make([]ref.Val, len(p.names))}
	for _, name := range p.names {
		if g, ok := given[name]; ok && g != nil {
			v.set(name, vars[name], g)
		}
	}
	return v
}

// indexOf numbers names.
func indexOf(names []string) map[string]int {
	m := make(map[string]int, len(names))
	for i, n := range names {
		m[n] = i
	}
	return m
}
