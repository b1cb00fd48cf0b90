package fleet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet"
	"yiwang/fleet/register"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

var (
	shanghai = time.FixedZone("CST", 8*3600)
	officer  = city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: "transport", Posts: []city.PostID{"transport.clerk"}, Channel: city.ChannelWeb}
	stranger = city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: "health", Posts: []city.PostID{"health.clerk"}, Channel: city.ChannelWeb}
	program  = city.SystemActor("test")
	code     = city.NewUSCC("91", "990101", 7)
	other    = city.NewUSCC("91", "990101", 8)
)

func both(s string) city.Text { return city.Text{ZhHans: s, En: s} }

type world struct {
	*testing.T
	d     *db.DB
	j     *journal.Journal
	clock *city.SetClock
	dir   *directory.Directory
	acc   *access.Access
	r     *fleet.Registers
}

func newWorld(t *testing.T, d *db.DB) *world {
	t.Helper()
	w := &world{T: t, d: d, clock: city.NewSetClock(time.Date(2026, 3, 2, 4, 0, 0, 0, time.UTC))}
	v, err := journal.NewVault(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	w.j = journal.New(d, v)
	w.acc, err = access.New(map[string][]byte{"a.cedar": []byte(`
permit(principal is System, action, resource);
permit(principal is Officer, action == Action::"register.read", resource is Register) when { principal.bodies.contains("transport") };
permit(principal is Officer, action == Action::"risk.read", resource is Risk) when { principal.bodies.contains("transport") };
permit(principal is Officer, action == Action::"position.read", resource is Fleet) when { principal.bodies.contains("transport") };
permit(principal is Officer, action == Action::"register.change", resource is Register) when { principal.posts.contains("transport.clerk") && resource.kind != "zone" };`)})
	if err != nil {
		t.Fatal(err)
	}
	w.dir, err = directory.New(directory.Options{DB: d, Access: w.acc, Journal: w.j, Clock: w.clock,
		Calendar: &city.Calendar{Zone: shanghai, Office: []city.Hours{{From: 540, To: 1020}}}, Regions: directory.RegionDef{Code: "9901", Name: both("Jianghai")}})
	if err != nil {
		t.Fatal(err)
	}
	w.r = w.another()
	return w
}

func (w *world) another() *fleet.Registers {
	w.Helper()
	r, err := fleet.New(context.Background(), fleet.Options{DB: w.d, Journal: w.j, Access: w.acc, Clock: w.clock, Directory: w.dir, Zone: shanghai})
	if err != nil {
		w.Fatal(err)
	}
	return r
}

func (w *world) firm(uscc string, status directory.FirmStatus) {
	w.Helper()
	err := w.d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, err := w.dir.AddFirm(ctx, tx, program, directory.Firm{USCC: uscc, Name: "firm " + uscc[9:], Status: status}, city.PersonID{})
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

// changes gives the reference and the key of what was wrong.
func (w *world) changes(actor city.Actor, rec register.Record) (ref register.Ref, key string) {
	w.Helper()
	err := w.d.Update(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		ref, err = w.r.Change(ctx, tx, actor, rec)
		return err
	})
	var e *city.Error
	if errors.As(err, &e) {
		if key = e.Message.Key; len(e.Fields) > 0 {
			key = e.Fields[0].Name + " " + e.Fields[0].Message.Key
		}
	} else if err != nil {
		w.Fatal(err)
	}
	if err := w.r.Reload(context.Background()); err != nil {
		w.Fatal(err)
	}
	return ref, key
}

func (w *world) imports(r *fleet.Registers, actor city.Actor, kind register.Kind, table string) (directory.Imported, []string) {
	w.Helper()
	var why []string
	done, err := r.Import(context.Background(), actor, kind, directory.Import{
		Rows: directory.ReadTable(strings.NewReader(table), register.Headings()),
		Reject: func(row directory.Row, faults []city.Field) {
			for _, f := range faults {
				why = append(why, f.Name+" "+f.Message.Key)
			}
		},
	})
	if err != nil {
		w.Fatal(err)
	}
	return done, why
}

// said is what the journal holds of a type, as one text.
func (w *world) said(typ string) (n int, data string) {
	w.Helper()
	err := w.d.View(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		list, err := w.j.Read(ctx, tx, journal.Position{}, 10_000)
		for _, e := range list {
			if e.Type == typ {
				n++
				data += e.Subject + " " + string(e.Data) + "\n"
			}
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return n, data
}

func vehicle(plate string, status register.VehicleStatus) *register.Vehicle {
	return &register.Vehicle{Entry: register.Entry[register.VehicleID]{ID: register.VehicleID(plate)}, Firm: register.USCC(code),
		Terminal: "13800138000", Use: register.UseHazmat, Operating: true, Status: status}
}

func TestARecordChangesAndItsPastStands(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		if _, key := w.changes(officer, vehicle("JA1", register.Active)); key != "uscc register.unknown" {
			t.Errorf("a vehicle of a firm nobody knows: %q", key)
		}
		w.firm(code, directory.FirmActive)
		if ref, key := w.changes(officer, vehicle("JA1", register.Active)); key != "" || ref.String() != "vehicle:JA1@1" {
			t.Fatal(ref, key)
		}
		for range 2 {
			if ref, key := w.changes(officer, vehicle("JA1", register.Active)); key != "" || ref.Version != 1 {
				t.Errorf("the same again is %v, %q", ref, key)
			}
		}
		first := city.DateOf(w.clock.Now().In(shanghai))
		w.clock.Advance(48 * time.Hour)
		if ref, key := w.changes(officer, vehicle("JA1", register.Retired)); key != "" || ref.Version != 2 {
			t.Fatal(ref, key)
		}
		if v := w.r.Book().VehicleByTerminal("13800138000"); v == nil || v.Status != register.Retired || v.Ref().String() != "vehicle:JA1@2" {
			t.Errorf("today's book says %+v", v)
		}
		if f := w.r.Book().Firm(register.USCC(code)); f == nil || f.Status != register.FirmActive || f.Name != "firm "+code[9:] {
			t.Errorf("the firm is %+v", f)
		}
		for day, want := range map[int]register.VehicleStatus{-400: register.Active, 0: register.Active, 1: register.Active, 2: register.Retired, 900: register.Retired} {
			b, err := w.r.On(context.Background(), officer, first.AddDays(day))
			if err != nil {
				t.Fatal(err)
			}
			if got := b.Vehicle("JA1"); got == nil || got.Status != want || b.Day() != first.AddDays(day) {
				t.Errorf("%d days later the vehicle is %+v, want %s", day, got, want)
			}
		}
		var history []fleet.Version
		err := d.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
			history, err = w.r.History(ctx, tx, officer, register.KindVehicle, "JA1")
			return err
		})
		if err != nil || len(history) != 2 || history[0].Record.Ref().Version != 2 || !history[0].Changed.Equal(w.clock.Now()) {
			t.Errorf("history %+v, %v", history, err)
		}
		if n, data := w.said("register.changed"); n != 2 || !strings.Contains(data, "vehicle:JA1") || strings.Contains(data, "138001") {
			t.Errorf("%d events: %s", n, data)
		}
		if _, key := w.changes(officer, vehicle("J A 1", register.Active)); key != "id register.id" {
			t.Errorf("a plate that can't be: %q", key)
		}
	})
}

