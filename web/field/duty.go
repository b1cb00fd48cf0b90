package field

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/web"
)

// hours are how long a shift may be asked for at once.
var hours = []int{4, 8, 12}

// startDuty begins a shift, so that what happens near goes to this officer.
func (p *Pages) startDuty(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	form, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(form.Get("hours"))
	if err != nil || n < 1 || n > 24 {
		return p.showTasks(w, r, actor, http.StatusUnprocessableEntity, city.Message{Key: "field.duty.hours"})
	}
	err = p.DB.Update(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := p.Directory.GoOnDuty(ctx, tx, actor, directory.Shift{Post: city.PostID(form.Get("post")), Until: web.ViewOf(ctx).Now.Add(time.Duration(n) * time.Hour)})
		return err
	})
	if err != nil {
		return err
	}
	return done(w, r, Path, web.T(r.Context(), "field.duty.begun"))
}

// position takes where an officer on duty is, from the telephone's own receiver.
func (p *Pages) position(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	form, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	fix := directory.Fix{Point: pointOf(form.Get("lat"), form.Get("lon"))}
	if ms, err := strconv.ParseInt(form.Get("at"), 10, 64); err == nil {
		fix.At = time.UnixMilli(ms)
	}
	err = p.DB.Update(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := p.Directory.Stand(ctx, tx, actor, fix)
		return err
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// pointOf reads a place from a form; the zero point where there is none.
func pointOf(lat, lon string) geo.Point {
	a, err1 := strconv.ParseFloat(lat, 64)
	b, err2 := strconv.ParseFloat(lon, 64)
	if p := (geo.Point{Lat: a, Lon: b}); err1 == nil && err2 == nil && p.Valid() {
		return p
	}
	return geo.Point{}
}

// endDuty ends a shift; what was in hand goes to the next on duty, or to the inbox.
func (p *Pages) endDuty(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	form, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	_, err = p.Incidents.EndDuty(r.Context(), actor, city.PostID(form.Get("post")))
	if e := (*city.Error)(nil); err != nil && (!errors.As(err, &e) || e.Message.Key != "duty.off") { // it has ended, whoever ended it
		return err
	}
	return done(w, r, Path, web.T(r.Context(), "field.duty.over"))
}
