package scorecard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Few is the count below which a public figure is not given, so that nobody is
// found behind it.
const Few = 5

// frozen is a report as it is kept: the packed sums of each line, by key.
type frozen struct {
	Total    []byte                   `json:"total"`
	Before   []byte                   `json:"before"`
	LastYear []byte                   `json:"last_year"`
	Groups   map[By]map[string][]byte `json:"groups"`
}

// Publish makes the city's figures of a month public, once and as they stand: a
// second time is city.KindConflict. The month must be over. What is counted anew
// later publishes nothing and changes nothing that was published.
func (s *Scorecard) Publish(ctx context.Context, actor city.Actor, month Month) error {
	q := Query{Sort: Incidents, From: month, Until: month}
	if err := s.ask(ctx, actor, "scorecard.publish", q); err != nil {
		return err
	}
	now := s.o.Clock.Now()
	if now.Before((month + 1).Start(s.o.Zone)) {
		return city.Conflict("scorecard.not_over")
	}
	err := s.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.report(ctx, tx, month, "")
		if err != nil {
			return err
		}
		sums, err := json.Marshal(freeze(r))
		if err != nil {
			return err
		}
		insertPublished(tx, month, now, postOf(actor), string(sums))
		return s.o.Journal.Append(ctx, tx, journal.Event{At: now, Type: "scorecard.published", Subject: month.String(), Actor: actor,
			Public: map[string]any{"month": month.String(), "figures": open(r.Total)}, Unique: "scorecard.published:" + month.String()})
	})
	if errors.Is(err, db.ErrDuplicate) {
		return city.Conflict("scorecard.published")
	}
	return err
}

// MayPublish reports whether the actor may publish the month, and whether it is
// over.
func (s *Scorecard) MayPublish(actor city.Actor, month Month) bool {
	return !s.o.Clock.Now().Before((month + 1).Start(s.o.Zone)) &&
		s.o.Access.Decide(actor, "scorecard.publish", resource(Query{Sort: Incidents})).Allowed
}

// Published lists the reports that were published, the newest first, at most so
// many. Anybody may see them; they name no case.
func (s *Scorecard) Published(ctx context.Context, tx *db.Tx, actor city.Actor, limit int) ([]Report, error) {
	if err := s.askPublic(ctx, actor); err != nil {
		return nil, err
	}
	rows, err := publishedRows(ctx, tx, 0, mostMonth, min(max(limit, 1), largestPage))
	if err != nil {
		return nil, err
	}
	out := make([]Report, len(rows))
	for i, row := range rows {
		if out[i], err = thaw(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// PublishedMonth is the report of a month that was published; city.KindNotFound
// when it was not.
func (s *Scorecard) PublishedMonth(ctx context.Context, tx *db.Tx, actor city.Actor, month Month) (Report, error) {
	if err := s.askPublic(ctx, actor); err != nil {
		return Report{}, err
	}
	r, err := published(ctx, tx, month)
	if err != nil {
		return Report{}, err
	}
	if r == nil {
		return Report{}, city.NotFound("scorecard.unpublished")
	}
	return *r, nil
}

func (s *Scorecard) askPublic(ctx context.Context, actor city.Actor) error {
	return s.o.Access.Ask(ctx, actor, "scorecard.public", access.Resource{Type: "Scorecard", ID: "published", Attrs: access.Attrs{"sort": string(Incidents)}})
}

const mostMonth = Month(9999*12 + 11)

func published(ctx context.Context, tx *db.Tx, month Month) (*Report, error) {
	rows, err := publishedRows(ctx, tx, month, month, 1)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	r, err := thaw(rows[0])
	return &r, err
}

func postOf(a city.Actor) city.PostID {
	if i := slices.IndexFunc(a.Posts, func(p city.PostID) bool { return p.Body() == a.Body }); i >= 0 {
		return a.Posts[i]
	}
	if len(a.Posts) > 0 {
		return a.Posts[0]
	}
	return ""
}

func freeze(r Report) frozen {
	f := frozen{Total: r.Total.sum.pack(), Before: r.Before.sum.pack(), LastYear: r.LastYear.sum.pack(), Groups: map[By]map[string][]byte{}}
	for _, g := range r.Groups {
		f.Groups[g.By] = map[string][]byte{}
		for _, l := range g.Lines {
			f.Groups[g.By][l.Key] = l.sum.pack()
		}
	}
	return f
}

func thaw(row publishedRow) (Report, error) {
	r := Report{Month: row.month, Published: row.at, By: row.post}
	var f frozen
	if err := json.Unmarshal([]byte(row.sums), &f); err != nil {
		return r, fmt.Errorf("scorecard: what was published of %s: %w", row.month, err)
	}
	line := func(l *Line, raw []byte, err error) error { return errors.Join(err, l.sum.unpack(raw)) }
	err := line(&r.LastYear, f.LastYear, line(&r.Before, f.Before, line(&r.Total, f.Total, nil)))
	for _, by := range groups {
		g := Group{By: by}
		for _, key := range slices.Sorted(maps.Keys(f.Groups[by])) {
			l := Line{Key: key}
			err = line(&l, f.Groups[by][key], err)
			g.Lines = append(g.Lines, l)
		}
		r.Groups = append(r.Groups, g)
	}
	return r, err
}

// open writes a line for everybody: {figure: [n, of]}, where -1 stands for a count
// below Few.
func open(l Line) map[string][2]int64 {
	few := func(n int64) int64 {
		if n < Few {
			return -1
		}
		return n
	}
	all := few(l.Count(Opened))
	out := map[string][2]int64{"opened": {all, all}}
	for _, d := range Definitions() {
		n, of := l.Share(d)
		out[d.ID] = [2]int64{few(n), few(of)}
	}
	return out
}
