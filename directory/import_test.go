package directory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// imported runs a table through ImportPeople and says what was rejected and why.
func (w *town) imported(table string, columns map[string]string) (done directory.Imported, rejects []string) {
	w.t.Helper()
	done, err := w.ImportPeople(context.Background(), program, directory.Import{
		Rows: directory.ReadTable(strings.NewReader(table), columns),
		Reject: func(r directory.Row, why []city.Field) {
			for _, f := range why {
				rejects = append(rejects, fmt.Sprintf("%d %s %s", r.Line, f.Name, f.Message.Key))
			}
		},
	})
	must(w.t, err)
	return done, rejects
}

func num(year, seq int, female bool) string {
	return city.NewCitizenNumber("990101", city.Date{Year: year, Month: 3, Day: 9}, seq, female)
}

func TestImportingPeople(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		child, mother, father := num(1995, 1, true), num(1968, 2, true), num(1966, 3, false)
		table := "\ufeff身份证号,name,phone,region,mother,father,spouse\n" +
			child + ",林小雨,13800000001,990101001001," + mother + "," + father + ",\n" + // her parents come later
			mother + ",林晓梅,13800000002,990101001001,,," + father + "\n" +
			father + ",陈刚,\"138 0000\n0003\",990101001001,,,\n" +
			child + ",林小雨,,,,,\n" +
			"990101196803090021,错号,,,,,\n" +
			num(1970, 4, true) + ",,,,,,\n" +
			num(1971, 5, true) + ",远方,,123456,,,\n" +
			num(1972, 6, true) + ",多了,,,,,,1,2\n" +
			num(1973, 7, true) + ",孤儿,,," + num(1940, 8, true) + ",,\n"
		columns := map[string]string{"身份证号": "citizen_number"}
		done, rejects := w.imported(table, columns)
		if diff := cmp.Diff(directory.Imported{Read: 9, Added: 4, Rejected: 5}, done); diff != "" {
			t.Error(diff)
		}
		want := []string{
			"6  directory.row_twice", "7 citizen_number form.citizen_check", "8 name directory.name",
			"9 region directory.region_unknown", "10  directory.table_cells", "11 parent directory.relative_unknown",
		}
		if diff := cmp.Diff(want, rejects); diff != "" {
			t.Error(diff)
		}
		w.see(func(ctx context.Context, tx *db.Tx) error {
			id, err := w.PersonByNumber(ctx, tx, father)
			must(t, err)
			facts, err := w.PersonFacts(ctx, tx, id)
			if facts["name"] != "陈刚" || facts["sex"] != "male" {
				t.Errorf("%v, %v", facts, err)
			}
			relatives, err := w.Relatives(ctx, tx, id)
			if len(relatives) != 2 || relatives[0].Kind != directory.Child || relatives[1].Kind != directory.Spouse {
				t.Errorf("%+v", relatives)
			}
			return err
		})

		// Again: nothing changes. With a new telephone and a gap: one changes, nothing is lost.
		done, _ = w.imported(table, columns)
		if diff := cmp.Diff(directory.Imported{Read: 9, Same: 4, Rejected: 5}, done); diff != "" {
			t.Error(diff)
		}
		done, _ = w.imported("citizen_number,name,phone\n"+mother+",林晓梅,13900000002\n", nil)
		if diff := cmp.Diff(directory.Imported{Read: 1, Changed: 1}, done); diff != "" {
			t.Error(diff)
		}
		w.see(func(ctx context.Context, tx *db.Tx) error {
			id, err := w.PersonByNumber(ctx, tx, mother)
			must(t, err)
			facts, err := w.PersonFacts(ctx, tx, id)
			if facts["phone"] != "13900000002" || facts["region"] != "990101001001" {
				t.Errorf("%v", facts)
			}
			return err
		})
		_, err := w.ImportPeople(context.Background(), officer("data-bureau.admin"), directory.Import{Rows: directory.ReadTable(strings.NewReader(table), columns)})
		wantKind(t, err, city.KindForbidden)
	})
}

