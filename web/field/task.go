package field

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/web"
)

// Task is a matter as whoever has to deal with it outside sees it.
type Task struct {
	Number   city.CaseNumber
	Name     city.Text
	Stage    city.Text
	Left     web.Left
	Open     bool
	Facts    []web.Row
	Reports  []web.Reported
	Before   []string // addresses of pictures
	After    []string
	Checked  []string   // taken by whoever checked
	Found    *web.Found // what a program noticed; nil for what people reported
	Sent     city.Text  // what whoever sent the officer gave them on the way
	Quick    []Form     // one button each, the first is the next thing to do
	Forms    []Form
	Desk     string // address of the same matter at the desk, for what is not done outside
	Did      city.Text
	Conflict city.Message // why something was not taken

	may []string // findings that the rule knows; nil is all
}

// Form is something that can be done with a task.
type Form struct {
	Action string
	Task   string
	Step   string
	// Entered is when the stage was entered, in microseconds: what is done on the
	// sight of this page counts for this stay and no later one.
	Entered int64
	Key     string
	Post    string // address
	Title   city.Text
	Fields  []web.Field
	Photos  []Picture
	Weight  web.Weight
	Open    bool
	Others  []city.Field // faults of no field
}

// Picture is a field for a photo.
type Picture struct {
	Name   string
	Label  city.Text
	Wanted bool // the class asks for it
	Fault  city.Message
}

func (p *Pages) taskPage(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	n, err := city.ParseCaseNumber(r.PathValue("number"))
	if err != nil {
		return err
	}
	t, err := p.task(r.Context(), actor, n)
	if err != nil {
		return err
	}
	t.Did = did(r.URL.Query().Get("did"))
	return web.Render(w, r, http.StatusOK, taskView(t))
}

// did says what has just been done.
func did(action string) city.Text {
	if action == "" {
		return city.Text{}
	}
	if t, ok := city.LookupText("field.did." + action); ok {
		return t
	}
	return web.Words("field.did")
}

// task reads a matter; the look is on record.
func (p *Pages) task(ctx context.Context, actor city.Actor, n city.CaseNumber) (t Task, err error) {
	var file casework.CaseFile
	var reports []incident.ReportSeen
	var photos []incident.Photo
	var found *web.Found
	var may []string
	err = p.DB.Step(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if file, err = p.Cases.CaseFile(ctx, tx, actor, n); err != nil {
			return err
		}
		if !p.Incidents.Handles(file.Kind) {
			return city.NotFound("error.not_found")
		}
		if reports, err = p.Incidents.Reports(ctx, tx, actor, n); err != nil {
			return err
		}
		if photos, err = p.Incidents.Photos(ctx, tx, actor, n); err != nil {
			return err
		}
		a, list, ok, err := p.Incidents.Noticed(ctx, tx, actor, n)
		if ok {
			f := web.FoundOf(p.Incidents.Alerts, a, list, p.Incidents.OutcomeName)
			found, may = &f, p.Incidents.Findings(a)
		}
		return err
	})
	if err != nil {
		return t, err
	}
	t = Task{Number: n, Name: p.className(file.Case), Stage: p.stands(file.Case), Left: web.LeftOf(p.Cases.Calendar(), file.Case, web.ViewOf(ctx).Now),
		Open: file.Open, Desk: "/desk/cases/" + string(n), Found: found, may: may}
	class, _ := p.Incidents.Class(file.Item)
	for _, r := range reports {
		t.Reports = append(t.Reports, web.ReportedOf(class, r, func(id city.BlobID) string { return photoPath(n, id) }))
	}
	for _, photo := range photos {
		switch photo.Role {
		case incident.RoleBefore:
			t.Before = append(t.Before, photoPath(n, photo.ID))
		case incident.RoleAfter:
			t.After = append(t.After, photoPath(n, photo.ID))
		case incident.RoleSeen:
			if photo.Report.IsZero() {
				t.Checked = append(t.Checked, photoPath(n, photo.ID))
			}
		}
	}
	if len(file.Working) > 0 && file.Working[0].Assignee == actor.Account {
		t.Sent = sentWith(file.Records, actor.Account)
	}
	t.Facts = p.facts(file.Case, class)
	p.forms(&t, file, class)
	return t, nil
}

// sentWith is the reason with which a task was given to somebody last.
func sentWith(records []casework.Record, to city.AccountID) city.Text {
	for _, r := range slices.Backward(records) {
		if r.Action == casework.ActAssign {
			if r.Assignee == to {
				return r.Words.Why
			}
			return city.Text{}
		}
	}
	return city.Text{}
}

func photoPath(n city.CaseNumber, id city.BlobID) string {
	return PathTasks + string(n) + "/photos/" + id.String()
}

func (p *Pages) facts(c casework.Case, class incident.Class) []web.Row {
	rows := []web.Row{{Name: web.Words("field.where"), Value: p.Directory.RegionName(c.Region)}}
	if class.Code != "" {
		rows = append(rows, web.Row{Name: web.Words("field.grade"), Value: web.Plain(class.Grade)})
	}
	for _, t := range c.Working {
		if post, ok := p.Directory.Post(t.Post); ok {
			name := p.postName(post)
			if t.Assignee.IsZero() {
				name = city.Text{ZhHans: name.ZhHans + "，" + city.Say(city.Chinese, "field.nobody"), En: name.En + ", " + city.Say(city.English, "field.nobody")}
			}
			rows = append(rows, web.Row{Name: web.Words("field.whose"), Value: name})
		}
	}
	return rows
}

func (p *Pages) photo(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	n, err := city.ParseCaseNumber(r.PathValue("number"))
	if err != nil {
		return err
	}
	var id city.BlobID
	if err := id.UnmarshalJSON([]byte(strconv.Quote(r.PathValue("photo")))); err != nil {
		return city.NotFound("error.not_found")
	}
	raw, err := p.Incidents.PhotoBytes(r.Context(), actor, n, id)
	if err != nil {
		return err
	}
	return web.SendPhoto(w, raw)
}
