package desk

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/web"
)

// limits are what an officer chooses from when an outcome takes a limit: what the
// classes of incidents commonly have.
var limits = []city.Limit{
	{N: 2, Unit: city.EmergencyHours}, {N: 4, Unit: city.EmergencyHours}, {N: 12, Unit: city.EmergencyHours}, {N: 24, Unit: city.EmergencyHours},
	{N: 1, Unit: city.WorkingDays}, {N: 3, Unit: city.WorkingDays}, {N: 5, Unit: city.WorkingDays}, {N: 10, Unit: city.WorkingDays},
	{N: 15, Unit: city.WorkingDays}, {N: 30, Unit: city.NaturalDays},
}

// takes are the fields for the parameters that an outcome takes: a body and its
// post are one choice.
func (d *Desk) takes(op casework.Option, typed typed) (fields []web.Field) {
	for _, name := range op.Takes {
		f := web.Field{Name: "take." + name, Label: web.Words("desk.take." + name), Required: true, Value: typed.takes[name]}
		if list := op.Choices[name]; list != nil {
			f.Type = web.FieldChoice
			for _, c := range list {
				f.Options = append(f.Options, web.Option{Value: c.ID, Label: c.Name})
			}
			fields = append(fields, f)
			continue
		}
		switch name {
		case "body":
			if slices.Contains(op.Takes, "post") {
				continue
			}
			f.Type = web.FieldRegion // a list to choose from
			for _, b := range d.Directory.Bodies() {
				f.Options = append(f.Options, web.Option{Value: string(b.ID), Label: b.Name})
			}
		case "post":
			f.Type = web.FieldRegion
			for _, b := range d.Directory.Bodies() {
				for _, p := range b.Posts {
					f.Options = append(f.Options, web.Option{Value: string(p.ID), Label: p.Name, Group: b.Name})
				}
			}
		case "limit":
			f.Type = web.FieldRegion
			for _, l := range limits {
				f.Options = append(f.Options, web.Option{Value: l.Encode(), Label: limitWords(l)})
			}
		default:
			f.Type, f.Max = web.FieldText, maxWords
		}
		fields = append(fields, f)
	}
	return fields
}

// takeFaults puts what is wrong with a parameter to its field; of a body and its
// post, which are one choice, only once.
func takeFaults(op casework.Option, faults []city.Field) (out []city.Field) {
	for _, f := range faults {
		switch {
		case f.Name == "body" && slices.Contains(op.Takes, "body") && slices.Contains(op.Takes, "post"):
			continue
		case slices.Contains(op.Takes, f.Name):
			f.Name = "take." + f.Name
		}
		out = append(out, f)
	}
	return out
}

// readTakes reads what was chosen for an action: parameters, bodies to call and a
// day, which counts to its end. What is missing or no day the engine asks for.
func readTakes(form url.Values, t *typed, a *casework.Action, zone *time.Location) {
	t.takes, t.until = map[string]string{}, map[string]string{}
	for name := range form {
		if take, ok := strings.CutPrefix(name, "take."); ok && form.Get(name) != "" {
			t.takes[take] = form.Get(name)
			if a.Params == nil {
				a.Params = map[string]string{}
			}
			a.Params[take] = form.Get(name)
		}
	}
	if post := city.PostID(t.takes["post"]); post.Body() != "" {
		a.Params["body"], a.Params["post"] = string(post.Body()), strings.TrimPrefix(string(post), string(post.Body())+".")
	}
	t.bodies = form["bodies"]
	for _, b := range t.bodies {
		a.Bodies = append(a.Bodies, city.BodyID(b))
	}
	for _, part := range []string{"year", "month", "day"} {
		t.until[part] = form.Get("until." + part)
	}
	if t.until["year"] == "" {
		return
	}
	pad := func(s string, n int) string { return strings.Repeat("0", max(n-len(s), 0)) + s }
	if day, err := city.ParseDate(pad(t.until["year"], 4) + "-" + pad(t.until["month"], 2) + "-" + pad(t.until["day"], 2)); err == nil {
		a.Until = day.AddDays(1).In(zone).Add(-time.Second)
	}
}
