package hotline

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/web"
)

// Calls is the list of whom to call back.
type Calls struct {
	Rows  []ToCall
	Pages web.Pages
	Done  bool // somebody was just called
}

// ToCall is a line of it.
type ToCall struct {
	incident.Callback
	Name city.Text
	Href string
}

// CallBack is the page of one call back.
type CallBack struct {
	incident.Call
	Name    city.Text
	Matter  string // its page
	Post    string
	Fields  []web.Field // responded, resolved
	Level   int
	Fault   city.Message // of the level
	Said    web.Field
	Others  []city.Field
	Erased  bool
	Dial    string
	Results city.Text
}

const callsAPage = 30

func (p *Pages) callsPage(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	ctx, q := r.Context(), r.URL.Query()
	actor, err := p.operator(ctx, actor)
	if err != nil {
		return err
	}
	c := Calls{Done: q.Has("done")}
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		list, next, err := p.Incidents.Callbacks(ctx, tx, actor, callsAPage, q.Get("after"))
		for _, b := range list {
			c.Rows = append(c.Rows, ToCall{Callback: b, Name: p.className(b.Class), Href: PathCalls + "/" + b.Report.String()})
		}
		c.Pages = web.Pages{Next: next, First: q.Get("after") == "", Shown: len(list)}
		return err
	})
	if err != nil {
		return err
	}
	doc := p.Frame(ctx, actor, "hotline")
	doc.Title = web.T(ctx, "hotline.calls.title")
	return web.Render(w, r, http.StatusOK, callsPage(doc, c))
}

func reportOf(r *http.Request) (id city.ReportID, err error) {
	if id.UnmarshalJSON([]byte(strconv.Quote(r.PathValue("report")))) != nil {
		return id, city.NotFound("error.not_found")
	}
	return id, nil
}

func (p *Pages) callBackPage(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	return p.showCallBack(w, r, actor, http.StatusOK, nil, nil)
}

// showCallBack shows whom to call; the look is on record before anything is shown.
func (p *Pages) showCallBack(w http.ResponseWriter, r *http.Request, actor city.Actor, status int, sent url.Values, faults []city.Field) error {
	ctx := r.Context()
	actor, err := p.operator(ctx, actor)
	if err != nil {
		return err
	}
	id, err := reportOf(r)
	if err != nil {
		return err
	}
	var call incident.Call
	err = p.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		call, err = p.Incidents.Call(ctx, tx, actor, id)
		return err
	})
	if err != nil {
		return err
	}
	c := CallBack{Call: call, Name: p.className(call.Class), Matter: p.CasePath(call.Number), Post: PathCalls + "/" + id.String(),
		Erased: call.Reporter.Phone == "", Dial: "tel:" + strings.ReplaceAll(call.Reporter.Phone, " ", ""), Results: call.Case.StageName}
	c.Fields = []web.Field{{Name: "responded", Type: web.FieldYesNo, Label: web.Words("hotline.ask.responded"), Value: sent.Get("responded")},
		{Name: "resolved", Type: web.FieldYesNo, Label: web.Words("hotline.ask.resolved"), Value: sent.Get("resolved")}}
	c.Said = web.Field{Name: "words", Type: web.FieldLongText, Label: web.Words("hotline.ask.words"), Max: 1000, Value: sent.Get("words")}
	c.Level, _ = strconv.Atoi(sent.Get("level"))
	for _, f := range faults {
		switch f.Name {
		case "level":
			c.Fault = f.Message
		case "words":
			c.Said.Fault = f.Message
		default:
			c.Others = append(c.Others, f)
		}
	}
	doc := p.Frame(ctx, actor, "hotline")
	doc.Title = web.T(ctx, "hotline.calls.title")
	return web.Render(w, r, status, callBackPage(doc, c))
}

// callBack keeps what somebody said, or that nobody answered.
func (p *Pages) callBack(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	ctx := r.Context()
	actor, err := p.operator(ctx, actor)
	if err != nil {
		return err
	}
	id, err := reportOf(r)
	if err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	if sent.Get("do") == "unanswered" {
		tries, _ := strconv.Atoi(sent.Get("tries"))
		err = p.Incidents.Unanswered(ctx, actor, id, tries)
	} else {
		rating := incident.Rating{Responded: yesNo(sent.Get("responded")), Resolved: yesNo(sent.Get("resolved")), Words: sent.Get("words")}
		rating.Level, _ = strconv.Atoi(sent.Get("level"))
		err = p.Incidents.RateByCall(ctx, actor, id, rating)
	}
	var e *city.Error
	if errors.As(err, &e) && e.Kind == city.KindInvalid {
		return p.showCallBack(w, r, actor, web.Status(err), sent, e.Fields)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, pathOf(PathCalls, "done", "1"))
}

func yesNo(s string) *bool {
	switch s {
	case "true", "false":
		yes := s == "true"
		return &yes
	}
	return nil
}