func TestWhoMay(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.firm(code, directory.FirmActive)
		ctx := context.Background()
		if _, key := w.changes(stranger, vehicle("JA1", register.Active)); key == "" {
			t.Error("somebody else's officer changes a record")
		}
		if _, err := w.r.On(ctx, stranger, city.Date{}); city.KindOf(err) != city.KindForbidden {
			t.Errorf("a stranger reads: %v", err)
		}
		if _, err := w.r.On(ctx, city.Actor{Kind: city.Anonymous}, city.Date{}); err == nil {
			t.Error("anybody reads")
		}
		if _, err := w.r.Import(ctx, stranger, register.KindVehicle, directory.Import{}); city.KindOf(err) != city.KindForbidden {
			t.Errorf("a stranger imports: %v", err)
		}
		if _, err := w.r.Import(ctx, officer, register.KindZone, directory.Import{}); city.KindOf(err) != city.KindForbidden {
			t.Errorf("the transport clerk imports zones: %v", err)
		}
		if _, err := w.r.Seed(ctx, stranger, nil, nil); city.KindOf(err) != city.KindForbidden {
			t.Errorf("a stranger seeds: %v", err)
		}
		err := d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := w.r.History(ctx, tx, stranger, register.KindVehicle, "JA1")
			return err
		})
		if city.KindOf(err) != city.KindForbidden {
			t.Errorf("a stranger reads history: %v", err)
		}
	})
}

