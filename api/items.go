package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"yiwang/access"
	"yiwang/city"
	"yiwang/form"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/serviceitem"
)

// maxUpload bounds an uploaded file before its field's own bound is known.
const maxUpload = 40 << 20

type itemBody struct {
	Code    city.ItemCode `json:"code"`
	Name    city.Text     `json:"name"`
	Summary city.Text     `json:"summary"`
	Body    city.BodyID   `json:"body,omitempty"`
	Online  bool          `json:"online" doc:"Can be applied for here."`
}

type itemsQuery struct {
	Q     string `query:"q" maxLength:"200" doc:"What somebody wants to do, in their own words."`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"30"`
	After string `query:"after"`
}

func (a *API) listItems(ctx context.Context, _ city.Actor, in *itemsQuery) (*list[itemBody], error) {
	var all []itemBody
	if strings.TrimSpace(in.Q) != "" {
		for _, h := range a.Search.Items(ctx, in.Q, readerFrom(ctx).lang) {
			b := itemBody{Code: h.Code, Name: h.Name}
			if it, _, ok := a.Items.Item(h.Code); ok {
				b = itemOf(it)
			}
			all = append(all, b)
		}
	} else {
		for _, it := range a.Items.AllItems() {
			all = append(all, itemOf(it))
		}
	}
	if in.After != "" { // best first, or by code: what comes behind the last one
		at := slices.IndexFunc(all, func(b itemBody) bool { return string(b.Code) == in.After })
		if at < 0 {
			return nil, city.Invalid("error.cursor")
		}
		all = all[at+1:]
	}
	if len(all) <= in.Limit {
		return listOf(all, ""), nil
	}
	return listOf(all[:in.Limit], string(all[in.Limit-1].Code)), nil
}

func itemOf(it serviceitem.Item) itemBody {
	return itemBody{Code: it.Code, Name: it.Name, Summary: it.Summary, Body: it.Body, Online: true}
}

type wholeItemBody struct {
	serviceitem.Item
	Online bool `json:"online" doc:"Can be applied for here; without it there is no form and no example yet."`
	// Not called Form: the library would take it for the item's own member.
	Definition *form.Form       `json:"form_definition,omitempty"`
	Example    *applicationBody `json:"example,omitempty" doc:"An application that the demonstration's resident can send as it stands."`
}

type codeIn struct {
	Code string `path:"code"`
}

func (a *API) getItem(ctx context.Context, _ city.Actor, in *codeIn) (*body[*wholeItemBody], error) {
	it, f, ok := a.Items.Item(city.ItemCode(in.Code))
	if !ok {
		l, listed := a.Items.ListedItem(in.Code)
		if !listed {
			return nil, city.NotFound("service.no_item")
		}
		return &body[*wholeItemBody]{&wholeItemBody{Item: serviceitem.Item{Code: city.ItemCode(l.Code), Name: city.Text{ZhHans: l.Name, En: l.Name}}}}, nil
	}
	questions := f.Form()
	b := &wholeItemBody{Item: it, Online: true, Definition: &questions}
	ex, err := a.Items.Sample(it.Code)
	if err != nil {
		return nil, err
	}
	b.Example = &applicationBody{Item: it.Code, Answers: ex.Answers, Materials: materialsOf(ex.Materials), For: string(it.Example.For)}
	return &body[*wholeItemBody]{b}, nil
}

// applicationBody is an application as it is sent.
type applicationBody struct {
	Item      city.ItemCode           `json:"item,omitempty" example:"senior-allowance"`
	Scenario  string                  `json:"scenario,omitempty"`
	Answers   map[string]any          `json:"answers,omitempty" doc:"By the field's id."`
	Materials map[string]materialBody `json:"materials,omitempty" doc:"By the material's id."`
	For       string                  `json:"for,omitempty" doc:"For whom: absent for oneself; the id of a person or firm that the caller may act for; \"delegator\" or \"firm\" for the only one; at the counter a citizen number or a person's id."`
	Channel   city.Channel            `json:"channel,omitempty" enum:"web,mobile,counter,kiosk,phone,api,paper,"`
	Draft     city.DraftID            `json:"draft,omitzero" doc:"Send a draft as it stands; nothing else is needed then."`
}

// materialBody says how a material is handed in.
type materialBody struct {
	Fetch   bool          `json:"fetch,omitempty" doc:"Yes, take it from my licences."`
	Later   bool          `json:"later,omitempty" doc:"It follows, where that is allowed."`
	Paper   bool          `json:"paper,omitempty" doc:"Seen at the counter."`
	Uploads []city.BlobID `json:"uploads,omitzero" doc:"Of POST /api/v1/uploads."`
	Name    string        `json:"name,omitempty" doc:"With content: the file's name."`
	Content []byte        `json:"content,omitempty" doc:"A small file in base64."`
}

func materialsOf(m map[string]serviceitem.Handed) map[string]materialBody {
	out := map[string]materialBody{}
	for id, h := range m {
		b := materialBody{Fetch: h.Fetch, Later: h.Later, Paper: h.Paper, Uploads: h.Files}
		if len(h.Inline) > 0 {
			b.Name, b.Content = h.Inline[0].Name, h.Inline[0].Content
		}
		out[id] = b
	}
	return out
}

func handed(m map[string]materialBody) map[string]serviceitem.Handed {
	out := map[string]serviceitem.Handed{}
	for id, b := range m {
		h := serviceitem.Handed{Fetch: b.Fetch, Later: b.Later, Paper: b.Paper, Files: b.Uploads}
		if len(b.Content) > 0 {
			h.Inline = []serviceitem.InlineFile{{Name: b.Name, Content: b.Content}}
		}
		out[id] = h
	}
	return out
}

type applyIn struct{ Body applicationBody }

type created struct {
	Status   int
	Location string `header:"Location"`
	Body     *caseBody
}

func (a *API) apply(ctx context.Context, actor city.Actor, in *applyIn) (*created, error) {
	b := in.Body
	if b.Item == "" && b.Draft.IsZero() {
		return nil, city.InvalidFields([]city.Field{{Name: "item", Message: city.Message{Key: "api.fault.required", Args: []any{"what", "item"}}}})
	}
	actor, party, err := a.onBehalf(ctx, actor, b.For)
	if err != nil {
		return nil, err
	}
	c, err := a.Items.File(ctx, actor, serviceitem.Filing{Item: b.Item, Scenario: b.Scenario, Answers: b.Answers, Materials: handed(b.Materials),
		For: party, Channel: b.Channel, Key: readerFrom(ctx).key, Draft: b.Draft})
	if err != nil {
		return nil, err
	}
	whole, err := a.whole(ctx, actor, c.Number)
	if err != nil {
		return nil, err
	}
	return &created{Status: http.StatusCreated, Location: "/api/v1/cases/" + string(c.Number), Body: whole}, nil
}

// onBehalf makes the actor act for whom the caller names. Residents choose among
// those who gave them leave; officers at the counter name the applicant.
func (a *API) onBehalf(ctx context.Context, actor city.Actor, whom string) (city.Actor, serviceitem.Party, error) {
	if whom == "" || whom == "self" {
		return actor, serviceitem.Party{}, nil
	}
	var party serviceitem.Party
	run := a.DB.View
	if actor.Kind == city.Officer {
		run = a.DB.Update // looking somebody up leaves a trace
	}
	err := run(ctx, func(ctx context.Context, tx *db.Tx) error {
		if actor.Kind == city.Officer {
			if err := party.Person.UnmarshalJSON([]byte(`"` + whom + `"`)); err == nil {
				return nil
			}
			actor.Channel = city.ChannelCounter // whoever files for somebody else stands at a counter
			found, err := a.Directory.FindPerson(ctx, tx, actor, whom, access.Use{Purpose: "purpose.handle", Fields: []string{"citizen_number"}})
			party.Person = found.ID
			return err
		}
		ps, err := a.Identity.Principals(ctx, tx, actor)
		if err != nil {
			return err
		}
		var fit []identity.Choice
		for _, p := range ps {
			isFirm := !p.Choice.Firm.IsZero()
			if p.Choice.Firm.String() == whom || p.Choice.Delegation.String() == whom ||
				whom == "firm" && isFirm || whom == "delegator" && !isFirm {
				fit = append(fit, p.Choice)
			}
		}
		if len(fit) != 1 {
			return city.InvalidFields([]city.Field{{Name: "for", Message: city.Message{Key: "api.for_unknown"}}})
		}
		actor, err = a.Identity.ActFor(ctx, tx, actor, fit[0])
		return err
	})
	return actor, party, err
}

func (a *API) supply(ctx context.Context, actor city.Actor, n city.CaseNumber, in *actIn) (*body[*caseBody], error) {
	_, err := a.Items.Supply(ctx, actor, n, serviceitem.Correction{Answers: in.Body.Answers, Materials: handed(in.Body.Materials), Version: in.Body.Version, Key: readerFrom(ctx).key})
	return a.after(ctx, actor, n, err)
}

type ratingIn struct {
	ByNumber
	Body struct {
		Level int    `json:"level" minimum:"1" maximum:"5" doc:"1 very satisfied, 2 satisfied, 3 fairly satisfied, 4 dissatisfied, 5 very dissatisfied (GB/T 39046 A.8)"`
		Text  string `json:"text,omitempty" maxLength:"4000"`
	}
}

type ratingBody struct {
	Case     city.CaseNumber   `json:"case"`
	Level    serviceitem.Level `json:"level"`
	Text     string            `json:"text,omitempty"`
	At       time.Time         `json:"at"`
	FollowUp city.CaseNumber   `json:"follow_up,omitempty" doc:"The case that a bad rating opened."`
}

func (a *API) rate(ctx context.Context, actor city.Actor, in *ratingIn) (*body[ratingBody], error) {
	actor, n, err := a.caseFor(ctx, actor, in.Number)
	if err != nil {
		return nil, err
	}
	r, err := a.Items.Rate(ctx, actor, n, serviceitem.Level(in.Body.Level), in.Body.Text)
	return &body[ratingBody]{ratingBody{Case: r.Case, Level: r.Level, Text: r.Text, At: a.zone(r.At), FollowUp: r.FollowUp}}, err
}

type reviewIn struct {
	ByNumber
	Body struct {
		Reason string `json:"reason" maxLength:"4000"`
	}
}

func (a *API) review(ctx context.Context, actor city.Actor, in *reviewIn) (*created, error) {
	actor, n, err := a.caseFor(ctx, actor, in.Number)
	if err != nil {
		return nil, err
	}
	c, err := a.Items.LookAgain(ctx, actor, n, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return &created{Status: http.StatusCreated, Location: "/api/v1/cases/" + string(c.Number), Body: a.caseOf(c)}, nil
}

type uploadIn struct {
	Item     string `query:"item" doc:"Of the application that will be sent with it."`
	Draft    string `query:"draft"`
	Case     string `query:"case" doc:"With a correction."`
	Material string `query:"material" required:"true"`
	Name     string `query:"name" required:"true" maxLength:"200"`
	For      string `query:"for"`
	RawBody  []byte `contentType:"application/octet-stream"`
}

func (a *API) upload(ctx context.Context, actor city.Actor, in *uploadIn) (*body[serviceitem.File], error) {
	actor, party, err := a.onBehalf(ctx, actor, in.For)
	if err != nil {
		return nil, err
	}
	u := serviceitem.Upload{Item: city.ItemCode(in.Item), Case: city.CaseNumber(in.Case), For: party, Material: in.Material, Name: in.Name,
		Size: int64(len(in.RawBody)), Content: bytes.NewReader(in.RawBody)}
	if in.Draft != "" {
		if err := u.Draft.UnmarshalJSON([]byte(`"` + in.Draft + `"`)); err != nil {
			return nil, city.NotFound("error.not_found")
		}
	}
	f, err := a.Items.Upload(ctx, actor, u)
	return &body[serviceitem.File]{f}, err
}

type blobIn struct {
	ID string `path:"id"`
}

func (a *API) download(ctx context.Context, actor city.Actor, in *blobIn) (*huma.StreamResponse, error) {
	var id city.BlobID
	if err := id.UnmarshalJSON([]byte(`"` + in.ID + `"`)); err != nil || id.IsZero() {
		return nil, city.NotFound("error.not_found")
	}
	var f serviceitem.File
	var content io.ReadCloser
	err := a.inSomeName(ctx, actor, func(as city.Actor) (err error) {
		f, content, err = a.Items.OpenUpload(ctx, as, id, "purpose.handle")
		return err
	})
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer content.Close()
		c.SetHeader("Content-Type", f.Media)
		c.SetHeader("Content-Disposition", "attachment")
		c.SetHeader("X-Content-Type-Options", "nosniff")
		_, _ = io.Copy(c.BodyWriter(), content)
	}}, nil
}
