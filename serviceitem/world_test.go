package serviceitem_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.yaml.in/yaml/v3"

	"yiwang/access"
	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/form"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/rule"
	"yiwang/serviceitem"
)

// The town has a library and nothing else: what one can apply for is a reader's
// card, which a rule may grant; a stall in front of the door, for firms, decided
// by people; and a reading club, which comes into being with its licence.
const (
	regionsYAML = `{code: "9909", name: {zh-Hans: 书城, en: Booktown}, children: [
  {code: "990901", name: {zh-Hans: 东区, en: East}, children: [{code: "990901001", name: {zh-Hans: 书院街道, en: Academy Street}}]}]}`

	bodiesYAML = `
- {id: library, uscc: USCC1, name: {zh-Hans: 图书馆, en: Library}, short: {zh-Hans: 图书馆, en: Library}, region: "9909", posts: [
    {id: clerk, name: {zh-Hans: 窗口, en: Clerk}, superior: head, duty: office},
    {id: approver, name: {zh-Hans: 负责人, en: Approver}, superior: head, duty: office},
    {id: head, name: {zh-Hans: 馆长, en: Head}, duty: office}]}`

	typesYAML = `
- {id: identity, code: USCC1001, name: {zh-Hans: 身份证, en: Identity card}, issuer: library, holder: person, valid: forever, fields: [
    {id: number, name: {zh-Hans: 号码, en: Number}, type: text, personal: true}]}
- {id: reader-card, code: USCC1002, name: {zh-Hans: 借书证, en: Reader's card}, issuer: library, holder: person, valid: {years: 3}, fields: [
    {id: name, name: {zh-Hans: 姓名, en: Name}, type: text, personal: true, on_page: true},
    {id: shelves, name: {zh-Hans: 书架, en: Shelves}, type: text, on_page: true},
    {id: home, name: {zh-Hans: 住处, en: Home}, type: text, personal: true},
    {id: books, name: {zh-Hans: 册数, en: Books}, type: integer, on_page: true},
    {id: friend, name: {zh-Hans: 保证人, en: Friend}, type: text, personal: true},
    {id: born, name: {zh-Hans: 出生日期, en: Born}, type: date, personal: true}]}
- {id: stall, code: USCC1003, name: {zh-Hans: 书摊, en: Book stall}, issuer: library, holder: firm, valid: {days: 30}, fields: [
    {id: firm, name: {zh-Hans: 单位, en: Firm}, type: text, on_page: true}]}
- {id: club, code: USCC1004, name: {zh-Hans: 读书会, en: Reading club}, issuer: library, holder: firm, valid: forever, fields: [
    {id: name, name: {zh-Hans: 名称, en: Name}, type: text, on_page: true},
    {id: uscc, name: {zh-Hans: 代码, en: Code}, type: text, on_page: true},
    {id: by, name: {zh-Hans: 代表人, en: By}, type: text, on_page: true}]}`

	ruleYAML = `
id: reader
name: {zh-Hans: 借书证自动发放, en: Reader's card by rule}
purpose: {zh-Hans: 满六岁就发, en: Whoever is six gets one}
owner: library
facts:
  - {name: born, type: date, source: "register:person.birth_date"}
  - {name: has_card, type: bool, source: "licence:reader-card.exists"}
  - {name: identity, type: string, source: "licence:identity.number"}
  - {name: books, type: int, source: "answer:books"}
versions:
  - from: 2025-01-01
    clauses:
      - {id: age, when: "years(born, today) >= 6", legal: {zh-Hans: 一, en: "1"}, text: {zh-Hans: 满六岁, en: six or older}, otherwise: {zh-Hans: 未满六岁, en: too young}}
      - {id: first, when: "!has_card", legal: {zh-Hans: 二, en: "2"}, text: {zh-Hans: 没有证, en: none yet}, otherwise: {zh-Hans: 已有证, en: has one}}
      - {id: known, when: "size(identity) > 0", legal: {zh-Hans: 三, en: "3"}, text: {zh-Hans: 有身份证, en: known}}
      - {id: few, when: "books <= 5", legal: {zh-Hans: 四, en: "4"}, text: {zh-Hans: 不多于五本, en: five books}, otherwise: {zh-Hans: 太多, en: too many books}}
tests: []`

	formsYAML = `
- id: card
  steps:
    - id: who
      title: {zh-Hans: 谁, en: Who}
      fields:
        - {id: name, type: text, label: {zh-Hans: 姓名, en: Name}, prefill: "register:person.name", locked: true}
        - {id: number, type: text, label: {zh-Hans: 证件号, en: Number}, prefill: "licence:identity.number"}
        - {id: phone, type: phone, label: {zh-Hans: 手机, en: Mobile}, prefill: "register:person.phone", required: true}
        - {id: home, type: region, label: {zh-Hans: 住处, en: Home}, required: true}
    - id: what
      title: {zh-Hans: 借什么, en: What}
      fields:
        - {id: shelves, type: multichoice, label: {zh-Hans: 书架, en: Shelves}, required: true, options: [{id: poems, label: {zh-Hans: 诗, en: Poems}}, {id: maps, label: {zh-Hans: 地图, en: Maps}}]}
        - {id: books, type: integer, label: {zh-Hans: 几本, en: Books}, required: true, min: 1, max: 99}
        - {id: friend, type: person, label: {zh-Hans: 保证人, en: Friend}}
        - {id: photo, type: file, label: {zh-Hans: 照片, en: Photo}, accept: [jpeg, png], max_mb: 1, material: photo, required: true, show_when: "shelves.exists(s, s == 'maps')"}
- id: stall
  steps:
    - id: stall
      title: {zh-Hans: 书摊, en: Stall}
      fields:
        - {id: firm, type: text, label: {zh-Hans: 单位, en: Firm}, prefill: "register:firm.name", locked: true}
        - {id: day, type: date, label: {zh-Hans: 哪天, en: Day}, required: true, from: today}
- id: club
  steps:
    - id: club
      title: {zh-Hans: 读书会, en: Club}
      fields:
        - {id: club, type: text, label: {zh-Hans: 名称, en: Name}, required: true}
        - {id: place, type: region, label: {zh-Hans: 在哪, en: Where}, required: true}
        - {id: address, type: text, label: {zh-Hans: 地址, en: Address}, required: true}`

	kindsYAML = `
- id: by-rule
  name: {zh-Hans: 规则先看, en: A rule looks first}
  first: auto
  stages:
    - id: auto
      name: {zh-Hans: 核对, en: Check}
      tell: {zh-Hans: 核对中, en: Checking}
      rule: $rule
      outcomes:
        - {action: approve, label: {zh-Hans: 准, en: Grant}, next: end, result: approved, clock: stop, effects: [{name: issue, with: {type: $credential}}]}
        - {action: to_officer, label: {zh-Hans: 转, en: Give}, next: desk}
    - id: desk
      name: {zh-Hans: 窗口, en: Desk}
      tell: {zh-Hans: 有人在看, en: Somebody looks}
      tasks: [{id: look, body: $body, post: clerk}]
      limit: {n: 2, unit: working_days}
      allow: {supplement: {limit: {n: 5, unit: working_days}}, withdraw: true}
      outcomes:
        - {action: approve, label: {zh-Hans: 准, en: Grant}, next: end, result: approved, effects: [{name: issue, with: {type: $credential}}]}
        - {action: refuse, label: {zh-Hans: 不准, en: Refuse}, next: end, result: refused, needs: [reason, appeal]}
  results:
    - {id: approved, name: {zh-Hans: 准, en: Granted}, tell: {zh-Hans: 准了, en: Granted}}
    - {id: refused, name: {zh-Hans: 不准, en: Refused}, tell: {zh-Hans: 没准, en: Refused}}
- id: by-people
  name: {zh-Hans: 人来看, en: People decide}
  first: desk
  stages:
    - id: desk
      name: {zh-Hans: 窗口, en: Desk}
      tell: {zh-Hans: 有人在看, en: Somebody looks}
      tasks: [{id: look, body: $body, post: clerk}]
      allow: {withdraw: true}
      outcomes:
        - {action: approve, label: {zh-Hans: 准, en: Grant}, next: use, clock: start, effects: [{name: issue, with: {type: $credential}}]}
    - id: use
      name: {zh-Hans: 使用, en: Use}
      tell: {zh-Hans: 用着, en: In use}
      tasks: [{id: watch, body: $body, post: clerk}]
      outcomes:
        - {action: over, label: {zh-Hans: 完, en: Over}, next: end, result: done}
        - {action: spoilt, label: {zh-Hans: 收回, en: Take back}, next: end, result: done, effects: [{name: revoke, with: {type: $credential}}]}
  results:
    - {id: done, name: {zh-Hans: 完, en: Done}, tell: {zh-Hans: 完了, en: Done}}
- id: bad_review
  name: {zh-Hans: 差评, en: Bad rating}
  first: verify
  stages:
    - id: verify
      name: {zh-Hans: 核实, en: Verify}
      tell: {zh-Hans: 核实, en: Verifying}
      tasks: [{id: contact, body: $office, post: $post}]
      limit: {n: 1, unit: working_days}
      outcomes:
        - {action: answered, label: {zh-Hans: 答复, en: Answered}, next: end, result: done}
        - {action: set_aside, label: {zh-Hans: 不计, en: Set aside}, next: end, result: done, effects: [{name: set_aside_rating}]}
  results:
    - {id: done, name: {zh-Hans: 完, en: Done}, tell: {zh-Hans: 完了, en: Done}}
- id: review
  name: {zh-Hans: 复核, en: Review}
  first: review
  stages:
    - id: review
      name: {zh-Hans: 复核, en: Review}
      tell: {zh-Hans: 复核, en: Reviewing}
      tasks: [{id: look, body: $body, post: approver}]
      outcomes:
        - {action: correct, label: {zh-Hans: 更正, en: Correct}, next: end, result: done, effects: [{name: note_review, with: {finding: corrected}}]}
  results:
    - {id: done, name: {zh-Hans: 完, en: Done}, tell: {zh-Hans: 完了, en: Done}}`

	itemsYAML = `
- code: reader-card
  NAMES
  for: [person]
  channels: [web, counter, kiosk]
  delegable: true
  scenarios:
    - {id: maps, name: {zh-Hans: 借地图, en: With maps}, when: "shelves.exists(s, s == 'maps')", materials: [identity, photo]}
    - {id: plain, name: {zh-Hans: 只借书, en: Books only}, when: "!shelves.exists(s, s == 'maps')", materials: [identity, letter]}
  materials:
    - {id: identity, NAMED, need: required, source: government, credential: identity, format: electronic, copies: 0}
    - {id: photo, NAMED, need: required, source: applicant, form_field: photo, format: electronic, copies: 1}
    - {id: letter, NAMED, need: deferred, source: applicant, format: both, copies: 1}
  form: card
  rule: reader
  kind: by-rule
  credential: reader-card
  issues:
    - credential: reader-card
      fields: {name: "register:person.name", shelves: "answer:shelves", home: "answer:home", books: "answer:books", friend: "answer:friend", born: "register:person.birth_date"}
  example:
    for: self
    answers: {home: "990901001", shelves: [maps], books: 3, phone: "13900000000"}
    materials: {photo: photo.png}
- code: book-stall
  NAMES
  for: [firm]
  channels: [web, counter]
  delegable: false
  scenarios: []
  materials: []
  form: stall
  kind: by-people
  credential: stall
  issues: [{credential: stall, fields: {firm: "register:firm.name"}}]
  example: {for: firm, answers: {day: today+3d}}
- code: reading-club
  NAMES
  for: [person]
  channels: [counter]
  delegable: false
  scenarios: []
  materials: []
  form: club
  kind: by-people
  credential: club
  issues:
    - credential: club
      founds: {name: "answer:club", region: "answer:place", address: "answer:address"}
      fields: {name: "answer:club", uscc: "register:firm.uscc", by: "register:person.name"}
  example: {for: self, answers: {club: 书虫会, place: "990901", address: 书院路 1 号}}`

	names = `name: {zh-Hans: 事项, en: Service}
  summary: {zh-Hans: 一句话, en: A sentence}
  keywords: {zh-Hans: [书], en: [book]}
  type: "20"
  level: "3"
  body: library
  scope: city
  online_depth: IV
  onsite_visits: 0
  legal: [{title: {zh-Hans: 书法, en: Book Law}}]
  conditions: [{zh-Hans: 会读, en: Can read}]
  statutory: {n: 20, unit: working_days}
  committed: {n: 3, unit: working_days}
  case_type: instant
  fee: {free: true}
  result: {type: licence, name: {zh-Hans: 证, en: Card}}
  guide: {zh-Hans: 指南, en: Guide}
  appeal: {zh-Hans: 复议, en: Appeal}
  enquiry: {phone: "12345", complaint: "12345", places: [hall]}`

	named = `name: {zh-Hans: 材料, en: paper}, explain: {zh-Hans: 说明, en: why}, by_law: {zh-Hans: 书法, en: Book Law}`
)

