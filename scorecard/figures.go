package scorecard

import (
	"context"
	"encoding/base64"
	"sort"
	"strconv"
	"strings"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
)

// By is what lines are drawn up by.
type By string

// The dimensions; the zero By makes one line.
const (
	ByBody   By = "body"
	ByStreet By = "street"
	ByItem   By = "item"
	ByMonth  By = "month"
)

// Query chooses cases: of one sort, opened from the first month to the last,
// filtered where a value is set.
type Query struct {
	Sort        Sort
	From, Until Month
	Body        city.BodyID
	Street      city.RegionCode
	Item        city.ItemCode
}

// Line is what the cases of one key come to.
type Line struct {
	Key string
	sum counts
}

// Count is how many cases have the mark.
func (l Line) Count(m Mark) int64 { return l.sum.marks[m] }

// Share is a figure: how many cases of how many.
func (l Line) Share(d Definition) (n, of int64) {
	if d.Without == GivenBack {
		return l.sum.correct, l.sum.marks[d.Among]
	}
	return l.sum.marks[d.Of], l.sum.marks[d.Among]
}

// Quantile is the time within which the share q of the cases lay, at most 2.2%
// from what was measured; false when nothing was measured.
func (l Line) Quantile(s Span, q float64) (time.Duration, bool) { return l.sum.quantile(s, q) }

// most is how many months one question may span.
const mostMonths = 36

func (q Query) check() error {
	switch {
	case q.Sort != Incidents && q.Sort != Applications && q.Sort != FollowUps:
		return city.Invalid("scorecard.sort")
	case q.Until < q.From || q.Until-q.From >= mostMonths:
		return city.Invalid("scorecard.span", "n", mostMonths)
	}
	return nil
}

func resource(q Query) access.Resource {
	r := access.Resource{Type: "Scorecard", ID: string(q.Sort), Attrs: access.Attrs{"sort": string(q.Sort)}}
	if q.Body != "" {
		r.Attrs["body"] = q.Body
	}
	return r
}

func (s *Scorecard) ask(ctx context.Context, actor city.Actor, action string, q Query) error {
	return s.o.Access.Ask(ctx, actor, action, resource(q))
}

// May reports whether the actor may read what stands behind the figures of the
// query and open its cases; who may not can compare bodies still.
func (s *Scorecard) May(actor city.Actor, q Query) bool {
	return s.o.Access.Decide(actor, "scorecard.cases", resource(q)).Allowed
}

// Figures draws up the lines of a query, by key. Who may not read the whole city
// may compare its bodies: by is ByBody or ByMonth then, and nothing is filtered.
func (s *Scorecard) Figures(ctx context.Context, tx *db.Tx, actor city.Actor, q Query, by By) ([]Line, error) {
	action := "scorecard.read"
	if q.Body == "" && q.Street == "" && q.Item == "" && (by == "" || by == ByBody || by == ByMonth) {
		action = "scorecard.compare"
	}
	if err := s.ask(ctx, actor, action, q); err != nil {
		return nil, err
	}
	if err := q.check(); err != nil {
		return nil, err
	}
	lines := map[string]*Line{}
	err := eachCell(ctx, tx, q, func(c cell, raw []byte) error {
		key := map[By]string{ByBody: c.body, ByStreet: c.street, ByItem: c.item, ByMonth: c.month.String()}[by]
		l := lines[key]
		if l == nil {
			l = &Line{Key: key}
			lines[key] = l
		}
		return l.sum.unpack(raw)
	})
	if err != nil {
		return nil, err
	}
	out := make([]Line, 0, len(lines))
	for _, l := range lines {
		if l.Count(Opened) > 0 {
			out = append(out, *l)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out, nil
}

// Total is Figures in one line; a line without cases when there are none.
func (s *Scorecard) Total(ctx context.Context, tx *db.Tx, actor city.Actor, q Query) (Line, error) {
	lines, err := s.Figures(ctx, tx, actor, q, "")
	if err != nil || len(lines) == 0 {
		return Line{}, err
	}
	return lines[0], nil
}

// Matter is a case behind a figure.
type Matter struct {
	Number   city.CaseNumber
	Body     city.BodyID
	Street   city.RegionCode
	Item     city.ItemCode
	Opened   time.Time
	Closed   time.Time // zero while open
	Result   string
	Marks    uint64 // a bit for each Mark
	ToDone   time.Duration
	Measured bool // ToDone is known
}

// Has reports whether the case has the mark.
func (c Matter) Has(m Mark) bool { return c.Marks&(1<<m) != 0 }

// largestPage bounds a list of cases.
const largestPage = 200

// Cases lists the cases that have the mark and, when without is not Opened, lack
// that one, a page at a time after the cursor of the page before.
func (s *Scorecard) Cases(ctx context.Context, tx *db.Tx, actor city.Actor, q Query, with, without Mark, after string, limit int) (out []Matter, next string, err error) {
	if err := s.ask(ctx, actor, "scorecard.cases", q); err != nil {
		return nil, "", err
	}
	if err := q.check(); err != nil {
		return nil, "", err
	}
	if with < 0 || with >= marks || without < 0 || without >= marks {
		return nil, "", city.Invalid("scorecard.mark")
	}
	if limit <= 0 || limit > largestPage {
		limit = largestPage
	}
	month, number, err := parseCursor(after)
	if err != nil {
		return nil, "", err
	}
	lacks := uint64(1) << without
	if without == Opened { // which every case has
		lacks = 0
	}
	rows, err := casesBehind(ctx, tx, q, 1<<with, lacks, month, number, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		next = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(int(last.month)) + "." + string(last.number)))
	}
	for _, r := range rows {
		c := Matter{Number: r.number, Body: city.BodyID(r.body), Street: city.RegionCode(r.street), Item: city.ItemCode(r.item),
			Opened: city.FromMicros(r.state.Opened).In(s.o.Zone), Result: r.state.Result, Marks: r.state.marks()}
		if r.state.Closed != 0 {
			c.Closed = city.FromMicros(r.state.Closed).In(s.o.Zone)
		}
		if d := r.state.spans()[ToDone]; d >= 0 {
			c.ToDone, c.Measured = d, true
		}
		out = append(out, c)
	}
	return out, next, nil
}

func parseCursor(s string) (Month, string, error) {
	if s == "" {
		return -1, "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	m, number, ok := strings.Cut(string(raw), ".")
	n, bad := strconv.Atoi(m)
	if err != nil || bad != nil || !ok {
		return 0, "", city.Invalid("error.cursor")
	}
	return Month(n), number, nil
}
