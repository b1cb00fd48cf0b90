package citizen_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"yiwang/access"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/paper"
	"yiwang/credential/pass"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/notify"
	"yiwang/pack"
	"yiwang/search"
	"yiwang/serviceitem"
	"yiwang/web"
	"yiwang/web/citizen"
)

// town is Jianghai with a small cast, on a Monday morning. It runs in the test's
// own process; time stands still until it is moved.
type town struct {
	testing.TB
	db          *db.DB
	clock       *city.SetClock
	health      *credential.Trust // whose health certificates are believed
	pack        *pack.City
	journal     *journal.Journal
	directory   *directory.Directory
	identity    *identity.Identity
	cases       *casework.Engine
	items       *serviceitem.Service
	credentials *credential.Registry
	notices     *notify.Notify
	url         string
	origin      string      // the same by the name that passkeys need
	down        atomic.Bool // the database doesn't answer

	xiaoman, xiulan city.PersonID // daughter and mother
	stranger        city.PersonID
	kitchen         city.FirmID // of the daughter
}

var (
	program = city.SystemActor("test")
	zone    = time.FixedZone("Asia/Shanghai", 8*3600)
	monday  = time.Date(2026, 11, 23, 10, 0, 0, 0, zone)
)

const (
	xiaomanNumber = "990101199205200287"
	xiulanNumber  = "990101194103120240"
)

// jianghai is read once: a pack never changes.
var jianghai = sync.OnceValues(func() (*pack.City, []pack.Fault) { return pack.Load("../../cities/jianghai") })

