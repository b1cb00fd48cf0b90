package alert

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"yiwang/access"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/db"
)

// Query asks for alerts, the newest first; what is left empty is not asked for.
type Query struct {
	Rule    string
	Kind    string
	Subject string
	State   State
	Waiting bool // open or filed: nobody has said yet how it turned out
	Body    city.BodyID
	Region  city.RegionCode // it and what lies within
	Within  *geo.Box
	Since   time.Time // raised then or later
	Until   time.Time // raised before
	Limit   int       // 30 where it is none, 200 at most
	After   string    // Next of the page before
}

// Page is a page of alerts; Next is "" on the last one.
type Page struct {
	Alerts []Alert
	Next   string
}

// List lists alerts that the actor may see: all, or those of their bodies in their
// regions. A body that answers for no rule has none.
func (b *Board) List(ctx context.Context, tx *db.Tx, actor city.Actor, q Query) (Page, error) {
	r, err := b.reach(ctx, actor)
	if err != nil {
		return Page{}, err
	}
	if err := q.check(); err != nil {
		return Page{}, err
	}
	if q.Limit <= 0 || q.Limit > 200 {
		q.Limit = 30
	}
	after, err := readCursor(q.After)
	if err != nil {
		return Page{}, err
	}
	list, err := listAlerts(ctx, tx, q, r, after)
	if err != nil || len(list) <= q.Limit {
		return Page{Alerts: list}, err
	}
	last := list[q.Limit-1]
	return Page{Alerts: list[:q.Limit], Next: fmt.Sprintf("%d.%s", city.Micros(last.Raised), last.ID)}, nil
}

// check refuses what no database takes and nothing is called.
func (q Query) check() error {
	if q.Subject != "" && !soundSubject(q.Subject) {
		return city.Invalid("alert.subject")
	}
	for name, v := range map[string]string{"rule": q.Rule, "kind": q.Kind, "state": string(q.State), "body": string(q.Body), "region": string(q.Region)} {
		if len(v) > longSubject || !utf8.ValidString(v) || strings.ContainsFunc(v, unicode.IsControl) {
			return city.InvalidFields([]city.Field{{Name: name, Message: city.Message{Key: "alert.query"}}})
		}
	}
	return nil
}

// Waiting counts the alerts that are open or filed, by rule, as far as the actor may
// see them.
func (b *Board) Waiting(ctx context.Context, tx *db.Tx, actor city.Actor) (map[string]int, error) {
	r, err := b.reach(ctx, actor)
	if err != nil {
		return nil, err
	}
	return countWaiting(ctx, tx, r)
}

// reach is which alerts somebody may see.
type reach struct {
	all     bool
	bodies  []city.BodyID
	regions []city.RegionCode
}

func (b *Board) reach(ctx context.Context, actor city.Actor) (reach, error) {
	if b.access.Decide(actor, "alert.read", access.Resource{Type: "Alert"}).Allowed {
		return reach{all: true}, nil
	}
	r := reach{regions: actor.Regions}
	for _, body := range actor.Bodies() {
		answers := slices.ContainsFunc(b.detection.Detectors, func(d Detector) bool { return d.Body() == body })
		if answers && b.access.Decide(actor, "alert.read", access.Resource{Type: "Alert", Attrs: access.Attrs{"body": body}}).Allowed {
			r.bodies = append(r.bodies, body)
		}
	}
	if len(r.bodies) > 0 {
		return r, nil
	}
	return r, b.access.Ask(ctx, actor, "alert.read", access.Resource{Type: "Alert"})
}

// MaySee reports whether an officer sees alerts at all, for menus.
func (b *Board) MaySee(actor city.Actor) bool {
	if actor.Kind != city.Officer {
		return false
	}
	_, err := b.reach(context.Background(), actor)
	return err == nil
}

// MaySilence reports whether the actor may silence a rule.
func (b *Board) MaySilence(actor city.Actor, rule string) bool {
	return b.access.Decide(actor, "alert.silence", b.ruleResource(rule)).Allowed
}

// Get reads an alert and each time that it was found, of many the first and the last.
func (b *Board) Get(ctx context.Context, tx *db.Tx, actor city.Actor, id city.AlertID) (Alert, []Sighting, error) {
	return b.open(ctx, tx, actor, func() (Alert, error) { return alertByID(ctx, tx, id) })
}

// Of reads the alert that a case came of, as Get does.
func (b *Board) Of(ctx context.Context, tx *db.Tx, actor city.Actor, n city.CaseNumber) (Alert, []Sighting, error) {
	return b.open(ctx, tx, actor, func() (Alert, error) { return alertByCase(ctx, tx, n) })
}

func (b *Board) open(ctx context.Context, tx *db.Tx, actor city.Actor, find func() (Alert, error)) (Alert, []Sighting, error) {
	if _, err := b.reach(ctx, actor); err != nil { // whoever sees none learns of none
		return Alert{}, nil, err
	}
	a, err := find()
	if err != nil {
		return Alert{}, nil, missing(err)
	}
	if err := b.access.Ask(ctx, actor, "alert.read", resource(a)); err != nil {
		return Alert{}, nil, err
	}
	list, err := sightingsOf(ctx, tx, a.ID)
	return a, list, err
}

// cursor is where a page of alerts ended.
type cursor struct {
	set    bool
	raised int64
	id     city.AlertID
}

func readCursor(s string) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	at, id, ok := strings.Cut(s, ".")
	if c.raised, err = strconv.ParseInt(at, 10, 64); err != nil || !ok {
		return c, city.Invalid("error.cursor")
	}
	if c.id, err = ParseID(id); err != nil {
		return c, city.Invalid("error.cursor")
	}
	c.set = true
	return c, nil
}

// ParseID reads the text form of an alert's id.
func ParseID(s string) (id city.AlertID, err error) {
	err = id.UnmarshalJSON([]byte(strconv.Quote(s)))
	if err != nil || id.IsZero() {
		return id, city.NotFound("alert.missing")
	}
	return id, nil
}
