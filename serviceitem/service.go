package serviceitem

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

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
)

// Options make a service. All are needed but where a word says otherwise.
type Options struct {
	DB        *db.DB
	Journal   *journal.Journal
	Access    *access.Access
	Clock     city.Clock
	Calendar  *city.Calendar
	Directory *directory.Directory
	Rules     *algorithm.Register
	Licences  *credential.Registry
	Blobs     Blobs // where uploads lie

	Items   []Item
	Forms   map[city.FormID]*form.Compiled
	Listed  []Listed // the imported catalogue; may be empty
	Files   fs.FS    // the pack's folder, for the files of examples; may be nil
	Hotline string   // what to call where nothing is online

	// BadReview and Review are the kinds of case that a bad rating and somebody
	// who asks a person to look again open; "bad_review" and "review" when empty.
	BadReview city.KindID
	Review    city.KindID
	// BadRatings are the posts that may answer for a bad rating, the first choice
	// first, with $body for the body that was rated; "$body.head" when empty.
	BadRatings []string
	// PersonOf says whose an officer's account is, so that nobody answers for a
	// case they handled in another post; may be nil where officers hold one each.
	PersonOf func(ctx context.Context, tx *db.Tx, account city.AccountID) (city.PersonID, error)
	// MaxUpload bounds a file whose field says nothing; 10 MB when 0.
	MaxUpload int64
}

// Service knows the items, takes applications and sees them through. It is safe
// for concurrent use once bound to the engine.
type Service struct {
	Options
	engine *casework.Engine
	items  map[city.ItemCode]*item
	order  []city.ItemCode
	listed map[string]Listed

	mu    sync.Mutex
	old   map[string]*item        // earlier versions, by digest
	fails map[city.CaseNumber]int // times a decision could not be carried out
}

// item is an item with what was compiled of it.
type item struct {
	Item
	form    *form.Compiled
	vars    map[string]rule.Type
	sources map[string]rule.Source // of prefilled fields
	when    []*rule.Condition      // of the scenarios; nil is chosen by the applicant
	digest  string
	raw     []byte
}

// New compiles the items. The service works once Bind has given it the engine,
// which in turn is built with the service's Effects.
func New(o Options) (*Service, error) {
	if o.BadReview == "" {
		o.BadReview = "bad_review"
	}
	if o.Review == "" {
		o.Review = "review"
	}
	if len(o.BadRatings) == 0 {
		o.BadRatings = []string{"$body.head"}
	}
	if o.MaxUpload == 0 {
		o.MaxUpload = 10 << 20
	}
	s := &Service{Options: o, items: map[city.ItemCode]*item{}, listed: map[string]Listed{}, old: map[string]*item{},
		fails: map[city.CaseNumber]int{}}
	for i := range o.Items {
		def := &o.Items[i]
		if faults := def.Check(); len(faults) > 0 {
			return nil, fmt.Errorf("item %s: %s: %s", def.Code, faults[0].Name, faults[0].Message.In(city.English))
		}
		it, err := compile(def, o.Forms[def.Form])
		if err != nil {
			return nil, fmt.Errorf("item %s: %w", def.Code, err)
		}
		if s.items[it.Code] != nil {
			return nil, fmt.Errorf("item %s stands twice", it.Code)
		}
		s.items[it.Code] = it
		s.order = append(s.order, it.Code)
	}
	slices.Sort(s.order)
	for _, l := range o.Listed {
		s.listed[l.Code] = l
	}
	return s, nil
}

func compile(def *Item, f *form.Compiled) (*item, error) {
	if f == nil {
		return nil, fmt.Errorf("no form %q", def.Form)
	}
	it := &item{Item: *def, form: f, vars: f.Variables(), sources: f.Sources()}
	for _, sc := range def.Scenarios {
		if sc.When == "" {
			it.when = append(it.when, nil)
			continue
		}
		c, err := rule.CompileCondition(sc.When, it.vars)
		if err != nil {
			return nil, fmt.Errorf("scenario %s: %w", sc.ID, err)
		}
		it.when = append(it.when, c)
	}
	for _, is := range def.Issues {
		for _, sources := range []map[string]string{is.Fields, is.Founds} {
			for f, src := range sources {
				if _, err := rule.ParseSource(src); err != nil {
					return nil, fmt.Errorf("licence %s, field %s: %w", is.Credential, f, err)
				}
			}
		}
	}
	var err error
	if it.raw, err = json.Marshal(struct {
		Item Item      `json:"item"`
		Form form.Form `json:"form"`
	}{it.Item, it.form.Form()}); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(it.raw)
	it.digest = hex.EncodeToString(sum[:])
	return it, nil
}

// Bind gives the service the engine that was built with its Effects, and checks
// that the engine knows the items' kinds and gets every parameter.
func (s *Service) Bind(e *casework.Engine) error {
	need := func(what string, kind city.KindID, params map[string]string) error {
		k, ok := e.Kind(kind)
		if !ok {
			return fmt.Errorf("%s: no kind %q", what, kind)
		}
		for _, p := range k.Parameters() {
			if params[p] == "" {
				return fmt.Errorf("%s: kind %s needs the parameter %q", what, kind, p)
			}
		}
		return nil
	}
	for _, code := range s.order {
		it := s.items[code]
		if err := need("item "+string(code), it.Kind, it.params()); err != nil {
			return err
		}
	}
	for _, kind := range []city.KindID{s.BadReview, s.Review} {
		params := map[string]string{"body": "x"}
		if kind == s.BadReview {
			params["office"], params["post"] = "x", "x"
		}
		if err := need("serviceitem", kind, params); err != nil {
			return err
		}
	}
	s.engine = e
	return nil
}

