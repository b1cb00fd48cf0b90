package fleet

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yiwang/access"
	"yiwang/city"
	registers "yiwang/fleet"
	"yiwang/fleet/gateway"
	"yiwang/fleet/jt808"
	"yiwang/fleet/register"
	"yiwang/web"
)

// PathTerminals is the page of what vehicle terminals send.
const PathTerminals = "/desk/terminals"

// Terminals are what the page stands on. Gateway gives nil where no terminals are
// heard.
type Terminals struct {
	Access  *access.Access
	Gateway func() *gateway.Gateway
	Texts   *registers.Texts
	Aside   func() int // damaged files of tracks that were set aside; nil: nobody keeps any
	Frame   func(ctx context.Context, actor city.Actor, section string) web.DeskDoc
}

// Heard is the page.
type Heard struct {
	Doc     web.DeskDoc
	Open    bool // terminals are heard
	Aside   int  // damaged files of tracks that were set aside
	Counts  gateway.Counts
	Wrong   [][]templ.Component
	Unknown [][]templ.Component
	Samples []Sampled
	Tell    bool
	Fields  []web.Field // of the form for a text
	Sent    bool
	Trouble city.Message // why a text did not go out
}

// Sampled are the newest frames that were refused for one reason.
type Sampled struct {
	Why    string
	Frames []Framed
}

// Framed is one of them.
type Framed struct {
	At   time.Time
	Size int
	Hex  string
	Cut  bool // it was longer than is kept
}

// MayHear reports whether somebody may see what terminals send, for the menu.
func (t *Terminals) MayHear(actor city.Actor) bool {
	return actor.Kind == city.Officer && t.Access.Decide(actor, "terminal.read", access.Resource{Type: "Fleet"}).Allowed
}

// Routes adds the page.
func (t *Terminals) Routes(mux *http.ServeMux) {
	mux.Handle("GET "+PathTerminals, web.Page(t.page))
	mux.Handle("POST "+PathTerminals, web.Page(t.tell))
}

func (t *Terminals) heard(r *http.Request) (Heard, error) {
	ctx := r.Context()
	v := web.ViewOf(ctx)
	h := Heard{Doc: t.Frame(ctx, v.Actor, "terminals"), Fields: []web.Field{
		{Name: "vehicle", Type: web.FieldText, Label: web.Words("terminals.vehicle"), Required: true, Max: 20, Value: r.URL.Query().Get("vehicle")},
		{Name: "text", Type: web.FieldLongText, Label: web.Words("terminals.text"), Hint: web.Words("terminals.text.hint"), Required: true, Max: 500}}}
	if err := t.Access.Ask(ctx, v.Actor, "terminal.read", access.Resource{Type: "Fleet"}); err != nil {
		return h, err
	}
	h.Doc.Title = web.T(ctx, "terminals.title")
	if t.Aside != nil {
		h.Aside = t.Aside()
	}
	g := t.Gateway()
	if h.Open = g != nil; !h.Open {
		return h, nil
	}
	h.Counts, h.Tell = g.Counts(), t.Texts.May(v.Actor)
	type wrong struct {
		words string
		n     int64
	}
	var all []wrong
	for why, n := range h.Counts.Refused {
		all = append(all, wrong{web.T(ctx, "jt808.reason."+string(why)), n})
	}
	for why, n := range h.Counts.Troubles {
		all = append(all, wrong{web.T(ctx, "terminals.trouble."+string(why)), n})
	}
	slices.SortFunc(all, func(a, b wrong) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.words, b.words)) })
	for _, w := range all {
		h.Wrong = append(h.Wrong, []templ.Component{web.Text(w.words), web.Text(strconv.FormatInt(w.n, 10))})
	}
	ids := make([]jt808.ID, 0, len(h.Counts.Unknown))
	for id := range h.Counts.Unknown {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		h.Unknown = append(h.Unknown, []templ.Component{web.Text("0x" + id.String()), web.Text(strconv.FormatInt(h.Counts.Unknown[id], 10))})
	}
	for why, frames := range g.Samples() {
		key := "jt808.reason." + why
		if why == string(gateway.Unkept) {
			key = "terminals.trouble." + why
		}
		s := Sampled{Why: web.T(ctx, key)}
		for _, f := range slices.Backward(frames) {
			s.Frames = append(s.Frames, Framed{At: city.FromMicros(f.At), Size: f.Size, Hex: spaced(f.Hex), Cut: f.Size > len(f.Hex)/2})
		}
		h.Samples = append(h.Samples, s)
	}
	slices.SortFunc(h.Samples, func(a, b Sampled) int { return cmp.Compare(a.Why, b.Why) })
	return h, nil
}

// spaced puts a blank after each byte, so that a line can break.
func spaced(hex string) string {
	var b strings.Builder
	for i := 0; i+1 < len(hex); i += 2 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(hex[i : i+2])
	}
	return b.String()
}

func (t *Terminals) page(w http.ResponseWriter, r *http.Request) error {
	h, err := t.heard(r)
	if err != nil {
		return err
	}
	h.Sent = r.URL.Query().Get("sent") == "1"
	return web.Render(w, r, http.StatusOK, terminalsPage(h))
}

func (t *Terminals) tell(w http.ResponseWriter, r *http.Request) error {
	h, err := t.heard(r)
	if err != nil {
		return err
	}
	if !h.Open {
		return city.NotFound("error.not_found")
	}
	for i := range h.Fields {
		h.Fields[i].Value = strings.TrimSpace(r.PostFormValue(h.Fields[i].Name))
	}
	err = t.Texts.Tell(r.Context(), web.ViewOf(r.Context()).Actor, register.VehicleID(h.Fields[0].Value), h.Fields[1].Value)
	if err == nil {
		return web.Redirect(w, r, PathTerminals+"?sent=1")
	}
	var e *city.Error
	if !errors.As(err, &e) || e.Kind == city.KindForbidden || e.Kind == city.KindInternal {
		return err
	}
	if len(e.Fields) > 0 {
		web.FaultsOf(h.Fields, e.Fields, "")
	} else {
		h.Trouble = e.Message
	}
	return web.Render(w, r, web.Status(err), terminalsPage(h))
}

func counted(what string) []web.Column {
	return []web.Column{{Name: web.Words(what)}, {Name: web.Words("terminals.times"), Number: true}}
}

func cutMark(cut bool) string {
	if cut {
		return " …"
	}
	return ""
}
