package story

import (
	"context"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// must sends a command to the visitor's window and ends the test when it fails.
func must[P, R any](v *Visitor, cmd cdp.Command[P, R], params P) R {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if !v.started() {
		// The window opens with the first command, and lives as long as its context.
		ctx = v.ctx
	}
	r, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		v.t.Fatalf("%s: %v", cmd.Method, err)
	}
	return r
}

func (v *Visitor) started() bool {
	c := chromedp.FromContext(v.ctx)
	return c != nil && c.Target != nil
}

// eval gives the value of a script expression; promises are awaited.
func eval[T any](v *Visitor, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// callOn calls a function with the element as its "this".
func callOn[T any](v *Visitor, el runtime.RemoteObjectID, function string, args ...any) T {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	on := func(p *runtime.CallFunctionOnParams) { p.ObjectID = el }
	r, err := chromedp.Run(ctx, chromedp.CallFunctionOn[T](function, on, args...))
	if err != nil {
		v.fatal("a script of the harness failed: %v", err)
	}
	return r
}