func TestImportingFirms(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		boss, next := w.add(directory.Person{Name: "陈丽", CitizenNumber: num(1980, 1, true)}), w.add(directory.Person{Name: "孙强", CitizenNumber: num(1981, 1, false)})
		code := city.NewUSCC("91", "990101", 42)
		run := func(rows ...string) (directory.Imported, int) {
			rejected := 0
			done, err := w.ImportFirms(context.Background(), program, directory.Import{
				Rows:   directory.ReadTable(strings.NewReader("uscc,name,legal_number,capital,founded,region\n"+strings.Join(rows, "\n")), nil),
				Reject: func(directory.Row, []city.Field) { rejected++ },
			})
			must(t, err)
			return done, rejected
		}
		done, rejected := run(
			code+",柳巷面馆,"+num(1980, 1, true)+",500000.5,20240506,990101001001",
			city.NewUSCC("91", "990101", 43)+",无人店,"+num(1900, 1, true)+",,,", // nobody has this number
			city.NewUSCC("91", "990101", 44)+",钱多多,,a lot,,",
			"91990101000000420X,错码店,,,,",
		)
		if diff := cmp.Diff(directory.Imported{Read: 4, Added: 1, Rejected: 3}, done); diff != "" || rejected != 3 {
			t.Error(rejected, diff)
		}
		stands := func(want city.PersonID) {
			t.Helper()
			w.see(func(ctx context.Context, tx *db.Tx) error {
				id, err := w.FirmByUSCC(ctx, tx, strings.ToLower(code))
				must(t, err)
				people, err := w.PeopleOfFirm(ctx, tx, id)
				if len(people) != 1 || people[0].Person != want || people[0].Role != directory.Legal {
					t.Errorf("%+v", people)
				}
				facts, err2 := w.FirmFacts(ctx, tx, id)
				if facts["capital_fen"] != int64(50000050) || facts["founded"] != (city.Date{Year: 2024, Month: 5, Day: 6}) {
					t.Errorf("%v, %v", facts, err2)
				}
				return err
			})
		}
		stands(boss)
		row := code + ",柳巷面馆," + num(1980, 1, true) + ",500000.5,2024-05-06,990101001001"
		if done, _ = run(row); done.Same != 1 {
			t.Errorf("%+v", done)
		}
		w.clock.Advance(time.Hour)
		if done, _ = run(strings.Replace(row, num(1980, 1, true), num(1981, 1, false), 1)); done.Changed != 1 {
			t.Errorf("%+v", done)
		}
		stands(next)
	})
}