var (
	zone    = time.FixedZone("CST", 8*3600)
	monday  = time.Date(2026, 3, 2, 10, 0, 0, 0, zone)
	program = city.SystemActor("test")
	ctx     = context.Background()
)

// town is the library on an empty database.
type town struct {
	testing.TB
	db        *db.DB
	clock     *city.SetClock
	journal   *journal.Journal
	access    *access.Access
	directory *directory.Directory
	rules     *algorithm.Register
	licences  *credential.Registry
	blobs     *flakyBlobs
	engine    *casework.Engine
	*serviceitem.Service
	options serviceitem.Options
	issue   func(casework.EffectCall) error // runs after each issue, when set

	mother, son, child, stranger city.PersonID
	firm                         city.FirmID
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

func parse[T any](t testing.TB, text string) T {
	t.Helper()
	var v T
	text = strings.NewReplacer("NAMES", names, "NAMED", named, "USCC1", city.NewUSCC("11", "990901", 1)).Replace(text)
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func newTown(t testing.TB, d *db.DB) *town {
	t.Helper()
	vault, err := journal.NewVault(make([]byte, 32))
	w := &town{TB: t, db: d, clock: city.NewSetClock(monday), journal: journal.New(d, vault)}
	w.ok(err)
	policies := map[string][]byte{}
	files, _ := filepath.Glob("../cities/jianghai/access/*.cedar")
	for _, f := range files {
		raw, err := os.ReadFile(f)
		w.ok(err)
		policies[filepath.Base(f)] = raw
	}
	w.access, err = access.New(policies)
	w.ok(err)
	cal := &city.Calendar{Zone: zone, Office: []city.Hours{{From: 9 * 60, To: 17 * 60}}}
	bodies := parse[[]directory.BodyDef](t, bodiesYAML)
	w.directory, err = directory.New(directory.Options{DB: d, Access: w.access, Journal: w.journal, Clock: w.clock, Calendar: cal,
		Regions: parse[directory.RegionDef](t, regionsYAML), Bodies: bodies})
	w.ok(err)
	compiled, err := rule.Compile(parse[rule.Definition](t, ruleYAML))
	w.ok(err)
	w.rules, err = algorithm.New(ctx, algorithm.Options{DB: d, Journal: w.journal, Access: w.access, Clock: w.clock, Calendar: cal, Rules: []*rule.Rule{compiled}})
	w.ok(err)
	w.ok(w.rules.Publish(ctx, program))
	w.licences, err = credential.New(ctx, credential.Options{DB: d, Journal: w.journal, Access: w.access, Clock: w.clock, Zone: zone,
		City: "9909", Name: city.Text{ZhHans: "书城", En: "Booktown"}, Types: parse[[]credential.Type](t, typesYAML), Keys: t.TempDir(),
		Issuers: map[city.BodyID]credential.Issuer{"library": {Code: bodies[0].USCC, Name: bodies[0].Name}}, ListURL: "http://localhost/status/"})
	w.ok(err)
	w.blobs = &flakyBlobs{dir: filepath.Join(t.TempDir(), "blobs")}
	w.blobs.FileBlobs, err = serviceitem.OpenBlobs(w.blobs.dir)
	w.ok(err)
	forms := map[city.FormID]*form.Compiled{}
	for _, f := range parse[[]form.Form](t, formsYAML) {
		c, err := form.Compile(f, form.Regions(w.directory.HasRegion))
		w.ok(err)
		forms[f.ID] = c
	}
	w.options = serviceitem.Options{DB: d, Journal: w.journal, Access: w.access, Clock: w.clock, Calendar: cal, Directory: w.directory,
		Rules: w.rules, Licences: w.licences, Blobs: w.blobs, Items: parse[[]serviceitem.Item](t, itemsYAML), Forms: forms,
		Listed: []serviceitem.Listed{{Code: "X-1", Name: "企业投资项目备案", Type: "10", BodyName: "发改委"}},
		Files:  fstest.MapFS{"photo.png": {Data: picture()}}, Hotline: "12345"}
	w.start()
	w.people()
	return w
}

// start builds service and engine, as the program does when it starts.
func (w *town) start() {
	w.Helper()
	var err error
	w.Service, err = serviceitem.New(w.options)
	w.ok(err)
	effects := w.Effects()
	issue := effects["issue"]
	effects["issue"] = func(ctx context.Context, tx *db.Tx, call casework.EffectCall) error {
		if err := issue(ctx, tx, call); err != nil || w.issue == nil {
			return err
		}
		return w.issue(call)
	}
	w.engine, err = casework.New(ctx, casework.Options{DB: w.db, Journal: w.journal, Access: w.access, Clock: w.clock,
		Calendar: w.options.Calendar, Prefix: "BT", Kinds: parse[[]casework.Kind](w.TB, kindsYAML), Effects: effects})
	w.ok(err)
	w.ok(w.Bind(w.engine))
	w.ok(w.Publish(ctx, program))
}

// flakyBlobs is a store that can fail.
type flakyBlobs struct {
	*serviceitem.FileBlobs
	dir  string
	fail error
}

func (b *flakyBlobs) Put(ctx context.Context, id city.BlobID, r io.Reader) error {
	if b.fail != nil {
		return b.fail
	}
	return b.FileBlobs.Put(ctx, id, r)
}

// people enters a mother with her grown son, a small child, a stranger, and a
// firm of the son's.
func (w *town) people() {
	w.Helper()
	w.ok(w.db.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		add := func(name, born, phone string, seq int) city.PersonID {
			d, err := city.ParseDate(born)
			w.ok(err)
			id, err := w.directory.AddPerson(ctx, tx, program, directory.Person{Name: name, Phone: phone, Region: "990901001",
				CitizenNumber: city.NewCitizenNumber("990901", d, seq, true)})
			w.ok(err)
			return id
		}
		w.mother = add("王秀英", "1941-03-12", "13900000001", 1)
		w.son = add("林小满", "1975-05-20", "13900000002", 2)
		w.child = add("林小鱼", "2022-05-20", "", 3)
		w.stranger = add("赵陌", "1980-01-01", "", 4)
		var err error
		w.firm, err = w.directory.AddFirm(ctx, tx, program, directory.Firm{Name: "小满书店", USCC: city.NewUSCC("91", "990901", 1), Region: "990901"}, w.son)
		w.ok(err)
		for _, p := range []city.PersonID{w.mother, w.son, w.child} {
			_, err := w.licences.Issue(ctx, tx, program, credential.Request{Cause: "birth of " + p.String(), Type: "identity",
				Holder: credential.Holder{Person: p, Name: "x"}, Fields: map[string]string{"number": "ID-" + p.String()[30:]}})
			w.ok(err)
		}
		return nil
	}))
}

