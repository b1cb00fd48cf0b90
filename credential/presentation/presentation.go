// Package presentation asks wallets of others for licences: OpenID for Verifiable
// Presentations 1.0 as a verifier, with a signed request that the wallet fetches
// (client identifier prefix x509_hash), a DCQL query and the response mode
// direct_post. It knows what is asked and what is believed; web/presentation speaks
// HTTP.
//
// A question lives five minutes in the memory of one process and is answered once.
// Nothing of the answer is stored: the asker sees the claims that were asked for,
// and then they are gone.
package presentation

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"sync"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/sdjwt"
	"yiwang/internal/db"
	"yiwang/journal"
)

// Bounds.
const (
	// Life is how long a question waits, and how long its answer can be seen.
	Life          = 5 * time.Minute
	mostQuestions = 10_000 // open at once, of everybody
	mostOfOne     = 20     // open at once, of one asker
	mostClaims    = 32
)

// Paths of what wallets ask for, below the city's address; the question's secret
// name follows.
const (
	PathRequest = "/wallet/request/"
	PathAnswer  = "/wallet/answer/"
)

// queryID is the name of the one credential that a question asks for.
const queryID = "licence"

// Options make a desk that asks.
type Options struct {
	DB       *db.DB
	Journal  *journal.Journal
	Access   *access.Access
	Licences *credential.Registry
	Clock    city.Clock
	Name     city.Text // of the city
}

// Desk asks, and judges the answers. It is safe for concurrent use.
type Desk struct {
	o  Options
	mu sync.Mutex
	// open are the questions by the name that wallets know. Guarded by mu.
	open map[string]*question
}

// New makes a desk.
func New(o Options) *Desk { return &Desk{o: o, open: map[string]*question{}} }

// question is one that waits, or was answered.
type question struct {
	name, nonce, state string
	asker              city.Actor
	kind               city.CredentialType
	claims             []string
	until              time.Time
	client             string // as the wallet was told, the audience of its proof
	answered           bool
	answer             *Answer
}

// Ask says what is wanted of a wallet.
type Ask struct {
	Type   city.CredentialType
	Claims []string // of credential.Type, each "holder", "number", …, or "fields.ID"
}

// Asked is a question as it is shown to who holds the wallet.
type Asked struct {
	ID    string // for the asker
	Link  string // opens a wallet on this device; as a QR code, on another
	Until time.Time
}

// Claims are what may be asked of a licence of the type, each with its name.
func Claims(t credential.Type) (ids []string, names map[string]city.Text) {
	names = map[string]city.Text{}
	add := func(id string, name city.Text) { ids = append(ids, id); names[id] = name }
	for _, id := range []string{"holder", "number", "holder_code", "issued", "from", "until"} {
		key := "wallet.claim." + id
		add(id, city.Text{ZhHans: city.Say(city.Chinese, key), En: city.Say(city.English, key)})
	}
	for _, f := range t.Fields {
		add("fields."+f.ID, f.Name)
	}
	return ids, names
}

// May reports whether the actor may ask wallets.
func (d *Desk) May(ctx context.Context, actor city.Actor) bool {
	return d.o.Access.Ask(ctx, actor, "presentation.ask", d.resource(actor)) == nil
}

func (d *Desk) resource(actor city.Actor) access.Resource {
	return access.Resource{Type: "Presentation", ID: string(actor.Body), Attrs: map[string]any{"body": actor.Body}}
}

