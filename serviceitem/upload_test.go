package serviceitem_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/serviceitem"
)

func (w *town) upload(a city.Actor, u serviceitem.Upload, content string) serviceitem.File {
	w.Helper()
	f, err := w.tryUpload(a, u, content)
	w.ok(err)
	return f
}

func (w *town) tryUpload(a city.Actor, u serviceitem.Upload, content string) (serviceitem.File, error) {
	if u.Draft.IsZero() && u.Case == "" {
		u.Item = "reader-card"
	}
	if u.Content == nil {
		u.Content = strings.NewReader(content)
	}
	return w.Service.Upload(ctx, a, u)
}

func (w *town) openFile(a city.Actor, id city.BlobID) (serviceitem.File, []byte, error) {
	f, r, err := w.OpenUpload(ctx, a, id, "purpose.case")
	if err != nil {
		return f, nil, err
	}
	defer r.Close()
	all, err := io.ReadAll(r)
	return f, all, err
}

// A file of several frames comes back as it was, lies sealed, and goes with the
// person.
func TestUploadComesBack(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		me := person(w.mother)
		for _, n := range []int{0, 1, 256<<10 - len(pdf), 256<<10 - len(pdf) + 1, 900_000} {
			noise := make([]byte, n)
			for i := range noise {
				noise[i] = byte(rand.Uint32())
			}
			content := strings.Replace(pdf, "endobj", "endobj"+string(noise), 1)
			f := w.upload(me, serviceitem.Upload{Material: "letter", Name: `C:\Users\me\..\信.pdf`}, content)
			if f.Name != "信.pdf" || f.Media != "application/pdf" || f.Size != int64(len(content)) || len(f.Digest) != 64 {
				t.Errorf("file %+v", f)
			}
			got, all, err := w.openFile(me, f.ID)
			w.ok(err)
			if string(all) != content || got != f {
				t.Errorf("%d bytes came back as %d, %+v", len(content), len(all), got)
			}
		}
		w.ok(filepath.WalkDir(w.blobs.dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if bytes.Contains(raw, []byte("%PDF")) || bytes.Contains(raw, []byte("startxref")) {
				t.Error("a file lies in clear")
			}
			if info, _ := e.Info(); info.Mode().Perm() != 0o600 {
				t.Errorf("mode %o", info.Mode().Perm())
			}
			return err
		}))
	})
}