func newTown(t testing.TB) *town {
	t.Helper()
	ctx := context.Background()
	w := &town{TB: t, db: dbtest.SQLite(t), clock: city.NewSetClock(monday), health: credential.NewTrust()}
	p, faults := jianghai()
	for _, f := range faults {
		t.Fatal(f)
	}
	w.pack = p
	srv := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	w.ok(err)
	w.origin = "http://localhost:" + port
	vault, err := journal.NewVault(make([]byte, 32))
	w.ok(err)
	w.journal = journal.New(w.db, vault)
	asks, err := access.New(p.Policies)
	w.ok(err)
	w.directory, err = directory.New(directory.Options{DB: w.db, Access: asks, Journal: w.journal, Clock: w.clock, Calendar: p.Calendar, Regions: p.Regions, Bodies: p.Bodies})
	w.ok(err)
	w.identity, err = identity.New(identity.Options{DB: w.db, Access: asks, Journal: w.journal, Directory: w.directory, Clock: w.clock, AnyPassword: true,
		Passkeys: &identity.Site{ID: "localhost", Name: "江海", Origins: []string{w.origin}}, Argon: identity.Argon{MemoryKiB: 64, Rounds: 1, Lanes: 1}})
	w.ok(err)
	rules, err := algorithm.New(ctx, algorithm.Options{DB: w.db, Journal: w.journal, Access: asks, Clock: w.clock, Calendar: p.Calendar, Rules: p.Rules})
	w.ok(err)
	w.ok(rules.Publish(ctx, program))
	issuers := map[city.BodyID]credential.Issuer{}
	for _, b := range p.Bodies {
		issuers[b.ID] = credential.Issuer{Code: b.USCC, Name: b.Name}
	}
	data := t.TempDir()
	w.credentials, err = credential.New(ctx, credential.Options{DB: w.db, Journal: w.journal, Access: asks, Clock: w.clock, Zone: p.Zone,
		City: string(p.Site.Code), Name: p.Site.Name, Mark: p.Site.Mark.Text, Types: p.Credentials, Issuers: issuers, Keys: filepath.Join(data, "keys"),
		ListURL: "http://localhost:8080/credentials/status/", CheckURL: "http://localhost:8080/verify", Press: paper.NewPress(),
		Health: func() *credential.Trust { return w.health }})
	w.ok(err)
	blobs, err := serviceitem.OpenBlobs(filepath.Join(data, "blobs"))
	w.ok(err)
	w.items, err = serviceitem.New(serviceitem.Options{DB: w.db, Journal: w.journal, Access: asks, Clock: w.clock, Calendar: p.Calendar, Directory: w.directory,
		Rules: rules, Licences: w.credentials, Blobs: blobs, Items: p.Items, Forms: p.Forms, Listed: listed, Files: p.Files, Hotline: p.Site.Hotline})
	w.ok(err)
	effects := w.items.Effects()
	maps.Copy(effects, pass.New(pass.Options{}).Effects())
	maps.Copy(effects, incident.New(incident.Options{DB: w.db, Journal: w.journal, Access: asks, Clock: w.clock, Directory: w.directory,
		Groups: p.Groups, Settings: p.Site.Incidents}).Effects())
	w.cases, err = casework.New(ctx, casework.Options{DB: w.db, Journal: w.journal, Access: asks, Clock: w.clock, Calendar: p.Calendar,
		Prefix: p.Site.NumberPrefix, Kinds: p.Kinds, Effects: effects})
	w.ok(err)
	w.ok(w.items.Bind(w.cases))
	w.ok(w.items.Publish(ctx, program))
	w.notices = notify.New(notify.Options{DB: w.db, Journal: w.journal, Access: asks, Clock: w.clock, Zone: p.Zone, City: p.Site.Name, Names: w.names()})
	index := search.New(w.journal, asks)
	var found []search.Item
	for i := range p.Items {
		it := &p.Items[i]
		found = append(found, search.Item{Code: it.Code, Name: it.Name, Summary: it.Summary, Keywords: map[city.Lang][]string{city.Chinese: it.Keywords.ZhHans, city.English: it.Keywords.En}})
	}
	for _, l := range listed {
		found = append(found, search.Item{Code: city.ItemCode(l.Code), Name: web.Plain(l.Name)})
	}
	index.IndexItems(found)
	w.journal.Follow(w.notices)

	w.people()
	withListed := *p
	withListed.Listed = listed
	pages := citizen.New(citizen.Deps{DB: w.db, Journal: w.journal, Access: asks, Pack: &withListed, Directory: w.directory, Identity: w.identity, Cases: w.cases,
		Items: w.items, Credentials: w.credentials, Algorithms: rules, Search: index, Notices: w.notices, Clock: w.clock, Demo: true})
	site, err := web.New(web.Options{City: web.City{Code: string(p.Site.Code), Name: p.Site.Name, Hotline: p.Site.Hotline, Zone: p.Zone}, Clock: w.clock, Demo: true,
		Log: slog.New(slog.NewTextHandler(lines{t}, &slog.HandlerOptions{Level: slog.LevelWarn})), Visitor: func(r *http.Request) (web.Visitor, error) {
			if w.down.Load() {
				return web.Visitor{}, city.Unavailable(errors.New("connection refused"), 3*time.Second)
			}
			return pages.Visitor(r)
		}})
	w.ok(err)
	mux := http.NewServeMux()
	pages.Routes(mux)
	mux.Handle("GET /static/", site.Static())
	srv.Config.Handler = site.Wrap(mux)
	srv.Start()
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

// listed are items of other systems whose guides are still to be written.
var listed = []serviceitem.Listed{{Code: "511600-2001", Name: "林木采伐许可证核发", Type: "01", BodyName: "自然资源和规划局"}}

type lines struct{ testing.TB }

func (l lines) Write(b []byte) (int, error) {
	l.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func (w *town) names() notify.Names {
	return notify.Names{
		Item: func(c city.ItemCode) city.Text {
			if it, ok := w.pack.Item(c); ok {
				return it.Name
			}
			return city.Text{}
		},
		Body: func(id city.BodyID) city.Text {
			if b, ok := w.pack.Body(id); ok {
				return b.Name
			}
			return city.Text{}
		},
	}
}

func (w *town) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *town) do(f func(ctx context.Context, tx *db.Tx) error) {
	w.Helper()
	w.ok(w.db.Update(context.Background(), f))
}

// people puts 林小满, her mother, her firm, a stranger and officers into the city.
func (w *town) people() {
	w.Helper()
	ctx := context.Background()
	hash, err := w.identity.Hash(ctx, "demo")
	w.ok(err)
	w.do(func(ctx context.Context, tx *db.Tx) error {
		person := func(number, name string) city.PersonID {
			id, err := w.directory.AddPerson(ctx, tx, program, directory.Person{CitizenNumber: number, Name: name, Region: "990101001001", Address: "海棠里 6 幢 2 单元 501", Phone: "13900990001"})
			w.ok(err)
			return id
		}
		account := func(kind city.ActorKind, who city.PersonID, login string) {
			_, err := w.identity.CreateAccount(ctx, tx, program, identity.NewAccount{Kind: kind, Person: who, Login: login, Password: hash})
			w.ok(err)
		}
		w.xiaoman, w.xiulan = person(xiaomanNumber, "林小满"), person(xiulanNumber, "林秀兰")
		w.stranger = person(city.NewCitizenNumber("990102", city.Date{Year: 1975, Month: 7, Day: 1}, 12, false), "周远")
		w.ok(w.directory.Relate(ctx, tx, program, w.xiulan, w.xiaoman, directory.Child))
		account(city.Resident, w.xiaoman, "resident")
		account(city.Resident, w.xiulan, "elder")
		account(city.Resident, w.stranger, "stranger")
		if w.kitchen, err = w.directory.AddFirm(ctx, tx, program, directory.Firm{USCC: city.NewUSCC("91", "990101", 4711), Name: "小满厨房（江海）有限公司", Legal: "林小满",
			Region: "990101001002", Address: "滨江路 88 号 1 层"}, w.xiaoman); err != nil {
			return err
		}
		n := 0
		for login, posts := range map[string][]city.PostID{
			"clerk": {"market-regulation.clerk"}, "inspector": {"market-regulation.inspector"}, "reviewer": {"market-regulation.reviewer"},
			"fire": {"fire-rescue.reviewer"}, "approver": {"market-regulation.approver"}, "civilclerk": {"civil-affairs.clerk"},
		} {
			n++
			who := person(city.NewCitizenNumber("990101", city.Date{Year: 1980, Month: 1, Day: n}, n, false), "周"+login)
			for _, post := range posts {
				w.ok(w.directory.Appoint(ctx, tx, program, directory.Holding{Post: post, Person: who}))
			}
			account(city.Officer, who, login)
		}
		return nil
	})
	w.hold("resident-id-card", credential.Holder{Person: w.xiulan, Name: "林秀兰", Code: xiulanNumber})
	w.hold("resident-id-card", credential.Holder{Person: w.xiaoman, Name: "林小满", Code: xiaomanNumber})
	w.hold("business-licence", credential.Holder{Firm: w.kitchen, Name: "小满厨房（江海）有限公司", Code: city.NewUSCC("91", "990101", 4711)})
	w.hold("health-certificate", credential.Holder{Person: w.xiaoman, Name: "林小满", Code: xiaomanNumber})
}

// hold gives somebody a licence that the city issued long ago.
func (w *town) hold(typ city.CredentialType, h credential.Holder) credential.Credential {
	w.Helper()
	def, ok := w.credentials.Type(typ)
	if !ok {
		w.Fatalf("no licence type %s", typ)
	}
	if def.Holder == credential.HolderFirm && h.Firm.IsZero() {
		w.Fatalf("%s is a firm's", typ)
	}
	fields := map[string]string{}
	for _, f := range def.Fields {
		switch f.Type {
		case "text":
			fields[f.ID] = "江海"
		case "date":
			fields[f.ID] = "2020-01-01"
		}
	}
	var c credential.Credential
	w.do(func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = w.credentials.Issue(ctx, tx, program, credential.Request{Cause: "cast:" + string(typ) + h.Name, Type: typ, Holder: h, Fields: fields})
		return err
	})
	return c
}

