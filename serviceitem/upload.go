package serviceitem

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/form"
	"yiwang/internal/db"
	"yiwang/journal"
)

const (
	uploadLife  = DraftLife      // of a file that belongs to no draft
	uploadTries = 24 * time.Hour // of one that never arrived whole
	mostUploads = 100            // of one person, in no application yet
)

var defaultAccept = []string{"pdf", "jpeg", "png"}

// Upload is a file on its way in.
type Upload struct {
	// Where it belongs: a draft, a case that asks for a correction, or an item
	// that will be applied for by File.
	Draft city.DraftID
	Case  city.CaseNumber
	Item  city.ItemCode
	For   Party

	Material string
	Name     string
	Size     int64 // as announced; 0 when unknown
	Content  io.Reader
}

// uploadRow is what the database keeps of a file.
type uploadRow struct {
	id      city.BlobID
	owner   city.PersonID
	counter city.BodyID
	of      Party
	item    city.ItemCode
	draft   city.DraftID
	caseNo  city.CaseNumber
	media   string
	size    int64
	ready   bool
	created time.Time
	expires time.Time
	key     journal.KeyID
	sealed  []byte
}

// uploadBody is the sealed part.
type uploadBody struct {
	Name   string `json:"name"`
	Digest string `json:"digest,omitempty"`
}

func (u *uploadRow) resource() access.Resource {
	return access.Resource{Type: "Upload", ID: u.id.String(), Attrs: access.Attrs{"owner": u.owner, "counter": string(u.counter),
		"applicant": u.of.Person, "firm": u.of.Firm, "item": u.item, "case": string(u.caseNo)}}
}

// bounds says what a file of the material may be.
func (s *Service) bounds(it *item, m Material) (accept []string, most int64) {
	if f, ok := it.form.Field(m.FormField); ok && f.Type == form.File {
		if len(f.Accept) > 0 {
			return f.Accept, f.MaxBytes()
		}
		return defaultAccept, f.MaxBytes()
	}
	return defaultAccept, s.MaxUpload
}

// Upload takes a file in: what it is is told by its content, not by its name, and
// it is safe on disk, sealed, when Upload returns. A file for a draft is put into
// it; a second one for a field that takes one replaces the first.
func (s *Service) Upload(ctx context.Context, actor city.Actor, u Upload) (File, error) {
	row, it, err := s.place(ctx, actor, u)
	if err != nil {
		return File{}, err
	}
	m, ok := it.Material(u.Material)
	if !ok {
		return File{}, city.Invalid("service.material.unknown")
	}
	if err := s.Access.Ask(ctx, actor, "upload.add", row.resource()); err != nil {
		return File{}, err
	}
	accept, most := s.bounds(it, m)
	if u.Size > most {
		return File{}, tooLarge(most)
	}
	src := &sniffed{src: u.Content, max: most}
	head := make([]byte, headBytes)
	n, err := io.ReadFull(src, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return File{}, err
	}
	if row.media, err = checkHead(head[:n], u.Name, accept); err != nil {
		return File{}, err
	}
	body := uploadBody{Name: fileName(u.Name)}
	if err := s.admit(ctx, actor, row, body); err != nil {
		return File{}, err
	}
	sum := sha256.New()
	whole := io.TeeReader(io.MultiReader(bytes.NewReader(head[:n]), src), sum)
	err = s.Blobs.Put(ctx, row.id, s.sealing(ctx, row.key, row.id, whole))
	if err == nil {
		err = checkTail(row.media, src.tail)
	}
	var replaced []city.BlobID
	if err == nil {
		body.Digest, row.size = hex.EncodeToString(sum.Sum(nil)), src.n
		err = s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			if err := s.Access.Ask(ctx, actor, "upload.add", row.resource()); err != nil {
				return err
			}
			if row.sealed, err = s.Journal.Vault().Seal(ctx, tx, row.key, body); err != nil {
				return err
			}
			finishUpload(tx, row)
			if !row.draft.IsZero() {
				replaced, err = s.attach(ctx, tx, actor, row, it, m)
			}
			return err
		})
	}
	if err != nil {
		return File{}, errors.Join(err, s.undo(context.WithoutCancel(ctx), actor, row))
	}
	return row.file(body), s.deleteBlobs(ctx, replaced)
}