func TestHostileUploads(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	me := person(w.mother)
	big := strings.Repeat("x", 11<<20)
	for name, tt := range map[string]struct {
		material, file, content string
		kind                    city.Kind
		key                     string
	}{
		"a PDF that is none":    {"letter", "letter.pdf", "<html>hello</html>", city.KindInvalid, "service.upload.not_pdf"},
		"a picture as PDF":      {"letter", "letter.pdf", string(picture()), city.KindInvalid, "service.upload.not_pdf"},
		"empty":                 {"letter", "letter.pdf", "", city.KindInvalid, "service.upload.empty"},
		"cut off":               {"letter", "letter.pdf", pdf[:30], city.KindInvalid, "service.upload.cut_off"},
		"cut off picture":       {"photo", "a.png", string(picture()[:45]), city.KindInvalid, "service.upload.cut_off"},
		"too large":             {"letter", "letter.pdf", "%PDF-1.4" + big, city.KindTooLarge, "service.upload.too_large"},
		"too large for a field": {"photo", "a.png", string(picture()) + big[:1<<20], city.KindTooLarge, "service.upload.too_large"},
		"a PDF where pictures":  {"photo", "photo", pdf, city.KindInvalid, "service.upload.kind"},
		"a program":             {"letter", "letter.exe", "MZ\x90\x00", city.KindInvalid, "service.upload.kind"},
		"a page as picture":     {"photo", "a.jpg", "<svg onload=alert(1)>", city.KindInvalid, "service.upload.not_picture"},
		"half a picture":        {"photo", "a.png", "\x89PNG\r\n\x1a\nrubbish", city.KindInvalid, "service.upload.not_picture"},
		"a bomb":                {"photo", "a.png", bomb(), city.KindInvalid, "service.upload.picture_large"},
		"no such material":      {"x", "a.png", string(picture()), city.KindInvalid, "service.material.unknown"},
	} {
		_, err := w.tryUpload(me, serviceitem.Upload{Material: tt.material, Name: tt.file}, tt.content)
		if city.KindOf(err) != tt.kind {
			t.Errorf("%s: %v", name, err)
			continue
		}
		w.says(err, "", tt.key)
	}
	// Announced too large: not a byte is read.
	_, err := w.tryUpload(me, serviceitem.Upload{Material: "letter", Name: "a.pdf", Size: 40 << 20, Content: iotest.ErrReader(errors.New("read"))}, "")
	w.is(err, city.KindTooLarge)
	// Never ends, or breaks off.
	_, err = w.tryUpload(me, serviceitem.Upload{Material: "letter", Name: "a.pdf", Content: io.MultiReader(strings.NewReader("%PDF-1.4"), endless{})}, "")
	w.is(err, city.KindTooLarge)
	gone := errors.New("the line is cut")
	_, err = w.tryUpload(me, serviceitem.Upload{Material: "letter", Name: "a.pdf",
		Content: io.MultiReader(strings.NewReader("%PDF-1.4"+big[:2<<20]), iotest.ErrReader(gone))}, "")
	if !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	_, err = w.tryUpload(person(w.stranger), serviceitem.Upload{Material: "letter", Name: "a.pdf", For: serviceitem.Party{Person: w.mother}}, pdf)
	w.is(err, city.KindForbidden)
	if w.files() != 0 || w.count("uploads") != 0 {
		t.Errorf("%d files and %d rows of refused uploads", w.files(), w.count("uploads"))
	}
	// A full disk refuses new work; what is there can be read.
	f := w.upload(me, serviceitem.Upload{Material: "letter", Name: "a.pdf"}, pdf)
	w.blobs.fail = &fs.PathError{Op: "write", Err: syscall.ENOSPC}
	if _, err = w.tryUpload(me, serviceitem.Upload{Material: "letter", Name: "a.pdf"}, pdf); err == nil {
		t.Error("a full disk took a file")
	}
	if _, all, err := w.openFile(me, f.ID); err != nil || string(all) != pdf {
		t.Errorf("%v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// bomb is a small PNG that claims to be 60,000 pixels wide and high.
func bomb() string {
	p := picture()
	binary.BigEndian.PutUint32(p[16:], 60000)
	binary.BigEndian.PutUint32(p[20:], 60000)
	binary.BigEndian.PutUint32(p[29:], crc32.ChecksumIEEE(p[12:29]))
	return string(p)
}

// A file belongs to its application: nobody else uses or reads it, an officer's
// look is seen, and a damaged one is told.
func TestUploadsBelongToTheirCase(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		me := person(w.mother)
		f := w.upload(me, serviceitem.Upload{Material: "photo", Name: "me.png"}, string(picture()))
		filing := serviceitem.Filing{Item: "reader-card", Materials: map[string]serviceitem.Handed{"identity": {Fetch: true}, "photo": {Files: []city.BlobID{f.ID}}},
			Answers: answers("shelves", []string{"maps"})}
		_, err := w.File(ctx, person(w.son), filing)
		w.says(err, "materials.photo", "service.upload.gone")
		letter := w.upload(me, serviceitem.Upload{Material: "letter", Name: "a.pdf"}, pdf)
		wrong := filing
		wrong.Materials = map[string]serviceitem.Handed{"identity": {Fetch: true}, "photo": {Files: []city.BlobID{letter.ID}}}
		_, err = w.File(ctx, me, wrong)
		w.says(err, "materials.photo", "service.upload.not_for_this")

		c := w.file(me, filing)
		_, err = w.File(ctx, me, filing) // the same file in a second case
		w.says(err, "materials.photo", "service.upload.gone")
		w.is(w.RemoveUpload(ctx, me, f.ID), city.KindConflict)
		w.decide()
		for name, tt := range map[string]struct {
			a    city.Actor
			kind city.Kind
		}{
			"applicant": {me, ""}, "stranger": {person(w.stranger), city.KindForbidden}, "nobody": {city.Actor{Kind: city.Anonymous}, city.KindUnauthenticated},
			"officer": {officer("clerk"), ""}, "officer elsewhere": {city.Actor{Kind: city.Officer, Body: "pool", Account: city.NewAccountID()}, city.KindForbidden},
		} {
			_, all, err := w.openFile(tt.a, f.ID)
			if city.KindOf(err) != tt.kind || tt.kind == "" && !bytes.Equal(all, picture()) {
				t.Errorf("%s: %v", name, err)
			}
		}
		looks := 0
		for _, u := range w.uses(w.mother) {
			if u.Purpose == "purpose.case" && u.Case == c.Number && u.Post == "library.clerk" {
				looks++
			}
		}
		if looks != 1 {
			t.Errorf("the mother sees %d looks", looks)
		}
		w.view(func(ctx context.Context, tx *db.Tx) error {
			app, err := w.Read(ctx, tx, me, c.Number)
			for _, g := range app.Materials {
				if g.Material == "photo" && (len(g.Files) != 1 || g.Files[0] != f) {
					t.Errorf("the case holds %+v", g)
				}
			}
			return err
		})
		s := f.ID.String()
		path := filepath.Join(w.blobs.dir, s[34:36], s[32:34], s)
		raw, err := os.ReadFile(path)
		w.ok(err)
		for name, damage := range map[string]func([]byte) []byte{
			"changed": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
			"cut":     func(b []byte) []byte { return b[:len(b)-5] },
			"empty":   func([]byte) []byte { return nil },
			"huge":    func(b []byte) []byte { b[0] = 0xff; return b },
		} {
			w.ok(os.WriteFile(path, damage(bytes.Clone(raw)), 0o600))
			if _, _, err := w.openFile(me, f.ID); city.KindOf(err) != city.KindInternal {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.ok(os.Remove(path))
		_, _, err = w.openFile(me, f.ID)
		w.is(err, city.KindNotFound)
	})
}

func TestFilesOfADraft(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		me := person(w.mother)
		draft := w.begin(me)
		w.save(me, draft, "what", map[string][]string{"shelves": {"maps"}, "books": {"2"}})
		first := w.upload(me, serviceitem.Upload{Draft: draft.ID, Material: "photo", Name: "1.png"}, string(picture()))
		second := w.upload(me, serviceitem.Upload{Draft: draft.ID, Material: "photo", Name: "2.png"}, string(picture()))
		if _, _, err := w.openFile(me, first.ID); city.KindOf(err) != city.KindNotFound {
			t.Errorf("the replaced file: %v", err)
		}
		papers, err := w.Papers(ctx, me, draft.ID)
		w.ok(err)
		if len(papers) != 2 || papers[1].Files[0] != second {
			t.Errorf("papers %+v", papers)
		}
		w.is(w.RemoveUpload(ctx, person(w.son), second.ID), city.KindForbidden)
		w.ok(w.RemoveUpload(ctx, me, second.ID))
		if got := w.read(me, draft); got.Answers["photo"] != nil || w.files() != 0 {
			t.Errorf("answers %v, %d files", got.Answers, w.files())
		}
		w.ok(w.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return nil }))
		_, err = w.tryUpload(person(w.stranger), serviceitem.Upload{Draft: draft.ID, Material: "photo", Name: "3.png"}, string(picture()))
		w.is(err, city.KindForbidden)
	})
}

func FuzzFileName(f *testing.F) {
	for _, s := range []string{"a.pdf", "../../etc/passwd", `C:\x\y.png`, "", "...", "\u202egnp.exe", strings.Repeat("长", 500) + ".pdf", "a\x00b"} {
		f.Add(s)
	}
	w := newTown(f, dbtest.SQLite(f))
	me := person(w.mother)
	f.Fuzz(func(t *testing.T, name string) {
		got, err := w.tryUpload(me, serviceitem.Upload{Material: "letter", Name: name}, pdf)
		if err != nil {
			if city.KindOf(err) == city.KindInternal {
				t.Fatal(err)
			}
			return
		}
		if got.Name == "" || len([]rune(got.Name)) > 120 || strings.ContainsAny(got.Name, "/\\\x00\u202e\n") {
			t.Errorf("%q became %q", name, got.Name)
		}
		if err := w.RemoveUpload(ctx, me, got.ID); err != nil {
			t.Fatal(err)
		}
	})
}
