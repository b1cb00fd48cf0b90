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
	tokens, scope := strings.Join(r.words, " "), strings.Join(r.scopes, " ")
	if tx.Engine() == db.Postgres {
		tokens = vector(r.words, r.scopes)
	}
	tx.Later(`INSERT INTO search_entries (type, id, at, zh_hans, en, attrs, key_id, tokens, scope)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (type, id) DO UPDATE SET zh_hans = excluded.zh_hans, en = excluded.en, attrs = excluded.attrs,
  key_id = excluded.key_id, tokens = excluded.tokens, scope = excluded.scope`, nil,
		r.typ, r.id, city.Micros(r.at), r.title.ZhHans, r.title.En, string(attrs), r.key, tokens, scope)
	return nil
}

// vector writes words with their places, and scopes, as PostgreSQL's tsvector.
// Words are letters and digits, scopes hexadecimal: nothing has to be escaped.
func vector(words, scopes []string) string {
	var b strings.Builder
	for i, w := range words {
		if i == 16000 { // a tsvector counts no further
			break
		}
		fmt.Fprintf(&b, "'%s':%d ", w, i+1)
	}
	for _, s := range scopes {
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

// find gives entries that have all parts and one scope of each group, newest
// first, from before the number given.
func find(ctx context.Context, tx *db.Tx, asked []part, groups [][]string, before int64, limit int) ([]entryRow, error) {
	q, match := `SELECT e.n, e.type, e.id, e.at, e.zh_hans, e.en, e.attrs FROM search_words w JOIN search_entries e ON e.n = w.rowid
WHERE w.search_words MATCH $1 AND w.rowid < $2 ORDER BY w.rowid DESC LIMIT $3`, matchFTS5
	if tx.Engine() == db.Postgres {
		q, match = `SELECT n, type, id, at, zh_hans, en, attrs FROM search_entries
WHERE tokens @@ $1::tsquery AND n < $2 ORDER BY n DESC LIMIT $3`, matchPostgres
	}
	return db.All(ctx, tx, func(r db.Row) (entryRow, error) {
		var e entryRow
		var at int64
		var attrs string
		err := r.Scan(&e.n, &e.typ, &e.id, &at, &e.title.ZhHans, &e.title.En, &attrs)
		if err == nil {
			e.at = city.FromMicros(at)
			err = json.Unmarshal([]byte(attrs), &e.attrs)
		}
		return e, err
	}, q, match(asked, groups), before, limit)
}

func matchFTS5(asked []part, groups [][]string) string {
	var and []string
	for _, p := range asked {
		s := `tokens : "` + strings.Join(p.words, " ") + `"`
		if p.prefix {
			s += " *"
		}
		and = append(and, s)
	}
	for _, g := range groups {
		and = append(and, `scope : (`+strings.Join(g, " OR ")+`)`)
	}
	return strings.Join(and, " AND ")
}

func matchPostgres(asked []part, groups [][]string) string {
	var and []string
	for _, p := range asked {
		var steps []string
		for i, w := range p.words {
			s := "'" + w + "'"
			if p.prefix && i == len(p.words)-1 {
				s += ":*"
			}
			steps = append(steps, s)
		}
		and = append(and, "("+strings.Join(steps, " <-> ")+")")
	}
	for _, g := range groups {
		and = append(and, "('!"+strings.Join(g, "' | '!")+"')")
	}
	return strings.Join(and, " & ")
}