func (w *town) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *town) is(err error, k city.Kind) {
	w.Helper()
	if city.KindOf(err) != k {
		w.Fatalf("got %v, want %s", err, k)
	}
}

// says checks the key of an error's message, or of the fault at a field.
func (w *town) says(err error, field, key string) {
	w.Helper()
	var e *city.Error
	if !errors.As(err, &e) {
		w.Fatalf("got %v, want %s", err, key)
	}
	if field == "" {
		if e.Message.Key != key {
			w.Fatalf("got %v, want %s", err, key)
		}
		return
	}
	for _, f := range e.Fields {
		if f.Name == field && f.Message.Key == key {
			if s := f.Message.In(city.English); s == key || s == "" {
				w.Fatalf("%s has no words", key)
			}
			return
		}
	}
	w.Fatalf("%s: %s is not among %v", field, key, err)
}

var accounts = map[city.PersonID]city.AccountID{}

func person(p city.PersonID) city.Actor {
	if accounts[p].IsZero() {
		accounts[p] = city.NewAccountID()
	}
	return city.Actor{Kind: city.Resident, Account: accounts[p], Person: p, Channel: city.ChannelWeb, Assurance: city.AssurancePassword}
}

func (w *town) sonForMother() city.Actor {
	a := person(w.son)
	a.OnBehalf, a.Delegation = w.mother, city.NewDelegationID()
	return a
}

