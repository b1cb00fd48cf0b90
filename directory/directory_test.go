package directory_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"yiwang/access"
	"yiwang/city"
	"yiwang/directory"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

// town is the register of Jianghai on an empty database; it is Monday morning.
type town struct {
	*directory.Directory
	t       testing.TB
	db      *db.DB
	clock   *city.SetClock
	journal *journal.Journal
	access  *access.Access
}

var (
	zone    = time.FixedZone("Asia/Shanghai", 8*3600)
	monday  = time.Date(2026, 11, 23, 10, 0, 0, 0, zone)
	program = city.SystemActor("test")
)

func pack(t testing.TB, o *directory.Options) {
	t.Helper()
	read := func(name string, into any) {
		raw, err := os.ReadFile(name)
		if err == nil {
			err = yaml.Unmarshal(raw, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	const dir = "../cities/jianghai/"
	read(dir+"regions.yaml", &o.Regions)
	files, _ := filepath.Glob(dir + "bodies/*.yaml")
	for _, f := range files {
		var b directory.BodyDef
		read(f, &b)
		o.Bodies = append(o.Bodies, b)
	}
	policies := map[string][]byte{}
	for _, name := range []string{"identity.cedar", "duty.cedar"} {
		var err error
		if policies[name], err = os.ReadFile(dir + "access/" + name); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if o.Access, err = access.New(policies); err != nil {
		t.Fatal(err)
	}
}

func newTown(t testing.TB, d *db.DB) *town {
	t.Helper()
	vault, err := journal.NewVault(make([]byte, 32))
	must(t, err)
	w := &town{t: t, db: d, clock: city.NewSetClock(monday), journal: journal.New(d, vault)}
	o := directory.Options{
		DB: d, Journal: w.journal, Clock: w.clock,
		Calendar: &city.Calendar{Zone: zone, Office: []city.Hours{{From: 9 * 60, To: 12 * 60}, {From: 13*60 + 30, To: 17 * 60}}},
	}
	pack(t, &o)
	w.Directory, err = directory.New(o)
	must(t, err)
	w.access = o.Access
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// do runs f in a transaction and gives its error.
func (w *town) do(f func(ctx context.Context, tx *db.Tx) error) error {
	return w.db.Update(context.Background(), f)
}

func (w *town) see(f func(ctx context.Context, tx *db.Tx) error) {
	w.t.Helper()
	must(w.t, w.db.View(context.Background(), f))
}

func (w *town) add(p directory.Person) (id city.PersonID) {
	w.t.Helper()
	must(w.t, w.do(func(ctx context.Context, tx *db.Tx) (err error) {
		id, err = w.AddPerson(ctx, tx, program, p)
		return err
	}))
	return id
}

func (w *town) events() (types []string) {
	w.see(func(ctx context.Context, tx *db.Tx) error {
		list, err := w.journal.Read(ctx, tx, journal.Position{}, 1000)
		for _, e := range list {
			types = append(types, e.Type)
		}
		return err
	})
	return types
}

func wantKind(t *testing.T, err error, k city.Kind) {
	t.Helper()
	if city.KindOf(err) != k {
		t.Errorf("got %v, want an error of kind %q", err, k)
	}
}

func resident(id city.PersonID) city.Actor {
	return city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: id, Assurance: city.AssurancePassword}
}

func officer(posts ...city.PostID) city.Actor {
	body, _, _ := strings.Cut(string(posts[0]), ".")
	return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: city.NewPersonID(), Body: city.BodyID(body), Posts: posts, Channel: city.ChannelCounter}
}

var born = city.Date{Year: 1940, Month: 11, Day: 5}

func grandmother() directory.Person {
	return directory.Person{
		CitizenNumber: city.NewCitizenNumber("990101", born, 7, true), Name: "周桂英",
		Region: "990101001001", Address: "海棠街道柳巷 5 号", Phone: "138 0000 1234",
	}
}

func TestSomebodyInTheRegister(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		p := grandmother()
		id := w.add(p)

		w.see(func(ctx context.Context, tx *db.Tx) error {
			got, err := w.PersonFacts(ctx, tx, id)
			want := map[string]any{
				"name": "周桂英", "citizen_number": p.CitizenNumber, "birth_date": born, "sex": "female", "nationality": "CHN",
				"region": "990101001001", "region_name": "滨江区海棠街道海棠里社区", "address": "海棠街道柳巷 5 号", "phone": "13800001234",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			// Found as people type it: full-width, with blanks.
			typed := p.CitizenNumber[:6] + " " + p.CitizenNumber[6:14] + "－" + p.CitizenNumber[14:]
			if found, err := w.PersonByNumber(ctx, tx, typed); err != nil || found != id {
				t.Errorf("by %q: %v, %v", typed, found, err)
			}
			if found, err := w.PeopleByPhone(ctx, tx, "１３８00001234"); err != nil || len(found) != 1 || found[0] != id {
				t.Errorf("by telephone: %v, %v", found, err)
			}
			_, err2 := w.PersonByNumber(ctx, tx, city.NewCitizenNumber("990101", born, 8, true))
			wantKind(t, err2, city.KindNotFound)
			return err
		})

		t.Run("nothing personal lies open in the database", func(t *testing.T) {
			w.see(func(ctx context.Context, tx *db.Tx) error {
				var sealed, digest []byte
				err := tx.QueryRow(ctx, `SELECT sealed, number_digest FROM people`).Scan(&sealed, &digest)
				for _, secret := range []string{p.Name, p.CitizenNumber, "1940", "13800001234", "柳巷"} {
					if strings.Contains(string(sealed)+string(digest), secret) {
						t.Errorf("%q can be read in the row", secret)
					}
				}
				return err
			})
		})
		t.Run("the same number twice is refused", func(t *testing.T) {
			err := w.do(func(ctx context.Context, tx *db.Tx) error { _, err := w.AddPerson(ctx, tx, program, p); return err })
			if err == nil || !strings.Contains(err.Error(), "duplicate") {
				t.Errorf("got %v", err)
			}
		})
		t.Run("faults come with their place, all at once", func(t *testing.T) {
			bad := directory.Person{CitizenNumber: "990101194011050151", BirthDate: born, Region: "1234", Phone: "call me", Sex: "f"}
			err := w.do(func(ctx context.Context, tx *db.Tx) error {
				_, err := w.AddPeople(ctx, tx, program, []directory.Person{grandmother(), bad})
				return err
			})
			wantKind(t, err, city.KindInvalid)
			var names []string
			for _, f := range err.(*city.Error).Fields {
				names = append(names, f.Name)
			}
			if diff := cmp.Diff([]string{"1.name", "1.citizen_number", "1.sex", "1.region", "1.phone"}, names); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("changed by oneself, but for the name", func(t *testing.T) {
			must(t, w.do(func(ctx context.Context, tx *db.Tx) error {
				for _, phone := range []string{"13900000001", "13900000002"} { // the second sees the first
					if err := w.SetPhone(ctx, tx, resident(id), id, phone); err != nil {
						return err
					}
				}
				return nil
			}))
			wantKind(t, w.do(func(ctx context.Context, tx *db.Tx) error {
				q := grandmother()
				q.ID, q.Name = id, "周桂莹"
				return w.ChangePerson(ctx, tx, resident(id), q) // a name is not changed by oneself
			}), city.KindForbidden)
		})
		t.Run("erased for good", func(t *testing.T) {
			must(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.ErasePerson(ctx, tx, program, id) }))
			w.see(func(ctx context.Context, tx *db.Tx) error {
				_, err := w.PersonFacts(ctx, tx, id)
				wantKind(t, err, city.KindNotFound)
				_, err = w.PersonByNumber(ctx, tx, p.CitizenNumber)
				wantKind(t, err, city.KindNotFound)
				if name, err := w.PersonName(ctx, tx, id); name != "" || err != nil {
					t.Errorf("still called %q, %v", name, err)
				}
				return nil
			})
		})
		if diff := cmp.Diff([]string{"person.added", "person.changed", "person.changed", "person.erased"}, w.events()); diff != "" {
			t.Error(diff)
		}
	})
}

// Who must not see: the neighbour, the officer of another body, the daughter who
// acts for her mother, nobody at all. And who may leaves a trace.
func TestWhoMayLook(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		mother := w.add(grandmother())
		number := grandmother().CitizenNumber
		use := access.Use{Purpose: "purpose.counter", Case: "JH-2026-000001-1", Fields: []string{"name"}}
		read := func(a city.Actor) error {
			return w.do(func(ctx context.Context, tx *db.Tx) error {
				_, err := w.ReadPerson(ctx, tx, a, mother, use)
				return err
			})
		}
		find := func(a city.Actor) error {
			return w.do(func(ctx context.Context, tx *db.Tx) error {
				p, err := w.FindPerson(ctx, tx, a, number, use)
				if err == nil && p.ID != mother {
					t.Errorf("found %v", p)
				}
				return err
			})
		}
		daughter := resident(city.NewPersonID())
		daughter.OnBehalf = mother
		clerk := officer("service-center.clerk")

		must(t, read(resident(mother)))
		wantKind(t, read(resident(city.NewPersonID())), city.KindForbidden)
		wantKind(t, read(daughter), city.KindForbidden)
		wantKind(t, read(clerk), city.KindForbidden)
		wantKind(t, read(city.Actor{Kind: city.Anonymous}), city.KindUnauthenticated)
		wantKind(t, find(resident(mother)), city.KindForbidden)
		wantKind(t, find(officer("operations-center.operator")), city.KindForbidden)
		must(t, find(clerk))
		must(t, find(clerk)) // a second look at the same case is the same look

		elsewhere := officer("public-security.registrar")
		elsewhere.Regions = []city.RegionCode{"990102"}
		wantKind(t, read(elsewhere), city.KindForbidden)
		elsewhere.Regions = []city.RegionCode{"990101"}
		must(t, read(elsewhere))

		w.see(func(ctx context.Context, tx *db.Tx) error {
			uses, err := w.access.Uses(ctx, tx, resident(mother), mother, time.Time{}, 10)
			if len(uses) != 2 {
				t.Errorf("the mother sees %d looks, want the clerk's and the registrar's: %+v", len(uses), uses)
			}
			_, err2 := w.access.Uses(ctx, tx, daughter, mother, time.Time{}, 10)
			wantKind(t, err2, city.KindForbidden)
			return err
		})
	})
}

