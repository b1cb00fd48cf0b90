package trustlist

import (
	"context"
	"errors"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
)

type anchorRow struct {
	id   string
	key  []byte
	name string
	at   time.Time
}

func readAnchors(ctx context.Context, tx *db.Tx) ([]anchorRow, error) {
	return db.All(ctx, tx, func(r db.Row) (a anchorRow, err error) {
		var at int64
		err = r.Scan(&a.id, &a.key, &a.name, &at)
		a.at = city.FromMicros(at)
		return a, err
	}, `SELECT id, key, name, at FROM trust_anchors ORDER BY id`)
}

func insertAnchor(tx *db.Tx, a anchorRow) {
	tx.Later(`INSERT INTO trust_anchors (id, key, name, at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING`, nil,
		a.id, a.key, a.name, city.Micros(a.at))
}

type listRow struct {
	sort     Sort
	owner    string
	sequence int64
	raw      []byte
	taken    time.Time
	source   string
}

func scanList(r db.Row) (l listRow, err error) {
	var taken int64
	err = r.Scan(&l.sort, &l.owner, &l.sequence, &l.raw, &taken, &l.source)
	l.taken = city.FromMicros(taken)
	return l, err
}

func readLists(ctx context.Context, tx *db.Tx) ([]listRow, error) {
	return db.All(ctx, tx, scanList, `SELECT sort, owner, sequence, raw, taken_at, source FROM trust_lists ORDER BY sort, owner, sequence`)
}

func insertList(tx *db.Tx, l listRow) {
	tx.Later(`INSERT INTO trust_lists (sort, owner, sequence, raw, taken_at, source) VALUES ($1, $2, $3, $4, $5, $6)`, nil,
		string(l.sort), l.owner, l.sequence, l.raw, city.Micros(l.taken), l.source)
}

func deleteList(tx *db.Tx, sort Sort, owner string, sequence int64) {
	tx.Later(`DELETE FROM trust_lists WHERE sort = $1 AND owner = $2 AND sequence = $3`, nil, string(sort), owner, sequence)
}

type regionRow struct {
	code                          string
	dropped, tried, good, failing time.Time
	fault                         string
}

// moment reads microseconds of which 0 is never.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return city.FromMicros(us)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return city.Micros(t)
}

func readRegions(ctx context.Context, tx *db.Tx) (map[string]regionRow, error) {
	all, err := db.All(ctx, tx, func(r db.Row) (x regionRow, err error) {
		var dropped, tried, good, failing int64
		err = r.Scan(&x.code, &dropped, &tried, &good, &failing, &x.fault)
		x.dropped, x.tried, x.good, x.failing = moment(dropped), moment(tried), moment(good), moment(failing)
		return x, err
	}, `SELECT code, dropped_at, tried_at, good_at, failing_since, fault FROM trust_regions`)
	rows := map[string]regionRow{}
	for _, x := range all {
		rows[x.code] = x
	}
	return rows, err
}

func setDropped(tx *db.Tx, code string, at time.Time) {
	tx.Later(`INSERT INTO trust_regions (code, dropped_at, tried_at, good_at, failing_since, fault) VALUES ($1, $2, 0, 0, 0, '')
ON CONFLICT (code) DO UPDATE SET dropped_at = excluded.dropped_at`, nil, code, micros(at))
}

func setTried(tx *db.Tx, code string, at time.Time, fault string) {
	good, failing := micros(at), int64(0)
	if fault != "" {
		good, failing = 0, micros(at)
	}
	tx.Later(`INSERT INTO trust_regions (code, dropped_at, tried_at, good_at, failing_since, fault) VALUES ($1, 0, $2, $3, $4, $5)
ON CONFLICT (code) DO UPDATE SET tried_at = excluded.tried_at, fault = excluded.fault,
good_at = CASE WHEN excluded.good_at > 0 THEN excluded.good_at ELSE trust_regions.good_at END,
failing_since = CASE WHEN excluded.failing_since = 0 THEN 0 WHEN trust_regions.failing_since > 0 THEN trust_regions.failing_since ELSE excluded.failing_since END`, nil,
		code, micros(at), good, failing, fault)
}

