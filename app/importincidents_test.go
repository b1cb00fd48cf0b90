package app_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yiwang/app"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/pack"
)

func hudson(t *testing.T) *pack.City {
	t.Helper()
	p, faults := pack.Load("../cities/hudson")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return p
}

const heading = "Unique Key,Agency,Complaint Type,Descriptor,Location Type,Incident Address,Intersection Street 1,Intersection Street 2,City,Community Board\n"

func table(t *testing.T, rows string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "requests.csv")
	if err := os.WriteFile(name, []byte(heading+rows), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Every row is routed or rejected with its reason, and bad ones hinder no others.
func TestRouteIncidents(t *testing.T) {
	p := hudson(t)
	name := table(t, `1,DOT,Street Condition,Pothole,,5 MAIN STREET,,,BROOKLYN,18 BROOKLYN
2,DOT,Street Condition,Cave-in,,,5 AVENUE,MAIN STREET,BROOKLYN,Unspecified BROOKLYN
3,DOT,Flying Saucer,Landed,,,,,,0 Unspecified
4,NYPD,Blocked Driveway,No Access,,"=cmd|' /C calc'!A0",,,,99 ATLANTIS
,NYPD,Blocked Driveway,No Access,,1 STREET,,,,01 QUEENS
6,NYPD,Blocked Driveway,No Access,,1 STREET,,,,01 QUEENS,too,many
7,NYPD,Blocked Driveway,No Access,,1 STREET,,,,01 QUEENS
`)
	var got []pack.IncidentRow
	r, err := app.RouteIncidents(context.Background(), p, app.IncidentTable{File: name, Lang: city.English}, func(_ context.Context, rows []pack.IncidentRow) ([]error, error) {
		got = append(got, rows...)
		faults := make([]error, len(rows))
		for i, row := range rows {
			if row.Key == "311:7" {
				faults[i] = city.Conflict("error.forbidden")
			}
		}
		return faults, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Read != 7 || r.Added != 2 || r.Rejected != 5 || r.Bodies["streets"] != 2 || len(got) != 3 {
		t.Errorf("%+v, %+v", r, got)
	}
	if got[0].Text != "Street Condition, Pothole" || got[0].Place.Region != "990202018" || got[1].Place.Address != "5 AVENUE, MAIN STREET, BROOKLYN" || got[1].Place.Region != "990202" {
		t.Errorf("%+v", got[:2])
	}
	raw, err := os.ReadFile(r.Rejects)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"4,class: The mapping doesn't know “DOT / Flying Saucer”", "5,region: The mapping doesn't know “99 ATLANTIS”", "6,key: The number is missing", "\n7,", "\n8,", "'=cmd|"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%q is not in the reject file:\n%s", want, raw)
		}
	}
	if _, err := app.RouteIncidents(context.Background(), p, app.IncidentTable{File: name}, func(context.Context, []pack.IncidentRow) ([]error, error) {
		return nil, errors.New("the database is away")
	}); err == nil {
		t.Error("a fault of the database went by")
	}
}

func TestRouteIncidentsRefuses(t *testing.T) {
	p := hudson(t)
	name := table(t, "1,DOT,Flying Saucer,Landed,,,,,,0 Unspecified\n")
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("id: bad\nsource: x\nfields: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, in := range map[string]app.IncidentTable{
		"None of 1 row":           {File: name},
		"This file can't be read": {File: name + ".nothing"},
		"There is no mapping":     {File: name, Mapping: "nothing"},
		"bad.yaml:3":              {File: name, Mapping: bad},
	} {
		if _, err := app.RouteIncidents(context.Background(), p, in, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// The whole of a real table is routed.
func TestRouteRealRecords(t *testing.T) {
	raw, err := os.ReadFile("../../shared/data/nyc311/requests.csv")
	if err != nil {
		if os.Getenv("YIWANG_REQUIRE_SHARED") == "1" {
			t.Fatal(err)
		}
		t.Skip("the shared 311 records are not here")
	}
	name := filepath.Join(t.TempDir(), "requests.csv")
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := app.RouteIncidents(context.Background(), hudson(t), app.IncidentTable{File: name, Mapping: "311"}, nil)
	if err != nil || r.Read != 1193 || r.Added != 1193 || r.Rejects != "" || r.Bodies["sanitation"] != 38 {
		t.Errorf("%+v, %v", r, err)
	}
}

// The whole of a real table becomes cases, and none of them twice when it is
// imported again.
func TestFileRealRecords(t *testing.T) {
	raw, err := os.ReadFile("../../shared/data/nyc311/requests.csv")
	if err != nil {
		if os.Getenv("YIWANG_REQUIRE_SHARED") == "1" {
			t.Fatal(err)
		}
		t.Skip("the shared 311 records are not here")
	}
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		name := filepath.Join(t.TempDir(), "requests.csv")
		if err := os.WriteFile(name, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := app.New(ctx, app.Options{City: "../cities/hudson", Data: t.TempDir(), Database: database})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := a.Stop(); err != nil {
				t.Error(err)
			}
		})
		cases := map[city.CaseNumber]bool{}
		for range 2 {
			r, err := a.ImportIncidents(ctx, app.IncidentTable{File: name, Mapping: "311"})
			if err != nil || r.Read != 1193 || r.Added != 1193 || r.Rejected != 0 {
				t.Fatalf("%+v, %v", r, err)
			}
			if err := a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
				q := incident.PublicQuery{Limit: 200}
				for {
					list, next, err := a.Incidents.Public(ctx, tx, nobody, q)
					if err != nil {
						return err
					}
					for _, p := range list {
						if cases[p.Number] = true; p.Class == "" || p.Stage.En != "Being dealt with" {
							t.Errorf("%+v was not sent to anybody", p)
						}
					}
					if q.After = next; next == "" {
						return nil
					}
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		seen, _, err := countCases(ctx, a)
		if err != nil || len(cases) > 1193 || len(cases) == 0 || seen != 1193 {
			t.Errorf("%d public cases, %d cases in all (%v), want 1193", len(cases), seen, err)
		}
	})
}

// countCases counts the cases of a city by auditing all of them.
func countCases(ctx context.Context, a *app.App) (looked int, wrong []city.CaseNumber, err error) {
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		looked, wrong, err = casework.Audit(ctx, tx, 10_000)
		return err
	})
	return looked, wrong, err
}
