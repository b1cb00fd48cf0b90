package hotline

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"yiwang/access"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/geo"
	"yiwang/incident"
	"yiwang/incident/words"
	"yiwang/internal/db"
	"yiwang/web"
)

// Call is the page of a call.
type Call struct {
	Key     string
	Caller  []web.Field // who calls, and what they want
	Words   web.Field
	Class   web.Field
	Place   []web.Field
	Point   geo.Point
	Sending []web.Field // where to, by when; empty is as the class says
	Answer  web.Field
	Ground  web.Field
	Others  []city.Field
	Beside  Beside
	Earlier *EarlierCalls // once somebody looked
	MayLook bool          // for earlier calls
	Urge    Urge
	Done    *Done // what became of the last call
}

// EarlierCalls are the matters that were called about from the same number.
type EarlierCalls struct{ List []EarlierCall }

// EarlierCall is one of them.
type EarlierCall struct {
	incident.Earlier
	Name city.Text
	Href string
}

// Done is what became of a call, to be read out.
type Done struct {
	Number city.CaseNumber
	Code   string
	Says   city.Message
	Href   string
}

// Beside is what the page finds while somebody types.
type Beside struct {
	Classes []Guess
	Alike   []Alike
	Answers []Answer
	Asked   bool // there were words or a class to look by
	Chosen  city.ItemCode
}

// Guess is a class that the words fit.
type Guess struct {
	Code  city.ItemCode
	Name  city.Text
	Share int // per cent
	Why   string
	Limit city.Text
	Body  city.Text
}

// Alike is an open matter that the caller may mean.
type Alike struct {
	incident.Similar
	Name  city.Text
	Where city.Text
	Whose city.Text
	Href  string
}

// Answer is something that can be read out.
type Answer struct {
	incident.Read
	Said string // the words that led to it
}

// Urge asks for the number of a matter that somebody calls about again.
type Urge struct {
	Key    string
	Fields []web.Field
	Others []city.Field
	Done   *city.Message // what was noted
	Number city.CaseNumber
	Href   string
}

const (
	mostAnswers = 5
	mostGuesses = 3
	sayID       = 100 // bytes of the id of an answer
)

func (p *Pages) callPage(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	actor, err := p.operator(r.Context(), actor)
	if err != nil {
		return err
	}
	return p.show(w, r, actor, http.StatusOK, p.call(nil, nil))
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request, actor city.Actor, status int, c Call) error {
	if c.Urge.Fields == nil {
		c.Urge = urgeOf(nil, nil)
	}
	c.MayLook = p.Access.Decide(actor, "incident.earlier", access.Resource{Type: "Incident"}).Allowed
	doc := p.Frame(r.Context(), actor, "hotline")
	doc.Title = web.T(r.Context(), "hotline.title")
	return web.Render(w, r, status, callPage(doc, c))
}

// call lays the page out with what was typed.
func (p *Pages) call(sent url.Values, faults []city.Field) Call {
	get := func(name string) string { return strings.TrimSpace(sent.Get(name)) }
	c := Call{Key: get("key")}
	if c.Key == "" {
		c.Key = city.NewEventID().String()
	}
	kind := web.Field{Name: "type", Type: web.FieldChoice, Label: web.Words("hotline.type"), Required: true, Value: get("type")}
	if kind.Value == "" {
		kind.Value = string(incident.Help)
	}
	for _, t := range incident.Types {
		kind.Options = append(kind.Options, web.Option{Value: string(t), Label: typeName(t)})
	}
	c.Caller = []web.Field{
		{Name: "name", Type: web.FieldText, Label: web.Words("hotline.name"), Max: 60, Value: get("name"), Autocomplete: "off"},
		{Name: "phone", Type: web.FieldPhone, Label: web.Words("hotline.phone"), Max: 30, Value: get("phone"), Autocomplete: "off"}, kind}
	c.Words = web.Field{Name: "text", Type: web.FieldLongText, Label: web.Words("hotline.words"), Required: true, Max: 5000, Value: get("text")}
	c.Class = web.Field{Name: "class", Type: web.FieldRegion, Label: web.Words("hotline.class"), Options: p.classes, Value: get("class")}
	c.Place = []web.Field{
		{Name: "region", Type: web.FieldRegion, Label: web.Words("hotline.community"), Options: p.places, Value: get("region")},
		{Name: "address", Type: web.FieldText, Label: web.Words("hotline.address"), Max: 200, Value: get("address"), Autocomplete: "off"}}
	c.Point, _ = web.ReadPoint(get, "place")
	limit := web.Field{Name: "limit", Type: web.FieldRegion, Label: web.Words("hotline.limit"), Any: web.Words("hotline.as_class"), Value: get("limit")}
	for _, l := range limits {
		limit.Options = append(limit.Options, web.Option{Value: l.Encode(), Label: limitWords(l)})
	}
	c.Sending = []web.Field{{Name: "post", Type: web.FieldRegion, Label: web.Words("hotline.post"), Hint: web.Words("hotline.post.hint"), Any: web.Words("hotline.as_class"), Options: p.posts, Value: get("post")}, limit}
	c.Answer = web.Field{Name: "answer", Type: web.FieldLongText, Label: web.Words("hotline.answer"), Max: 4000, Value: get("answer")}
	c.Ground = web.Field{Name: "ground", Type: web.FieldRegion, Label: web.Words("hotline.ground"), Options: p.grounds, Value: get("ground")}
	rest := faults
	one := func(f *web.Field) {
		list := []web.Field{*f}
		rest = web.FaultsOf(list, rest, "")
		*f = list[0]
	}
	rest = web.FaultsOf(c.Caller, rest, "")
	rest = web.FaultsOf(c.Place, rest, "")
	rest = web.FaultsOf(c.Sending, rest, "")
	for _, f := range []*web.Field{&c.Words, &c.Class, &c.Answer, &c.Ground} {
		one(f)
	}
	c.Others = rest
	return c
}

