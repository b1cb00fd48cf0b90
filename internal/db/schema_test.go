package db_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

var update = flag.Bool("update", false, "write the snapshot of the schema anew")

const snapshot = "migrations/schema.txt"

// The snapshot says in one place what all migrations come to, on both engines,
// and makes two changes of the schema meet in one file. After a new migration:
//
//	go test ./internal/db -run TestSchemaSnapshot -update
func TestSchemaSnapshot(t *testing.T) {
	have := map[db.Engine][]string{}
	dbtest.Run(t, func(t *testing.T, d *db.DB) { have[d.Engine()] = schema(t, d) })

	in := func(e db.Engine) map[string]bool {
		set := map[string]bool{}
		for _, l := range have[e] {
			set[l] = true
		}
		return set
	}
	lite, pg := in(db.SQLite), in(db.Postgres)
	var lines []string
	for l := range lite {
		if pg[l] {
			lines = append(lines, l)
		} else {
			lines = append(lines, l+"  [sqlite only]")
		}
	}
	for l := range pg {
		if !lite[l] {
			lines = append(lines, l+"  [postgres only]")
		}
	}
	sort.Strings(lines)
	got := strings.Join(lines, "\n") + "\n"
	if len(pg) == 0 {
		t.Skip("PostgreSQL is not installed, so the schemas of both engines can't be compared")
	}
	if *update {
		must(t, os.WriteFile(snapshot, []byte(got), 0o644))
	}
	want, err := os.ReadFile(snapshot)
	must(t, err)
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("the migrations come to another schema than %s says (-update writes it):\n%s", snapshot, d)
	}
}

// schema lists tables with their columns, and indexes, a line each.
func schema(t *testing.T, d *db.DB) []string {
	columns := `SELECT table_name, column_name, upper(data_type), CASE is_nullable WHEN 'NO' THEN 1 ELSE 0 END
FROM information_schema.columns WHERE table_schema = current_schema()`
	indexes := `SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()`
	if d.Engine() == db.SQLite {
		columns = `SELECT m.name, p.name, upper(p.type), max(p."notnull", p.pk > 0) FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'`
		indexes = `SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`
	}
	var lines []string
	must(t, d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		c, err := db.All(ctx, tx, func(r db.Row) (string, error) {
			var table, column, typ string
			var required int
			err := r.Scan(&table, &column, &typ, &required)
			if typ == "INTEGER" { // SQLite's own row number
				typ = "BIGINT"
			}
			line := fmt.Sprintf("%s.%s %s", table, column, typ)
			if required == 1 {
				line += " NOT NULL"
			}
			return line, err
		}, columns)
		if err != nil {
			return err
		}
		x, err := db.All(ctx, tx, func(r db.Row) (string, error) {
			var table, name, def string
			if err := r.Scan(&table, &name, &def); err != nil {
				return "", err
			}
			return fmt.Sprintf("%s index %s%s", table, name, plainIndex(def)), nil
		}, indexes)
		lines = append(c, x...)
		return err
	}))
	var own []string
	for _, l := range lines {
		if !strings.HasPrefix(l, "goose_") && !strings.HasPrefix(l, "sqlite_") && !strings.Contains(l, "_pkey") {
			own = append(own, l)
		}
	}
	return own
}

var indexDefinition = regexp.MustCompile(`(?is)^create\s+(unique\s+)?index.*?\son\s+\S+?\s*(?:using btree\s*)?(\(.*)$`)

// plainIndex brings an index's definition to one form for both engines.
func plainIndex(def string) string {
	m := indexDefinition.FindStringSubmatch(def)
	if m == nil {
		return " " + def
	}
	rest := strings.ToLower(strings.Join(strings.Fields(m[2]), " "))
	head, where, partial := strings.Cut(rest, " where ")
	if partial { // PostgreSQL puts conditions in brackets of its own
		head += " where " + strings.NewReplacer("(", "", ")", "", "::text", "").Replace(where)
	}
	if m[1] != "" {
		return " unique " + head
	}
	return " " + head
}

// Migrations are one forward stream with names that say what they do.
func TestMigrationNames(t *testing.T) {
	entries, err := os.ReadDir("migrations")
	must(t, err)
	name := regexp.MustCompile(`^(\d{4})_[a-z]+(_[a-z0-9]+)+\.sql$`)
	seen := map[string]string{}
	for _, e := range entries {
		if e.Name() == "schema.txt" {
			continue
		}
		m := name.FindStringSubmatch(e.Name())
		if m == nil {
			t.Errorf("%s is not called NNNN_verb_noun.sql", e.Name())
			continue
		}
		if other := seen[m[1]]; other != "" {
			t.Errorf("%s and %s have the same number", other, e.Name())
		}
		seen[m[1]] = e.Name()
		text, err := os.ReadFile("migrations/" + e.Name())
		must(t, err)
		if !strings.HasPrefix(string(text), "-- +goose Up") || strings.Contains(string(text), "+goose Down") {
			t.Errorf("%s does not only go forward", e.Name())
		}
	}
}