// leave lets the daughter act for the mother.
func (w *town) leave(items ...city.ItemCode) (id city.DelegationID) {
	w.Helper()
	mother := city.Actor{Kind: city.Resident, Person: w.xiulan, Assurance: city.AssurancePassword}
	daughter := city.Actor{Kind: city.Resident, Person: w.xiaoman, Assurance: city.AssurancePassword}
	w.do(func(ctx context.Context, tx *db.Tx) (err error) {
		if id, err = w.identity.Give(ctx, tx, mother, identity.Leave{Taker: w.xiaoman, Items: items, Until: w.clock.Now().AddDate(0, 6, 0)}); err != nil {
			return err
		}
		return w.identity.Accept(ctx, tx, daughter, id)
	})
	return id
}

// decide lets the rules speak, and lets the followers hear of it.
func (w *town) decide() {
	w.Helper()
	_, err := w.items.Decide(context.Background())
	w.ok(err)
	w.ok(w.journal.CatchUp(context.Background()))
}

// officer signs somebody in and gives the actor.
func (w *town) officer(login string) city.Actor {
	w.Helper()
	_, a, err := w.identity.SignIn(context.Background(), city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb},
		identity.SignIn{Login: login, Password: "demo", From: identity.From{Address: "10.0.0.9"}})
	w.ok(err)
	return a
}

// act lets an officer do something with a case.
func (w *town) act(login string, n city.CaseNumber, a casework.Action) {
	w.Helper()
	_, err := w.cases.Do(context.Background(), w.officer(login), n, a)
	w.ok(err)
	w.ok(w.journal.CatchUp(context.Background()))
}
