package desk

import (
	"slices"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/form"
	"yiwang/web"
)

// Steps are what the officer can do now.
type Steps struct {
	Main  []Step // what moves the case on
	Other []Step // who works on it, and what ends it
	Why   city.Message
	Form  *StepForm // the step that is open
	Note  StepForm  // an internal note can always be written
}

// Step is one thing to do: a button that does it, or a link to what has to be
// said first.
type Step struct {
	Action string
	Label  city.Text
	Key    string // on the keyboard
	Weight web.Weight
	Open   string // address of its form; "" when the button does it at once
	Post   string
	Hidden Hidden
}

// Hidden travels with every form: what was looked at, and the key that makes a
// repeat harmless.
type Hidden struct {
	Key     string
	Version int
	Task    string
}

// StepForm asks for what a step needs.
type StepForm struct {
	Action  string
	Title   city.Text
	Do      city.Text
	Danger  bool
	Post    string
	Back    string
	Hidden  Hidden
	Fields  []web.Field
	Points  []PointRow
	More    bool // further points can be asked for
	Others  []city.Field
	Effects []city.Text // what will happen
}

// PointRow is one point of a correction: what it is about, and what to mend.
type PointRow struct{ Field, Text web.Field }

// keys are the letters of actions, the same wherever the action is offered; what
// has none, or finds its letter taken, gets a digit.
var keys = map[string]string{
	"accept": "a", "approve": "a", "confirm": "a", "inspected": "i", "attended": "i", "deliver": "d", "mended": "m", "answered": "a",
	"not_accepted": "x", "refuse": "x", "set_aside": "x", "missed": "x", "explain": "y", "rework": "w", "uphold": "a", "correct": "c",
	casework.ActCompleteTask: "o", casework.ActResume: "r", casework.ActSpecialProcedure: "p", casework.ActSupplement: "s",
	casework.ActExtendReview: "e", casework.ActClaim: "t", casework.ActRelease: "b", casework.ActAssign: "g", casework.ActUrge: "u",
}

// atOnce are the engine's actions that need neither words nor a second thought.
var atOnce = []string{casework.ActClaim, casework.ActRelease, casework.ActUrge}

// beside are the actions that don't move a case on.
var beside = []string{casework.ActClaim, casework.ActRelease, casework.ActAssign, casework.ActUrge, casework.ActWithdraw, casework.ActTerminate}

// steps sorts the options and gives each its weight and key: one primary button,
// refusals in red.
func (d *Desk) steps(o *opened, v visit) Steps {
	var s Steps
	used := map[string]bool{"j": true, "k": true, "n": true, "/": true}
	digit, primary := 0, false
	for _, op := range o.options {
		if op.Action == casework.ActComment || op.Action == casework.ActSupply {
			continue // notes have their own place; corrections come from the applicant
		}
		st := Step{Action: op.Action, Label: op.Label, Weight: web.Secondary, Hidden: hidden(o.c, op.Task)}
		st.Key = keys[op.Action]
		if st.Key == "" || used[st.Key] {
			digit++
			st.Key = string(rune('0' + digit%10))
		}
		used[st.Key] = true
		if d.asks(o.c, op) {
			st.Open = v.at.at(CasePath(o.c.Number, op.Action))
		} else {
			st.Post = v.at.at(CasePath(o.c.Number, op.Action))
		}
		other := slices.Contains(beside, op.Action)
		switch {
		case op.Refuses || op.Action == casework.ActTerminate:
			st.Weight = web.Danger
		case !primary && (!other || op.Action == casework.ActClaim && len(s.Main) == 0):
			st.Weight, primary = web.Primary, true
		}
		if other {
			s.Other = append(s.Other, st)
		} else {
			s.Main = append(s.Main, st)
		}
	}
	if len(s.Main) == 0 {
		s.Why = why(o.c)
	}
	s.Note = StepForm{Action: casework.ActComment, Title: web.Words("desk.note.add"), Do: web.Words("desk.note.save"),
		Post: v.at.at(CasePath(o.c.Number, casework.ActComment)), Hidden: hidden(o.c, ""),
		Fields: []web.Field{{Name: "note", Type: web.FieldLongText, Label: web.Words("desk.note.add"), Required: true, Max: maxWords}}}
	return s
}

func hidden(c casework.Case, task string) Hidden {
	return Hidden{Key: city.NewEventID().String(), Version: c.Version, Task: task}
}