// fields are all of them, for the summary of faults.
func (c Call) fields() []web.Field {
	list := slices.Concat(c.Caller, []web.Field{c.Words, c.Class}, c.Place, c.Sending, []web.Field{c.Answer, c.Ground})
	return list
}

var limits = []city.Limit{
	{N: 2, Unit: city.EmergencyHours}, {N: 4, Unit: city.EmergencyHours}, {N: 24, Unit: city.EmergencyHours},
	{N: 1, Unit: city.WorkingDays}, {N: 3, Unit: city.WorkingDays}, {N: 5, Unit: city.WorkingDays}, {N: 10, Unit: city.WorkingDays}, {N: 15, Unit: city.WorkingDays},
}

func typeName(t incident.Type) city.Text { return web.Words("hotline.type." + string(t)) }

// lookup finds classes, open matters and answers for what was typed so far.
func (p *Pages) lookup(ctx context.Context, actor city.Actor, sent url.Values) (Beside, error) {
	text, b := strings.TrimSpace(sent.Get("text")), Beside{Chosen: city.ItemCode(sent.Get("class"))}
	b.Asked = text != "" || b.Chosen != ""
	lang := web.ViewOf(ctx).Lang
	var classes []city.ItemCode
	if b.Chosen != "" {
		classes = append(classes, b.Chosen)
	}
	for _, s := range p.suggested(text) {
		class, _ := p.Incidents.Class(s.Class)
		b.Classes = append(b.Classes, Guess{Code: s.Class, Name: class.Name, Share: int(s.Share*100 + 0.5), Why: listed(lang, s.Why), Limit: limitWords(class.Limit), Body: p.bodyName(class.Body)})
		if b.Chosen == "" {
			classes = append(classes, s.Class)
		}
	}
	for _, a := range p.shelf.Find(text, mostAnswers) {
		b.Answers = append(b.Answers, Answer{Read: a, Said: listed(lang, a.Why)})
	}
	point, err := web.ReadPoint(sent.Get, "place")
	if err != nil {
		point = geo.Point{}
	}
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		list, err := p.Incidents.Alike(ctx, tx, actor, incident.Alike{Classes: classes, Point: point, Region: city.RegionCode(sent.Get("region"))})
		for _, m := range list {
			b.Alike = append(b.Alike, Alike{Similar: m, Name: p.className(m.Class), Where: p.regionName(m.Region), Whose: p.bodyName(m.Body), Href: p.CasePath(m.Number)})
		}
		return err
	})
	return b, err
}

// suggested are the classes that are worth showing beside what was typed.
func (p *Pages) suggested(text string) (out []words.Suggestion) {
	for _, s := range p.Incidents.Suggest(text) {
		if s.Share >= 0.05 && len(s.Why) > 0 && len(out) < mostGuesses {
			out = append(out, s)
		}
	}
	return out
}

