package desk

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/web"
)

// FindLicence is the page where an officer looks up a licence by its number.
type FindLicence struct {
	Number string
	Fault  city.Message
}

// Licence is a licence as an officer sees it.
type Licence struct {
	Name    city.Text
	Number  string
	Holder  string
	Code    string // citizen number or company code
	Issuer  city.Text
	From    city.Date
	Until   city.Date // zero for ever
	Status  web.Tagged
	Says    city.Message // whether it is in force, in a sentence
	Erased  bool
	Rows    []web.Row
	Changes []LicenceEvent
	Case    *web.Link // where it was decided
	Back    *web.Link // the case that the officer comes from
	Steps   []LicenceStep
	Form    *ChangeForm
	Said    city.Text // what the officer has just done
	Why     city.Message
	Typed   []Said
}

// LicenceEvent is a change of a licence's state.
type LicenceEvent struct {
	At     time.Time
	State  web.State
	Word   city.Text
	Who    city.Text
	Legal  string
	Reason []string
}

// LicenceStep leads to a change that the officer may make.
type LicenceStep struct {
	Action string
	Weight web.Weight
	Key    string
	Href   string
}

// ChangeForm asks why a licence shall change its state.
type ChangeForm struct {
	Action string
	Fields []web.Field
	Others []city.Field
	Post   string
	Back   string
	Key    string
	Danger bool
}

// licenceTag says the status of a licence (证照状态).
func licenceTag(s credential.Status) web.Tagged {
	t := web.Tagged{State: web.StateRefused, Word: web.Words("credential.status." + string(s))}
	switch s {
	case credential.StatusValid:
		t.State = web.StateDone
	case credential.StatusSuspended:
		t.State = web.StatePaused
	case credential.StatusLapsed, credential.StatusTransferred, credential.StatusCancelled:
		t.State = web.StateEnded
	}
	return t
}

// licencesPage looks a number up.
func (d *Desk) licencesPage(w http.ResponseWriter, r *http.Request) error {
	actor := d.Actor(r)
	if actor.Kind != city.Officer {
		return notAnOfficer(actor)
	}
	f := FindLicence{Number: strings.TrimSpace(r.URL.Query().Get("number"))}
	status := http.StatusOK
	if f.Number != "" {
		n, err := credential.ParseNumber(f.Number)
		if err == nil {
			return web.Redirect(w, r, LicencePath(string(n), "", ""))
		}
		status, f.Fault = http.StatusUnprocessableEntity, messageOf(err)
	}
	return web.Render(w, r, status, licencesPage(d.frame(r.Context(), actor, "licences", nil), f))
}

// notAnOfficer is the answer to whoever opens a page that asks no policy.
func notAnOfficer(actor city.Actor) error {
	if actor.Kind == city.Anonymous || actor.Kind == "" {
		return city.Unauthenticated("error.sign_in")
	}
	return city.Forbidden("error.forbidden")
}

func messageOf(err error) city.Message {
	var e *city.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return city.Message{Key: "credential.number.malformed"}
}

// licenceVisit is an officer's visit to one licence.
type licenceVisit struct {
	actor  city.Actor
	number credential.Number
	from   city.CaseNumber
}

func (d *Desk) licenceVisit(r *http.Request) (licenceVisit, error) {
	v := licenceVisit{actor: d.Actor(r)}
	var err error
	if v.number, err = credential.ParseNumber(r.PathValue("number")); err != nil {
		return v, err
	}
	if c := r.URL.Query().Get("case"); c != "" {
		v.from, err = city.ParseCaseNumber(c)
	}
	return v, err
}

