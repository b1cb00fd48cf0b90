package search

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// entryRow is an entry of the index.
type entryRow struct {
	n      int64
	typ    string
	id     string
	at     time.Time
	title  city.Text
	attrs  map[string]string
	key    journal.KeyID
	words  []string
	heads  []string
	scopes []string
}

func rowOf(e journal.Recorded, entry journal.Entry) entryRow {
	r := entryRow{typ: entry.Type, id: entry.ID, at: e.At, title: entry.Title, key: e.Key}
	r.attrs = make(map[string]string, len(entry.Attrs))
	for k, v := range entry.Attrs {
		if v != "" {
			r.attrs[k] = v
		}
	}
	r.words = append(words(entry.Terms), joined(entry.ID))
	r.heads = heads(entry.Terms)
	r.scopes = scopes(entry.Type, attributesOf(r.attrs))
	return r
}

func (r entryRow) hit() Hit {
	return Hit{Type: r.typ, ID: r.id, Title: r.title, At: r.at, Attrs: r.attrs}
}

func upsert(tx *db.Tx, r entryRow) error {
	attrs, err := json.Marshal(r.attrs)
	if err != nil {
		return err
	}
	if tx.Engine() == db.Postgres {
		tx.Later(`INSERT INTO search_entries (type, id, at, zh_hans, en, attrs, key_id, tokens)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (type, id) DO UPDATE SET zh_hans = excluded.zh_hans, en = excluded.en, attrs = excluded.attrs,
  key_id = excluded.key_id, tokens = excluded.tokens`, nil,
			r.typ, r.id, city.Micros(r.at), r.title.ZhHans, r.title.En, string(attrs), r.key, r.vector())
		return nil
	}
	tx.Later(`INSERT INTO search_entries (type, id, at, zh_hans, en, attrs, key_id, tokens, heads, scope)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (type, id) DO UPDATE SET zh_hans = excluded.zh_hans, en = excluded.en, attrs = excluded.attrs,
  key_id = excluded.key_id, tokens = excluded.tokens, heads = excluded.heads, scope = excluded.scope`, nil,
		r.typ, r.id, city.Micros(r.at), r.title.ZhHans, r.title.En, string(attrs), r.key,
		strings.Join(r.words, " "), strings.Join(r.heads, " "), strings.Join(r.scopes, " "))
	return nil
}

// vector writes words with their places, heads and scopes, as PostgreSQL's
// tsvector. All are letters and digits: nothing has to be escaped, and no word is
// taken for a head or a scope.
func (r entryRow) vector() string {
	var b strings.Builder
	for i, w := range r.words {
		if i == 16000 { // a tsvector counts no further
			break
		}
		fmt.Fprintf(&b, "'%s':%d ", w, i+1)
	}
	for _, h := range r.heads {
		fmt.Fprintf(&b, "'~%s' ", h)
	}
	for _, s := range r.scopes {
		fmt.Fprintf(&b, "'!%s' ", s)
	}
	return b.String()
}

func deleteEntry(tx *db.Tx, typ, id string) {
	tx.Later(`DELETE FROM search_entries WHERE type = $1 AND id = $2`, nil, typ, id)
}

