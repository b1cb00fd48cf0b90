package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Table is a table as a copy of the database carries it: the same on both
// engines, so that a copy made on one can be put into the other.
type Table struct {
	Name    string   `json:"name"`
	Columns []Column `json:"columns"`
}

// Column is a column of a Table.
type Column struct {
	Name string     `json:"name"`
	Type ColumnType `json:"type"`
}

// ColumnType is one of the three types that tables are made of.
type ColumnType string

const (
	Int   ColumnType = "int"   // BIGINT
	Words ColumnType = "text"  // TEXT
	Bytes ColumnType = "bytes" // BYTEA
)

// Tables lists the tables with their columns, both in order of their names. What
// the engine or the migrations keep for themselves is left out, and what leave
// names.
func Tables(ctx context.Context, tx *Tx, leave func(table string) bool) ([]Table, error) {
	q := `SELECT c.table_name, c.column_name, upper(c.data_type) FROM information_schema.columns c
JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'`
	if tx.engine == SQLite {
		q = `SELECT l.name, p.name, upper(p.type) FROM pragma_table_list l JOIN pragma_table_info(l.name) p
WHERE l.schema = 'main' AND l.type = 'table'`
	}
	type cell struct{ table, column, typ string }
	cells, err := All(ctx, tx, func(r Row) (c cell, err error) { return c, r.Scan(&c.table, &c.column, &c.typ) }, q)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(cells, func(a, b cell) int {
		return strings.Compare(a.table+"\x00"+a.column, b.table+"\x00"+b.column)
	})
	var all []Table
	for _, c := range cells {
		if strings.HasPrefix(c.table, "sqlite_") || strings.HasPrefix(c.table, "goose_") || leave != nil && leave(c.table) {
			continue
		}
		if len(all) == 0 || all[len(all)-1].Name != c.table {
			all = append(all, Table{Name: c.table})
		}
		typ, ok := map[string]ColumnType{"BIGINT": Int, "INTEGER": Int, "TEXT": Words, "BYTEA": Bytes}[c.typ]
		if !ok {
			return nil, fmt.Errorf("db: a copy can't carry %s.%s of type %s", c.table, c.column, c.typ)
		}
		t := &all[len(all)-1]
		t.Columns = append(t.Columns, Column{c.column, typ})
	}
	for _, t := range all {
		if _, err := t.position(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (t Table) has(column string) bool {
	return slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == column })
}

// position names the column that together with "tx" is a place in the journal;
// "" where the table holds none.
func (t Table) position() (string, error) {
	switch {
	case !t.has("tx"):
		return "", nil
	case t.has("event"):
		return "event", nil
	case t.has("id"):
		return "id", nil
	}
	return "", fmt.Errorf("db: %s.tx is a transaction, and no column event or id tells the event", t.Name)
}

// out is the query that reads the table for a copy. On PostgreSQL the number of a
// transaction means something on that server alone: places in the journal are
// told as SQLite tells them, transaction 0 and the event's rank, so that they
// stay in order and below all that comes later, wherever the copy is put
// (docs/adr/0003).
func (t Table) out(e Engine) (string, error) {
	second, err := t.position()
	if err != nil {
		return "", err
	}
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = "t." + c.Name
		switch {
		case e == SQLite || second == "":
		case c.Name == "tx":
			names[i] = "0::bigint"
		case c.Name == second && t.Name == "journal":
			names[i] = "row_number() OVER (ORDER BY t.tx, t.id)"
		case c.Name == second:
			names[i] = "COALESCE(m.n, (SELECT count(*) FROM journal j WHERE (j.tx, j.id) <= (t.tx, t." + second + ")))"
		}
	}
	q := "SELECT " + strings.Join(names, ", ") + " FROM " + t.Name + " t"
	if e == Postgres && second != "" && t.Name != "journal" {
		q += ` LEFT JOIN (SELECT tx, id, row_number() OVER (ORDER BY tx, id) AS n FROM journal) m ON m.tx = t.tx AND m.id = t.` + second
	}
	return q, nil
}

