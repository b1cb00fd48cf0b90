package app

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

// Progress is told how much is done of how much; the unit is nobody's business.
type Progress func(done, total int64)

// A table that a follower makes out of the journal is no part of a backup: after
// a restore the follower begins again.
var derived = map[string]string{"search_": "search"} // beginning of the tables' names: follower

// Who is on duty and where they stand holds for the moment and is kept nowhere,
// in no backup either.
const passing = "duties"

// isDerived reports whether a table is left out of a backup.
func isDerived(table string) bool {
	if table == passing {
		return true
	}
	for prefix := range derived {
		if strings.HasPrefix(table, prefix) {
			return true
		}
	}
	return false
}

// Backup writes the whole of a city into one file, which must not be there yet:
// the database as of one moment, then keys, uploads and whatever else lies in the
// data folder. It may run beside the serving program. The file bears its name
// only once it is whole and durable.
func Backup(ctx context.Context, p Place, file string, progress Progress) (m Manifest, err error) {
	if _, err := os.Lstat(file); err == nil {
		return m, city.Conflict("cli.backup.exists", "file", file)
	}
	d, err := p.open(ctx)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if _, err := os.Stat(masterFile(p.Data)); err != nil {
		return m, city.NotFound("cli.backup.no_key", "file", masterFile(p.Data))
	}
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, "."+filepath.Base(file)+".part-*") // mode 0600: the keys are in it
	if err != nil {
		return m, city.Invalid("cli.backup.unwritable", "why", err.Error())
	}
	defer os.Remove(f.Name())
	m, err = packCity(ctx, p, d, f, progress)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return Manifest{}, err
	}
	if err := os.Link(f.Name(), file); err != nil { // unlike a rename, never over another
		if errors.Is(err, fs.ErrExist) {
			return Manifest{}, city.Conflict("cli.backup.exists", "file", file)
		}
		if err := os.Rename(f.Name(), file); err != nil { // a disk without links
			return Manifest{}, err
		}
	}
	return m, syncDir(dir)
}

func packCity(ctx context.Context, p Place, d *db.DB, f *os.File, progress Progress) (m Manifest, err error) {
	m = Manifest{Format: backupFormat, Made: time.Now().UTC().Truncate(time.Second), Program: version(), Engine: d.Engine()}
	if m.Schema, err = d.Version(ctx); err != nil {
		return m, err
	}
	root, err := os.OpenRoot(p.Data)
	if err != nil {
		return m, err
	}
	defer root.Close()
	out := newPacker(ctx, f, m.Made)
	files, size, err := dataFiles(root.FS())
	if err != nil {
		return m, err
	}
	var done, total int64
	step := func(n int64) {
		if done += n; progress != nil {
			progress(min(done, total), total)
		}
	}
	err = d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		if m.Tables, err = db.Tables(ctx, tx, isDerived); err != nil {
			return err
		}
		const weight = 300 // bytes of a row, about
		for _, t := range m.Tables {
			n, err := db.CountRows(ctx, tx, t)
			if err != nil {
				return err
			}
			total += n * weight
		}
		total += size
		for _, t := range m.Tables {
			if err := packTable(ctx, tx, t, out, func(rows int64) { step(rows * weight) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return m, err
	}
	// Files come after the rows: an upload lies there before its row does.
	for _, name := range files {
		n, err := packFile(root, name, out)
		if err != nil {
			return m, err
		}
		step(n)
	}
	if m, err = out.close(m); err == nil && progress != nil {
		progress(total, total)
	}
	return m, err
}

func packTable(ctx context.Context, tx *db.Tx, t db.Table, out *packer, step func(rows int64)) error {
	var chunk bytes.Buffer
	var rows int64
	n := 0
	flush := func() error {
		n++
		err := out.put(chunkName(t.Name, n), int64(chunk.Len()), rows, &chunk)
		step(rows)
		rows = 0
		chunk.Reset()
		return err
	}
	err := db.CopyOut(ctx, tx, t, func(row []any) error {
		line, err := appendRow(chunk.AvailableBuffer(), row)
		if err != nil {
			return err
		}
		chunk.Write(line)
		if rows++; chunk.Len() >= chunkSize {
			return flush()
		}
		return nil
	})
	if err == nil && (rows > 0 || n == 0) { // an empty table is a part, too
		err = flush()
	}
	return err
}

// dataFiles lists what lies in the data folder beside the database. What is still
// being written has a name with a dot.
func dataFiles(data fs.FS) (names []string, size int64, err error) {
	err = fs.WalkDir(data, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name != ".":
			return nil
		case err != nil:
			return err
		case name == ".":
			return nil
		case strings.HasPrefix(e.Name(), ".") && e.IsDir():
			return fs.SkipDir
		case strings.HasPrefix(e.Name(), "."), e.IsDir(), name == cityNote, strings.HasPrefix(name, databaseFile):
			return nil
		case !e.Type().IsRegular():
			return city.Invalid("cli.backup.no_plain_file", "file", name)
		}
		if info, err := e.Info(); err == nil {
			size += info.Size()
		}
		names = append(names, name)
		return nil
	})
	return names, size, err
}

func packFile(root *os.Root, name string, out *packer) (int64, error) {
	f, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // deleted since, as drafts are
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), out.put("files/"+filepath.ToSlash(name), info.Size(), 0, f)
}

func version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "(devel)"
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
