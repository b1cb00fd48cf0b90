package incident

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/internal/db"
)

// PublicQuery asks for matters that everybody may see.
type PublicQuery struct {
	Classes      []city.ItemCode
	Numbers      []city.CaseNumber
	Region       city.RegionCode // and all in it; "" is everywhere
	Since, Until time.Time       // of the report
	Changed      time.Time       // something was done at that moment or later
	Open         *bool
	Near         geo.Point // within Metres of it; zero: anywhere
	Metres       float64
	Skip         int    // so many of the newest
	After        string // Next of the page before
	Limit        int    // at most 1,000; 0 is 50

	after       time.Time
	afterNumber city.CaseNumber
}

const (
	mostPublic = 1000
	mostListed = 200 // numbers or classes in a question
	// mostSteps is how much that was done is looked through for what has changed.
	mostSteps = 100_000
)

// PublicIncident is a matter without anything personal: no words, no address, no
// names.
type PublicIncident struct {
	Number  city.CaseNumber
	Class   city.ItemCode
	Open    bool
	Stage   city.Text // where it stands, or how it ended
	Tell    city.Text
	Body    city.BodyID
	Place   city.Place // point and region
	At      time.Time
	Updated time.Time
	Due     time.Time
	Steps   []Step
}

// Public lists them, newest first, with the cursor of the next page.
func (s *Service) Public(ctx context.Context, tx *db.Tx, actor city.Actor, q PublicQuery) (list []PublicIncident, next string, err error) {
	if err := s.Access.Ask(ctx, actor, "incident.public", access.Resource{Type: "Incident"}); err != nil {
		return nil, "", err
	}
	if q.Limit <= 0 {
		q.Limit = 50
	}
	q.Limit = min(q.Limit, mostPublic)
	if len(q.Numbers) > mostPublic || len(q.Classes) > mostListed || q.Skip < 0 {
		return nil, "", city.Invalid("error.cursor")
	}
	if q.After != "" {
		raw, err := base64.RawURLEncoding.DecodeString(q.After)
		var at int64
		if _, scan := fmt.Sscanf(string(raw), "%d %s", &at, &q.afterNumber); err != nil || scan != nil {
			return nil, "", city.Invalid("error.cursor")
		}
		q.after = city.FromMicros(at)
	}
	rows, err := s.publicRows(ctx, tx, program(actor), q)
	if err != nil {
		return nil, "", err
	}
	if len(rows) > q.Limit {
		rows = rows[:q.Limit]
		last := rows[len(rows)-1]
		next = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", city.Micros(last.opened), last.number))
	}
	for _, r := range rows {
		p, err := s.publicOne(ctx, tx, program(actor), r)
		if err != nil {
			return nil, "", err
		}
		list = append(list, p)
	}
	return list, next, nil
}

// publicRows reads one more than the limit, behind what is skipped. A place is looked
// at here: the rows come from a box around it, which has corners.
func (s *Service) publicRows(ctx context.Context, tx *db.Tx, program city.Actor, q PublicQuery) (rows []incidentRow, err error) {
	if q.Changed.After(q.Since) { // before that nothing was done with what is asked for
		changed, err := s.changedSince(ctx, tx, program, q.Changed)
		if err != nil {
			return nil, err
		}
		if len(q.Numbers) > 0 {
			changed = slices.DeleteFunc(changed, func(n city.CaseNumber) bool { return !slices.Contains(q.Numbers, n) })
		}
		return s.among(ctx, tx, q, changed)
	}
	if len(q.Numbers) > mostListed {
		return s.among(ctx, tx, q, slices.Clone(q.Numbers))
	}
	if q.Near.IsZero() {
		return publicOf(ctx, tx, q, q.Skip, q.Limit+1)
	}
	for skip := q.Skip; len(rows) <= q.Limit; {
		some, err := publicOf(ctx, tx, q, 0, mostPublic)
		if err != nil {
			return nil, err
		}
		for _, r := range some {
			switch {
			case geo.Distance(r.at, q.Near) > q.Metres || len(rows) > q.Limit:
			case skip > 0:
				skip--
			default:
				rows = append(rows, r)
			}
		}
		if len(some) < mostPublic {
			break
		}
		q.after, q.afterNumber = some[len(some)-1].opened, some[len(some)-1].number
	}
	return rows, nil
}

// among looks through numbers that are known already, some hundred at once.
func (s *Service) among(ctx context.Context, tx *db.Tx, q PublicQuery, numbers []city.CaseNumber) (rows []incidentRow, err error) {
	for some := range slices.Chunk(numbers, mostListed) {
		q.Numbers = some
		got, err := publicOf(ctx, tx, q, 0, len(some))
		if err != nil {
			return nil, err
		}
		for _, r := range got {
			if q.Near.IsZero() || geo.Distance(r.at, q.Near) <= q.Metres {
				rows = append(rows, r)
			}
		}
	}
	slices.SortFunc(rows, func(a, b incidentRow) int {
		return cmp.Or(b.opened.Compare(a.opened), cmp.Compare(b.number, a.number))
	})
	rows = rows[min(q.Skip, len(rows)):]
	return rows[:min(q.Limit+1, len(rows))], nil
}