// licence reads a licence for the officer; the look is on record.
func (d *Desk) licence(ctx context.Context, v licenceVisit) (Licence, credential.Credential, error) {
	var c credential.Credential
	var events []credential.Event
	err := d.DB.Step(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if c, err = d.Credentials.Look(ctx, tx, v.actor, v.number, purpose, v.from); err != nil {
			return err
		}
		events, err = d.Credentials.History(ctx, tx, v.actor, v.number)
		return err
	})
	if err != nil {
		return Licence{}, c, err
	}
	l := Licence{Name: c.Name, Number: string(c.Number), Holder: c.Holder.Name, Code: c.Holder.Code, Issuer: c.Issuer, From: c.From, Until: c.Until,
		Status: licenceTag(c.Status), Erased: c.Erased}
	now := web.ViewOf(ctx).Now
	switch {
	case c.InForce(now):
		l.Says = city.Message{Key: "desk.licence.in_force"}
	case c.Status == credential.StatusValid && !c.Until.IsZero() && c.Until.Before(city.DateOf(now)):
		l.Says = city.Message{Key: "desk.licence.expired"}
		l.Status = web.Tagged{State: web.StateEnded, Word: web.Words("desk.licence.tag.expired")}
	case c.Status == credential.StatusValid:
		l.Says = city.Message{Key: "desk.licence.not_yet"}
	default:
		l.Says = city.Message{Key: "desk.licence.not_in_force", Args: []any{"status", l.Status.Word}}
	}
	if t, ok := d.Credentials.Type(c.Type); ok {
		for _, f := range t.Fields {
			if val := c.Fields[f.ID]; val != "" {
				l.Rows = append(l.Rows, web.Row{Name: f.Name, Value: d.fieldValue(f, val)})
			}
		}
	}
	for i := len(events) - 1; i >= 0; i-- {
		e := events[i]
		tag := licenceTag(e.Status)
		l.Changes = append(l.Changes, LicenceEvent{At: e.At, State: tag.State, Word: tag.Word, Who: d.bodyName(e.Body), Legal: e.Legal, Reason: paragraphs(e.Reason)})
	}
	if c.Case != "" {
		l.Case = &web.Link{Text: web.Plain(string(c.Case)), Href: CasePath(c.Case, "")}
	}
	if v.from != "" && v.from != c.Case {
		l.Back = &web.Link{Text: web.Plain(string(v.from)), Href: CasePath(v.from, "")}
	}
	l.Steps = d.licenceSteps(v, c)
	return l, c, nil
}

// fieldValue says a field of a licence.
func (d *Desk) fieldValue(f credential.FieldDef, v string) city.Text {
	switch f.Type {
	case "date":
		if day, err := city.ParseDate(v); err == nil {
			return city.Text{ZhHans: city.SayFullDate(city.Chinese, day.In(time.UTC)), En: city.SayFullDate(city.English, day.In(time.UTC))}
		}
	case "region":
		if name := d.Directory.RegionName(city.RegionCode(v)); !name.IsZero() {
			return name
		}
	case "yesno":
		if v == "true" {
			return web.Words("web.yes")
		}
		return web.Words("web.no")
	}
	return web.Plain(v)
}

// changes are what can be done to a licence, by its status.
var changes = []struct {
	action string
	from   []credential.Status
	weight web.Weight
	key    string
}{
	{"restore", []credential.Status{credential.StatusSuspended}, web.Primary, "r"},
	{"suspend", []credential.Status{credential.StatusValid}, web.Secondary, "s"},
	{"revoke", []credential.Status{credential.StatusValid, credential.StatusSuspended}, web.Danger, "x"},
}

func (d *Desk) licenceSteps(v licenceVisit, c credential.Credential) []LicenceStep {
	var out []LicenceStep
	for _, ch := range changes {
		for _, s := range ch.from {
			if s == c.Status && d.mayChange(v.actor, c, ch.action) {
				out = append(out, LicenceStep{Action: ch.action, Weight: ch.weight, Key: ch.key, Href: LicencePath(string(c.Number), ch.action, v.from)})
			}
		}
	}
	return out
}

// mayChange asks the policies as the register will, to offer only what it takes.
func (d *Desk) mayChange(actor city.Actor, c credential.Credential, action string) bool {
	return d.Access.Decide(actor, "credential."+action, c.Resource()).Allowed
}

func (d *Desk) licencePage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.licenceVisit(r)
	if err != nil {
		return err
	}
	l, _, err := d.licence(r.Context(), v)
	if err != nil {
		return err
	}
	if done := r.URL.Query().Get("done"); len(l.Changes) > 0 {
		for _, ch := range changes {
			if ch.action == done {
				l.Said = web.Words("desk.licence.did." + done)
			}
		}
	}
	return d.showLicence(w, r, http.StatusOK, v, l)
}

func (d *Desk) showLicence(w http.ResponseWriter, r *http.Request, status int, v licenceVisit, l Licence) error {
	return web.Render(w, r, status, licencePage(d.frame(r.Context(), v.actor, "licences", nil), l))
}

