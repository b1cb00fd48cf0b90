package app

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

// A backup is a gzipped tar archive:
//
//	db/TABLE/000001.jsonl   rows of a table, each a JSON array in the order of the
//	                        columns; bytes are base64; some thousand rows a file
//	files/…                 the data folder without the database
//	manifest.json           what it all is, last: without it a backup is not whole
type (
	// Manifest says what a backup holds.
	Manifest struct {
		Format  int        `json:"format"`
		Made    time.Time  `json:"made"`
		Program string     `json:"program"` // version that made it
		Engine  db.Engine  `json:"engine"`
		Schema  int64      `json:"schema"` // version of the tables
		Tables  []db.Table `json:"tables"`
		Parts   []Part     `json:"parts"`
	}
	// Part is a table or a folder. SHA256 is over each of its entries in order:
	// the name, a line break, the size in digits, a line break, the bytes.
	Part struct {
		Name    string `json:"name"` // "db/cases", "files/keys"
		Entries int64  `json:"entries"`
		Rows    int64  `json:"rows,omitempty"`
		Bytes   int64  `json:"bytes"`
		SHA256  string `json:"sha256"`
	}
)

const (
	backupFormat = 1
	manifestName = "manifest.json"
	chunkSize    = 1 << 20   // of rows, at the least
	maxChunk     = 256 << 20 // what restoring takes: one row may be long
	maxManifest  = 16 << 20  // bytes
)

// Rows and Files are the sums over the parts.
func (m Manifest) Rows() (n int64) {
	for _, p := range m.Parts {
		n += p.Rows
	}
	return n
}

// Files are the files of the data folder.
func (m Manifest) Files() (n int64) {
	for _, p := range m.Parts {
		if strings.HasPrefix(p.Name, "files/") {
			n += p.Entries
		}
	}
	return n
}

// partOf is the table or folder that an entry belongs to.
func partOf(entry string) string {
	s := strings.SplitN(entry, "/", 3)
	return strings.Join(s[:min(2, len(s))], "/")
}

// digests adds up parts as their entries pass.
type digests struct {
	parts []Part
	sums  []hash.Hash
	at    map[string]int
}

// entry gives the place to write an entry's bytes to.
func (d *digests) entry(name string, size int64) (hash.Hash, *Part) {
	part := partOf(name)
	i, ok := d.at[part]
	if !ok {
		if d.at == nil {
			d.at = map[string]int{}
		}
		i = len(d.parts)
		d.at[part] = i
		d.parts = append(d.parts, Part{Name: part})
		d.sums = append(d.sums, sha256.New())
	}
	fmt.Fprintf(d.sums[i], "%s\n%d\n", name, size)
	p := &d.parts[i]
	p.Entries++
	p.Bytes += size
	return d.sums[i], p
}

func (d *digests) sum() []Part {
	for i := range d.parts {
		d.parts[i].SHA256 = hex.EncodeToString(d.sums[i].Sum(nil))
	}
	return d.parts
}

// packer writes a backup.
type packer struct {
	ctx  context.Context
	zip  *gzip.Writer
	tar  *tar.Writer
	sums digests
	made time.Time
}

func newPacker(ctx context.Context, w io.Writer, made time.Time) *packer {
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is a valid one; most bytes are sealed anyway
	return &packer{ctx: ctx, zip: z, tar: tar.NewWriter(z), made: made}
}

func (p *packer) put(name string, size, rows int64, r io.Reader) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	if err := p.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: p.made, Format: tar.FormatPAX}); err != nil {
		return err
	}
	sum, part := p.sums.entry(name, size)
	part.Rows += rows
	n, err := io.Copy(io.MultiWriter(p.tar, sum), io.LimitReader(r, size))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (p *packer) close(m Manifest) (Manifest, error) {
	m.Parts = p.sums.sum()
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, err
	}
	if err := p.tar.WriteHeader(&tar.Header{Name: manifestName, Mode: 0o600, Size: int64(len(raw)), ModTime: p.made, Format: tar.FormatPAX}); err != nil {
		return m, err
	}
	if _, err := p.tar.Write(raw); err != nil {
		return m, err
	}
	return m, errors.Join(p.tar.Close(), p.zip.Close())
}

