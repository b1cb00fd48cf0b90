package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// A part is a Parquet file of one day, sorted by vehicle and time. Its columns are
// the fields of Position.
const (
	partSuffix  = ".parquet"
	rowsInGroup = 256 << 10
	pageBytes   = 64 << 10
	replaces    = "yiwang.replaces" // names of the parts that one was merged from
)

// writePart makes a part under its name when all of it is on the disk.
func writePart(name string, rows iter.Seq2[Position, error], merged []string) (n int64, err error) {
	dir, base := filepath.Split(name)
	f, err := os.OpenFile(filepath.Join(dir, "."+base), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := parquet.NewGenericWriter[Position](f,
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}),
		parquet.SortingWriterConfig(parquet.SortingColumns(parquet.Ascending("vehicle"), parquet.Ascending("at"))),
		parquet.MaxRowsPerRowGroup(rowsInGroup), parquet.PageBufferSize(pageBytes), parquet.ColumnIndexSizeLimit(func([]string) int { return 2 * longestVehicle }),
		parquet.CreatedBy("yiwang", "1", ""))
	if len(merged) > 0 {
		w.SetKeyValueMetadata(replaces, strings.Join(merged, "/"))
	}
	batch := make([]Position, 0, 1024)
	flush := func() error {
		_, err := w.Write(batch)
		n += int64(len(batch))
		batch = batch[:0]
		return err
	}
	for p, err := range rows {
		if err != nil {
			return n, err
		}
		if batch = append(batch, p); len(batch) == cap(batch) {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	if err := flush(); err != nil {
		return n, err
	}
	if err := errors.Join(w.Close(), f.Sync()); err != nil {
		return n, err
	}
	if err := errors.Join(f.Close(), os.Rename(f.Name(), name)); err != nil {
		return n, err
	}
	return n, syncDir(dir)
}

// part is an open Parquet file.
type part struct {
	f  *os.File
	pq *parquet.File
}

func openPart(name string) (p *part, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("%v", x)
		}
		if err != nil {
			f.Close()
			p, err = nil, fmt.Errorf("history: %s: %w", filepath.Base(name), err)
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	pq, err := parquet.OpenFile(f, info.Size(), parquet.SkipBloomFilters(true))
	return &part{f, pq}, err
}

func (p *part) close() { p.f.Close() }

// all gives every position in order. Of a damaged file the last is an error.
func (p *part) all(ctx context.Context) iter.Seq2[Position, error] {
	return func(yield func(Position, error) bool) {
		theirs := false // it is the caller's code that runs
		take := func(q Position, err error) bool {
			theirs = true
			more := yield(q, err)
			theirs = false
			return more
		}
		read := func() (err error) {
			defer func() {
				if theirs {
					return
				}
				if x := recover(); x != nil {
					err = fmt.Errorf("history: %s: %v", filepath.Base(p.f.Name()), x)
				}
			}()
			for _, g := range p.pq.RowGroups() {
				if !p.from(ctx, g, 0, take) {
					break
				}
			}
			return nil
		}
		if err := read(); err != nil {
			yield(Position{}, err)
		}
	}
}

// of calls each for the vehicle's positions, in order.
func (p *part) of(ctx context.Context, vehicle string, each func(*Position)) (err error) {
	defer func() {
		if x := recover(); x != nil { // a damaged file
			err = fmt.Errorf("history: %s: %v", filepath.Base(p.f.Name()), x)
		}
	}()
	for _, g := range p.pq.RowGroups() {
		row, ok, err := firstRow(g, vehicle)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		p.from(ctx, g, row, func(q Position, e error) bool {
			switch {
			case e != nil:
				err = e
			case q.Vehicle == vehicle:
				each(&q)
			}
			return e == nil && q.Vehicle <= vehicle
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// firstRow is a row of the group at which the vehicle may begin, at most a page
// too early.
func firstRow(g parquet.RowGroup, vehicle string) (int64, bool, error) {
	column := g.ColumnChunks()[0] // vehicle
	index, err := column.ColumnIndex()
	if err != nil {
		return 0, false, err
	}
	offsets, err := column.OffsetIndex()
	if err != nil {
		return 0, false, err
	}
	for i := range index.NumPages() {
		if string(index.MaxValue(i).ByteArray()) >= vehicle {
			return offsets.FirstRowIndex(i), string(index.MinValue(i).ByteArray()) <= vehicle, nil
		}
	}
	return 0, false, nil
}

// from gives the positions of a group from a row on, and reports whether whoever
// takes them wants more.
func (p *part) from(ctx context.Context, g parquet.RowGroup, row int64, yield func(Position, error) bool) bool {
	r := parquet.NewGenericRowGroupReader[Position](g)
	defer r.Close()
	if row > 0 {
		if err := r.SeekToRow(row); err != nil {
			return yield(Position{}, err)
		}
	}
	batch := make([]Position, 512)
	for {
		if err := ctx.Err(); err != nil {
			return yield(Position{}, err)
		}
		n, err := r.Read(batch)
		for _, q := range batch[:n] {
			if !yield(q, nil) {
				return false
			}
		}
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			return yield(Position{}, fmt.Errorf("history: %s: %w", filepath.Base(p.f.Name()), err))
		}
	}
}