const vehicles = `plate,uscc,terminal,use,status,permit,classes,quantity,permit_from,permit_to
JA1,CODE,013800000001,hazmat,,P1,3,29.5 t,2024-05-01,2028-04-30
JA2,CODE,013800000002,hazmat,,P2,3;8,20 t,2024-05-01,2028-04-30
JA2,CODE,013800000003,hazmat,,,,,,
JA3,OTHER,,hazmat,,,,,,
JA4,CODE,,rocket,,,,,,
`

func TestATableIsBroughtIn(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.firm(code, directory.FirmActive)
		table := strings.NewReplacer("CODE", code, "OTHER", other).Replace(vehicles)
		done, why := w.imports(w.r, officer, register.KindVehicle, table)
		if done != (directory.Imported{Read: 5, Added: 2, Rejected: 3}) {
			t.Errorf("%+v", done)
		}
		if got := strings.Join(why, "; "); got != " directory.row_twice; use register.one_of; uscc register.unknown" {
			t.Errorf("reasons: %s", got)
		}
		if v := w.r.Book().VehicleByTerminal("13800000002"); v == nil || !v.Permit.Covers("8") {
			t.Errorf("%+v", v)
		}
		if done, _ = w.imports(w.r, officer, register.KindVehicle, table); done != (directory.Imported{Read: 5, Same: 2, Rejected: 3}) {
			t.Errorf("again: %+v", done)
		}
		w.clock.Advance(24 * time.Hour)
		table = strings.Replace(table, "29.5 t", "30 t", 1)
		if done, _ = w.imports(w.r, officer, register.KindVehicle, table); done != (directory.Imported{Read: 5, Changed: 1, Same: 1, Rejected: 3}) {
			t.Errorf("changed: %+v", done)
		}
		if done, _ = w.imports(w.r, officer, register.KindVehicle, table); done != (directory.Imported{Read: 5, Same: 2, Rejected: 3}) {
			t.Errorf("changed, again: %+v", done)
		}
		if n, _ := w.said("register.imported"); n != 2 {
			t.Errorf("%d events", n)
		}
		b, err := w.r.On(context.Background(), officer, w.r.Book().Day().AddDays(-1))
		if err != nil || b.Vehicle("JA1").Permit.Quantity.Amount != 29.5 || w.r.Book().Vehicle("JA1").Permit.Quantity.Amount != 30 {
			t.Errorf("yesterday %+v, %v", b.Vehicle("JA1"), err)
		}
	})
}

// The numbers of certificates are nowhere, and sheets still find them.
func TestCertificatesGoByDigests(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.firm(code, directory.FirmActive)
		const number = "320602198001010011"
		w.imports(w.r, program, register.KindCertificate, "number,uscc,role,from,to\n"+number+","+code+",driver,2024-01-01,2030-01-01\n")
		w.imports(w.r, program, register.KindVehicle, strings.NewReplacer("CODE", code, "OTHER", other).Replace(vehicles))
		w.imports(w.r, program, register.KindSubstance, "un,name,class\n1203,petrol,3\n")
		w.imports(w.r, program, register.KindSite, "id,uscc,name,link,status,lat,lon,radius\ns1,"+code+",x,trade,operating,31.9,121.1,50\ns2,"+code+",x,trade,operating,31.8,121.1,50\n")
		done, why := w.imports(w.r, program, register.KindSheet, "number,day,plate,from_site,to_site,substance,quantity,driver,escort\n"+
			"D1,2026-03-03,JA1,s1,s2,UN1203,20 t,"+strings.ToLower(number)+",X9\nD2,2026-03-03,JA1,s1,s9,UN1203,20 t,,\nD3,2025-03-03,JA1,s1,s2,UN1203,20 t,,\n")
		if done.Added != 2 || len(why) != 1 || why[0] != "to_site register.unknown" {
			t.Errorf("%+v %q", done, why)
		}
		b := w.r.Book()
		sheets := b.SheetsOf("JA1")
		if len(sheets) != 1 || sheets[0].ID != "D1" {
			t.Fatalf("sheets around today: %v", sheets)
		}
		if c := b.Certificate(sheets[0].Driver); c == nil || c.Role != register.Driver || c.ID != w.r.CertificateID(number) {
			t.Errorf("the driver's certificate: %+v", c)
		}
		if b.Certificate(sheets[0].Escort) != nil {
			t.Error("a certificate that isn't on record was found")
		}
		raw, _ := json.Marshal(b.Certificates())
		_, data := w.said("register.imported")
		if strings.Contains(string(raw)+data, number) || strings.Contains(string(raw)+data, number[:10]) {
			t.Error("a certificate's number stands in the open")
		}
	})
}

