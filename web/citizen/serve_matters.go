package citizen

import (
	"context"
	"net/http"
	"strings"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/web"
)

const mattersPage = 30

// matters lists what the reader has under way. Who isn't signed in finds a matter
// by its number.
func (p *Pages) matters(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	a := web.ViewOf(r.Context()).Actor
	if q.Has("number") || a.Kind == city.Anonymous {
		return p.find(w, r, q.Get("number"))
	}
	m := Matters{Pages: web.Pages{First: q.Get("after") == ""}}
	drafts, err := p.Items.Drafts(r.Context(), a)
	if err != nil {
		return err
	}
	for _, d := range drafts {
		if !m.Pages.First {
			break
		}
		m.Drafts = append(m.Drafts, DraftLine{Item: p.itemName(d.Item), For: web.ViewOf(r.Context()).ActingFor, Saved: d.Changed,
			Href: DraftPath(d.ID, ""), Discard: DraftPath(d.ID, stepDiscard)})
	}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		page, err := p.Cases.Mine(ctx, tx, a, mattersPage, q.Get("after"))
		for _, c := range page.Cases {
			if c.Open {
				m.Open = append(m.Open, p.line(c))
			} else {
				m.Closed = append(m.Closed, p.line(c))
			}
		}
		m.Pages.Next, m.Pages.Shown = page.Next, len(page.Cases)
		if err == nil {
			m.Others, err = p.principals(ctx, tx, a)
		}
		return err
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, MattersPage(m))
}

// find leads the reader to a matter by its number. To a stranger it says where
// the matter stands and nothing of whom it is about: a number is no secret.
func (p *Pages) find(w http.ResponseWriter, r *http.Request, typed string) error {
	f := FindMatter{Number: cut(typed, 40)}
	if !r.URL.Query().Has("number") {
		return web.Render(w, r, http.StatusOK, FindMatterPage(f))
	}
	n, err := city.ParseCaseNumber(typed)
	if err != nil {
		f.Fault = messageOf(err)
		return web.Render(w, r, http.StatusUnprocessableEntity, FindMatterPage(f))
	}
	if web.ViewOf(r.Context()).Actor.Kind == city.Resident {
		return web.Redirect(w, r, CasePath(n, ""))
	}
	if err := p.Checks.Try(p.Address(r), p.Clock.Now()); err != nil {
		return err
	}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		c, err := p.Cases.Get(ctx, tx, city.SystemActor("find"), n)
		if err != nil {
			return err
		}
		if it, _, ok := p.Items.Item(c.Item); !ok || it.Kind != c.Kind { // what else the office handles is nobody else's to know
			return city.NotFound("case.not_found")
		}
		m := p.line(c)
		m.Href = ""
		f.Found = &m
		return nil
	})
	status := http.StatusOK
	if city.KindOf(err) == city.KindNotFound {
		f.Fault, status, err = messageOf(err), http.StatusNotFound, nil
	}
	if err != nil {
		return err
	}
	return web.Render(w, r, status, FindMatterPage(f))
}

// kindOf is the kind of the case and, while it is open, its stage.
func (p *Pages) kindOf(c casework.Case) (*casework.Kind, *casework.Stage) {
	k, ok := p.Cases.Kind(c.Kind)
	if !ok {
		return &casework.Kind{}, nil
	}
	st, ok := k.Stage(c.Stage)
	if !ok {
		return k, nil
	}
	return k, st
}

// caseName is what the matter is called: by the service, or by what is done with
// an earlier one.
func (p *Pages) caseName(c casework.Case) city.Text {
	it, _, ok := p.Items.Item(c.Item)
	if class, found := p.Pack.Class(c.Item); found {
		return class.Name
	}
	switch {
	case !ok:
		return c.KindName
	case it.Kind == c.Kind:
		return it.Name
	}
	return web.Words("citizen.case.about", "kind", c.KindName, "item", it.Name)
}

// shapes of results that are no success; any other is one.
var resultShapes = map[string]web.State{
	"refused": web.StateRefused, "not_accepted": web.StateRefused,
	"withdrawn": web.StateEnded, "terminated": web.StateEnded, "set_aside": web.StateEnded, "upheld": web.StateEnded,
}

// state is where the matter stands, in a word.
func (p *Pages) state(c casework.Case) web.Tagged {
	k, _ := p.kindOf(c)
	switch {
	case !c.Open:
		t := web.Tagged{State: web.StateDone, Word: c.StageName}
		if shape, ok := resultShapes[c.Result]; ok {
			t.State = shape
		}
		if res, ok := k.Result(c.Result); ok {
			t.Word = res.Name
		}
		return t
	case c.State.Has(casework.FlagSupplement):
		return web.Tagged{State: web.StateWaiting, Word: web.Words("citizen.state.supplement")}
	case c.State.Paused != "":
		return web.Tagged{State: web.StatePaused, Word: capital(web.Words("case.procedure." + c.State.Paused))}
	case c.State.Has(casework.FlagOverdue):
		return web.Tagged{State: web.StateOverdue, Word: web.Words("citizen.state.overdue")}
	}
	return web.Tagged{State: web.StateWorking, Word: c.StageName}
}

// tell is the pack's sentence for where the matter stands.
func (p *Pages) tell(c casework.Case) city.Text {
	k, _ := p.kindOf(c)
	switch {
	case !c.Open:
		if res, ok := k.Result(c.Result); ok {
			return res.Tell
		}
		return city.Text{}
	case c.State.Has(casework.FlagSupplement):
		return web.Words("citizen.tell.supplement")
	case c.State.Has(casework.FlagSupplementLapsed):
		return web.Words("citizen.tell.lapsed")
	case c.State.Paused != "":
		return web.Words("citizen.tell.paused", "procedure", web.Words("case.procedure."+c.State.Paused))
	}
	return c.Tell
}

// then says who acts next and by when.
func (p *Pages) then(c casework.Case) city.Message {
	_, st := p.kindOf(c)
	body := p.body(c.Body)
	switch {
	case !c.Open, st != nil && st.Rule != "":
		return city.Message{}
	case c.State.Has(casework.FlagSupplement):
		return city.Message{Key: "citizen.then.supplement", Args: []any{"due", c.State.AnswerBy}}
	case c.State.Paused != "":
		return city.Message{Key: "citizen.then.paused", Args: []any{"body", body}}
	case c.State.Has(casework.FlagOverdue):
		return city.Message{Key: "citizen.then.overdue", Args: []any{"body", body, "due", c.Due}}
	case !c.Due.IsZero():
		return city.Message{Key: "citizen.then.due", Args: []any{"body", body, "due", c.Due}}
	}
	return city.Message{Key: "citizen.then", Args: []any{"body", body}}
}

// soon reports whether a rule is about to speak, so that the page may wait for it.
// It waits for two minutes and not for ever.
func (p *Pages) soon(c casework.Case) bool {
	_, st := p.kindOf(c)
	return c.Open && st != nil && st.Rule != "" && p.Clock.Now().Sub(c.State.Entered) < 2*time.Minute
}

// capital begins an English word that stands alone with a capital letter.
func capital(t city.Text) city.Text {
	if t.En != "" {
		t.En = strings.ToUpper(t.En[:1]) + t.En[1:]
	}
	return t
}

// limit is a time limit in words.
func limit(l city.Limit) city.Text {
	if l.IsZero() {
		return web.Words("web.limit.none")
	}
	return web.Words("web.limit."+string(l.Unit), "n", l.N)
}