// why says why there is nothing that moves the case on.
func why(c casework.Case) city.Message {
	s := &c.State
	switch {
	case !c.Open:
		return city.Message{Key: "desk.why.closed"}
	case s.Paused == casework.ActSupplement:
		return city.Message{Key: "desk.why.supplement", Args: []any{"by", s.AnswerBy}}
	case len(c.Working) == 0:
		return city.Message{Key: "desk.why.rule"}
	}
	return city.Message{Key: "desk.why.others"}
}

// asks reports whether an option leads to a form first: when something has to be
// said, and before what can't be taken back.
func (d *Desk) asks(c casework.Case, op casework.Option) bool {
	if len(op.Needs)+len(op.Takes)+len(op.Wants) > 0 {
		return true
	}
	if slices.Contains(atOnce, op.Action) {
		return false
	}
	k, _ := d.Cases.Kind(c.Kind)
	if o, ok := web.OutcomeOf(k, c.Stage, op.Action); ok {
		return o.Next == casework.End || len(o.Effects) > 0
	}
	return true
}

// maxWords is what the engine takes of one text.
const maxWords = 4000

// stepForm makes the form of an option, with what was typed so far.
func (d *Desk) stepForm(o *opened, v visit, op casework.Option, typed typed, colleagues []colleague, lang city.Lang) *StepForm {
	f := &StepForm{Action: op.Action, Title: op.Label, Do: op.Label, Danger: op.Refuses || op.Action == casework.ActTerminate,
		Post: v.at.at(CasePath(o.c.Number, op.Action)), Back: v.at.at(CasePath(o.c.Number, "")), Hidden: hidden(o.c, op.Task)}
	if typed.key != "" {
		f.Hidden.Key = typed.key
	}
	f.Effects = d.effects(o, op)
	f.Fields = d.takes(op, typed)
	for _, need := range op.Needs {
		field := web.Field{Name: need, Type: web.FieldLongText, Label: web.Words("desk.need." + need), Hint: hintOf(need),
			Required: true, Max: maxWords, Value: typed.words[need]}
		switch need {
		case "points":
			f.Points, f.More = d.pointRows(o, typed), len(typed.points) < 48
			continue
		case "opinion":
			field.Type = web.FieldChoice
			field.Options = []web.Option{{Value: "agree", Label: web.Words("desk.opinion.agree")}, {Value: "disagree", Label: web.Words("desk.opinion.disagree")}}
		case "step":
			field.Type = web.FieldChoice
			for _, p := range op.Steps {
				field.Options = append(field.Options, web.Option{Value: p.ID, Label: p.Name})
			}
		case "procedure":
			field.Type = web.FieldChoice
			for _, p := range op.Procedures {
				field.Options = append(field.Options, web.Option{Value: p, Label: procedureName(p)})
			}
			if len(op.Procedures) == 1 && field.Value == "" {
				field.Value = op.Procedures[0]
			}
		case "assignee":
			field.Type = web.FieldRegion // a list to choose from
			duty := slices.ContainsFunc(colleagues, func(c colleague) bool { return c.duty })
			for _, c := range colleagues {
				o := web.Option{Value: c.account.String(), Label: web.Plain(c.name)}
				switch {
				case c.duty:
					o.Label, o.Group = web.Words("desk.assignee.on_duty", "name", c.name, "why", c.why), web.Words("desk.assignees.on_duty")
				case duty:
					o.Group = web.Words("desk.assignees.off_duty")
				}
				field.Options = append(field.Options, o)
			}
		case "bodies":
			field.Type, field.Values = web.FieldMultiChoice, typed.bodies
			for _, b := range d.Directory.Bodies() {
				if b.ID != o.c.Body {
					field.Options = append(field.Options, web.Option{Value: string(b.ID), Label: b.Name})
				}
			}
		case "until":
			field.Type, field.Parts = web.FieldDate, typed.until
		case "appeal":
			if field.Value == "" && !typed.sent {
				field.Value = o.item.Appeal.In(lang)
			}
		case "note":
			// The words beside an opinion, a pause or a result are wanted, not needed.
			field.Required = op.Action == casework.ActComment
			field.Label, field.Hint = noteWords(op.Action)
		}
		f.Fields = append(f.Fields, field)
	}
	for _, want := range op.Wants {
		f.Fields = append(f.Fields, web.Field{Name: want, Type: web.FieldLongText, Label: web.Words("desk.want." + want), Max: maxWords, Value: typed.words[want]})
	}
	return f
}

func hintOf(need string) city.Text {
	t, _ := city.LookupText("desk.need." + need + ".hint")
	return t
}

