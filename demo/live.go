package demo

import "context"

// Live keeps the city moving until the context ends.
func (d *Demo) Live(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
