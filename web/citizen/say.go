package citizen

import (
	"errors"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/rule"
	"yiwang/web"
)

// What codes of the domain are called on these pages.

// messageOf is what an error tells the person.
func messageOf(err error) city.Message {
	var e *city.Error
	if errors.As(err, &e) && e.Message.Key != "" {
		return e.Message
	}
	return city.Message{Key: "error.fields", Args: []any{"n", 1}}
}

// faultsOf are the faults that an error points at, or the error itself as a fault
// of no field. They are shown on the page of the form; what no change of the form
// would mend is no fault of it.
func faultsOf(err error) (faults []city.Field, ok bool) {
	var e *city.Error
	if !errors.As(err, &e) {
		return nil, false
	}
	switch e.Kind {
	case city.KindInvalid, city.KindTooLarge, city.KindRateLimited:
	default:
		return nil, false
	}
	if len(e.Fields) > 0 {
		return e.Fields, true
	}
	return []city.Field{{Message: e.Message}}, true
}

func draftID(s string) (id city.DraftID, err error) {
	id, err = parseID[city.DraftID](s)
	return id, err
}

// parseID reads an identifier of an address; what is none leads nowhere.
func parseID[T interface{ ~[16]byte }](s string) (T, error) {
	var none T
	id, err := city.ParseID[struct{}](s)
	if err != nil || id.IsZero() {
		return none, city.NotFound("error.not_found")
	}
	return T(id), nil
}

// body is a public body as people call it.
func (p *Pages) body(id city.BodyID) city.Text {
	if b, ok := p.Directory.Body(id); ok {
		return b.Name
	}
	return web.Plain(string(id))
}

// post is who looks or acts; a body without a post is the program working for it.
func (p *Pages) post(id city.PostID) city.Text {
	if x, ok := p.Directory.Post(id); ok {
		return x.Name
	}
	return web.Words("citizen.look.program")
}

// itemName is what a service is called.
func (p *Pages) itemName(code city.ItemCode) city.Text {
	if it, _, ok := p.Items.Item(code); ok {
		return it.Name
	}
	if l, ok := p.Items.ListedItem(string(code)); ok {
		return web.Plain(l.Name)
	}
	return web.Plain(string(code))
}

// source says where the city knows something from.
func (p *Pages) source(declared string) city.Text {
	s, err := rule.ParseSource(declared)
	if err != nil {
		return city.Text{}
	}
	switch s.Kind {
	case rule.FromLicence:
		if t, ok := p.Credentials.Type(city.CredentialType(s.Name)); ok {
			if s.Field == "exists" {
				return web.Words("citizen.source.licence.exists", "name", t.Name)
			}
			return web.Words("citizen.source.licence", "name", t.Name)
		}
	case rule.FromRegister:
		return web.Words("citizen.source.register." + s.Name)
	case rule.FromAnswer:
		return web.Words("citizen.source.answer")
	}
	return web.Words("citizen.source.exchange")
}

// datum is what was read about somebody: "name", "register:person.name",
// "licence:property-deed", "application".
func (p *Pages) datum(field string) city.Text {
	if s, err := rule.ParseSource(field); err == nil && s.Kind == rule.FromRegister {
		field = s.Field
	}
	if t, ok := strings.CutPrefix(field, "licence:"); ok {
		t, _, _ = strings.Cut(t, ".")
		if def, ok := p.Credentials.Type(city.CredentialType(t)); ok {
			return def.Name
		}
	}
	if said, ok := city.LookupText("citizen.datum." + field); ok {
		return said
	}
	return web.Plain(field)
}

func purpose(key string) city.Text {
	if said, ok := city.LookupText(key); ok {
		return said
	}
	if said, ok := city.LookupText("purpose." + key); ok {
		return said
	}
	return web.Plain(key)
}

// day is a civil date of a moment as the city's calendar has it.
func (p *Pages) day(t time.Time) city.Date {
	if t.IsZero() {
		return city.Date{}
	}
	return city.DateOf(t.In(p.Pack.Zone))
}
