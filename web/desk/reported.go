package desk

import (
	"context"
	"net/http"
	"strconv"

	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/web"
)

// Streets is what belongs to a case of the streets: who reported what, what was
// found and left, what may be the same.
type Streets struct {
	Facts   []web.Row
	Reports []web.Reported
	Before  []string // addresses of pictures
	After   []string
	Checked []string
	Alike   []Alike
	Found   *web.Found // what a program noticed; nil for what people reported
}

// Alike is an open matter so near that it may be the same.
type Alike struct {
	Number city.CaseNumber
	Metres int
	Tell   city.Text
	N      int // reports
	Href   string
	Merge  string // address that joins this matter to it
}

// streets reads what was reported; nil for cases of other kinds. The look was put
// on record when the case was opened.
func (d *Desk) streets(ctx context.Context, tx *db.Tx, v visit, o *opened) (*Streets, error) {
	if d.Incidents == nil || !d.Incidents.Handles(o.c.Kind) {
		return nil, nil
	}
	n := o.c.Number
	reports, err := d.Incidents.Told(ctx, tx, v.actor, n)
	if err != nil {
		return nil, unlessForbidden(err)
	}
	photos, err := d.Incidents.Photos(ctx, tx, v.actor, n)
	if err != nil {
		return nil, err
	}
	s := &Streets{}
	a, list, ok, err := d.Incidents.Noticed(ctx, tx, v.actor, n)
	if err != nil {
		return nil, err
	}
	if ok {
		f := web.FoundOf(d.Incidents.Alerts, a, list, d.Incidents.OutcomeName)
		f.Href = PathAlerts + "/" + a.ID.String()
		s.Found = &f
	}
	class, classed := d.Incidents.Class(o.c.Item)
	path := func(id city.BlobID) string { return photoPath(n, id) }
	for _, r := range reports {
		s.Reports = append(s.Reports, web.ReportedOf(class, r, path))
	}
	for _, p := range photos {
		switch {
		case p.Role == incident.RoleBefore:
			s.Before = append(s.Before, path(p.ID))
		case p.Role == incident.RoleAfter:
			s.After = append(s.After, path(p.ID))
		case p.Report.IsZero():
			s.Checked = append(s.Checked, path(p.ID))
		}
	}
	s.Facts = append(s.Facts, web.Row{Name: web.Words("desk.streets.where"), Value: d.Directory.RegionName(o.c.Region)})
	if classed {
		s.Facts = append(s.Facts, web.Row{Name: web.Words("desk.streets.grade"), Value: web.Words("desk.streets.grade.limit", "grade", class.Grade, "limit", limitWords(class.Limit))})
		if len(class.Evidence) > 0 {
			var wanted []city.Text
			for _, e := range class.Evidence {
				wanted = append(wanted, web.Words("desk.streets.evidence."+e))
			}
			s.Facts = append(s.Facts, web.Row{Name: web.Words("desk.streets.evidence"), Value: joined(wanted)})
		}
	}
	if _, ok := option(o, "duplicate"); !ok || !o.c.Open {
		return s, nil
	}
	for _, r := range reports {
		if r.Point.IsZero() || len(s.Alike) > 0 {
			continue
		}
		near, err := d.Incidents.Similar(ctx, tx, v.actor, o.c.Item, r.Point)
		if err != nil {
			return nil, err
		}
		for _, a := range near {
			if a.Number != n {
				s.Alike = append(s.Alike, Alike{Number: a.Number, Metres: int(a.Distance), Tell: a.Tell, N: a.Reports, Href: v.at.at(CasePath(a.Number, "")),
					Merge: v.at.at(CasePath(n, "duplicate"), "into", string(a.Number))})
			}
		}
	}
	return s, nil
}

func photoPath(n city.CaseNumber, id city.BlobID) string {
	return CasePath(n, "") + "/photos/" + id.String()
}

// photo shows a picture of a matter of the streets.
func (d *Desk) photo(w http.ResponseWriter, r *http.Request) error {
	v, err := d.visitOf(r)
	if err != nil {
		return err
	}
	var id city.BlobID
	if err := id.UnmarshalJSON([]byte(strconv.Quote(r.PathValue("photo")))); err != nil || d.Incidents == nil {
		return city.NotFound("error.not_found")
	}
	raw, err := d.Incidents.PhotoBytes(r.Context(), v.actor, v.number, id)
	if err != nil {
		return err
	}
	return web.SendPhoto(w, raw)
}
