package field

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"yiwang/city"
	"yiwang/incident"
	"yiwang/web"
)

// Sheet is the report of somebody who noticed something on their round.
type Sheet struct {
	Key      string
	Fields   []web.Field
	Photos   []Picture
	Others   []city.Field
	Lat, Lon string
	Sent     city.CaseNumber // the matter that the last report led to
	Joined   bool
}

func (p *Pages) sheet() Sheet {
	s := Sheet{Key: newKey(), Photos: []Picture{{Name: "photo", Label: web.Words("field.report.photo")}}}
	class := web.Field{Name: "class", Type: web.FieldRegion, Label: web.Words("field.report.class"), Hint: web.Words("field.report.class.hint")}
	list := slices.Clone(p.Incidents.Classes())
	slices.SortStableFunc(list, func(a, b incident.Class) int { return cmp.Compare(a.Group, b.Group) })
	groups := map[string]city.Text{}
	for _, g := range p.Incidents.Groups {
		groups[g.ID] = g.Name
	}
	for _, c := range list {
		class.Options = append(class.Options, web.Option{Value: string(c.Code), Label: c.Name, Group: groups[c.Group]})
	}
	region := web.Field{Name: "region", Type: web.FieldRegion, Label: web.Words("field.report.region"), Hint: web.Words("field.report.region.hint")}
	for _, c := range p.Directory.Communities() {
		street := city.Text{}
		for _, up := range p.Directory.RegionPath(c.Code) {
			if up.Level == city.LevelStreet {
				street = up.Name
			}
		}
		region.Options = append(region.Options, web.Option{Value: string(c.Code), Label: c.Name, Group: street})
	}
	s.Fields = []web.Field{
		{Name: "text", Type: web.FieldLongText, Label: web.Words("field.report.text"), Required: true, Max: 5000},
		{Name: "address", Type: web.FieldText, Label: web.Words("field.report.address"), Max: 200},
		region, class,
	}
	return s
}

func (p *Pages) reportPage(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	s := p.sheet()
	if n, err := city.ParseCaseNumber(r.URL.Query().Get("sent")); err == nil {
		s.Sent, s.Joined = n, r.URL.Query().Get("joined") == "1"
	}
	return web.Render(w, r, http.StatusOK, reportView(s))
}

// report takes what somebody noticed, once however often it is sent.
func (p *Pages) report(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	s, err := read(w, r, actor)
	if err != nil {
		return err
	}
	point := pointOf(s.form.Get("lat"), s.form.Get("lon"))
	var got incident.Receipt
	if err = fault("address", "field.report.nowhere"); !point.IsZero() || s.text("address")+s.text("region") != "" {
		err = nil
	}
	if err == nil {
		got, err = p.Incidents.Report(r.Context(), actor, incident.Report{Class: city.ItemCode(s.text("class")), Text: s.text("text"), Key: s.key, At: s.made,
			Place:  city.Place{Lat: point.Lat, Lon: point.Lon, Address: s.text("address"), Region: city.RegionCode(s.text("region"))},
			Photos: s.photos["photo"], Source: "field"})
	}
	var e *city.Error
	if errors.As(err, &e) && e.Kind == city.KindInvalid && !asks(r) {
		back := p.sheet()
		back.Key, back.Lat, back.Lon = s.key, s.form.Get("lat"), s.form.Get("lon")
		for _, bad := range e.Fields {
			i := slices.IndexFunc(back.Fields, func(f web.Field) bool { return f.Name == bad.Name || f.Name == "address" && bad.Name == "place" })
			switch {
			case bad.Name == "photo":
				back.Photos[0].Fault = bad.Message
			case i >= 0:
				back.Fields[i].Fault = bad.Message
			default:
				back.Others = append(back.Others, bad)
			}
		}
		for i := range back.Fields {
			back.Fields[i].Value = s.text(back.Fields[i].Name)
		}
		return web.Render(w, r, web.Status(err), reportView(back))
	}
	if err != nil {
		return err
	}
	href := PathReport + "?sent=" + string(got.Number)
	if got.Joined {
		href += "&joined=1"
	}
	return done(w, r, href, web.T(r.Context(), "field.report.sent", "number", string(got.Number)))
}
