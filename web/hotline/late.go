package hotline

import (
	"context"
	"net/http"
	"strings"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/web"
)

// Late is the list of what is overdue, or open, across posts.
type Late struct {
	Rows    []LateRow
	Filters []web.Field
	Whole   bool // the officer sees the whole city
	Own     city.Text
	All     bool // what is in time as well
	Pages   web.Pages
	Here    string // to come back to after urging
	Urged   city.CaseNumber
}

// LateRow is a case in it.
type LateRow struct {
	Number city.CaseNumber
	Name   city.Text
	Kind   city.Text // of what is no incident
	Where  city.Text
	Body   city.Text
	Post   city.Text
	Stage  city.Text
	Taken  bool
	Left   web.Left
	Told   []city.Text // who was told that it is late
	Href   string
	Key    string
	Urge   bool // the officer may
}

const lateAPage = 40

// MaySeeLate reports whether an officer has a list of what is overdue.
func MaySeeLate(a *access.Access, actor city.Actor) bool {
	return actor.Kind == city.Officer && (mayLate(a, actor, "") || actor.Body != "" && mayLate(a, actor, actor.Body))
}

func mayLate(a *access.Access, actor city.Actor, body city.BodyID) bool {
	return a.Decide(actor, "case.late", access.Resource{Type: "Inbox", ID: string(body), Attrs: access.Attrs{"body": body}}).Allowed
}

func (p *Pages) latePage(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	ctx, q := r.Context(), r.URL.Query()
	l := Late{Whole: mayLate(p.Access, actor, ""), All: q.Get("all") == "1"}
	query := casework.LateQuery{Body: city.BodyID(q.Get("body")), Region: city.RegionCode(q.Get("street")), All: l.All, Limit: lateAPage, After: q.Get("after")}
	if !l.Whole {
		query.Body = actor.Body
		l.Own = p.bodyName(actor.Body)
	}
	l.Filters = p.lateFilters(q.Get, l.Whole)
	if n, err := city.ParseCaseNumber(q.Get("urged")); err == nil {
		l.Urged = n
	}
	l.Here = pathOf(PathLate, "body", q.Get("body"), "street", q.Get("street"), "all", q.Get("all"), "after", q.Get("after"))
	now := web.ViewOf(ctx).Now
	err := p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		page, err := p.Cases.Late(ctx, tx, actor, query)
		if err != nil {
			return err
		}
		for _, c := range page.Cases {
			row := LateRow{Number: c.Number, Name: p.nameOf(c), Where: p.regionName(c.Region), Body: p.bodyName(c.Body), Stage: c.StageName,
				Taken: !c.Assignee.IsZero(), Left: web.LeftOf(p.Cases.Calendar(), c, now), Told: p.told(c), Href: p.CasePath(c.Number), Key: city.NewEventID().String()}
			if c.Kind != p.Incidents.Settings.Kind {
				row.Kind = c.KindName
			}
			if len(c.Working) > 0 {
				if post, ok := p.Directory.Post(c.Working[0].Post); ok {
					row.Post = post.Name
				}
			}
			options, err := p.Cases.Options(ctx, tx, actor, c.Number)
			if err != nil {
				return err
			}
			for _, o := range options {
				row.Urge = row.Urge || o.Action == casework.ActUrge && !c.State.Has(casework.FlagUrged)
			}
			l.Rows = append(l.Rows, row)
		}
		l.Pages = web.Pages{Next: page.Next, First: query.After == "", Shown: len(page.Cases)}
		return nil
	})
	if err != nil {
		return err
	}
	doc := p.Frame(ctx, actor, "late")
	doc.Title = web.T(ctx, "hotline.late.title")
	return web.Render(w, r, http.StatusOK, latePage(doc, l))
}

func (p *Pages) nameOf(c casework.Case) city.Text {
	if class, ok := p.Incidents.Class(c.Item); ok {
		return class.Name
	}
	if it, _, ok := p.Items.Item(c.Item); ok {
		return it.Name
	}
	return c.KindName
}

// told says who has heard that a case is late: its post at once, the post above on
// each step after that.
func (p *Pages) told(c casework.Case) (list []city.Text) {
	if c.State.Has(casework.FlagUrged) {
		list = append(list, web.Words("hotline.late.urged"))
	}
	if c.State.Step > 0 && len(c.Working) > 0 {
		if post, ok := p.Directory.Post(c.Working[0].Post); ok {
			list = append(list, web.Words("hotline.late.told", "who", post.Name, "n", c.State.Step))
		}
	}
	return list
}

func (p *Pages) lateFilters(get func(string) string, whole bool) []web.Field {
	var fields []web.Field
	if whole {
		f := web.Field{Name: "body", Type: web.FieldRegion, Label: web.Words("hotline.late.body"), Any: web.Words("hotline.late.body.any"), Value: get("body")}
		for _, b := range p.Directory.Bodies() {
			f.Options = append(f.Options, web.Option{Value: string(b.ID), Label: b.Name})
		}
		fields = append(fields, f)
	}
	f := web.Field{Name: "street", Type: web.FieldRegion, Label: web.Words("hotline.late.street"), Any: web.Words("hotline.late.street.any"), Value: get("street")}
	seen := map[city.RegionCode]bool{}
	for _, o := range p.places {
		if r, ok := p.Directory.Region(city.RegionCode(o.Value)); ok && !seen[r.Parent] {
			seen[r.Parent] = true
			f.Options = append(f.Options, web.Option{Value: string(r.Parent), Label: p.regionName(r.Parent)})
		}
	}
	return append(fields, f)
}

// urgeLate urges a case of the list.
func (p *Pages) urgeLate(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	n, err := city.ParseCaseNumber(sent.Get("number"))
	if err != nil {
		return err
	}
	if _, err := p.Cases.Do(r.Context(), actor, n, casework.Action{Name: casework.ActUrge, Key: sent.Get("key")}); err != nil {
		return err
	}
	back := sent.Get("here")
	if back != PathLate && !strings.HasPrefix(back, PathLate+"?") {
		back = PathLate
	}
	if strings.Contains(back, "?") {
		return web.Redirect(w, r, back+"&urged="+string(n))
	}
	return web.Redirect(w, r, back+"?urged="+string(n))
}