func deleteAll(ctx context.Context, tx *db.Tx) error {
	if tx.Engine() == db.Postgres {
		_, err := tx.Exec(ctx, `DELETE FROM search_entries`)
		return err
	}
	for _, q := range []string{
		`INSERT INTO search_emptying (yes) VALUES (1)`,
		`INSERT INTO search_words (search_words) VALUES ('delete-all')`,
		`DELETE FROM search_entries`,
		`DELETE FROM search_emptying`,
	} {
		if _, err := tx.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

const found = `n, type, id, at, zh_hans, en, attrs`

func scanFound(r db.Row) (entryRow, error) {
	var e entryRow
	var at int64
	var attrs string
	err := r.Scan(&e.n, &e.typ, &e.id, &at, &e.title.ZhHans, &e.title.En, &attrs)
	if err == nil {
		e.at = city.FromMicros(at)
		err = json.Unmarshal([]byte(attrs), &e.attrs)
	}
	return e, err
}

// find gives entries that have all parts and one scope of each group, newest
// first, from before the number given. few says that hardly any entry can match.
func find(ctx context.Context, tx *db.Tx, asked []part, groups [][]string, few bool, before int64, limit int) ([]entryRow, error) {
	if tx.Engine() == db.Postgres {
		return findPostgres(ctx, tx, asked, groups, few, before, limit)
	}
	return db.All(ctx, tx, scanFound, `SELECT e.n, e.type, e.id, e.at, e.zh_hans, e.en, e.attrs
FROM search_words w JOIN search_entries e ON e.n = w.rowid
WHERE w.search_words MATCH $1 AND w.rowid < $2 ORDER BY w.rowid DESC LIMIT $3`, matchFTS5(asked, groups), before, limit)
}

// newestWindow is how many of the newest entries PostgreSQL looks through before
// it asks the index: words that many entries have would bring it all of them, to
// be sorted for the sake of the newest few.
const newestWindow = 4000

// OFFSET 0 keeps the planner from going through all entries backwards in the hope
// that enough of them match.
func findPostgres(ctx context.Context, tx *db.Tx, asked []part, groups [][]string, few bool, before int64, limit int) ([]entryRow, error) {
	exact := matchPostgres(asked, groups, true)
	if !few {
		rows, err := db.All(ctx, tx, scanFound, `SELECT `+found+` FROM (
  SELECT `+found+`, tokens FROM search_entries WHERE n < $1 ORDER BY n DESC LIMIT $2) AS newest
WHERE tokens @@ $3::tsquery ORDER BY n DESC LIMIT $4`, before, newestWindow, exact, limit)
		if err != nil || len(rows) == limit {
			return rows, err
		}
	}
	loose := matchPostgres(asked, groups, false)
	if loose == exact {
		return db.All(ctx, tx, scanFound, `SELECT `+found+` FROM (
  SELECT `+found+` FROM search_entries WHERE tokens @@ $1::tsquery AND n < $2 OFFSET 0) AS matching
ORDER BY n DESC LIMIT $3`, exact, before, limit)
	}
	// The index knows which words an entry has, not where they stand: that is
	// looked up for the newest of those that have them all.
	return db.All(ctx, tx, scanFound, `SELECT e.n, e.type, e.id, e.at, e.zh_hans, e.en, e.attrs FROM (
  SELECT n FROM (SELECT n FROM search_entries WHERE tokens @@ $1::tsquery AND n < $2 OFFSET 0) AS matching
  ORDER BY n DESC OFFSET 0) AS h
JOIN search_entries e ON e.n = h.n
WHERE e.tokens @@ $3::tsquery ORDER BY h.n DESC LIMIT $4`, loose, before, exact, limit)
}

func matchFTS5(asked []part, groups [][]string) string {
	var and []string
	for _, p := range asked {
		if len(p.words) > 0 {
			and = append(and, `tokens : "`+strings.Join(p.words, " ")+`"`)
		}
		switch {
		case p.head == "":
		case len([]rune(p.head)) > longestHead:
			and = append(and, `tokens : "`+p.head+`" *`)
		default:
			and = append(and, `(heads : "`+p.head+`" OR tokens : "`+p.head+`")`)
		}
	}
	for _, g := range groups {
		and = append(and, `scope : (`+strings.Join(g, " OR ")+`)`)
	}
	return strings.Join(and, " AND ")
}

// matchPostgres writes the query, with words in their order or in any.
func matchPostgres(asked []part, groups [][]string, ordered bool) string {
	follow := " & "
	if ordered {
		follow = " <-> "
	}
	var and []string
	for _, p := range asked {
		if len(p.words) > 0 {
			and = append(and, "('"+strings.Join(p.words, "'"+follow+"'")+"')")
		}
		switch {
		case p.head == "":
		case len([]rune(p.head)) > longestHead:
			and = append(and, "'"+p.head+"':*")
		default:
			and = append(and, "('~"+p.head+"' | '"+p.head+"')")
		}
	}
	for _, g := range groups {
		and = append(and, "('!"+strings.Join(g, "' | '!")+"')")
	}
	return strings.Join(and, " & ")
}