// Tables as offices have them: GB 18030, broken quotes, no heading, rows without end.
func TestReadingTables(t *testing.T) {
	rows := func(r io.ReadSeeker) (names []string, errs []error) {
		for row, err := range directory.ReadTable(r, map[string]string{"姓名": "name"}) {
			if err != nil {
				errs = append(errs, err)
			} else {
				names = append(names, fmt.Sprintf("%d:%s", row.Line, row.Cells["name"]))
			}
		}
		return names, errs
	}
	gb, err := simplifiedchinese.GB18030.NewEncoder().String("姓名,电话\n周桂英,138\n林晓梅\n")
	must(t, err)
	if names, errs := rows(strings.NewReader(gb)); !cmp.Equal(names, []string{"2:周桂英", "3:林晓梅"}) || errs != nil {
		t.Error(names, errs)
	}
	if names, errs := rows(strings.NewReader("姓名,b\n周桂英,\"x\"y\n林晓梅,2\n")); !cmp.Equal(names, []string{"3:林晓梅"}) || len(errs) != 1 {
		t.Error(names, errs)
	}
	if names, errs := rows(strings.NewReader("")); names != nil || len(errs) != 1 || city.KindOf(errs[0]) != city.KindInvalid {
		t.Error(names, errs)
	}
	endless := strings.NewReader("姓名\n\"" + strings.Repeat("a", 3<<20))
	if _, errs := rows(endless); len(errs) != 1 || city.KindOf(errs[0]) != city.KindInternal {
		t.Error(errs)
	}
	if _, errs := rows(strings.NewReader(strings.Repeat(",x", 300) + "\n")); len(errs) != 1 {
		t.Error(errs)
	}
	if names, errs := rows(strings.NewReader("a;姓名\n\n1;周桂英;;\n;;\n")); !cmp.Equal(names, []string{"3:周桂英"}) || errs != nil {
		t.Error(names, errs)
	}
	if names, errs := rows(strings.NewReader("\xfe\xff\x00a\x00\t\x59\xd3\x54\x0d\x00\n\x00x\x00\t\x54\x68")); !cmp.Equal(names, []string{"2:周"}) || errs != nil {
		t.Error(names, errs)
	}

	f := excelize.NewFile()
	must(t, f.SetSheetRow("Sheet1", "A1", &[]any{"公民身份号码", "姓名", "性别", "出生日期"}))
	must(t, f.SetSheetRow("Sheet1", "A3", &[]any{num(1968, 1, true), "林晓梅", "女", 24906}))
	var xlsx bytes.Buffer
	must(t, f.Write(&xlsx))
	for row, err := range directory.ReadTable(bytes.NewReader(xlsx.Bytes()), nil) {
		want := map[string]string{"citizen_number": num(1968, 1, true), "name": "林晓梅", "sex": "female", "birth_date": "24906"}
		if diff := cmp.Diff(want, row.Cells); diff != "" || err != nil || row.Line != 3 {
			t.Error(row.Line, err, diff)
		}
	}
	for _, broken := range [][]byte{xlsx.Bytes()[:200], []byte("PK\x03\x04nonsense")} {
		if names, errs := rows(bytes.NewReader(broken)); names != nil || len(errs) != 1 || city.KindOf(errs[0]) != city.KindInvalid {
			t.Error(names, errs)
		}
	}

	// A fault of the file ends the import, with what was stored before.
	w := newTown(t, dbtest.SQLite(t))
	broken := errors.New("disk gone")
	_, err = w.ImportPeople(context.Background(), program, directory.Import{Rows: func(yield func(directory.Row, error) bool) {
		yield(directory.Row{}, broken)
	}})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestDatesOfTables(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	for n, written := range []string{"1968-03-09", "1968/3/9", "19680309", "1968年3月9日", "24906", "1968.03.09"} {
		table := "citizen_number,name,birth_date\n" + num(1968, n, true) + ",某人," + written + "\n"
		if done, rejects := w.imported(table, nil); done.Added != 1 {
			t.Errorf("%s: %v", written, rejects)
		}
	}
	for n, written := range []string{"09/03/1968", "1968-13-09", "March", "1968-03-10", "196803", strings.Repeat("9", 300)} {
		table := "citizen_number,name,birth_date\n" + num(1969, n, true) + ",某人," + written + "\n"
		if done, _ := w.imported(table, nil); done.Rejected != 1 {
			t.Errorf("%s was taken", written)
		}
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add([]byte("citizen_number,name\n990101194011050147,周桂英\n"))
	f.Add([]byte("\xef\xbb\xbfa,b\n\"1\n2\",3\n\"x\"y\n"))
	f.Add([]byte{0xd0, 0xd5, 0xc3, 0xfb, '\n', 0xff})
	w := newTown(f, dbtest.SQLite(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		_, err := w.ImportPeople(context.Background(), program, directory.Import{
			Rows:   directory.ReadTable(strings.NewReader(string(b)), nil),
			Reject: func(directory.Row, []city.Field) { n++ },
		})
		if city.KindOf(err) == city.KindInternal && !strings.Contains(err.Error(), "longer than") {
			t.Error(err)
		}
	})
}

// Ten thousand people with their parents, as a demonstration or a small town has.
func BenchmarkImportPeople(b *testing.B) {
	var table strings.Builder
	table.WriteString("citizen_number,name,region,address,phone,mother\n")
	const n = 10_000
	for i := range n {
		year, seq := 1930+i%80, i/80
		fmt.Fprintf(&table, "%s,某某某,990101001001,海棠街道柳巷 %d 号,138%08d,%s\n", num(year, seq, true), i, i, num(1930+(i+40)%80, seq, true))
	}
	for name, open := range map[string]func(testing.TB) *db.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				w := newTown(b, open(b))
				start := time.Now()
				done, err := w.ImportPeople(context.Background(), program, directory.Import{Rows: directory.ReadTable(strings.NewReader(table.String()), nil)})
				if err != nil || done.Added != n {
					b.Fatal(done, err)
				}
				b.ReportMetric(n/time.Since(start).Seconds(), "people/s")
			}
		})
	}
}
