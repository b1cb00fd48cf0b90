package scorecard

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/credential/paper"
	"yiwang/internal/db"
	"yiwang/scorecard"
	"yiwang/tlog"
	"yiwang/web"
	"yiwang/web/receipt"
)

// Addresses of the pages. Behind PathReports a month follows as 2026-10; behind it
// .pdf and .xlsx give the report to print and to reckon with, and /publish makes it
// public.
const (
	PathFigures = "/desk/scorecard"
	PathReports = "/desk/scorecard/"
	PathPublic  = "/scorecard"
)

// Deps are what the pages stand on. All are needed.
type Deps struct {
	DB     *db.DB
	Scores *scorecard.Scorecard
	Press  *paper.Press
	Clock  city.Clock
	// Frame is what stands around the pages of officers.
	Frame func(ctx context.Context, actor city.Actor, section string) web.DeskDoc
	// How the city calls a body, in full and in short, a class, a region and a post.
	Body   func(city.BodyID) city.Text
	Short  func(city.BodyID) city.Text
	Item   func(city.ItemCode) city.Text
	Region func(city.RegionCode) city.Text
	Post   func(city.PostID) city.Text
	// Log hands out receipts of what was published; nil where none is kept.
	Log *tlog.Log
	// Origin is how people reach the program, for what is printed.
	Origin string
}

// Pages serves figures and reports. It is safe for concurrent use.
type Pages struct{ Deps }

// New makes the pages.
func New(d Deps) *Pages { return &Pages{d} }

// Routes adds the pages.
func (p *Pages) Routes(mux *http.ServeMux) {
	mux.Handle("GET "+PathFigures, web.Page(p.figures))
	mux.Handle("GET "+PathReports+"cases", web.Page(p.behind))
	mux.Handle("GET "+PathReports+"{month}", web.Page(p.report))
	mux.Handle("POST "+PathReports+"{month}/publish", web.Page(p.publish))
	mux.Handle("GET "+PathPublic, web.Page(p.public))
	mux.Handle("GET "+PathPublic+"/{month}", web.Page(p.public))
	mux.Handle("GET "+PathPublic+"/{month}/receipt", web.Page(p.receipt))
}

// ReportPath is the report of a month; ending is "", ".pdf" or ".xlsx".
func ReportPath(m scorecard.Month, body city.BodyID, ending string) string {
	path := PathReports + m.String() + ending
	if body != "" {
		path += "?body=" + string(body)
	}
	return path
}

func casePath(n city.CaseNumber) string { return "/desk/cases/" + url.PathEscape(string(n)) }

// PublicPath is the published report of a month.
func PublicPath(m scorecard.Month) string { return PathPublic + "/" + m.String() }

// Reported is the page of a report.
type Reported struct {
	scorecard.Report
	Doc     web.DeskDoc
	Tables  []Table
	By      city.Text // who published it
	Publish templ.SafeURL
	Prev    templ.SafeURL
	Next    templ.SafeURL
	PDF     templ.SafeURL
	XLSX    templ.SafeURL
}