// admit puts a file's row and key in place before its bytes arrive, so that
// nothing lies in the store that nobody knows of.
func (s *Service) admit(ctx context.Context, actor city.Actor, row *uploadRow, body uploadBody) error {
	return s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if err := s.Access.Ask(ctx, actor, "upload.add", row.resource()); err != nil {
			return err
		}
		have, err := countUploads(ctx, tx, row.owner)
		if err != nil {
			return err
		}
		if have >= mostUploads {
			return city.Invalid("service.upload.too_many", "max", mostUploads)
		}
		if row.key, err = s.Journal.Vault().NewKey(ctx, tx, row.of.Person); err != nil {
			return err
		}
		if row.sealed, err = s.Journal.Vault().Seal(ctx, tx, row.key, body); err != nil {
			return err
		}
		insertUpload(tx, row)
		return nil
	})
}

func (u *uploadRow) file(b uploadBody) File {
	return File{ID: u.id, Name: b.Name, Media: u.media, Size: u.size, Digest: b.Digest}
}

// place finds where an upload belongs and who may reach it.
func (s *Service) place(ctx context.Context, actor city.Actor, u Upload) (*uploadRow, *item, error) {
	now := s.Clock.Now()
	row := &uploadRow{id: city.NewBlobID(), owner: actor.Person, item: u.Item, of: u.For, created: now, expires: now.Add(uploadTries)}
	if actor.Kind == city.Officer {
		row.counter = actor.Body
	}
	var err error
	switch {
	case !u.Draft.IsZero():
		err = s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			d, err := s.draft(ctx, tx, actor, u.Draft, "draft.save")
			if err == nil && d.Case != "" {
				err = city.Conflict("service.draft.sent", "number", string(d.Case))
			}
			row.draft, row.item, row.of, row.counter = d.ID, d.Item, d.Of, d.counter
			return err
		})
	case u.Case != "":
		err = s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			c, err := s.engine.Get(ctx, tx, actor, u.Case)
			if err == nil && !c.State.Has("supplement") {
				err = city.Conflict("case.not_asked")
			}
			row.item, row.of = c.Item, Party{c.Applicant, c.Firm}
			return err
		})
	}
	if err != nil {
		return nil, nil, err
	}
	it, err := s.item(row.item)
	if err == nil && u.Draft.IsZero() && u.Case == "" {
		row.of, err = s.party(actor, it, u.For)
	}
	return row, it, err
}

// undo takes back an upload that failed.
func (s *Service) undo(ctx context.Context, actor city.Actor, row *uploadRow) error {
	err := s.Blobs.Delete(ctx, row.id)
	if err != nil {
		return err // the row stays, and Sweep tries again
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := s.Access.Ask(ctx, actor, "upload.add", row.resource()); err != nil {
			return err
		}
		deleteUpload(tx, row.id)
		return nil
	})
}

