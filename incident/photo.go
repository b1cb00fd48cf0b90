package incident

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident/picture"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Blobs keeps sealed pictures: files on a disk, or an object store.
type Blobs interface {
	// Put keeps what r gives under the id, durably, once it returns nil.
	Put(ctx context.Context, id city.BlobID, r io.Reader) error
	// Open reads what was put; fs.ErrNotExist when there is none.
	Open(ctx context.Context, id city.BlobID) (io.ReadCloser, error)
	// Delete removes it; nothing there is no fault.
	Delete(ctx context.Context, id city.BlobID) error
}

// Role is what a picture shows.
type Role string

const (
	RoleSeen   Role = "seen"   // what somebody reported
	RoleBefore Role = "before" // as whoever mends it found it
	RoleAfter  Role = "after"  // as they left it
)

// Photo is a picture of a matter.
type Photo struct {
	ID     city.BlobID
	Role   Role
	At     time.Time
	Report city.ReportID // zero for pictures that officers took
}

// NewPhoto is a picture that an officer took. With the same Key it is kept once.
type NewPhoto struct {
	Role Role
	Raw  []byte // as the camera wrote it; see picture.Clean
	Key  string
}

// Bounds of the pictures of one report.
const (
	MostPhotos    = 5
	MostPhotoSize = picture.MostBytes // of each as sent
)

// mostTaken bounds the pictures of one matter that officers take.
const mostTaken = 40

// seal makes the pictures ready to be kept: sealed under a fresh key of the
// person, durable, and not yet named by any row.
func (s *Service) seal(ctx context.Context, person city.PersonID, raw [][]byte) (key journal.KeyID, rows []photoRow, err error) {
	boxes := make([][]byte, len(raw))
	for i := range raw {
		if boxes[i], err = picture.Clean(ctx, raw[i]); err != nil {
			return key, nil, err
		}
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		vault := s.Journal.Vault()
		if key, err = vault.NewKey(ctx, tx, person); err != nil {
			return err
		}
		for i := range boxes {
			if boxes[i], err = vault.SealBytes(ctx, tx, key, boxes[i]); err != nil {
				return err
			}
		}
		return nil
	})
	for _, box := range boxes {
		if err != nil {
			break
		}
		row := photoRow{id: city.NewBlobID(), key: key}
		if err = s.Blobs.Put(ctx, row.id, bytes.NewReader(box)); err == nil {
			rows = append(rows, row)
		}
	}
	if err != nil {
		s.drop(ctx, rows)
		return key, nil, err
	}
	return key, rows, nil
}

// drop removes pictures that no row came to name. What a crash leaves behind can't
// be read: its key belongs to nothing.
func (s *Service) drop(ctx context.Context, rows []photoRow) {
	for _, r := range rows {
		if err := s.Blobs.Delete(context.WithoutCancel(ctx), r.id); err != nil {
			slog.WarnContext(ctx, "a picture that nobody refers to could not be removed", "photo", r.id, "err", err)
		}
	}
}

// AddPhoto keeps a picture that an officer took of an open matter in which it is
// their post's turn.
func (s *Service) AddPhoto(ctx context.Context, actor city.Actor, n city.CaseNumber, p NewPhoto) (out Photo, err error) {
	if err := s.Access.Ask(ctx, actor, "incident.photograph", access.Resource{Type: "Incident", ID: string(n)}); err != nil {
		return Photo{}, err
	}
	if p.Role != RoleBefore && p.Role != RoleAfter && p.Role != RoleSeen {
		return Photo{}, fieldFault("role", "incident.photo.role")
	}
	if len(p.Key) > longestKey {
		return Photo{}, fieldFault("key", "case.too_long", "max", longestKey)
	}
	once := ""
	if p.Key != "" {
		once = hex.EncodeToString(s.Journal.Vault().Digest("incident.photo", actor.Account.String()+"\x00"+string(n)+"\x00"+p.Key))
	}
	var again bool
	look := func(ctx context.Context, tx *db.Tx) (c casework.Case, err error) {
		if c, err = s.cases.Get(ctx, tx, actor, n); err != nil {
			return c, err
		}
		if _, err := incidentByNumber(ctx, tx, n); err != nil {
			return c, missing(err)
		}
		if once == "" {
			return c, nil
		}
		row, err := photoByOnce(ctx, tx, once)
		if errors.Is(err, db.ErrNoRows) {
			return c, nil
		}
		again, out = err == nil, row.photo()
		return c, err
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error { _, err := look(ctx, tx); return err })
	if err != nil || again {
		return out, err
	}
	_, rows, err := s.seal(ctx, city.PersonID{}, [][]byte{p.Raw})
	if err != nil {
		return Photo{}, err
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err := look(ctx, tx)
		if err != nil || again {
			return err
		}
		if !c.Open {
			return city.Conflict("case.closed")
		}
		if !slices.ContainsFunc(c.Working, func(t casework.Task) bool { return actor.Holds(t.Post) }) {
			return city.Conflict("case.not_your_task")
		}
		if have, err := countPhotos(ctx, tx, c.ID); err != nil {
			return err
		} else if have >= mostTaken {
			return fieldFault("photo", "incident.photo.many", "max", mostTaken)
		}
		r := rows[0]
		r.caseID, r.once, r.role, r.round, r.at = c.ID, once, p.Role, round(c), s.now()
		insertPhoto(tx, r)
		out = r.photo()
		return s.Journal.Append(ctx, tx, journal.Event{At: r.at, Type: "incident.photographed", Subject: string(n), Actor: actor,
			Data: map[string]any{"number": n, "photo": r.id, "role": p.Role, "body": c.Body}})
	})
	if err != nil || again {
		s.drop(ctx, rows)
	}
	return out, raced(err)
}