func (w *town) sonForFirm() city.Actor {
	a := person(w.son)
	a.Firm = w.firm
	return a
}

func officer(post string) city.Actor {
	return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Person: city.NewPersonID(), Body: "library",
		Posts: []city.PostID{city.PostID("library." + post)}, Channel: city.ChannelCounter}
}

func picture() []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 3, 3))); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func answers(more ...any) map[string]any {
	m := map[string]any{"home": "990901001", "shelves": []string{"poems"}, "books": 3, "phone": "13900000009"}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == nil {
			delete(m, more[i].(string))
		} else {
			m[more[i].(string)] = more[i+1]
		}
	}
	return m
}

var yes = map[string]serviceitem.Handed{"identity": {Fetch: true}}

func (w *town) file(a city.Actor, f serviceitem.Filing) casework.Case {
	w.Helper()
	if f.Item == "" && f.Draft.IsZero() {
		f.Item = "reader-card"
	}
	c, err := w.File(ctx, a, f)
	w.ok(err)
	return c
}

func (w *town) decide() int {
	w.Helper()
	n, err := w.Decide(ctx)
	w.ok(err)
	return n
}

func (w *town) get(a city.Actor, n city.CaseNumber) casework.Case {
	w.Helper()
	var c casework.Case
	w.view(func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = w.engine.Get(ctx, tx, a, n)
		return err
	})
	return c
}