// changedSince are the numbers of all matters in which something was done since. More
// than can be looked through is city.KindInvalid.
func (s *Service) changedSince(ctx context.Context, tx *db.Tx, program city.Actor, since time.Time) (numbers []city.CaseNumber, err error) {
	seen := map[city.CaseNumber]bool{}
	after := casework.ChangeCursor{At: since}
	for steps := 0; ; {
		some, err := s.cases.Changes(ctx, tx, program, s.Settings.Kind, after, farFuture, 0)
		if err != nil || len(some) == 0 {
			return numbers, err
		}
		if steps += len(some); steps > mostSteps {
			return nil, fieldFault("changed", "incident.changed_much")
		}
		for _, c := range some {
			if !seen[c.Number] {
				seen[c.Number] = true
				numbers = append(numbers, c.Number)
			}
		}
		after = some[len(some)-1].Cursor()
	}
}

var farFuture = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *Service) publicOne(ctx context.Context, tx *db.Tx, program city.Actor, r incidentRow) (PublicIncident, error) {
	c, err := s.cases.Get(ctx, tx, program, r.number)
	if err != nil {
		return PublicIncident{}, err
	}
	records, err := s.cases.History(ctx, tx, program, r.number)
	if err != nil {
		return PublicIncident{}, err
	}
	p := PublicIncident{Number: r.number, Class: r.class, Open: c.Open, Stage: c.StageName, Tell: c.Tell, Body: c.Body,
		Place: city.Place{Lat: r.at.Lat, Lon: r.at.Lon, Region: r.region}, At: r.opened, Updated: r.opened, Due: c.Due, Steps: s.steps(c.Kind, records)}
	if n := len(records); n > 0 {
		p.Updated = records[n-1].At
	}
	return p, nil
}

// PublicUpdate is something that happened with a public matter.
type PublicUpdate struct {
	ID     string // the same whenever it is asked for
	Number city.CaseNumber
	At     time.Time
	Tell   city.Text
	Open   bool // the matter, after it
}

// Updates lists what happened with public matters between two moments, both
// included, the oldest first: their public steps, and that somebody else reported
// the same. At most limit are given, and at most 1,000. How much is stored beside
// them makes no difference: they are found by their time.
func (s *Service) Updates(ctx context.Context, tx *db.Tx, actor city.Actor, since, until time.Time, limit int) (list []PublicUpdate, err error) {
	if err := s.Access.Ask(ctx, actor, "incident.public", access.Resource{Type: "Incident"}); err != nil {
		return nil, err
	}
	if limit <= 0 || limit > mostPublic {
		limit = mostPublic
	}
	kind, ok := s.cases.Kind(s.Settings.Kind)
	if !ok {
		return nil, nil
	}
	public := map[city.CaseNumber]bool{}
	after := casework.ChangeCursor{At: since}
	for len(list) < limit {
		some, err := s.cases.Changes(ctx, tx, program(actor), s.Settings.Kind, after, until, 0)
		if err != nil {
			return nil, err
		}
		if len(some) == 0 {
			break
		}
		if err := noteOpenToAll(ctx, tx, some, public); err != nil {
			return nil, err
		}
		for _, c := range some {
			step, ok := stepOf(kind, c.Record)
			if ok && public[c.Number] && len(list) < limit {
				list = append(list, PublicUpdate{ID: fmt.Sprintf("%s-%d", c.Number, c.Seq), Number: c.Number, At: c.At, Tell: step.Tell, Open: !c.Ended})
			}
		}
		after = some[len(some)-1].Cursor()
	}
	joined, err := publicJoins(ctx, tx, since, until, limit)
	if err != nil {
		return nil, err
	}
	tell, _ := city.LookupText("incident.update.joined")
	for _, j := range joined {
		list = append(list, PublicUpdate{ID: j.id.String(), Number: j.number, At: j.at, Tell: tell, Open: true})
	}
	slices.SortFunc(list, func(a, b PublicUpdate) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return list[:min(len(list), limit)], nil
}

// noteOpenToAll looks up which of the changed matters everybody may see.
func noteOpenToAll(ctx context.Context, tx *db.Tx, changes []casework.Change, public map[city.CaseNumber]bool) error {
	var ask []city.CaseNumber
	for _, c := range changes {
		if _, known := public[c.Number]; !known {
			public[c.Number] = false
			ask = append(ask, c.Number)
		}
	}
	for some := range slices.Chunk(ask, mostListed) {
		rows, err := publicOf(ctx, tx, PublicQuery{Numbers: some}, 0, len(some))
		if err != nil {
			return err
		}
		for _, r := range rows {
			public[r.number] = true
		}
	}
	return nil
}