// changePage asks for the reason of a change.
func (d *Desk) changePage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.licenceVisit(r)
	if err != nil {
		return err
	}
	l, _, err := d.licence(r.Context(), v)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if l.Form = changeForm(l, v, r.PathValue("change"), nil); l.Form == nil {
		status, l.Why = http.StatusConflict, city.Message{Key: "credential.change.state", Args: []any{"number", l.Number, "status", l.Status.Word}}
	}
	return d.showLicence(w, r, status, v, l)
}

// changeForm is the form of a change that is offered; nil for another.
func changeForm(l Licence, v licenceVisit, action string, sent map[string]string) *ChangeForm {
	for _, s := range l.Steps {
		if s.Action != action {
			continue
		}
		f := &ChangeForm{Action: action, Danger: s.Weight == web.Danger, Post: LicencePath(l.Number, action, v.from), Back: LicencePath(l.Number, "", v.from), Key: sent["key"]}
		if f.Key == "" {
			f.Key = city.NewEventID().String()
		}
		if action == "revoke" {
			kind := web.Field{Name: "status", Type: web.FieldChoice, Label: web.Words("desk.licence.kind"), Required: true, Value: sent["status"]}
			for _, st := range []credential.Status{credential.StatusRevoked, credential.StatusCancelled, credential.StatusWithdrawn} {
				kind.Options = append(kind.Options, web.Option{Value: string(st), Label: web.Words("credential.status." + string(st)), Hint: web.Words("desk.licence.kind." + string(st))})
			}
			f.Fields = append(f.Fields, kind)
		}
		f.Fields = append(f.Fields,
			web.Field{Name: "reason", Type: web.FieldLongText, Label: web.Words("desk.need.reason"), Hint: web.Words("desk.licence.reason.hint"), Required: true, Max: maxWords, Value: sent["reason"]},
			web.Field{Name: "legal", Type: web.FieldText, Label: web.Words("desk.licence.legal"), Hint: web.Words("desk.licence.legal.hint"), Max: 200, Value: sent["legal"]})
		return f
	}
	return nil
}

// change revokes, suspends or restores, with the reason that the holder is told.
func (d *Desk) change(w http.ResponseWriter, r *http.Request) error {
	v, err := d.licenceVisit(r)
	if err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return formError(err)
	}
	sent := map[string]string{}
	for _, name := range []string{"key", "reason", "legal", "status"} {
		sent[name] = strings.TrimSpace(r.PostForm.Get(name))
	}
	action := r.PathValue("change")
	ch := credential.Change{Number: v.number, Reason: sent["reason"], Legal: sent["legal"], Case: v.from, Cause: sent["key"]}
	err = missingKind(action, sent["status"])
	if err == nil {
		err = d.DB.Update(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
			switch action {
			case "revoke":
				ch.Status = credential.Status(sent["status"])
				_, err = d.Credentials.Revoke(ctx, tx, v.actor, ch)
			case "suspend":
				_, err = d.Credentials.Suspend(ctx, tx, v.actor, ch)
			case "restore":
				_, err = d.Credentials.Restore(ctx, tx, v.actor, ch)
			default:
				err = city.NotFound("error.not_found")
			}
			return err
		})
	}
	if err == nil {
		to := LicencePath(string(v.number), "", v.from)
		if strings.Contains(to, "?") {
			return web.Redirect(w, r, to+"&done="+action)
		}
		return web.Redirect(w, r, to+"?done="+action)
	}
	var e *city.Error
	if !errors.As(err, &e) || e.Kind != city.KindInvalid && e.Kind != city.KindConflict {
		return err
	}
	l, _, failed := d.licence(r.Context(), v)
	if failed != nil {
		return failed
	}
	if l.Form = changeForm(l, v, action, sent); l.Form != nil {
		l.Form.Others = web.FaultsOf(l.Form.Fields, e.Fields, "")
	}
	if e.Kind == city.KindConflict || l.Form == nil {
		l.Why = e.Message
		if l.Form == nil {
			l.Typed = []Said{{What: web.Words("desk.need.reason"), Text: paragraphs(sent["reason"])}}
		}
	}
	return d.showLicence(w, r, web.Status(err), v, l)
}

// missingKind says that a revocation has to say which it is.
func missingKind(action, status string) error {
	if action == "revoke" && status == "" {
		return city.InvalidFields([]city.Field{{Name: "status", Message: city.Message{Key: "desk.licence.kind.which"}}})
	}
	return nil
}