func listed(lang city.Lang, words []string) string {
	var out []string
	for _, w := range words {
		out = append(out, city.Say(lang, "hotline.quoted", "word", w))
	}
	return strings.Join(out, city.Say(lang, "web.list.and"))
}

// besidePart is what stands beside the form, made anew while somebody types.
func (p *Pages) besidePart(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	actor, err := p.operator(r.Context(), actor)
	if err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	b, err := p.lookup(r.Context(), actor, sent)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, beside(b))
}

// take does what the operator pressed: looks again, takes over a class or an answer,
// or ends the call. A call that is sent twice is one.
func (p *Pages) take(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	ctx := r.Context()
	actor, err := p.operator(ctx, actor)
	if err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	again := func(status int, faults []city.Field) error {
		c := p.call(sent, faults)
		if c.Beside, err = p.lookup(ctx, actor, sent); err != nil {
			return err
		}
		return p.show(w, r, actor, status, c)
	}
	if code := sent.Get("use"); code != "" {
		sent.Set("class", code)
	}
	if id := sent.Get("say"); id != "" && len(id) <= sayID {
		for _, a := range p.shelf.Find(sent.Get("text"), mostAnswers) {
			if a.ID == id {
				sent.Set("answer", a.Answer.In(web.ViewOf(ctx).Lang))
			}
		}
	}
	if sent.Get("earlier") != "" {
		found, err := p.earlier(ctx, actor, sent.Get("phone"))
		var e *city.Error
		if errors.As(err, &e) && e.Kind == city.KindInvalid {
			return again(web.Status(err), e.Fields)
		}
		if err != nil {
			return err
		}
		c := p.call(sent, nil)
		if c.Beside, err = p.lookup(ctx, actor, sent); err != nil {
			return err
		}
		c.Earlier = &found
		return p.show(w, r, actor, http.StatusOK, c)
	}
	do := sent.Get("do")
	if do == "" && sent.Get("join") == "" {
		return again(http.StatusOK, nil)
	}
	rep, faults := p.reported(ctx, sent, do)
	if len(faults) > 0 {
		return again(http.StatusUnprocessableEntity, faults)
	}
	got, err := p.Incidents.Report(ctx, actor, rep)
	var e *city.Error
	if errors.As(err, &e) && (e.Kind == city.KindInvalid || e.Kind == city.KindConflict) {
		faults = e.Fields
		if len(faults) == 0 {
			faults = []city.Field{{Message: e.Message}}
		}
		return again(web.Status(err), rename(faults))
	}
	if err != nil {
		return err
	}
	c := p.call(nil, nil)
	c.Done = &Done{Number: got.Number, Code: got.Code, Href: p.CasePath(got.Number), Says: p.became(got, do)}
	return p.show(w, r, actor, http.StatusOK, c)
}

// earlier finds what was called about from the number before; the look is on record.
func (p *Pages) earlier(ctx context.Context, actor city.Actor, phone string) (found EarlierCalls, err error) {
	err = p.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		list, err := p.Incidents.Earlier(ctx, tx, actor, phone)
		found.List = nil
		for _, e := range list {
			found.List = append(found.List, EarlierCall{Earlier: e, Name: p.className(e.Class), Href: p.CasePath(e.Number)})
		}
		return err
	})
	return found, err
}

// rename puts faults of the domain to the fields of the page.
func rename(faults []city.Field) []city.Field {
	names := map[string]string{"reason": "answer", "into": "join", "place": "region", "body": "post"}
	out := make([]city.Field, len(faults))
	for i, f := range faults {
		if n := names[f.Name]; n != "" {
			f.Name = n
		}
		out[i] = f
	}
	return out
}

