package db

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// forEngine uncovers the words that only one engine understands: /*sqlite …*/
// and /*postgres …*/ in a migration. Everything else is the same text on both.
type forEngine struct {
	fs.FS
	engine Engine
}

var hint = regexp.MustCompile(`/\*(sqlite|postgres) ([^*]*)\*/`)

func (f forEngine) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil || path.Ext(name) != ".sql" {
		return file, err
	}
	defer file.Close()
	raw, err := fs.ReadFile(f.FS, name)
	if err != nil {
		return nil, err
	}
	out := hint.ReplaceAllFunc(raw, func(m []byte) []byte {
		p := hint.FindSubmatch(m)
		if string(p[1]) == string(f.engine) {
			return p[2]
		}
		return nil
	})
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return &memFile{bytes.NewReader(out), memInfo{info, int64(len(out))}}, nil
}

type memFile struct {
	*bytes.Reader
	info memInfo
}

func (m *memFile) Stat() (fs.FileInfo, error) { return m.info, nil }
func (m *memFile) Close() error               { return nil }

type memInfo struct {
	fs.FileInfo
	size int64
}

func (m memInfo) Size() int64 { return m.size }

func (b *sqliteBackend) migrate(ctx context.Context) error {
	d, err := sql.Open("sqlite", b.dsn) // the writer's connection belongs to its goroutine
	if err != nil {
		return err
	}
	defer d.Close()
	return migrateWith(ctx, d, goose.DialectSQLite3, SQLite)
}

func (b *postgresBackend) migrate(ctx context.Context) error {
	d := stdlib.OpenDBFromPool(b.pool)
	defer d.Close()
	return migrateWith(ctx, d, goose.DialectPostgres, Postgres)
}

func migrateWith(ctx context.Context, d *sql.DB, dialect goose.Dialect, e Engine) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	p, err := goose.NewProvider(dialect, d, forEngine{sub, e}, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	sources := p.ListSources()
	if len(sources) > 0 {
		if newest := sources[len(sources)-1].Version; have > newest {
			return fmt.Errorf("%w: it has version %d, this program knows %d", ErrNewerSchema, have, newest)
		}
	}
	_, err = p.Up(ctx)
	if errors.Is(err, goose.ErrNoNextVersion) {
		return nil
	}
	return err
}
