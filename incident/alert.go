package incident

import (
	"context"
	"errors"
	"slices"

	"yiwang/access"
	"yiwang/alert"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// ParamFinding is the parameter of an inspection that says what was found, of the
// choices of its kind.
const ParamFinding = "finding"

// found is the type of what a program noticed: nobody wants anything, and what people
// report of the same sort doesn't join it.
const found Type = "found"

// FromAlert makes a case of an alert and notes it with the alert, in one step and once:
// a repeat gives the same receipt. What a detector found goes to the post of its rule,
// to the nearest on duty there; what a sensor measured is a report like others and may
// join an open one. A place outside the city counts as the city.
func (s *Service) FromAlert(ctx context.Context, actor city.Actor, a alert.Alert) (out Receipt, err error) {
	r, at, err := s.ofFinding(ctx, actor, a)
	if err != nil {
		return Receipt{}, err
	}
	file := func(ctx context.Context, tx *db.Tx, leave func()) error {
		out, err = s.fileAlert(ctx, tx, actor, a, r, at, leave)
		return err
	}
	err = s.opening.step(ctx, s.DB, s.spot(r, r.Class), file)
	if errors.Is(err, db.ErrDuplicate) { // another process filed it at the same moment
		err = s.opening.step(ctx, s.DB, nil, file)
	}
	if err != nil {
		return Receipt{}, raced(err)
	}
	return out, nil
}

// FromAlertIn is FromAlert in the caller's transaction, an ordinary one, for what has
// to happen together with it.
func (s *Service) FromAlertIn(ctx context.Context, tx *db.Tx, actor city.Actor, a alert.Alert) (Receipt, error) {
	r, at, err := s.ofFinding(ctx, actor, a)
	if err != nil {
		return Receipt{}, err
	}
	return s.fileAlert(ctx, tx, actor, a, r, at, func() {})
}

// ofFinding is what an alert reports, and where that is.
func (s *Service) ofFinding(ctx context.Context, actor city.Actor, a alert.Alert) (r Report, at Located, err error) {
	err = s.Access.Ask(ctx, actor, "incident.report", access.Resource{Type: "Incident", Attrs: access.Attrs{"class": a.Class}})
	if err != nil {
		return r, at, err
	}
	r = Report{Type: Told, Class: a.Class, Text: a.Text.ZhHans + "\n" + a.Text.En, Place: a.Place, At: a.Since, Key: a.ID.String(), Source: "alert:" + a.ID.String()}
	if d, ok := s.Alerts.Detector(a.Rule); ok && s.Settings.Inspection != "" {
		r.Type, r.Apart, r.look = found, true, d.Post
	}
	if s.classes[r.Class] == nil { // the pack has changed since: a person finds the class
		r.Class, r.Unsure = "", true
	}
	if err := r.check(); err != nil {
		return r, at, err
	}
	at, err = s.Locate(r.Place)
	if city.KindOf(err) == city.KindInvalid {
		at, err = s.Locate(city.Place{Region: s.Directory.City()})
	}
	return r, at, err
}

func (s *Service) fileAlert(ctx context.Context, tx *db.Tx, actor city.Actor, a alert.Alert, r Report, at Located, leave func()) (Receipt, error) {
	once := s.once(actor, r)
	out, err := s.before(ctx, tx, once)
	if errors.Is(err, db.ErrNoRows) {
		out, err = s.take(ctx, tx, actor, r, once, journal.KeyID{}, nil, r.Class, at, leave)
	}
	if err != nil {
		return Receipt{}, err
	}
	return out, s.Alerts.Filed(ctx, tx, actor, a.ID, out.Number)
}

// foundSo refuses a finding that the rule of the alert doesn't know, and one without
// a picture or a word.
func (s *Service) foundSo(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	err := s.ofAlert(ctx, tx, call, func(_ city.Actor, a alert.Alert) error {
		if may := s.Findings(a); may != nil && !slices.Contains(may, call.With["what"]) {
			return fieldFault(ParamFinding, "incident.finding.other")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.evidenced(ctx, tx, call)
}

// resolveAlert tells the alert that a case came of what was found. An inspection that
// came of none, since somebody opened it by hand, has nobody to tell.
func (s *Service) resolveAlert(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	return s.ofAlert(ctx, tx, call, func(program city.Actor, a alert.Alert) error {
		return s.Alerts.Resolve(ctx, tx, program, a.ID, alert.Outcome{Confirmed: call.With["so"] == "yes", What: call.With["what"]})
	})
}

// clearAlert lets go of the alert of a case that ended without a finding.
func (s *Service) clearAlert(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
	return s.ofAlert(ctx, tx, call, func(program city.Actor, a alert.Alert) error { return s.Alerts.Clear(ctx, tx, program, a.ID) })
}

func (s *Service) ofAlert(ctx context.Context, tx *db.Tx, call casework.EffectCall, do func(city.Actor, alert.Alert) error) error {
	program := city.SystemActor("incident")
	a, _, err := s.Alerts.Of(ctx, tx, program, call.Case.Number)
	if city.KindOf(err) == city.KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return do(program, a)
}

// Findings are what a case of an alert may turn out to be, by its rule; nil where that
// isn't known, and any choice of the kind will do.
func (s *Service) Findings(a alert.Alert) []string {
	d, ok := s.Alerts.Detector(a.Rule)
	if !ok {
		return nil
	}
	return d.Confirms
}

// Noticed is the alert that a case came of, with each time that it was found; ok is
// false where it came of none, or where the actor may not see alerts.
func (s *Service) Noticed(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) (a alert.Alert, list []alert.Sighting, ok bool, err error) {
	if s.Alerts == nil {
		return a, nil, false, nil
	}
	a, list, err = s.Alerts.Of(ctx, tx, actor, n)
	if k := city.KindOf(err); k == city.KindNotFound || k == city.KindForbidden {
		return a, nil, false, nil
	}
	return a, list, err == nil, err
}

// OutcomeName is what people call a finding, or a ground why it isn't so; the code
// where the kind of an inspection has none such.
func (s *Service) OutcomeName(code string) city.Text {
	if k, ok := s.cases.Kind(s.Settings.Inspection); ok {
		for _, st := range k.Stages {
			for _, o := range st.Outcomes {
				for _, list := range o.Choices {
					if i := slices.IndexFunc(list, func(c casework.Choice) bool { return c.ID == code }); i >= 0 {
						return list[i].Name
					}
				}
			}
		}
	}
	return city.Text{ZhHans: code, En: code}
}