// reported is the report that the page makes.
func (p *Pages) reported(ctx context.Context, sent url.Values, do string) (r incident.Report, faults []city.Field) {
	fault := func(name, key string) {
		faults = append(faults, city.Field{Name: name, Message: city.Message{Key: key}})
	}
	get := func(name string) string { return strings.TrimSpace(sent.Get(name)) }
	point, err := web.ReadPoint(get, "place")
	if err != nil {
		fault("region", "incident.place.invalid")
	}
	r = incident.Report{Type: incident.Type(get("type")), Class: city.ItemCode(get("class")), Text: get("text"), Key: get("key"), Source: "hotline", Apart: true,
		Place:    city.Place{Lat: point.Lat, Lon: point.Lon, Address: get("address"), Region: city.RegionCode(get("region"))},
		Reporter: incident.Reporter{Name: get("name"), Phone: get("phone"), Lang: web.ViewOf(ctx).Lang}}
	if r.Text == "" {
		fault("text", "incident.text.empty")
	}
	if join := get("join"); join != "" {
		n, err := city.ParseCaseNumber(join)
		if err != nil {
			fault("join", "incident.join.unknown")
		}
		r.Join = n
		return r, faults
	}
	if shown := p.suggested(r.Text); len(shown) > 0 {
		r.Offered = shown[0].Class
	}
	switch do {
	case "dispatch":
		r.Then = casework.Action{Name: do}
		if r.Class == "" {
			fault("class", "incident.class.needed")
			return r, faults
		}
		if post, limit := city.PostID(get("post")), get("limit"); post != "" || limit != "" {
			class, _ := p.Incidents.Class(r.Class)
			if post == "" {
				post = class.Post
			}
			if limit == "" {
				limit = class.Limit.Encode()
			}
			r.Then.Params = map[string]string{"body": string(post.Body()), "post": strings.TrimPrefix(string(post), string(post.Body())+"."), "limit": limit}
		}
	case "answered":
		r.Then = casework.Action{Name: do, Reason: get("answer")}
		if r.Then.Reason == "" {
			fault("answer", "hotline.answer.needed")
		}
	case "not_accepted":
		r.Then = casework.Action{Name: do, Reason: get("answer"), Params: map[string]string{"ground": get("ground")}}
		if get("ground") == "" {
			fault("ground", "hotline.ground.needed")
		}
		if r.Then.Reason == "" {
			fault("answer", "hotline.answer.needed")
		}
	default: // kept: the hotline decides later
		r.Then = casework.Action{Name: casework.ActComment, Note: web.T(ctx, "hotline.kept.note")}
	}
	return r, faults
}

// became says in a sentence what became of a call.
func (p *Pages) became(got incident.Receipt, do string) city.Message {
	key := "hotline.done.keep"
	switch {
	case got.Joined:
		key = "hotline.done.join"
	case do == "dispatch":
		key = "hotline.done.dispatch"
	case do == "answered":
		key = "hotline.done.answered"
	case do == "not_accepted":
		key = "hotline.done.not_accepted"
	}
	return city.Message{Key: key, Args: []any{"body", p.bodyName(got.Body), "due", got.Due}}
}

func urgeOf(sent url.Values, faults []city.Field) Urge {
	u := Urge{Key: city.NewEventID().String()}
	u.Fields = []web.Field{
		{Name: "number", Type: web.FieldText, Label: web.Words("hotline.urge.number"), Required: true, Max: 40, Value: strings.TrimSpace(sent.Get("number")), Autocomplete: "off"},
		{Name: "note", Type: web.FieldText, Label: web.Words("hotline.urge.note"), Max: 1000, Value: strings.TrimSpace(sent.Get("note")), Autocomplete: "off"}}
	u.Others = web.FaultsOf(u.Fields, faults, "")
	return u
}

// urge notes that somebody called again about a matter, and tells whoever has it.
func (p *Pages) urge(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	ctx := r.Context()
	actor, err := p.operator(ctx, actor)
	if err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	n, err := city.ParseCaseNumber(strings.TrimSpace(sent.Get("number")))
	var c casework.Case
	if err == nil {
		c, err = p.Cases.Do(ctx, actor, n, casework.Action{Name: casework.ActUrge, Key: sent.Get("urge"), Note: strings.TrimSpace(sent.Get("note"))})
	}
	page := p.call(nil, nil)
	var e *city.Error
	switch {
	case errors.As(err, &e) && e.Kind != city.KindForbidden && e.Kind != city.KindUnavailable && e.Kind != city.KindInternal:
		faults := e.Fields
		if len(faults) == 0 {
			faults = []city.Field{{Name: "number", Message: e.Message}}
		}
		page.Urge = urgeOf(sent, faults)
		return p.show(w, r, actor, web.Status(err), page)
	case err != nil:
		return err
	}
	page.Urge = urgeOf(nil, nil)
	page.Urge.Done = &city.Message{Key: "hotline.urged", Args: []any{"body", p.bodyName(c.Body), "stands", c.Tell}}
	page.Urge.Number, page.Urge.Href = n, p.CasePath(n)
	return p.show(w, r, actor, http.StatusOK, page)
}