func (w *town) do(a city.Actor, n city.CaseNumber, act casework.Action) casework.Case {
	w.Helper()
	c, err := w.engine.Do(ctx, a, n, act)
	w.ok(err)
	return c
}

func (w *town) view(f func(ctx context.Context, tx *db.Tx) error) {
	w.Helper()
	w.ok(w.db.View(ctx, f))
}

// issued lists the licences that a case gave.
func (w *town) issued(n city.CaseNumber) (all []credential.Credential) {
	w.Helper()
	w.view(func(ctx context.Context, tx *db.Tx) (err error) {
		all, err = w.licences.ByCase(ctx, tx, program, n)
		return err
	})
	return all
}

func (w *town) uses(p city.PersonID) (all []access.Use) {
	w.Helper()
	w.view(func(ctx context.Context, tx *db.Tx) (err error) {
		all, err = w.access.Uses(ctx, tx, program, p, time.Time{}, 100)
		return err
	})
	return all
}

// count counts rows.
func (w *town) count(table string) (n int) {
	w.Helper()
	w.view(func(ctx context.Context, tx *db.Tx) (err error) {
		n, err = db.One[int](ctx, tx, "SELECT count(*) FROM "+table)
		return err
	})
	return n
}

// files counts what lies in the blob store.
func (w *town) files() (n int) {
	w.Helper()
	w.ok(filepath.WalkDir(w.blobs.dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	}))
	return n
}

func contains(s, part string) bool { return strings.Contains(s, part) }
