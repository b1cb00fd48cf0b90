package casework

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"yiwang/city"
	"yiwang/internal/db"
)

// inbox reads one page and one row more. Each post is a range of the index, read
// in order and merged, so the page costs the same whatever is stored.
func inbox(ctx context.Context, tx *db.Tx, actor city.Actor, q InboxQuery, after cursorAt, now int64) ([]caseRow, error) {
	var parts []string
	b := &binder{}
	type source struct{ from, due, id string }
	plain := source{`cases c`, "c.due", "c.id"}
	joined := source{`case_tasks t JOIN cases c ON c.id = t.case_id`, "t.due", "t.case_id"} // the case's own due date
	part := func(s source, where string) {
		w := where
		if q.Kind != "" {
			w += " AND c.kind = " + b.bind(string(q.Kind))
		}
		if q.Scope == ScopeOverdue {
			w += " AND " + s.due + " < " + b.bind(now)
		}
		if after.set {
			w += " AND (" + s.due + ", " + s.id + ") > (" + b.bind(after.key) + ", " + b.bind(after.id) + ")"
		}
		parts = append(parts, "SELECT * FROM (SELECT "+rowColumns+" FROM "+s.from+" WHERE "+w+
			" ORDER BY "+s.due+", "+s.id+" LIMIT "+b.bind(q.Limit+1)+") p"+fmt.Sprint(len(parts)))
	}
	if q.Scope != ScopePost {
		part(plain, "c.open = 1 AND c.assignee IS NOT NULL AND c.assignee = "+b.bind(actor.Account))
		part(joined, "t.assignee IS NOT NULL AND t.assignee = "+b.bind(actor.Account))
	}
	if q.Scope != ScopeMine {
		for _, p := range actor.Posts {
			part(plain, "c.open = 1 AND c.assignee IS NULL AND c.post = "+b.bind(string(p))+covers(actor, b)+notBarred("c.id", actor, b))
			part(joined, "t.assignee IS NULL AND t.post = "+b.bind(string(p))+covers(actor, b)+notBarred("t.case_id", actor, b))
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	sql := strings.Join(parts, " UNION ") + " ORDER BY due, id LIMIT " + b.bind(q.Limit+1)
	return db.All(ctx, tx, scanCase, sql, b.args...)
}

// covers limits to the regions of the officer's posts.
func covers(actor city.Actor, b *binder) string {
	if len(actor.Regions) == 0 {
		return ""
	}
	var or []string
	for _, r := range actor.Regions {
		or = append(or, "substr(c.region, 1, "+b.bind(len(r))+") = "+b.bind(string(r)))
	}
	return " AND (c.region = '' OR " + strings.Join(or, " OR ") + ")"
}

// notBarred leaves out the cases that the officer shall have no part in.
func notBarred(id string, actor city.Actor, b *binder) string {
	return " AND " + id + " NOT IN (SELECT case_id FROM case_barred WHERE account = " + b.bind(actor.Account) + ")"
}

// binder numbers arguments in the order of appearance.
type binder struct{ args []any }

func (b *binder) bind(v any) string {
	b.args = append(b.args, v)
	return fmt.Sprintf("$%d", len(b.args))
}

const countLimit = 1000

func inboxCounts(ctx context.Context, tx *db.Tx, actor city.Actor, now int64) (Counts, error) {
	var c Counts
	count := func(into *int, table, where string, args ...any) error {
		args = append(args, countLimit)
		n, err := db.One[int](ctx, tx, fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s WHERE %s LIMIT $%d) x", table, where, len(args)), args...)
		*into = min(*into+n, countLimit)
		return err
	}
	plain, tasks := "cases c", "case_tasks t"
	if err := count(&c.Mine, plain, "c.open = 1 AND c.assignee IS NOT NULL AND c.assignee = $1", actor.Account); err != nil {
		return c, err
	}
	if err := count(&c.Mine, tasks, "t.assignee IS NOT NULL AND t.assignee = $1", actor.Account); err != nil {
		return c, err
	}
	if err := count(&c.Overdue, plain, "c.open = 1 AND c.assignee IS NOT NULL AND c.assignee = $1 AND c.due < $2", actor.Account, now); err != nil {
		return c, err
	}
	for _, p := range actor.Posts {
		b := &binder{}
		where := "c.open = 1 AND c.post = " + b.bind(string(p)) + " AND c.assignee IS NULL" + covers(actor, b) + notBarred("c.id", actor, b)
		if err := count(&c.Post, plain, where, b.args...); err != nil {
			return c, err
		}
		b = &binder{}
		where = "t.post = " + b.bind(string(p)) + " AND t.assignee IS NULL" + notBarred("t.case_id", actor, b)
		if err := count(&c.Post, tasks, where, b.args...); err != nil {
			return c, err
		}
		b = &binder{}
		where = "c.open = 1 AND c.post = " + b.bind(string(p)) + " AND c.due < " + b.bind(now) + " AND c.assignee IS NULL" + covers(actor, b) + notBarred("c.id", actor, b)
		if err := count(&c.Overdue, plain, where, b.args...); err != nil {
			return c, err
		}
	}
	return c, nil
}

// late reads one page and one row more of open cases by due date.
func late(ctx context.Context, tx *db.Tx, q LateQuery, after cursorAt, now int64) ([]caseRow, error) {
	b := &binder{}
	where := "c.open = 1"
	if !q.All {
		where += " AND c.due < " + b.bind(now)
	}
	if after.set {
		where += " AND (c.due, c.id) > (" + b.bind(after.key) + ", " + b.bind(after.id) + ")"
	}
	if q.Body != "" {
		where += " AND c.body = " + b.bind(string(q.Body))
	}
	if q.Kind != "" {
		where += " AND c.kind = " + b.bind(string(q.Kind))
	}
	if q.Region != "" {
		where += " AND substr(c.region, 1, " + b.bind(len(q.Region)) + ") = " + b.bind(string(q.Region))
	}
	return db.All(ctx, tx, scanCase, "SELECT "+rowColumns+" FROM cases c WHERE "+where+" ORDER BY c.due, c.id LIMIT "+b.bind(q.Limit+1), b.args...)
}

func casesOf(ctx context.Context, tx *db.Tx, actor city.Actor, after cursorAt, limit int) ([]caseRow, error) {
	column, who := "c.applicant", any(actor.Applicant())
	if !actor.Firm.IsZero() {
		column, who = "c.firm", actor.Firm
	}
	b := &binder{}
	where := column + " IS NOT NULL AND " + column + " = " + b.bind(who)
	if column == "c.applicant" {
		where += " AND c.firm IS NULL"
	}
	if after.set {
		where += " AND (c.opened_at, c.id) < (" + b.bind(after.key) + ", " + b.bind(after.id) + ")"
	}
	return db.All(ctx, tx, scanCase, "SELECT "+rowColumns+" FROM cases c WHERE "+where+
		" ORDER BY c.opened_at DESC, c.id DESC LIMIT "+b.bind(limit+1), b.args...)
}

func casesUnder(ctx context.Context, tx *db.Tx, id city.CaseID) ([]caseRow, error) {
	return db.All(ctx, tx, scanCase, "SELECT "+rowColumns+" FROM cases c WHERE c.parent IS NOT NULL AND c.parent = $1 ORDER BY c.opened_at", id)
}

func waitingForRule(ctx context.Context, tx *db.Tx, limit int) ([]caseRow, error) {
	return db.All(ctx, tx, scanCase, "SELECT "+rowColumns+" FROM cases c WHERE c.open = 1 AND c.assignee IS NULL AND c.post = $1 ORDER BY c.due, c.id LIMIT "+strconv.Itoa(limit), rulePost)
}

// ringing lists cases whose alarm has passed, oldest first.
func ringing(ctx context.Context, tx *db.Tx, now int64, limit int) ([]caseRow, error) {
	return db.All(ctx, tx, scanCase, "SELECT "+rowColumns+" FROM cases c WHERE c.open = 1 AND c.alarm > 0 AND c.alarm <= $1 ORDER BY c.alarm LIMIT "+strconv.Itoa(limit), now)
}

// handRooms are the sizes of lists of accounts: few texts of one statement.
var handRooms = []int{1, 16, 64, 512}

// inHand counts tasks whose limit runs by who has them; who has none is left out.
func inHand(ctx context.Context, tx *db.Tx, of []city.AccountID) (map[city.AccountID]int, error) {
	type pair struct {
		who city.AccountID
		n   int
	}
	counts := map[city.AccountID]int{}
	for len(of) > 0 {
		room := handRooms[len(handRooms)-1]
		for _, r := range handRooms {
			if r >= len(of) {
				room = r
				break
			}
		}
		some := of[:min(room, len(of))]
		of = of[len(some):]
		b := &binder{}
		list := func() string {
			places := make([]string, room)
			for i := range places {
				places[i] = b.bind(some[min(i, len(some)-1)])
			}
			return "IN (" + strings.Join(places, ", ") + ")"
		}
		sql := "SELECT assignee, count(*) FROM (SELECT assignee FROM cases WHERE open = 1 AND assignee IS NOT NULL AND assignee " + list() + " AND due < " + b.bind(never) +
			" UNION ALL SELECT assignee FROM case_tasks WHERE assignee IS NOT NULL AND assignee " + list() + " AND due < " + b.bind(never) + ") x GROUP BY assignee"
		pairs, err := db.All(ctx, tx, func(r db.Row) (p pair, err error) { return p, r.Scan(&p.who, &p.n) }, sql, b.args...)
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			counts[p.who] = p.n
		}
	}
	return counts, nil
}
