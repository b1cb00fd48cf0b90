package rule

import (
	"context"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"yiwang/city"
)

// Condition is one expression that holds or doesn't. It is safe for concurrent
// use.
type Condition struct {
	p    *program
	vars map[string]Type
}

// CompileCondition compiles a bool expression over the variables; its error is
// Faults with line and column inside the expression.
func CompileCondition(expr string, vars map[string]Type) (*Condition, error) {
	l, err := newLanguage(vars)
	if err != nil {
		return nil, FaultsOf(err)
	}
	p, err := l.compileBool(expr)
	if err != nil {
		return nil, err
	}
	return &Condition{p, vars}, nil
}

func (l *language) compileBool(expr string) (*program, error) {
	p, err := l.compile(expr)
	if err != nil {
		return nil, err
	}
	if !cel.BoolType.IsExactType(p.gives) {
		return nil, Faults{{Line: 1, Column: 1, Message: city.Message{Key: "rule.not_bool", Args: []any{"type", p.gives.String()}}}}
	}
	return p, nil
}

// Holds reports whether the condition holds for the values. What is absent or
// nil is unknown; a condition that can't be decided without it does not hold. A
// value of the wrong type, or an expression that fails (a division by zero), is
// an error.
func (c *Condition) Holds(vars map[string]any) (bool, error) {
	holds, _, err := c.Decide(context.Background(), vars)
	return holds, err
}

// Decide is Holds that also names, in order, the variables without which the
// condition can't be decided.
func (c *Condition) Decide(ctx context.Context, vars map[string]any) (holds bool, missing []string, err error) {
	r, err := c.p.run(ctx, c.p.valuesOf(c.vars, vars))
	if err != nil {
		return false, nil, err
	}
	if r.err != nil {
		return false, nil, r.err
	}
	return r.value == types.True, r.missing, nil
}

// Variables names the variables that the condition reads, sorted.
func (c *Condition) Variables() []string { return slices.Clone(c.p.names) }

func (c *Condition) String() string { return c.p.source }

// Expression is one expression of any Type, such as one that makes a licence's
// field from answers. It is safe for concurrent use.
type Expression struct {
	p     *program
	vars  map[string]Type
	gives Type
}

// CompileExpression compiles an expression over the variables; its error is
// Faults with line and column inside the expression.
func CompileExpression(expr string, vars map[string]Type) (*Expression, error) {
	l, err := newLanguage(vars)
	if err != nil {
		return nil, FaultsOf(err)
	}
	p, err := l.compile(expr)
	if err != nil {
		return nil, err
	}
	gives, ok := typeOf(p.gives)
	if !ok {
		return nil, Faults{{Line: 1, Column: 1, Message: city.Message{Key: "rule.result_type", Args: []any{"type", p.gives.String()}}}}
	}
	return &Expression{p, vars, gives}, nil
}

// Type is what the expression gives.
func (e *Expression) Type() Type { return e.gives }

// Variables names the variables that the expression reads, sorted.
func (e *Expression) Variables() []string { return slices.Clone(e.p.names) }

func (e *Expression) String() string { return e.p.source }

// MissingError says which variables an expression lacked.
type MissingError struct{ Names []string }

func (e *MissingError) Error() string { return "missing: " + strings.Join(e.Names, ", ") }

// Value evaluates the expression. It gives the Go type that Type.Normal gives for
// Type(). What is absent or nil is unknown; when the value depends on it the
// error is a *MissingError.
func (e *Expression) Value(ctx context.Context, vars map[string]any) (any, error) {
	r, err := e.p.run(ctx, e.p.valuesOf(e.vars, vars))
	switch {
	case err != nil:
		return nil, err
	case r.err != nil:
		return nil, r.err
	case r.missing != nil:
		return nil, &MissingError{r.missing}
	}
	return e.gives.native(r.value)
}