// params are what the kind of the item is opened with.
func (it *Item) params() map[string]string {
	p := map[string]string{"body": string(it.Body)}
	if it.Rule != "" {
		p["rule"] = string(it.Rule)
	}
	if it.Credential != "" {
		p["credential"] = string(it.Credential)
	}
	maps.Copy(p, it.Params)
	return p
}

// Publish puts the items and forms on record, so that an application can always
// be read with the questions that were asked. It is called when the program
// starts; what is on record stays as it is.
func (s *Service) Publish(ctx context.Context, actor city.Actor) error {
	if err := s.Access.Ask(ctx, actor, "item.publish", access.Resource{Type: "Item"}); err != nil {
		return err
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, code := range s.order {
			it := s.items[code]
			fresh, err := insertVersion(ctx, tx, code, it.digest, string(it.raw), s.Clock.Now())
			if err != nil {
				return err
			}
			if !fresh {
				continue
			}
			said := map[string]any{"item": code, "digest": it.digest, "body": it.Body}
			err = s.Journal.Append(ctx, tx, journal.Event{At: s.Clock.Now(), Type: "item.published", Subject: string(code),
				Actor: actor, Public: said, Data: said})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// AllItems are the items that one can apply for, in order of their codes.
func (s *Service) AllItems() []Item {
	all := make([]Item, 0, len(s.order))
	for _, code := range s.order {
		all = append(all, s.items[code].Item)
	}
	return all
}

// Item finds an item, with its form.
func (s *Service) Item(code city.ItemCode) (Item, *form.Compiled, bool) {
	it, ok := s.items[code]
	if !ok {
		return Item{}, nil, false
	}
	return it.Item, it.form.On(s.today()), true
}

// ListedItem finds an item of the imported catalogue, for which nobody can apply
// here yet.
func (s *Service) ListedItem(code string) (Listed, bool) {
	l, ok := s.listed[code]
	return l, ok
}

// AllListed are the items of the imported catalogue, in order of their codes.
func (s *Service) AllListed() []Listed {
	all := make([]Listed, 0, len(s.listed))
	for _, code := range slices.Sorted(maps.Keys(s.listed)) {
		all = append(all, s.listed[code])
	}
	return all
}

// item finds what can be applied for, or says where to go instead.
func (s *Service) item(code city.ItemCode) (*item, error) {
	if it, ok := s.items[code]; ok {
		return it, nil
	}
	if l, ok := s.listed[string(code)]; ok {
		return nil, city.Invalid("service.listed_only", "item", l.Name, "body", l.BodyName, "phone", s.Hotline)
	}
	return nil, city.NotFound("service.no_item")
}

func (s *Service) today() city.Date { return city.DateOf(s.Clock.Now().In(s.Calendar.Zone)) }

// Party is the applicant: a person, or the firm that the person stands for.
type Party struct {
	Person city.PersonID `json:"person,omitzero"`
	Firm   city.FirmID   `json:"firm,omitzero"`
}

// IsZero reports whether nobody is meant.
func (p Party) IsZero() bool { return p == Party{} }

// party says for whom the actor applies. Residents apply for whomever they act
// for; an officer at the counter, and the program, name the applicant.
func (s *Service) party(actor city.Actor, it *item, of Party) (Party, error) {
	switch actor.Kind {
	case city.Officer, city.System:
		if of.Person.IsZero() {
			return of, city.InvalidFields([]city.Field{{Name: "for", Message: city.Message{Key: "service.for_whom"}}})
		}
	default:
		own := Party{actor.Applicant(), actor.Firm}
		if !of.IsZero() && of != own {
			return of, city.Forbidden("service.not_for_them")
		}
		of = own
		if !actor.OnBehalf.IsZero() && actor.OnBehalf != actor.Person && !it.Delegable {
			return of, city.Invalid("service.not_delegable", "item", it.Name)
		}
	}
	if of.Firm.IsZero() && !slices.Contains(it.For, ForPerson) {
		return of, city.Invalid("service.for_firms", "item", it.Name)
	}
	if !of.Firm.IsZero() && !slices.Contains(it.For, ForFirm) {
		return of, city.Invalid("service.for_people", "item", it.Name)
	}
	return of, nil
}

// itemResource describes an application for the item to the policies.
func itemResource(it *Item, p Party) access.Resource {
	return access.Resource{Type: "Item", ID: string(it.Code), Attrs: access.Attrs{
		"item": it.Code, "body": it.Body, "clerk": string(it.Body) + ".clerk", "applicant": p.Person, "firm": p.Firm, "delegable": it.Delegable}}
}

// program is the service acting for a body: what it reads is shown to the person
// as that body's use.
func program(body city.BodyID) city.Actor {
	a := city.SystemActor("serviceitem")
	a.Body = body
	return a
}