// CopyOut gives every row of the table to f: int64, string, []byte or nil, in
// the order of the columns. Within View all tables are of one moment.
func CopyOut(ctx context.Context, tx *Tx, t Table, f func(row []any) error) error {
	q, err := t.out(tx.engine)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, q)
	if err != nil {
		return err
	}
	defer rows.Close()
	row, into := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		clear(row)
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, c := range t.Columns {
			if row[i], err = carried(c, row[i]); err != nil {
				return fmt.Errorf("db: %s.%s: %w", t.Name, c.Name, err)
			}
		}
		if err := f(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// carried checks that a value is of its column's type: SQLite would take any.
func carried(c Column, v any) (any, error) {
	switch x := v.(type) {
	case nil:
		return nil, nil
	case int64:
		if c.Type == Int {
			return x, nil
		}
	case string:
		if c.Type == Words && utf8.ValidString(x) {
			return x, nil
		}
	case []byte:
		switch {
		case c.Type == Bytes && x == nil:
			return []byte{}, nil
		case c.Type == Bytes:
			return x, nil
		case c.Type == Words && utf8.Valid(x):
			return string(x), nil
		}
	}
	return nil, fmt.Errorf("a value is no %s (%T)", c.Type, v)
}

// copyBatch is how many rows travel together into a database.
const copyBatch = 500

// CopyIn puts rows into the table. Call the function for each, in the order of
// the columns, and with nil at the end.
func CopyIn(ctx context.Context, tx *Tx, t Table) func(row []any) error {
	names, places := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i], places[i] = c.Name, fmt.Sprintf("$%d", i+1)
	}
	q := "INSERT INTO " + t.Name + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(places, ", ") + ")"
	n := 0
	return func(row []any) error {
		if row == nil {
			return tx.drain(ctx)
		}
		if len(row) != len(t.Columns) {
			return fmt.Errorf("db: %s: a row has %d values, want %d", t.Name, len(row), len(t.Columns))
		}
		tx.Later(q, nil, slices.Clone(row)...)
		if n++; n%copyBatch == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			return tx.drain(ctx)
		}
		return nil
	}
}

// CopiedIn ends a copying in: numbers that the database gives out go on behind
// those that came.
func CopiedIn(ctx context.Context, tx *Tx) error {
	if tx.engine == SQLite {
		return nil // the next number is always one above the highest
	}
	type owned struct{ table, column string }
	all, err := All(ctx, tx, func(r Row) (o owned, err error) { return o, r.Scan(&o.table, &o.column) },
		`SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() AND is_identity = 'YES'`)
	if err != nil {
		return err
	}
	for _, o := range all {
		_, err := One[int64](ctx, tx, `SELECT setval(pg_get_serial_sequence($1, $2), COALESCE((SELECT max(`+o.column+`) FROM `+o.table+`), 0) + 1, false)`, o.table, o.column)
		if err != nil {
			return err
		}
	}
	return nil
}

// Bare reports whether the database has no row in any table of ours; new ones
// have no table.
func (d *DB) Bare(ctx context.Context) (bare bool, err error) {
	err = d.View(ctx, func(ctx context.Context, tx *Tx) error {
		all, err := Tables(ctx, tx, func(t string) bool { return strings.HasPrefix(t, "search_") })
		for _, t := range all {
			switch _, e := One[int64](ctx, tx, "SELECT 1 FROM "+t.Name+" LIMIT 1"); {
			case e == nil:
				return nil
			case !errors.Is(e, ErrNoRows):
				return e
			}
		}
		bare = err == nil
		return err
	})
	return bare, err
}

// CountRows counts the table's rows.
func CountRows(ctx context.Context, tx *Tx, t Table) (int64, error) {
	return One[int64](ctx, tx, "SELECT count(*) FROM "+t.Name)
}