// attach puts a file into its draft and gives the files that it replaces.
func (s *Service) attach(ctx context.Context, tx *db.Tx, actor city.Actor, row *uploadRow, it *item, m Material) ([]city.BlobID, error) {
	var replaced []city.BlobID
	_, err := s.changeDraft(ctx, tx, actor, row.draft, func(d *Draft, _ *item) error {
		h := d.Handed[m.ID]
		files, most := h.Files, 10
		field, inForm := it.form.Field(m.FormField)
		if inForm {
			files, most = blobsOf(d.Answers[m.FormField]), field.Most()
		}
		if most == 1 {
			replaced, files = files, nil
		}
		if len(files) >= most {
			return city.Invalid("form.too_many_files", "max", most)
		}
		files = append(slices.Clone(files), row.id)
		if inForm {
			d.Answers[m.FormField] = textsOf(files)
			return nil
		}
		h.Files, h.Later = files, false
		d.Handed[m.ID] = h
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.own(ctx, tx, row, replaced)
}

// own drops the rows of files that were replaced; what is no file of the same
// draft is left alone.
func (s *Service) own(ctx context.Context, tx *db.Tx, row *uploadRow, ids []city.BlobID) ([]city.BlobID, error) {
	var gone []city.BlobID
	for _, id := range ids {
		old, err := uploadByID(ctx, tx, id)
		if errors.Is(err, db.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if old.draft == row.draft && old.caseNo == "" {
			deleteUpload(tx, id)
			gone = append(gone, id)
		}
	}
	return gone, nil
}

// RemoveUpload deletes a file that no application holds yet.
func (s *Service) RemoveUpload(ctx context.Context, actor city.Actor, id city.BlobID) error {
	err := s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		row, err := uploadByID(ctx, tx, id)
		if errors.Is(err, db.ErrNoRows) {
			return city.NotFound("service.upload.gone")
		}
		if err != nil {
			return err
		}
		if err := s.Access.Ask(ctx, actor, "upload.remove", row.resource()); err != nil {
			return err
		}
		if row.caseNo != "" {
			return city.Conflict("service.upload.in_case")
		}
		deleteUpload(tx, id)
		if row.draft.IsZero() {
			return nil
		}
		_, err = s.changeDraft(ctx, tx, actor, row.draft, func(d *Draft, it *item) error {
			for name, v := range d.Answers {
				if f, ok := it.form.Field(name); ok && f.Type == form.File {
					if files := without(blobsOf(v), id); len(files) > 0 {
						d.Answers[name] = textsOf(files)
					} else {
						delete(d.Answers, name)
					}
				}
			}
			for name, h := range d.Handed {
				h.Files = without(h.Files, id)
				d.Handed[name] = h
			}
			return nil
		})
		return err
	})
	if err != nil {
		return err
	}
	return s.Blobs.Delete(ctx, id)
}

// OpenUpload reads a file back. What belongs to a case can be read by whoever may
// read the case; an officer's look is recorded for the purpose. Close the reader.
func (s *Service) OpenUpload(ctx context.Context, actor city.Actor, id city.BlobID, purpose string) (File, io.ReadCloser, error) {
	var row *uploadRow
	var body uploadBody
	look := func(ctx context.Context, tx *db.Tx) (err error) {
		row, err = uploadByID(ctx, tx, id)
		if errors.Is(err, db.ErrNoRows) || err == nil && !row.ready {
			return city.NotFound("service.upload.gone")
		}
		if err != nil {
			return err
		}
		if err := s.Access.Ask(ctx, actor, "upload.read", row.resource()); err != nil {
			return err
		}
		switch {
		case row.caseNo == "":
		case actor.Kind == city.Officer:
			_, err = s.engine.Look(ctx, tx, actor, row.caseNo, purpose)
		default:
			_, err = s.engine.Get(ctx, tx, actor, row.caseNo)
		}
		if err != nil {
			return err
		}
		err = s.Journal.Vault().Unseal(ctx, tx, row.key, row.sealed, &body)
		if errors.Is(err, journal.ErrErased) {
			return city.NotFound("service.upload.erased")
		}
		return err
	}
	within := s.DB.View
	if actor.Kind == city.Officer {
		within = s.DB.Update
	}
	if err := within(ctx, look); err != nil {
		return File{}, nil, err
	}
	r, err := s.Blobs.Open(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, nil, city.NotFound("service.upload.gone")
	}
	if err != nil {
		return File{}, nil, err
	}
	return row.file(body), s.opening(ctx, row.key, row.id, r), nil
}

// blobsOf reads the answer of a file field; what is no identifier is left out.
func blobsOf(v any) []city.BlobID {
	var texts []string
	switch v := v.(type) {
	case []string:
		texts = v
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				texts = append(texts, s)
			}
		}
	}
	var out []city.BlobID
	for _, t := range texts {
		var id city.BlobID
		if id.UnmarshalJSON([]byte(`"`+t+`"`)) == nil && !id.IsZero() {
			out = append(out, id)
		}
	}
	return out
}

func textsOf(ids []city.BlobID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

func without(ids []city.BlobID, id city.BlobID) []city.BlobID {
	return slices.DeleteFunc(slices.Clone(ids), func(x city.BlobID) bool { return x == id })
}