func TestThePackIsLoadedOnce(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		ctx := context.Background()
		firms := []directory.Firm{{USCC: code, Name: "Harbour Chemicals", Region: "9901"}}
		pack := func(version int, status register.VehicleStatus) []register.Record {
			v := vehicle("JA1", status)
			v.Version = version
			return []register.Record{&register.Firm{Entry: register.Entry[register.USCC]{ID: register.USCC(code), Version: 1}, Links: []register.Link{register.Transport}}, v,
				&register.Certificate{Entry: register.Entry[register.CertificateID]{ID: "A1", Version: 1}, Firm: register.USCC(code), Role: register.Escort, Status: register.LicenceValid,
					From: city.Date{Year: 2024, Month: 1, Day: 1}, To: city.Date{Year: 2030, Month: 1, Day: 1}}}
		}
		seed := func(list []register.Record) int {
			n, err := w.r.Seed(ctx, program, firms, list)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := seed(pack(1, register.Active)); n != 3 {
			t.Errorf("%d records the first time", n)
		}
		if n := seed(pack(1, register.Active)); n != 0 {
			t.Errorf("%d records the second time", n)
		}
		if f := w.r.Book().Firm(register.USCC(code)); f.Name != "Harbour Chemicals" || !f.Does(register.Transport) {
			t.Errorf("%+v", f)
		}
		if w.r.Book().Certificate(w.r.CertificateID("A1")) == nil {
			t.Error("the certificate of the folder goes by its number")
		}
		if _, key := w.changes(officer, vehicle("JA1", register.Retired)); key != "" {
			t.Fatal(key)
		}
		if n := seed(pack(1, register.Active)) + seed(pack(2, register.Active)); n != 0 || w.r.Book().Vehicle("JA1").Status != register.Retired {
			t.Errorf("the folder overrides what an officer wrote: %d", n)
		}
		if n := seed(pack(3, register.Active)); n != 1 || w.r.Book().Vehicle("JA1").Status != register.Active {
			t.Errorf("a newer version of the folder: %d", n)
		}
	})
}

// A second process learns of changes and of midnight.
func TestBooksFollow(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newWorld(t, d)
		w.firm(code, directory.FirmActive)
		far := w.another()
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			far.Run(ctx, 5*time.Millisecond, func(err error) { t.Error(err) })
		}()
		defer func() { stop(); <-done }()
		before := far.Book()
		if _, key := w.changes(officer, vehicle("JA1", register.Active)); key != "" {
			t.Fatal(key)
		}
		wait := func(what string, ok func() bool) {
			t.Helper()
			for range 2_000 {
				if ok() {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
			t.Fatalf("the other process never learns of %s", what)
		}
		wait("a change", func() bool { return far.Book().Vehicle("JA1") != nil })
		if before.Vehicle("JA1") != nil {
			t.Error("a book changed")
		}
		next := vehicle("JA1", register.Retired)
		next.Since = far.Book().Day().AddDays(1)
		if _, key := w.changes(officer, next); key != "" {
			t.Fatal(key)
		}
		if v := far.Book().Vehicle("JA1"); v.Status != register.Active {
			t.Errorf("tomorrow came today: %+v", v)
		}
		w.clock.Advance(24 * time.Hour)
		wait("midnight", func() bool { return far.Book().Vehicle("JA1").Status == register.Retired })
	})
}

// Books of more days than are kept don't drop each other all at once.
func TestBooksOfManyDays(t *testing.T) {
	w := newWorld(t, dbtest.SQLite(t))
	today := city.DateOf(w.clock.Now().In(shanghai))
	on := func(back int) *register.Book {
		b, err := w.r.On(t.Context(), program, today.AddDays(-back))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := map[int]*register.Book{}
	for back := 1; back <= 9; back++ {
		first[back] = on(back)
	}
	on(10)
	for back := 9; back > 1; back-- {
		if on(back) != first[back] {
			t.Errorf("the book of %d days ago was made twice", back)
		}
	}
}