type statusRow struct {
	uri, region          string
	token                []byte
	good, failing, tried time.Time
}

func readStatuses(ctx context.Context, tx *db.Tx) ([]statusRow, error) {
	return db.All(ctx, tx, func(r db.Row) (s statusRow, err error) {
		var good, failing, tried int64
		err = r.Scan(&s.uri, &s.region, &s.token, &good, &failing, &tried)
		s.good, s.failing, s.tried = moment(good), moment(failing), moment(tried)
		return s, err
	}, `SELECT uri, region, token, good_at, failing_since, tried_at FROM trust_statuses ORDER BY uri LIMIT 10000`)
}

func setStatus(tx *db.Tx, s statusRow) {
	tx.Later(`INSERT INTO trust_statuses (uri, region, token, good_at, failing_since, tried_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (uri) DO UPDATE SET region = excluded.region, tried_at = excluded.tried_at,
token = CASE WHEN excluded.good_at > 0 THEN excluded.token ELSE trust_statuses.token END,
good_at = CASE WHEN excluded.good_at > 0 THEN excluded.good_at ELSE trust_statuses.good_at END,
failing_since = CASE WHEN excluded.failing_since = 0 THEN 0 WHEN trust_statuses.failing_since > 0 THEN trust_statuses.failing_since ELSE excluded.failing_since END`, nil,
		s.uri, s.region, s.token, micros(s.good), micros(s.failing), micros(s.tried))
}

type ownRow struct {
	sequence int64
	issued   time.Time
	content  string
	raw      []byte
}

func scanOwn(r db.Row) (o ownRow, err error) {
	var issued int64
	err = r.Scan(&o.sequence, &issued, &o.content, &o.raw)
	o.issued = city.FromMicros(issued)
	return o, err
}

// lastOwn is the newest list of the city; zero before the first.
func lastOwn(ctx context.Context, tx *db.Tx) (ownRow, error) {
	o, err := scanOwn(tx.QueryRow(ctx, `SELECT sequence, issued, content, raw FROM trust_own ORDER BY sequence DESC LIMIT 1`))
	if errors.Is(err, db.ErrNoRows) {
		return ownRow{}, nil
	}
	return o, err
}

func insertOwn(tx *db.Tx, o ownRow) {
	tx.Later(`INSERT INTO trust_own (sequence, issued, content, raw) VALUES ($1, $2, $3, $4)`, nil, o.sequence, city.Micros(o.issued), o.content, o.raw)
}

type withdrawnRow struct {
	id                   string
	retired, compromised time.Time
}

func readWithdrawn(ctx context.Context, tx *db.Tx) ([]withdrawnRow, error) {
	return db.All(ctx, tx, func(r db.Row) (w withdrawnRow, err error) {
		var retired, compromised int64
		err = r.Scan(&w.id, &retired, &compromised)
		w.retired, w.compromised = moment(retired), moment(compromised)
		return w, err
	}, `SELECT key_id, retired, compromised FROM trust_withdrawn ORDER BY key_id`)
}

func setWithdrawn(tx *db.Tx, w withdrawnRow) {
	tx.Later(`INSERT INTO trust_withdrawn (key_id, retired, compromised) VALUES ($1, $2, $3)
ON CONFLICT (key_id) DO UPDATE SET retired = excluded.retired, compromised = excluded.compromised`, nil, w.id, micros(w.retired), micros(w.compromised))
}

func version(ctx context.Context, tx *db.Tx) (int64, error) {
	n, err := db.One[int64](ctx, tx, `SELECT n FROM trust_version WHERE one = 1`)
	if errors.Is(err, db.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

func moveVersion(tx *db.Tx) {
	tx.Later(`INSERT INTO trust_version (one, n) VALUES (1, 1) ON CONFLICT (one) DO UPDATE SET n = trust_version.n + 1`, nil)
}
