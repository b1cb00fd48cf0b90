package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

func chunkName(table string, n int) string { return fmt.Sprintf("db/%s/%06d.jsonl", table, n) }

// Restore brings a backup to a place where no city is: an empty or new data
// folder, and with PostgreSQL a database without a row. The whole file is held
// against its digests before anything is written. What the backup's program kept
// in older tables is migrated.
//
// Places in the journal come as transaction 0 (see db.CopyOut), so that followers
// go on where they were and nothing new can lie behind them.
func Restore(ctx context.Context, file string, p Place, progress Progress) (m Manifest, err error) {
	var size int64
	if info, err := os.Stat(file); err == nil {
		size = info.Size()
	}
	told := func(before int64) func(int64) {
		return func(n int64) {
			if progress != nil {
				progress(before+n, 2*size)
			}
		}
	}
	if err := empty(p.Data); err != nil {
		return m, err
	}
	if m, err = unpack(ctx, file, told(0), nil); err != nil {
		return m, err
	}
	if m.Schema > db.Newest() {
		return m, city.Conflict("cli.migrate.newer", "have", m.Schema, "know", db.Newest())
	}
	made, err := newFolder(p.Data)
	if err != nil {
		return m, err
	}
	r := &restoring{Place: p, m: m, file: file, told: told(size)}
	if r.stage, err = os.MkdirTemp(p.Data, ".restore-"); err != nil {
		return m, err
	}
	err = r.run(ctx)
	if err != nil {
		for _, name := range r.placed {
			err = errors.Join(err, os.RemoveAll(name))
		}
	}
	err = errors.Join(err, os.RemoveAll(r.stage))
	if err != nil && made {
		_ = os.Remove(p.Data) // not empty when somebody else came; then it is theirs
	}
	return m, err
}

// empty refuses a data folder that holds anything.
func empty(data string) error {
	entries, err := os.ReadDir(data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		err = city.Conflict("cli.restore.not_empty", "path", data)
	}
	return err
}

func newFolder(data string) (made bool, err error) {
	if _, err := os.Stat(data); err == nil {
		return false, nil
	}
	return true, os.MkdirAll(data, 0o700)
}

type restoring struct {
	Place
	m      Manifest
	file   string
	told   func(int64)
	stage  string   // folder within Data where everything is made ready
	placed []string // what already bears its name
}

func (r *restoring) run(ctx context.Context) (err error) {
	url := "sqlite:" + filepath.Join(r.stage, databaseFile)
	if r.Database != "" {
		url = r.Database
	}
	d, err := db.Open(ctx, url, db.Options{})
	if err != nil {
		return err
	}
	closed := false
	defer func() {
		if !closed {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := r.ready(ctx, d); err != nil {
		return err
	}
	files := filepath.Join(r.stage, "files")
	if err := os.Mkdir(files, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(files)
	if err != nil {
		return err
	}
	defer root.Close()
	err = d.Update(ctx, func(inner context.Context, tx *db.Tx) error {
		l := loader{tx: tx, root: root, tables: map[string]db.Table{}}
		// Names in the file become part of queries: only our own tables, as they are.
		ours, err := db.Tables(inner, tx, isDerived)
		if err != nil {
			return err
		}
		for _, t := range r.m.Tables {
			if !slices.ContainsFunc(ours, func(o db.Table) bool { return o.Name == t.Name && slices.Equal(o.Columns, t.Columns) }) {
				return damaged(fmt.Errorf("table %q is none of version %d", t.Name, r.m.Schema), manifestName)
			}
			l.tables[t.Name] = t
		}
		// The caller's context, for an end in the middle: the transaction's own
		// can't be cancelled.
		again, err := unpack(ctx, r.file, r.told, func(name string, size int64, in io.Reader) error { return l.take(inner, name, size, in) })
		if err != nil {
			return err
		}
		if err := again.check(r.m.Parts); err != nil {
			return err
		}
		if err := db.CopiedIn(inner, tx); err != nil {
			return err
		}
		for _, follower := range derived {
			if err := journal.Rewind(inner, tx, follower); err != nil {
				return err
			}
		}
		if r.Database != "" { // the commit is the last word
			return r.place(files)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if r.Database != "" {
		r.placed = nil // the city stands; a failing migration can be repeated
		return d.Migrate(ctx)
	}
	if err := d.Migrate(ctx); err != nil {
		return err
	}
	closed = true
	if err := d.Close(); err != nil {
		return err
	}
	if info, err := os.Stat(filepath.Join(r.stage, databaseFile+"-wal")); err == nil && info.Size() > 0 {
		return fmt.Errorf("restore: the new database was not closed cleanly")
	}
	if err := r.place(files); err != nil {
		return err
	}
	return r.move(filepath.Join(r.stage, databaseFile))
}

// ready makes the tables as the backup has them, in a database without a row.
func (r *restoring) ready(ctx context.Context, d *db.DB) error {
	bare, err := d.Bare(ctx)
	if err != nil {
		return err
	}
	have, err := d.Version(ctx)
	switch {
	case err != nil:
		return err
	case !bare:
		return city.Conflict("cli.restore.rows")
	case have > r.m.Schema:
		return city.Conflict("cli.restore.tables_newer", "have", have, "backup", r.m.Schema)
	}
	return d.MigrateTo(ctx, r.m.Schema)
}

// place gives the folders their names.
func (r *restoring) place(files string) error {
	if err := syncAll(files); err != nil {
		return err
	}
	entries, err := os.ReadDir(files)
	for _, e := range entries {
		if err == nil {
			err = r.move(filepath.Join(files, e.Name()))
		}
	}
	return err
}

func (r *restoring) move(from string) error {
	to := filepath.Join(r.Data, filepath.Base(from))
	if _, err := os.Lstat(to); err == nil {
		return city.Conflict("cli.restore.not_empty", "path", r.Data)
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	r.placed = append(r.placed, to)
	return syncDir(r.Data)
}

// syncAll makes the names in a tree of folders durable; the files are.
func syncAll(dir string) error {
	return filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			err = syncDir(name)
		}
		return err
	})
}

// loader puts the entries of a backup where they belong.
type loader struct {
	tx     *db.Tx
	root   *os.Root
	tables map[string]db.Table
}

func (l *loader) take(ctx context.Context, name string, size int64, in io.Reader) error {
	if rel, ok := strings.CutPrefix(name, "files/"); ok {
		return l.file(rel, in)
	}
	t, ok := l.tables[strings.TrimPrefix(partOf(name), "db/")]
	if !ok || !strings.HasPrefix(name, "db/") || size > maxChunk {
		return damaged(nil, name)
	}
	put := db.CopyIn(ctx, l.tx, t)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return put(nil)
		}
		if err != nil {
			return damaged(err, name)
		}
		row, err := readRow(line, t)
		if err != nil {
			return damaged(err, name)
		}
		if err := put(row); err != nil {
			return err
		}
	}
}

func (l *loader) file(rel string, in io.Reader) (err error) {
	if !fs.ValidPath(rel) || strings.HasPrefix(rel, databaseFile) {
		return damaged(nil, rel)
	}
	if dir := path.Dir(rel); dir != "." {
		if err := l.root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	f, err := l.root.OpenFile(rel, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, in); err != nil {
		return err
	}
	return f.Sync()
}
