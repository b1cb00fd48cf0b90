package app_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"yiwang/app"
	"yiwang/cities"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// Several nodes begin at the same moment over an empty database and one empty data
// folder: all of them come up, with one master key between them and one of each
// signing key. A node with another folder is refused: it could read nothing.
func TestNodesThatBeginTogether(t *testing.T) {
	ctx := context.Background()
	for range 2 {
		data, database := t.TempDir(), dbtest.PostgresURL(t)
		nodes := make([]*app.App, 3)
		errs := make([]error, len(nodes))
		var all sync.WaitGroup
		for i := range nodes {
			all.Go(func() {
				if nodes[i], errs[i] = app.New(ctx, app.Options{CityFS: cities.Jianghai(), Data: data, Database: database}); errs[i] == nil {
					errs[i] = nodes[i].Start(ctx)
				}
			})
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		for i, n := range nodes {
			if n == nil {
				continue
			}
			err := n.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
				fits, err := n.Journal.Vault().Fits(ctx, tx)
				if err == nil && !fits {
					t.Errorf("node %d has another master key", i)
				}
				return err
			})
			if err = errors.Join(err, n.Stop()); err != nil {
				t.Error(err)
			}
		}
		if t.Failed() {
			return
		}
		other := t.TempDir()
		if _, err := app.New(ctx, app.Options{CityFS: cities.Jianghai(), Data: other, Database: database}); err == nil {
			t.Error("a node with a folder of its own came up")
		}
		if n, err := app.New(ctx, app.Options{CityFS: cities.Jianghai(), Data: other}); err != nil { // which makes a key there
			t.Error(err)
		} else if err := n.DB.Close(); err != nil {
			t.Error(err)
		}
		if _, err := app.New(ctx, app.Options{CityFS: cities.Jianghai(), Data: other, Database: database}); err == nil {
			t.Error("a node with another city's key came up")
		}
	}
}
