package field

import (
	"slices"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/web"
)

// outside are the engine's own actions that make sense in the street; the desk
// has the others.
var outside = []string{casework.ActClaim, casework.ActRelease, casework.ActProgress, casework.ActCheckIn, casework.ActCompleteTask, casework.ActWhistle, casework.ActComment}

// quick need one press and no words.
var quick = []string{casework.ActCheckIn, casework.ActClaim, casework.ActProgress}

// longest is what the engine takes of one text.
const longest = 4000

// forms are what the officer can do with the task, the next thing first.
func (p *Pages) forms(t *Task, file casework.CaseFile, class incident.Class) {
	k, _ := p.Cases.Kind(file.Kind)
	st, _ := k.Stage(file.Stage)
	for _, op := range file.Options {
		outcome := st != nil && slices.ContainsFunc(st.Outcomes, func(o casework.Outcome) bool { return o.Action == op.Action })
		if !outcome && !slices.Contains(outside, op.Action) || !p.chosen(op) {
			continue
		}
		f := Form{Entered: city.Micros(file.State.Entered), Action: op.Action, Task: op.Task, Title: op.Label, Weight: web.Secondary, Post: PathTasks + string(t.Number) + "/" + op.Action}
		switch {
		case op.Action == casework.ActProgress:
			for _, s := range op.Steps {
				f.Step, f.Title, f.Key = s.ID, s.Name, newKey()
				t.Quick = append(t.Quick, f)
			}
			continue
		case slices.Contains(quick, op.Action):
			f.Key = newKey()
			t.Quick = append(t.Quick, f)
			continue
		case op.Refuses:
			f.Weight = web.Danger
		}
		f.Key = newKey()
		f.Fields = append(takes(op, t.may), p.fields(op)...)
		f.Photos = pictures(op, class, st)
		t.Forms = append(t.Forms, f)
	}
	slices.SortStableFunc(t.Quick, func(a, b Form) int { return slices.Index(quick, a.Action) - slices.Index(quick, b.Action) })
	if len(t.Quick) > 0 {
		t.Quick[0].Weight = web.Primary
	} else if len(t.Forms) > 0 && t.Forms[0].Weight != web.Danger {
		t.Forms[0].Weight, t.Forms[0].Open = web.Primary, true
	}
}

// chosen reports whether all that an outcome takes is chosen from short lists: what
// else an outcome takes is for the desk.
func (p *Pages) chosen(op casework.Option) bool {
	return !slices.ContainsFunc(op.Takes, func(name string) bool { return len(op.Choices[name]) == 0 })
}

// takes are the choices of an outcome; of findings, those that may be meant.
func takes(op casework.Option, may []string) (fields []web.Field) {
	for _, name := range op.Takes {
		f := web.Field{Name: takePrefix + name, Type: web.FieldChoice, Required: true, Label: web.Words("field.take." + name)}
		for _, c := range op.Choices[name] {
			if name != incident.ParamFinding || may == nil || slices.Contains(may, c.ID) {
				f.Options = append(f.Options, web.Option{Value: c.ID, Label: c.Name})
			}
		}
		fields = append(fields, f)
	}
	return fields
}

// takePrefix begins the names of fields for parameters.
const takePrefix = "take."

func newKey() string { return city.NewEventID().String() }

func (p *Pages) fields(op casework.Option) (fields []web.Field) {
	add := func(name string, required bool) {
		f := web.Field{Name: name, Type: web.FieldLongText, Required: required, Max: longest, Label: web.Words("field.need." + name)}
		if t, ok := city.LookupText("field.need." + name + "." + op.Action); ok {
			f.Label = t
		}
		switch name {
		case "opinion":
			f.Type = web.FieldChoice
			f.Options = []web.Option{{Value: "agree", Label: web.Words("desk.opinion.agree")}, {Value: "disagree", Label: web.Words("desk.opinion.disagree")}}
		case "bodies":
			f.Type = web.FieldMultiChoice
			for _, b := range p.Directory.Bodies() {
				f.Options = append(f.Options, web.Option{Value: string(b.ID), Label: b.Short})
			}
		}
		fields = append(fields, f)
	}
	for _, need := range op.Needs {
		add(need, need != "note" || op.Action == casework.ActComment || op.Action == casework.ActWhistle)
	}
	for _, want := range op.Wants {
		add(want, false)
	}
	return fields
}

// pictures are those that go with an outcome: of work before and after, or of
// what somebody checked.
func pictures(op casework.Option, class incident.Class, st *casework.Stage) (list []Picture) {
	if st == nil || !slices.ContainsFunc(st.Outcomes, func(o casework.Outcome) bool {
		return o.Action == op.Action && (o.Next != casework.End || len(st.Tasks) > 0)
	}) {
		return nil
	}
	wanted := []incident.Role{incident.RoleSeen}
	if len(op.Takes) == 0 && slices.ContainsFunc(st.Outcomes, func(o casework.Outcome) bool { return o.Action == op.Action && slices.Contains(o.Wants, "note") }) {
		wanted = []incident.Role{incident.RoleBefore, incident.RoleAfter}
	}
	for _, role := range wanted {
		list = append(list, Picture{Name: photoField(role), Label: web.Words("field.photo." + string(role)), Wanted: slices.Contains(class.Evidence, string(role))})
	}
	return list
}
