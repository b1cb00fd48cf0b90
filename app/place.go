package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"yiwang/city"
	"yiwang/internal/db"
)

// Place is where a city's state lies.
type Place struct {
	Data     string // data folder: the SQLite file, keys, uploads
	Database string // postgres://… in place of the SQLite file
}

// Names within the data folder.
const (
	databaseFile = "city.db"
	cityNote     = "city.path" // where the city pack lies that was served last
)

func (p Place) url() string {
	if p.Database != "" {
		return p.Database
	}
	return "sqlite:" + filepath.Join(p.Data, databaseFile)
}

// stands refuses a place where no city has been: opening one would make it, and
// a slip of the finger must not look like a city that lost everything.
func (p Place) stands() error {
	name := p.Data
	if p.Database == "" {
		name = filepath.Join(p.Data, databaseFile)
	}
	_, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return city.NotFound("cli.place.none", "path", name)
	}
	return err
}

// open connects to a database that is there, without touching its schema.
func (p Place) open(ctx context.Context) (*db.DB, error) {
	if err := p.stands(); err != nil {
		return nil, err
	}
	return db.Open(ctx, p.url(), db.Options{Beside: true})
}

// City is the pack that was served last from the data folder; "" when nobody
// knows.
func (p Place) City() string {
	raw, err := os.ReadFile(filepath.Join(p.Data, cityNote))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

func (p Place) noteCity(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil || p.City() == dir {
		return err
	}
	return os.WriteFile(filepath.Join(p.Data, cityNote), []byte(dir+"\n"), 0o600)
}

// Migrate brings the schema of a place to this program's version; from and to
// are equal when it was there.
func Migrate(ctx context.Context, p Place) (from, to int64, err error) {
	d, err := p.open(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if from, err = d.Version(ctx); err != nil {
		return 0, 0, err
	}
	if from > db.Newest() {
		return from, from, city.Conflict("cli.migrate.newer", "have", from, "know", db.Newest())
	}
	if err := d.Migrate(ctx); err != nil {
		return from, from, err
	}
	to, err = d.Version(ctx)
	return from, to, err
}

func masterFile(data string) string { return filepath.Join(data, "keys", "master.key") }

func signingKeys(data string) string { return filepath.Join(data, "keys", "licences") }

// Size is a number of bytes as people say it.
func Size(n int64) string {
	for _, u := range []struct {
		of   int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.of {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.of), u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}