// Ask opens a question in the name of the actor's office.
func (d *Desk) Ask(ctx context.Context, actor city.Actor, a Ask) (Asked, error) {
	if err := d.o.Access.Ask(ctx, actor, "presentation.ask", d.resource(actor)); err != nil {
		return Asked{}, err
	}
	t, ok := d.o.Licences.Type(a.Type)
	if !ok {
		return Asked{}, city.NotFound("credential.no_type", "type", string(a.Type))
	}
	known, _ := Claims(t)
	claims := slices.Clone(a.Claims)
	slices.Sort(claims)
	claims = slices.Compact(claims)
	for _, c := range claims {
		if !slices.Contains(known, c) {
			return Asked{}, city.Invalid("presentation.no_claim")
		}
	}
	if len(claims) == 0 || len(claims) > mostClaims {
		return Asked{}, city.Invalid("presentation.choose")
	}
	now := d.o.Clock.Now()
	q := &question{name: random(), nonce: random(), state: random(), asker: actor, kind: t.ID, claims: claims, until: now.Add(Life)}
	cert, err := d.o.Licences.TokenCertificate()
	if err != nil {
		return Asked{}, err
	}
	q.client = clientOf(cert)
	d.mu.Lock()
	defer d.mu.Unlock()
	mine := 0
	for name, have := range d.open {
		if !now.Before(have.until) {
			delete(d.open, name)
		} else if have.asker.Account == actor.Account {
			mine++
		}
	}
	if mine >= mostOfOne || len(d.open) >= mostQuestions {
		return Asked{}, city.RateLimited("presentation.too_many")
	}
	d.open[q.name] = q
	link := "openid4vp://?client_id=" + url.QueryEscape(q.client) + "&request_uri=" + url.QueryEscape(d.o.Licences.Origin()+PathRequest+q.name)
	return Asked{q.id(), link, q.until}, nil
}

// id is the question's name for its asker: who knows only it can't answer.
func (q *question) id() string {
	sum := sha256.Sum256([]byte("asker " + q.name))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// clientOf is the city's name as a verifier: the hash of the certificate that its
// requests are signed with (OpenID4VP 1.0, 5.9.3).
func clientOf(certificate []byte) string {
	sum := sha256.Sum256(certificate)
	return "x509_hash:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

func random() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// find is an open question by the name that wallets know.
func (d *Desk) find(name string) (*question, *Refusal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.open[name]
	if q == nil || !d.o.Clock.Now().Before(q.until) {
		return nil, &Refusal{Over}
	}
	return q, nil
}

// Request is the signed request object of a question, as the wallet fetches it.
func (d *Desk) Request(ctx context.Context, name string) (string, error) {
	q, refused := d.find(name)
	if refused != nil {
		return "", refused
	}
	body := map[string]any{
		"iss": q.client, "client_id": q.client, "aud": "https://self-issued.me/v2",
		"response_type": "vp_token", "response_mode": "direct_post", "response_uri": d.o.Licences.Origin() + PathAnswer + q.name,
		"nonce": q.nonce, "state": q.state, "iat": d.o.Clock.Now().Unix(), "exp": q.until.Unix(),
		"dcql_query": d.query(q),
		"client_metadata": map[string]any{"client_name": d.o.Name.ZhHans, "client_name#en": d.o.Name.En,
			"vp_formats_supported": map[string]any{sdjwt.Type: map[string]any{"sd-jwt_alg_values": sdjwt.Algorithms, "kb-jwt_alg_values": sdjwt.Algorithms}}},
	}
	text, cert, err := d.o.Licences.SignToken(ctx, "oauth-authz-req+jwt", body)
	if err == nil && clientOf(cert) != q.client { // the key was changed in between
		return "", &Refusal{Over}
	}
	return text, err
}

func (d *Desk) query(q *question) map[string]any {
	var claims []any
	for _, c := range q.claims {
		claims = append(claims, map[string]any{"path": pathOf(c)})
	}
	return map[string]any{"credentials": []any{map[string]any{"id": queryID, "format": sdjwt.Type,
		"meta": map[string]any{"vct_values": []string{d.o.Licences.VCT(q.kind)}}, "claims": claims}}}
}

// State is how a question stands. Only its asker may know.
type State struct {
	Type   city.CredentialType
	Claims []string // that were asked for
	Until  time.Time
	Answer *Answer // nil: nobody has answered yet
}

// Look tells the asker how a question stands.
func (d *Desk) Look(actor city.Actor, id string) (State, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, q := range d.open {
		if q.id() == id && q.asker.Account == actor.Account && q.asker.Body == actor.Body && d.o.Clock.Now().Before(q.until) {
			return State{q.kind, q.claims, q.until, q.answer}, nil
		}
	}
	return State{}, city.NotFound("presentation.over")
}
