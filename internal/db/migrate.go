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
	"strconv"
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

func (b *sqliteBackend) migrate(ctx context.Context, to int64) error {
	d, err := sql.Open("sqlite", b.dsn) // the writer's connection belongs to its goroutine
	if err != nil {
		return err
	}
	defer d.Close()
	return migrateWith(ctx, d, goose.DialectSQLite3, SQLite, to)
}

func (b *postgresBackend) migrate(ctx context.Context, to int64) error {
	return b.alone(ctx, func() error {
		d := stdlib.OpenDBFromPool(b.pool)
		defer d.Close()
		return migrateWith(ctx, d, goose.DialectPostgres, Postgres, to)
	})
}

// Newest is the version of the schema that this program works with.
func Newest() int64 {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(names) == 0 {
		panic("db: no migrations are built in")
	}
	n, err := strconv.ParseInt(path.Base(names[len(names)-1])[:4], 10, 64) // Glob sorts
	if err != nil {
		panic(err)
	}
	return n
}

// Version is the version of the schema that the database has; 0 when it has
// none.
func (d *DB) Version(ctx context.Context) (v int64, err error) {
	err = d.View(ctx, func(ctx context.Context, tx *Tx) error {
		q := `SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'goose_db_version'`
		if d.engine == SQLite {
			q = `SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'`
		}
		n, err := One[int64](ctx, tx, q)
		if err != nil || n == 0 {
			return err
		}
		v, err = One[int64](ctx, tx, `SELECT COALESCE(max(version_id), 0) FROM goose_db_version`)
		return err
	})
	return v, err
}

// Now is what the database takes the time for; SQLite has this machine's.
func (d *DB) Now(ctx context.Context) (now time.Time, err error) {
	if d.engine == SQLite {
		return time.Now(), nil
	}
	err = d.View(ctx, func(ctx context.Context, tx *Tx) error {
		us, err := One[int64](ctx, tx, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`)
		now = time.UnixMicro(us)
		return err
	})
	return now, err
}

// migrateWith goes up to the version, or to the newest when it is 0.
func migrateWith(ctx context.Context, d *sql.DB, dialect goose.Dialect, e Engine, to int64) error {
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
	if to > 0 {
		_, err = p.UpTo(ctx, to)
	} else {
		_, err = p.Up(ctx)
	}
	if errors.Is(err, goose.ErrNoNextVersion) {
		return nil
	}
	return err
}
