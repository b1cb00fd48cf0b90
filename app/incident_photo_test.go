package app_test

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"os"
	"strings"
	"testing"

	"yiwang/access"
	"yiwang/app"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
)

// camera is a picture as a telephone takes it, with words behind it that nobody
// was meant to send.
func camera(t *testing.T, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), "31.93N 121.04E"...)
}

func (p *place) photo(actor city.Actor, n city.CaseNumber, role incident.Role) incident.Photo {
	p.Helper()
	photo, err := p.app.Incidents.AddPhoto(context.Background(), actor, n, incident.NewPhoto{Role: role, Raw: camera(p.T, 60, 40)})
	p.ok(err)
	return photo
}

// A report with pictures: seen by who reported and by who mends, by nobody else,
// gone with the person.
func TestPicturesOfAReport(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		p := newPlace(t, database)
		inc := p.app.Incidents
		mender, stranger := at("urban-management.inspector"), at("civil-affairs.clerk")
		lamp := incident.Report{Class: "c0101", Text: "井盖不见了", Place: riverine, Answers: map[string]string{"state": "missing"}, Key: "k1",
			Photos: [][]byte{camera(t, 3000, 2000), camera(t, 60, 40)}}

		// what is wrong is said at its field, and nothing is kept of it
		for what, spoil := range map[string]func(*incident.Report){
			"photo":         func(r *incident.Report) { r.Photos = [][]byte{[]byte("<script>")} },
			"photos":        func(r *incident.Report) { r.Photos = make([][]byte, incident.MostPhotos+1) },
			"answers.state": func(r *incident.Report) { r.Answers = map[string]string{"state": "flown"} },
			"answers.size":  func(r *incident.Report) { r.Answers = map[string]string{"size": "1"} },
		} {
			r := lamp
			spoil(&r)
			_, err := inc.Report(ctx, nobody, r)
			p.refused(err, city.KindInvalid, what)
		}
		r := p.report(nobody, lamp)
		if again := p.report(nobody, lamp); again != r {
			t.Errorf("sent again: %+v, before %+v", again, r)
		}
		p.report(nobody, incident.Report{Class: lamp.Class, Text: "也看到了", Place: riverine, Photos: [][]byte{camera(t, 60, 40)}})
		after := p.photo(mender, r.Number, incident.RoleAfter)
		once := incident.NewPhoto{Role: incident.RoleBefore, Raw: camera(t, 60, 40), Key: "sent from the field"}
		before, err := inc.AddPhoto(ctx, mender, r.Number, once)
		p.ok(err)
		if again, err := inc.AddPhoto(ctx, mender, r.Number, once); err != nil || again != before {
			t.Errorf("kept twice: %+v, %v", again, err)
		}
		_, err = inc.AddPhoto(ctx, stranger, r.Number, once)
		p.refused(err, city.KindForbidden, "a picture by an office that has no part")

		var photos []incident.Photo
		p.ok(p.app.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			reports, err := inc.Reports(ctx, tx, mender, r.Number)
			if err != nil || len(reports) != 2 || reports[0].Answers["state"] != "missing" || len(reports[0].Photos) != 2 || len(reports[1].Photos) != 1 {
				t.Errorf("reports %+v, %v", reports, err)
			}
			photos, err = inc.Photos(ctx, tx, mender, r.Number)
			return err
		}))
		if len(photos) != 5 {
			t.Fatalf("photos %+v", photos)
		}
		mine := map[city.BlobID]bool{}
		f, err := p.follow(r.Number, r.Code)
		p.ok(err)
		for _, photo := range f.Photos {
			mine[photo.ID] = true
		}
		if len(mine) != 3 || !mine[after.ID] {
			t.Errorf("who reported sees %+v", f.Photos)
		}
		for _, photo := range photos {
			raw, err := inc.PhotoBytes(ctx, mender, r.Number, photo.ID)
			p.ok(err)
			if c, err := jpeg.DecodeConfig(bytes.NewReader(raw)); err != nil || max(c.Width, c.Height) > 2048 || strings.Contains(string(raw), "121.04E") {
				t.Errorf("picture %s: %+v, %v", photo.Role, c, err)
			}
			_, err = inc.PhotoBytes(ctx, stranger, r.Number, photo.ID)
			p.refused(err, city.KindForbidden, "a look by an office that has no part")
			_, err = inc.FollowedPhoto(ctx, nobody, r.Number, r.Code, photo.ID)
			if mine[photo.ID] {
				p.ok(err)
			} else {
				p.refused(err, city.KindNotFound, "a look at somebody else's picture")
			}
			_, err = inc.FollowedPhoto(ctx, nobody, r.Number, "AAAAAAAA", photo.ID)
			p.refused(err, city.KindNotFound, "a look with a wrong code")
		}

		// a report that is merged takes its pictures along
		other := p.report(nobody, incident.Report{Class: lamp.Class, Text: "又一个", Place: riverine, Apart: true, Photos: [][]byte{camera(t, 60, 40)}})
		operator := at("operations-center.operator")
		p.acts(mender, other.Number, casework.Action{Name: "give_back", Reason: "是同一个"})
		p.ok(inc.Merge(ctx, operator, other.Number, r.Number, "同一件"))
		p.ok(p.app.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			photos, err = inc.Photos(ctx, tx, mender, r.Number)
			return err
		}))
		if len(photos) != 6 {
			t.Errorf("after merging %d pictures", len(photos))
		}
	})
}

// Whoever is erased takes their pictures with them.
func TestErasedPictures(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		p := newPlace(t, database)
		inc := p.app.Incidents
		person := city.NewPersonID()
		lin := city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: person, Assurance: city.AssurancePassword, Channel: city.ChannelWeb}
		r := p.report(lin, incident.Report{Class: "c0101", Text: "井盖松了", Place: riverine, Photos: [][]byte{camera(t, 60, 40)}})
		f, err := p.follow(r.Number, r.Code)
		p.ok(err)
		if len(f.Photos) != 1 {
			t.Fatalf("%+v", f.Photos)
		}
		p.ok(p.app.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error { return p.app.Journal.Vault().Erase(ctx, tx, person) }))
		_, err = inc.FollowedPhoto(ctx, nobody, r.Number, r.Code, f.Photos[0].ID)
		p.refused(err, city.KindNotFound, "a picture of somebody erased")
		gone, err := inc.Sweep(ctx, city.SystemActor("app"))
		if err != nil || gone != 1 {
			t.Errorf("swept %d, %v", gone, err)
		}
		if gone, err = inc.Sweep(ctx, city.SystemActor("app")); err != nil || gone != 0 {
			t.Errorf("swept again %d, %v", gone, err)
		}
		_, err = inc.Sweep(ctx, lin)
		p.refused(err, city.KindForbidden, "sweeping")
	})
}

// Where a city's classes want pictures of what was done, whoever does it may take them.
func TestWhoeverMendsMayShowIt(t *testing.T) {
	for _, dir := range []string{"jianghai", "hudson"} {
		a, err := app.New(context.Background(), app.Options{CityFS: os.DirFS("../cities/" + dir), Data: t.TempDir(), Demo: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range a.Incidents.Classes() {
			d := a.Access.Decide(at(c.Post), "incident.photograph", access.Resource{Type: "Incident"})
			if len(c.Evidence) > 0 && !d.Allowed {
				t.Errorf("%s: %s wants pictures, and %s may take none", dir, c.Code, c.Post)
			}
		}
		if err := a.DB.Close(); err != nil {
			t.Error(err)
		}
	}
}