func (p *Pages) report(w http.ResponseWriter, r *http.Request) error {
	actor, ctx := web.ViewOf(r.Context()).Actor, r.Context()
	name, ending := r.PathValue("month"), ""
	for _, e := range []string{".pdf", ".xlsx"} {
		if cut, ok := strings.CutSuffix(name, e); ok {
			name, ending = cut, e
		}
	}
	month, err := scorecard.ParseMonth(name)
	if err != nil {
		return err
	}
	body := city.BodyID(r.URL.Query().Get("body"))
	if body == "" && !p.Scores.May(actor, scorecard.Query{Sort: scorecard.Incidents}) {
		body = actor.Body // who may not read the whole city reads their own
	}
	var rep scorecard.Report
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		rep, err = p.Scores.Report(ctx, tx, actor, month, body)
		return err
	})
	if err != nil {
		return err
	}
	s := Reported{Report: rep, Tables: p.tables(ctx, rep, true), By: p.Post(rep.By),
		Prev: templ.SafeURL(ReportPath(month-1, body, "")), Next: templ.SafeURL(ReportPath(month+1, body, "")),
		PDF: templ.SafeURL(ReportPath(month, body, ".pdf")), XLSX: templ.SafeURL(ReportPath(month, body, ".xlsx"))}
	switch ending {
	case ".pdf":
		raw, err := p.pdf(ctx, s)
		return send(w, raw, "application/pdf", "scorecard-"+month.String()+".pdf", err)
	case ".xlsx":
		raw, err := p.xlsx(ctx, s)
		return send(w, raw, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "scorecard-"+month.String()+".xlsx", err)
	}
	if rep.Published.IsZero() && body == "" && p.Scores.MayPublish(actor, month) {
		s.Publish = templ.SafeURL(PathReports + month.String() + "/publish")
	}
	s.Doc = p.Frame(ctx, actor, "scorecard")
	s.Doc.Title = web.T(ctx, "scorecard.report.title", "month", month.Words())
	return web.Render(w, r, http.StatusOK, reportPage(s))
}

func send(w http.ResponseWriter, raw []byte, typ, name string, err error) error {
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", typ)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w.Header().Set("Cache-Control", "private, no-store")
	_, err = w.Write(raw)
	return err
}

func (p *Pages) publish(w http.ResponseWriter, r *http.Request) error {
	month, err := scorecard.ParseMonth(r.PathValue("month"))
	if err != nil {
		return err
	}
	if err := p.Scores.Publish(r.Context(), web.ViewOf(r.Context()).Actor, month); err != nil {
		return err
	}
	return web.Redirect(w, r, ReportPath(month, "", ""))
}

// Shown is the page of what was published.
type Shown struct {
	scorecard.Report
	By       city.Text
	Tables   []Table
	Months   []scorecard.Report // that were published, the newest first
	Receipts receipt.Offer
}

// mostShown is how many published months the public page leads to.
const mostShown = 60

func (p *Pages) public(w http.ResponseWriter, r *http.Request) error {
	actor, ctx := web.ViewOf(r.Context()).Actor, r.Context()
	var s Shown
	err := p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if s.Months, err = p.Scores.Published(ctx, tx, actor, mostShown); err != nil {
			return err
		}
		if name := r.PathValue("month"); name != "" {
			month, err := scorecard.ParseMonth(name)
			if err != nil {
				return errors.Join(city.NotFound("scorecard.unpublished"), err)
			}
			if s.Report, err = p.Scores.PublishedMonth(ctx, tx, actor, month); err != nil {
				return err
			}
		} else if len(s.Months) > 0 {
			s.Report = s.Months[0]
		}
		if !s.Published.IsZero() {
			s.Receipts, err = receipt.About(ctx, tx, p.Log, topic(s.Month), PublicPath(s.Month)+"/receipt")
		}
		return err
	})
	if err != nil {
		return err
	}
	if !s.Published.IsZero() {
		s.Tables, s.By = p.tables(ctx, s.Report, false), p.Post(s.Report.By)
	}
	return web.Render(w, r, http.StatusOK, publicPage(s))
}

// topic is what the receipt of a month is about.
func topic(m scorecard.Month) tlog.Topic {
	return tlog.Topic{Subject: m.String(), Types: []string{"scorecard.published"}}
}

// receipt hands out the receipt of a published month to anybody.
func (p *Pages) receipt(w http.ResponseWriter, r *http.Request) error {
	month, err := scorecard.ParseMonth(r.PathValue("month"))
	if err != nil {
		return errors.Join(city.NotFound("scorecard.unpublished"), err)
	}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := p.Scores.PublishedMonth(ctx, tx, web.ViewOf(ctx).Actor, month)
		return err
	})
	if err != nil {
		return err
	}
	return receipt.Send(w, r, p.DB, p.Log, topic(month), "scorecard-"+month.String())
}