func TestFamily(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		mother := w.add(grandmother())
		daughter := w.add(directory.Person{Name: "林晓梅", CitizenNumber: city.NewCitizenNumber("990101", city.Date{Year: 1968, Month: 3, Day: 9}, 1, true)})
		relate := func(a city.Actor, who, to city.PersonID, kind directory.Relation) error {
			return w.do(func(ctx context.Context, tx *db.Tx) error { return w.Relate(ctx, tx, a, who, to, kind) })
		}
		must(t, relate(program, daughter, mother, directory.Parent))
		must(t, relate(program, daughter, mother, directory.Parent)) // saying it twice is saying it once
		wantKind(t, relate(program, daughter, daughter, directory.Parent), city.KindInvalid)
		wantKind(t, relate(program, daughter, mother, "aunt"), city.KindInvalid)
		wantKind(t, relate(resident(daughter), daughter, mother, directory.Ward), city.KindForbidden)
		w.see(func(ctx context.Context, tx *db.Tx) error {
			of, err := w.Relatives(ctx, tx, mother)
			if diff := cmp.Diff([]directory.Relative{{Person: daughter, Kind: directory.Child}}, of); diff != "" {
				t.Error(diff)
			}
			return err
		})
	})
}

func TestOfficers(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		wang := w.add(directory.Person{Name: "王建国", CitizenNumber: city.NewCitizenNumber("990101", born, 1, false)})
		li := w.add(directory.Person{Name: "李敏", CitizenNumber: city.NewCitizenNumber("990101", born, 2, true)})
		appoint := func(a city.Actor, h directory.Holding) error {
			return w.do(func(ctx context.Context, tx *db.Tx) error { return w.Appoint(ctx, tx, a, h) })
		}
		admin := officer("data-bureau.admin")
		must(t, appoint(admin, directory.Holding{Post: "haitang-street.clerk", Person: wang}))
		must(t, appoint(admin, directory.Holding{Post: "haitang-street.grid-worker", Person: wang, Region: "990101001001"}))
		must(t, appoint(admin, directory.Holding{Post: "haitang-street.grid-worker", Person: li, Region: "990101001002", Until: monday.AddDate(0, 0, 7)}))
		wantKind(t, appoint(admin, directory.Holding{Post: "health.nobody", Person: wang}), city.KindInvalid)
		wantKind(t, appoint(admin, directory.Holding{Post: "haitang-street.clerk", Person: li, Region: "990102"}), city.KindInvalid)
		wantKind(t, appoint(officer("health.head"), directory.Holding{Post: "health.clerk", Person: wang}), city.KindForbidden)
		wantKind(t, appoint(admin, directory.Holding{Post: "health.clerk", Person: city.NewPersonID()}), city.KindNotFound)

		who := func(post city.PostID, region city.RegionCode) (people []city.PersonID) {
			w.see(func(ctx context.Context, tx *db.Tx) error {
				list, err := w.OfficersOf(ctx, tx, post, region)
				for _, o := range list {
					people = append(people, o.Person)
				}
				return err
			})
			return people
		}
		grid := city.PostID("haitang-street.grid-worker")
		if diff := cmp.Diff([]city.PersonID{wang, li}, who(grid, "")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]city.PersonID{li}, who(grid, "990101001002")); diff != "" {
			t.Error(diff)
		}
		w.see(func(ctx context.Context, tx *db.Tx) error {
			o, ok, err := w.OfficerOf(ctx, tx, wang)
			want := directory.Officer{
				Person: wang, Body: "haitang-street", Posts: []city.PostID{"haitang-street.clerk", grid},
				Regions: []city.RegionCode{"990101001", "990101001001"},
			}
			if diff := cmp.Diff(want, o); !ok || diff != "" {
				t.Error(ok, diff)
			}
			return err
		})

		// Li is entrusted with a post of another body, and stays of her own.
		w.clock.Advance(time.Hour)
		must(t, appoint(admin, directory.Holding{Post: "civil-affairs.clerk", Person: li}))
		w.see(func(ctx context.Context, tx *db.Tx) error {
			o, ok, err := w.OfficerOf(ctx, tx, li)
			if diff := cmp.Diff([]city.PostID{"civil-affairs.clerk", grid}, o.Posts); !ok || diff != "" || o.Body != "haitang-street" {
				t.Error(ok, o.Body, diff)
			}
			return err
		})

		// A week later Li's time is over; on Saturday nobody of the street is on duty.
		w.clock.Set(monday.AddDate(0, 0, 8))
		if diff := cmp.Diff([]city.PersonID{wang}, who(grid, "")); diff != "" {
			t.Error(diff)
		}
		onDuty := func() (n int) {
			w.see(func(ctx context.Context, tx *db.Tx) error {
				list, err := w.OfficersOnDuty(ctx, tx, grid, "")
				n = len(list)
				return err
			})
			return n
		}
		if onDuty() != 1 {
			t.Error("nobody on duty on a Tuesday morning")
		}
		w.clock.Set(monday.AddDate(0, 0, 5))
		if onDuty() != 0 {
			t.Error("somebody on duty on a Saturday")
		}
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.Dismiss(ctx, tx, admin, grid, wang) }))
		wantKind(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.Dismiss(ctx, tx, admin, grid, wang) }), city.KindNotFound)
		if diff := cmp.Diff([]city.PersonID{li}, who(grid, "")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPostsAndRegions(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	if up, ok := w.Superior("civil-affairs.clerk"); up != "civil-affairs.reviewer" || !ok {
		t.Errorf("above the clerk: %q, %v", up, ok)
	}
	if up, ok := w.Superior("civil-affairs.head"); ok {
		t.Errorf("above the head: %q", up)
	}
	if got := w.RegionName("990101001001"); got.En != "Haitangli Community, Haitang Street, Binjiang District" {
		t.Errorf("named %q", got.En)
	}
	if got := w.RegionName("9901"); got.ZhHans != "江海市" {
		t.Errorf("the city is called %q", got.ZhHans)
	}
	near := w.BodiesCovering("990101001003")
	if len(near) < 2 || near[0].ID != "haitang-street" {
		t.Errorf("nearest body: %+v", near)
	}
	at := func(h, m int) time.Time { return time.Date(2026, 11, 23, h, m, 0, 0, zone) }
	for _, c := range []struct {
		post city.PostID
		at   time.Time
		want bool
	}{
		{"haitang-street.clerk", at(8, 45), true}, // its own hours
		{"health.clerk", at(8, 45), false},
		{"health.clerk", at(12, 30), false},
		{"operations-center.operator", at(3, 0), true},
		{"health.nobody", at(10, 0), false},
	} {
		if got := w.OnDuty(c.post, c.at); got != c.want {
			t.Errorf("%s at %s on duty: %v", c.post, c.at.Format("15:04"), got)
		}
	}
}

func TestFaultyDefinitions(t *testing.T) {
	names := func(list []city.Field) (s []string) {
		for _, f := range list {
			s = append(s, f.Name)
			if strings.HasPrefix(f.Message.In(city.English), "directory.") {
				t.Errorf("no text for %s", f.Message.Key)
			}
		}
		return s
	}
	two := city.Text{ZhHans: "一", En: "one"}
	regions := directory.RegionDef{Code: "9901", Name: two, Children: []directory.RegionDef{
		{Code: "990201", Name: two}, {Code: "990101", Name: city.Text{En: "one"}}, {Code: "990101", Name: two, Children: []directory.RegionDef{{Code: "9901011", Name: two}}},
	}}
	if diff := cmp.Diff([]string{"children.0.code", "children.1.name", "children.2.code", "children.2.children.0.code"}, names(directory.CheckRegions(regions))); diff != "" {
		t.Error(diff)
	}
	body := directory.BodyDef{
		ID: "Health", USCC: "123", Name: two, Short: two, Region: "77", Hours: []string{"09:00-12:00", "11:00-17:00"},
		Posts: []directory.PostDef{
			{ID: "a", Name: two, Superior: "b", Duty: "office"}, {ID: "b", Name: two, Superior: "a", Duty: "nightly"},
			{ID: "a", Name: two, Superior: "c", Duty: "office"},
		},
	}
	got := names(directory.CheckBody(body, func(city.RegionCode) bool { return false }))
	want := []string{"id", "uscc", "region", "hours.1", "posts.1.duty", "posts.2.id", "posts.0.superior", "posts.1.superior", "posts.2.superior"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // refusals are expected here
	os.Exit(m.Run())
}
