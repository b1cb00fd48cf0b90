package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"yiwang/app"
	"yiwang/cities"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/serviceitem"
)

// town is the whole program over the stage's database, with residents who apply
// for social-security cards and the two officers who decide: form, rules, papers,
// clock, journal, a signed card, and everybody who follows the journal.
type town struct {
	app    *app.App
	filing serviceitem.Filing
	body   []byte // the same application as JSON
	url    string

	clerk, approver known
	residents       []known
	turn            atomic.Uint64 // whose turn it is to apply
}

// known is somebody who has signed in.
type known struct {
	city.Actor
	token string
}

// residents are so many that none comes to have more papers than a person has.
const residents = 100

const (
	item          = "social-security-card"
	sessionCookie = "yiwang" // of a program that is not reached over https
)

var program = city.SystemActor("bench")

// people makes residents and officers once a database, and signs them in.
func (t *town) people(ctx context.Context, o Options) error {
	a := t.app
	hash, err := a.Identity.Hash(ctx, "demo")
	if err != nil {
		return err
	}
	var logins []string
	err = a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		for i := range residents + 2 {
			kind, login := city.Resident, fmt.Sprintf("bench-%d", i)
			if i >= residents {
				kind = city.Officer
			}
			logins = append(logins, login)
			number := city.NewCitizenNumber("990101", city.Date{Year: 1980, Month: 5, Day: 1 + i%28}, 100+i, false)
			if _, err := a.Directory.PersonByNumber(ctx, tx, number); err == nil {
				continue // an earlier half's
			} else if city.KindOf(err) != city.KindNotFound {
				return err
			}
			who, err := a.Directory.AddPerson(ctx, tx, program, directory.Person{CitizenNumber: number, Name: "Lin Xiaoman", Region: "990101001001",
				Address: "88 Riverside Road", Phone: "13900990001"})
			if err != nil {
				return err
			}
			if kind == city.Officer {
				post := []city.PostID{"human-resources.clerk", "human-resources.approver"}[i-residents]
				err = a.Directory.Appoint(ctx, tx, program, directory.Holding{Post: post, Person: who})
			} else {
				err = t.papers(ctx, tx, who, number)
			}
			if err != nil {
				return err
			}
			if _, err := a.Identity.CreateAccount(ctx, tx, program, identity.NewAccount{Kind: kind, Person: who, Login: login, Password: hash}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, login := range logins {
		token, actor, err := a.Identity.SignIn(ctx, city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb}, identity.SignIn{Login: login, Password: "demo"})
		if err != nil {
			return err
		}
		t.residents = append(t.residents, known{actor, token})
		if o.Progress != nil {
			fmt.Fprintf(o.Progress, "\rsigning in: %d of %d ", i+1, len(logins))
		}
	}
	if o.Progress != nil {
		fmt.Fprintln(o.Progress)
	}
	t.clerk, t.approver, t.residents = t.residents[residents], t.residents[residents+1], t.residents[:residents]
	return nil
}

// next is the resident who applies next.
func (t *town) next() known { return t.residents[t.turn.Add(1)%residents] }

// papers gives the resident the identity card that the application rests on.
func (t *town) papers(ctx context.Context, tx *db.Tx, who city.PersonID, number string) error {
	typ, ok := t.app.Credentials.Type("resident-id-card")
	if !ok {
		return errors.New("bench: the city has no identity cards")
	}
	fields := map[string]string{}
	for _, f := range typ.Fields {
		fields[f.ID] = map[string]string{"date": "2020-01-01", "integer": "1", "decimal": "1"}[string(f.Type)]
		if fields[f.ID] == "" {
			fields[f.ID] = "-"
		}
	}
	fields["name"], fields["citizen_number"], fields["birth_date"] = "Lin Xiaoman", number, "1980-05-01"
	_, err := t.app.Credentials.Issue(ctx, tx, program, credential.Request{Cause: "held: identity card of " + number, Type: typ.ID,
		Holder: credential.Holder{Person: who, Name: "Lin Xiaoman", Code: number}, Fields: fields})
	return err
}

// application fills in the item's own example, with a yes to the paper that the
// city holds.
func (t *town) application() error {
	it, _, ok := t.app.Items.Item(item)
	if !ok {
		return fmt.Errorf("bench: no item %s", item)
	}
	t.filing = serviceitem.Filing{Item: item, Answers: it.Example.Answers, Materials: map[string]serviceitem.Handed{"identity": {Fetch: true}}}
	var err error
	t.body, err = json.Marshal(map[string]any{"item": item, "answers": it.Example.Answers, "materials": map[string]any{"identity": map[string]any{"fetch": true}}})
	return err
}

func (t *town) file(ctx context.Context) error {
	_, err := t.app.Items.File(ctx, t.next().Actor, t.filing)
	return err
}

// inProcess is a card from the application to its delivery, by calls.
func (t *town) inProcess(ctx context.Context) error {
	c, err := t.app.Items.File(ctx, t.next().Actor, t.filing)
	if err != nil {
		return err
	}
	for _, step := range []struct {
		who  city.Actor
		name string
	}{{t.clerk.Actor, "accept"}, {t.approver.Actor, "approve"}, {t.clerk.Actor, "deliver"}} {
		if c, err = t.app.Cases.Do(ctx, step.who, c.Number, stepAction(step.name)); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if c.Open {
		return fmt.Errorf("bench: case %s is still open", c.Number)
	}
	return nil
}

// overHTTP is the same by requests. Each carries a key of its own when keyed is
// true, so that it could be repeated.
func (t *town) overHTTP(keyed bool, client *http.Client) func(context.Context) error {
	post := func(ctx context.Context, token, path string, body []byte, want int) (c struct{ Number, Status string }, err error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url+path, bytes.NewReader(body))
		if err != nil {
			return c, err
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		if keyed {
			r.Header.Set("Idempotency-Key", city.NewCaseID().String())
		}
		res, err := client.Do(r)
		if err != nil {
			return c, err
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			return c, err
		}
		if res.StatusCode != want {
			return c, fmt.Errorf("%s: %d %s", path, res.StatusCode, raw)
		}
		return c, json.Unmarshal(raw, &c)
	}
	return func(ctx context.Context) error {
		c, err := post(ctx, t.next().token, "/api/v1/applications", t.body, http.StatusCreated)
		if err != nil {
			return err
		}
		actions := "/api/v1/cases/" + c.Number + "/actions"
		for _, step := range []struct{ token, name string }{{t.clerk.token, "accept"}, {t.approver.token, "approve"}, {t.clerk.token, "deliver"}} {
			if c, err = post(ctx, step.token, actions, fmt.Appendf(nil, `{"action": %q}`, step.name), http.StatusOK); err != nil {
				return err
			}
		}
		if c.Status != "closed" {
			return fmt.Errorf("bench: case %s is %s", c.Number, c.Status)
		}
		return nil
	}
}

// serve listens on loopback until stop is called.
func (t *town) serve(ctx context.Context) (stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t.url = "http://" + l.Addr().String()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- t.app.Serve(ctx, l) }()
	return func() error { cancel(); return <-done }, nil
}

// pages measures what an officer's pages take, one after the other.
func (t *town) pages(ctx context.Context, o Options, client *http.Client) error {
	for _, p := range []struct{ name, path string }{
		{"inbox page", "/desk"},
		{"search page, a name", "/desk/search?q=Xiaoman"},
		{"search page, a number", "/desk/search?q=JH-2026-0000"},
	} {
		var took []time.Duration
		for range 100 {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url+p.path, nil)
			if err != nil {
				return err
			}
			r.AddCookie(&http.Cookie{Name: sessionCookie, Value: t.clerk.token})
			began := time.Now()
			res, err := client.Do(r)
			if err != nil {
				return err
			}
			raw, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil {
				return err
			}
			if res.StatusCode != http.StatusOK || !bytes.Contains(raw, []byte("/desk/cases/")) {
				return fmt.Errorf("bench: %s answered %d without a case", p.path, res.StatusCode)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		fmt.Fprintf(o.Out, "  %-44s median %s, p95 %s\n", p.name+", over HTTP", took[50].Round(10*time.Microsecond), took[95].Round(10*time.Microsecond))
	}
	return nil
}

// figures measures the whole program. bare is what the store committed in the
// same run.
func (t *town) figures(ctx context.Context, o Options, bare float64) error {
	fmt.Fprintf(o.Out, "  the whole program, %s from application to delivery\n", item)
	filing, err := line(ctx, o, "filing (form, rules, case, journal)", 32, "workers", t.file)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "  filing / store's commits %32.2f\n", filing/bare)
	inside := 0.0
	for _, n := range []int{1, 8, 32} {
		r, err := line(ctx, o, "lifecycle in process", n, "workers", t.inProcess)
		if err != nil {
			return err
		}
		inside = max(inside, r)
	}
	stop, err := t.serve(ctx)
	if err != nil {
		return err
	}
	client := newClient()
	outside := 0.0
	for _, n := range []int{1, 8, 32} {
		r, err := line(ctx, o, "lifecycle over HTTP", n, "connections", t.overHTTP(false, client))
		if err != nil {
			return errors.Join(err, stop())
		}
		outside = max(outside, r)
	}
	keyed, err := line(ctx, o, "lifecycle over HTTP, idempotency keys", 32, "connections", t.overHTTP(true, client))
	if err != nil {
		return errors.Join(err, stop())
	}
	fmt.Fprintf(o.Out, "  over HTTP / in process %34.2f (with keys %.2f)\n", outside/inside, keyed/inside)
	return errors.Join(t.pages(ctx, o, client), stop())
}

func newTown(ctx context.Context, o Options, data string) (*town, error) {
	a, err := app.New(ctx, app.Options{CityFS: cities.Jianghai(), Data: data, Database: o.Database, Demo: true})
	if err != nil {
		return nil, err
	}
	t := &town{app: a}
	if err := t.people(ctx, o); err != nil {
		return nil, errors.Join(err, a.DB.Close())
	}
	return t, t.application()
}

func newClient() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
}