func damaged(err error, what string) error {
	e := city.Invalid("cli.restore.damaged", "what", what)
	e.Err = err
	return e
}

// unpack reads a backup to its end and holds every byte against the manifest,
// which it returns. visit may be nil; what it does counts only when unpack
// returns no error.
func unpack(ctx context.Context, file string, progress func(read int64), visit func(name string, size int64, r io.Reader) error) (m Manifest, err error) {
	f, err := os.Open(file)
	if err != nil {
		return m, city.NotFound("cli.restore.no_file", "file", file)
	}
	defer f.Close()
	counted := &counter{r: f, each: progress}
	z, err := gzip.NewReader(bufio.NewReaderSize(counted, 1<<20))
	if err != nil {
		return m, city.Invalid("cli.restore.no_backup", "file", file)
	}
	var sums digests
	var manifest []byte
	t := tar.NewReader(z)
	for {
		if err := ctx.Err(); err != nil {
			return m, err
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, damaged(err, file)
		}
		switch {
		case h.Typeflag != tar.TypeReg || manifest != nil:
			return m, damaged(nil, h.Name)
		case h.Name == manifestName:
			if manifest, err = io.ReadAll(io.LimitReader(t, maxManifest)); err != nil {
				return m, damaged(err, h.Name)
			}
			continue
		}
		sum, _ := sums.entry(h.Name, h.Size)
		r := &noted{r: io.TeeReader(t, sum)}
		if visit != nil {
			err = visit(h.Name, h.Size, r)
		}
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if r.err != nil {
			return m, damaged(r.err, h.Name)
		}
		if err != nil {
			return m, err
		}
	}
	if _, err := io.Copy(io.Discard, z); err != nil { // the checksum stands at the very end
		return m, damaged(err, file)
	}
	if manifest == nil {
		return m, damaged(nil, manifestName)
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return m, damaged(err, manifestName)
	}
	if m.Format != backupFormat {
		return m, city.Invalid("cli.restore.format", "format", m.Format)
	}
	return m, m.check(sums.sum())
}

func (m Manifest) check(have []Part) error {
	rest := map[string]Part{}
	for _, p := range have {
		rest[p.Name] = p
	}
	for _, p := range m.Parts {
		h, ok := rest[p.Name]
		if !ok || h.SHA256 != p.SHA256 || h.Entries != p.Entries || h.Bytes != p.Bytes {
			return damaged(nil, p.Name)
		}
		delete(rest, p.Name)
	}
	for name := range rest {
		return damaged(nil, name)
	}
	return nil
}

// noted keeps the fault of the file apart from the faults of those who read it.
type noted struct {
	r   io.Reader
	err error
}

func (n *noted) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		n.err = err
	}
	return k, err
}

type counter struct {
	r    io.Reader
	n    int64
	each func(int64)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.n += int64(n); c.each != nil {
		c.each(c.n)
	}
	return n, err
}

// appendRow writes a row as a line; the values are as db.CopyOut gives them.
func appendRow(b []byte, row []any) ([]byte, error) {
	b = append(b, '[')
	for i, v := range row {
		if i > 0 {
			b = append(b, ',')
		}
		one, err := json.Marshal(v) // bytes become base64
		if err != nil {
			return nil, err
		}
		b = append(b, one...)
	}
	return append(b, ']', '\n'), nil
}

// readRow is the inverse of appendRow.
func readRow(line []byte, t db.Table) ([]any, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, err
	}
	if len(raw) != len(t.Columns) {
		return nil, fmt.Errorf("%d values for %d columns", len(raw), len(t.Columns))
	}
	row := make([]any, len(raw))
	for i, c := range t.Columns {
		if bytes.Equal(raw[i], []byte("null")) {
			continue
		}
		var err error
		switch c.Type {
		case db.Int:
			row[i], err = decoded[int64](raw[i])
		case db.Words:
			row[i], err = decoded[string](raw[i])
		case db.Bytes:
			row[i], err = decoded[[]byte](raw[i])
		default:
			err = fmt.Errorf("unknown type %q", c.Type)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return row, nil
}

func decoded[T any](raw []byte) (v T, err error) { return v, json.Unmarshal(raw, &v) }