func noteWords(action string) (label, hint city.Text) {
	if t, ok := city.LookupText("desk.need.note." + action); ok {
		h, _ := city.LookupText("desk.need.note." + action + ".hint")
		return t, h
	}
	return web.Words("desk.need.note"), web.Words("desk.need.note.hint")
}

// pointRows are four rows to begin with, and always one free.
func (d *Desk) pointRows(o *opened, typed typed) []PointRow {
	var about []web.Option
	if _, f, ok := d.Items.Item(o.c.Item); ok {
		for _, st := range f.Form().Steps {
			for _, fd := range st.Fields {
				if fd.Type != form.Statement {
					about = append(about, web.Option{Value: fd.ID, Label: fd.Label, Group: st.Title})
				}
			}
		}
	}
	n := max(len(typed.points)+typed.more, 3)
	rows := make([]PointRow, n)
	for i := range rows {
		var p casework.Point
		if i < len(typed.points) {
			p = typed.points[i]
		}
		rows[i] = PointRow{
			Field: web.Field{Name: pointName(i, "field"), Type: web.FieldRegion, Label: web.Words("desk.need.points.field"), Options: about, Value: p.Field},
			Text:  web.Field{Name: pointName(i, "text"), Type: web.FieldLongText, Label: web.Words("desk.need.points.text"), Max: maxWords, Value: p.Text, Required: i == 0},
		}
	}
	return rows
}

// effects say what will happen, so that nobody presses a button to find out.
func (d *Desk) effects(o *opened, op casework.Option) []city.Text {
	k, ok := d.Cases.Kind(o.c.Kind)
	if !ok {
		return nil
	}
	var out []city.Text
	st, _ := k.Stage(o.c.Stage)
	switch op.Action {
	case casework.ActSupplement:
		if st != nil && st.Allow.Supplement != nil {
			out = append(out, web.Words("desk.effect.supplement", "limit", limitWords(st.Allow.Supplement.Limit)), web.Words("desk.effect.once"))
		}
	case casework.ActSpecialProcedure:
		out = append(out, web.Words("desk.effect.pause"))
	case casework.ActResume:
		out = append(out, web.Words("desk.effect.resume"))
	case casework.ActExtendReview:
		if st != nil && st.Allow.ExtendReview != nil {
			out = append(out, web.Words("desk.effect.extend", "limit", limitWords(*st.Allow.ExtendReview)), web.Words("desk.effect.once"))
		}
	case casework.ActTerminate:
		out = append(out, web.Words("desk.effect.terminate"))
	}
	oc, ok := web.OutcomeOf(k, o.c.Stage, op.Action)
	if !ok {
		return out
	}
	for _, e := range oc.Effects {
		if name, known := d.effectName(o, e); known {
			out = append(out, name)
		}
	}
	if oc.Clock == "start" && !o.c.State.Promise.IsZero() {
		out = append(out, web.Words("desk.effect.start", "limit", limitWords(o.c.State.Promise)))
	}
	if next, ok := k.Stage(oc.Next); ok {
		var who []city.Text
		open := false // whose turn it will be is chosen in the form
		for _, t := range next.Tasks {
			open = open || slices.ContainsFunc(op.Takes, func(p string) bool { return t.Body == "$"+p || t.Post == "$"+p })
			who = append(who, d.postName(city.PostID(fillParam(o.c, t.Body)+"."+fillParam(o.c, t.Post))))
		}
		switch {
		case open:
			out = append(out, web.Words("desk.effect.chosen", "stage", next.Name))
		case len(who) > 0:
			out = append(out, web.Words("desk.effect.next", "stage", next.Name, "who", joined(who)))
		default:
			out = append(out, web.Words("desk.effect.rule", "stage", next.Name))
		}
	}
	if r, ok := k.Result(oc.Result); ok && oc.Next == casework.End {
		out = append(out, web.Words("desk.effect.tell", "tell", r.Tell), web.Words("desk.effect.end"))
	}
	return out
}

func (d *Desk) effectName(o *opened, e casework.Effect) (city.Text, bool) {
	name := d.typeName(city.CredentialType(fillParam(o.c, e.With["type"])))
	switch e.Name {
	case "issue":
		return web.Words("desk.effect.issue", "name", name), true
	case "revoke":
		return web.Words("desk.effect.revoke", "name", name), true
	}
	return city.Text{}, false
}

func fillParam(c casework.Case, s string) string {
	if len(s) > 0 && s[0] == '$' {
		return c.State.Params[s[1:]]
	}
	return s
}