// round counts how often the work on a matter has begun again: a picture of the
// last repair proves nothing of this one.
func round(c casework.Case) int {
	return c.State.Counts["rework"] + c.State.Counts[casework.FlagReopened]
}

// Photos lists the pictures of a matter to officers who may read it, the oldest
// first.
func (s *Service) Photos(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) ([]Photo, error) {
	c, err := s.seen(ctx, tx, actor, n)
	if err != nil {
		return nil, err
	}
	rows, err := photosOf(ctx, tx, c.ID)
	list := make([]Photo, len(rows))
	for i, r := range rows {
		list[i] = r.photo()
	}
	return list, err
}

func (s *Service) seen(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) (casework.Case, error) {
	c, err := s.cases.Get(ctx, tx, actor, n)
	if err != nil {
		return c, err
	}
	return c, s.Access.Ask(ctx, actor, "incident.reports", access.Resource{Type: "Incident", ID: string(n)})
}

// PhotoBytes is a picture of a matter as JPEG, for officers who may read it.
func (s *Service) PhotoBytes(ctx context.Context, actor city.Actor, n city.CaseNumber, id city.BlobID) (raw []byte, err error) {
	err = s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err := s.seen(ctx, tx, actor, n)
		if err != nil {
			return err
		}
		row, err := photoByID(ctx, tx, id)
		if err == nil && row.caseID != c.ID {
			err = db.ErrNoRows
		}
		if err != nil {
			return missing(err)
		}
		raw, err = s.unseal(ctx, tx, row)
		return err
	})
	return raw, err
}

// FollowedPhoto is a picture as JPEG for whoever knows the number and code of a
// report: one they sent, or one that shows the matter mended.
func (s *Service) FollowedPhoto(ctx context.Context, actor city.Actor, n city.CaseNumber, code string, id city.BlobID) (raw []byte, err error) {
	err = s.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		report, err := s.byCode(ctx, tx, actor, "incident.follow", n, code)
		if err != nil {
			return err
		}
		row, err := photoByID(ctx, tx, id)
		if err == nil && (row.caseID != report.caseID || !row.shownTo(report.id)) {
			err = db.ErrNoRows
		}
		if err != nil {
			return missing(err)
		}
		raw, err = s.unseal(ctx, tx, row)
		return err
	})
	return raw, err
}

func (r photoRow) shownTo(report city.ReportID) bool {
	return r.role == RoleAfter && r.report.IsZero() || r.report == report
}

// followed are the pictures that a reporter sees: their own, and of those that show
// the matter mended the ones of the last round.
func followed(ctx context.Context, tx *db.Tx, report reportRow, round int) (list []Photo, err error) {
	rows, err := photosOf(ctx, tx, report.caseID)
	for _, r := range rows {
		if r.shownTo(report.id) && (r.role != RoleAfter || r.round == round) {
			list = append(list, r.photo())
		}
	}
	return list, err
}

func (s *Service) unseal(ctx context.Context, tx *db.Tx, row photoRow) ([]byte, error) {
	f, err := s.Blobs.Open(ctx, row.id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, city.NotFound("case.erased")
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	box, err := io.ReadAll(io.LimitReader(f, 2*MostPhotoSize))
	if err != nil {
		return nil, err
	}
	raw, err := s.Journal.Vault().UnsealBytes(ctx, tx, row.key, box)
	if errors.Is(err, journal.ErrErased) {
		return nil, city.NotFound("case.erased")
	}
	return raw, err
}

// evidenced refuses that something is done where its class wants a picture of it
// afterwards, and there is neither one of this round nor a word why. What somebody
// looked at wants a picture that they took.
func (s *Service) evidenced(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	if strings.TrimSpace(call.Record.Words.Note) != "" {
		return nil
	}
	class := s.classes[call.Case.Item]
	in, err := incidentByNumber(ctx, tx, call.Case.Number)
	if err != nil {
		return missing(err)
	}
	if c, ok := s.classes[in.class]; ok {
		class = c
	}
	look := call.Case.Kind == s.Settings.Inspection
	if !look && (class == nil || !class.wants("after")) {
		return nil
	}
	rows, err := photosOf(ctx, tx, call.Case.ID)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if (r.role == RoleAfter || look && r.report.IsZero()) && r.round == round(call.Case) {
			return nil
		}
	}
	return fieldFault("note", "incident.photo.or_note")
}

// Sweep removes pictures whose people were erased, and says how many.
func (s *Service) Sweep(ctx context.Context, actor city.Actor) (gone int64, err error) {
	if err := s.Access.Ask(ctx, actor, "incident.sweep", access.Resource{Type: "Incident"}); err != nil {
		return 0, err
	}
	after := city.BlobID{}
	for {
		var rows, dead []photoRow
		err := s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			if rows, err = photosAfter(ctx, tx, after, 500); err != nil || len(rows) == 0 {
				return err
			}
			keys := make([]journal.KeyID, len(rows))
			for i, r := range rows {
				keys[i] = r.key
			}
			standing, err := s.Journal.Vault().Standing(ctx, tx, keys)
			for _, r := range rows {
				if err == nil && !standing[r.key] {
					dead = append(dead, r)
					deletePhoto(tx, r.id)
				}
			}
			return err
		})
		if err != nil || len(rows) == 0 {
			return gone, err
		}
		s.drop(ctx, dead)
		gone += int64(len(dead))
		after = rows[len(rows)-1].id
	}
}
