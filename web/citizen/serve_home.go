package citizen

import (
	"context"
	"net/http"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/web"
)

const homeMatters = 4 // matters on the first page

func (p *Pages) home(w http.ResponseWriter, r *http.Request) error {
	v := web.ViewOf(r.Context())
	if v.Elder {
		h, err := p.elderHome(r)
		if err != nil {
			return err
		}
		return web.Render(w, r, http.StatusOK, ElderHomePage(h))
	}
	h := Home{Reports: p.takesReports()}
	for _, code := range p.Pack.Site.Popular {
		h.Popular = append(h.Popular, web.Link{Text: p.itemName(code), Href: ItemPath(code)})
	}
	for _, e := range p.Pack.Site.LifeEvents {
		h.Events = append(h.Events, Event{Name: e.Name, Summary: e.Summary, Href: EventPath(e.ID)})
	}
	if v.Actor.Kind == city.Resident {
		err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
			page, err := p.Cases.Mine(ctx, tx, v.Actor, homeMatters, "")
			for _, c := range page.Cases {
				h.Matters = append(h.Matters, p.line(c))
			}
			h.More = page.Next != ""
			return err
		})
		if err != nil {
			return err
		}
	}
	return web.Render(w, r, http.StatusOK, HomePage(h))
}

// elderHome has few things, all large: what money there is, the matters under
// way, who may help, and what can be printed.
func (p *Pages) elderHome(r *http.Request) (h ElderHome, err error) {
	a := web.ViewOf(r.Context()).Actor
	for _, code := range p.Pack.Site.Popular {
		if it, _, ok := p.Items.Item(code); ok && it.Type == benefit {
			h.Things = append(h.Things, Thing{Sign: "money", Title: it.Name, Sub: city.Message{Key: "citizen.elder.money"}, Href: ItemPath(code)})
			break
		}
	}
	open := 0
	family := city.Message{Key: "citizen.elder.family.help"}
	if a.Kind == city.Resident {
		err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
			page, err := p.Cases.Mine(ctx, tx, a, 100, "")
			if err != nil {
				return err
			}
			for _, c := range page.Cases {
				if c.Open {
					open++
				}
			}
			list, err := p.Identity.Delegations(ctx, tx, oneself(a))
			for _, d := range list {
				if d.Giver == a.Person && d.Live(p.Clock.Now()) {
					family = city.Message{Key: "citizen.elder.family.one", Args: []any{"name", d.TakerName, "until", d.Until}}
				}
			}
			return err
		})
	}
	matters := city.Message{Key: "citizen.elder.matters"}
	if open > 0 {
		matters = city.Message{Key: "citizen.elder.matters.n", Args: []any{"n", open}}
	}
	h.Reports = p.takesReports()
	h.Things = append(h.Things,
		Thing{Sign: "matter", Title: web.Words("citizen.matters.title"), Sub: matters, Href: PathMatters},
		Thing{Sign: "family", Title: web.Words("citizen.elder.family"), Sub: family, Href: PathDelegations},
		Thing{Sign: "paper", Title: web.Words("citizen.licences.title"), Sub: city.Message{Key: "citizen.elder.papers"}, Href: PathLicences},
	)
	return h, err
}

func (p *Pages) takesReports() bool { return p.Pack.Site.Incidents.Kind != "" }

const benefit = "05" // 行政给付, of the types of items

func (p *Pages) counters(w http.ResponseWriter, r *http.Request) error {
	var list []Counter
	for _, c := range p.Pack.Site.Counters {
		list = append(list, p.counter(c.ID))
	}
	return web.Render(w, r, http.StatusOK, CountersPage(list))
}

func (p *Pages) counter(id string) Counter {
	c, ok := p.Pack.Counter(id)
	if !ok {
		return Counter{}
	}
	return Counter{Name: c.Name, Address: c.Address, Hours: c.Hours, Phone: c.Phone, Open: p.Pack.Calendar.Open(p.Clock.Now())}
}

// line says a matter in one sentence.
func (p *Pages) line(c casework.Case) Matter {
	m := Matter{Name: p.caseName(c), Number: c.Number, Href: CasePath(c.Number, ""), State: p.state(c), Tell: p.tell(c), Sentence: p.then(c)}
	if c.Kind == p.Pack.Site.Incidents.Kind {
		m.Href = NoticePath("incident.reported", string(c.Number))
	}
	return m
}

// today is the day in the city.
func (p *Pages) today() city.Date { return p.day(p.Clock.Now()) }

// endOfDay is the last moment of the day in the city.
func (p *Pages) endOfDay(d city.Date) time.Time {
	return d.AddDays(1).In(p.Pack.Zone).Add(-time.Microsecond)
}
