package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// give offers leave and gives its id.
func (w *town) give(a city.Actor, l identity.Leave) (id city.DelegationID, err error) {
	err = w.do(func(ctx context.Context, tx *db.Tx) error { id, err = w.Give(ctx, tx, a, l); return err })
	return id, err
}

func (w *town) accept(a city.Actor, id city.DelegationID) error {
	return w.do(func(ctx context.Context, tx *db.Tx) error { return w.Accept(ctx, tx, a, id) })
}

func (w *town) end(a city.Actor, id city.DelegationID) error {
	return w.do(func(ctx context.Context, tx *db.Tx) error { return w.EndDelegation(ctx, tx, a, id) })
}

func (w *town) choose(token string, c identity.Choice) (city.Actor, error) {
	k, err := w.known(token)
	if err != nil {
		return k.Actor, err
	}
	a := k.Actor
	err = w.do(func(ctx context.Context, tx *db.Tx) error {
		a, err = w.Choose(ctx, tx, k.Actor, k.Session, c)
		return err
	})
	return a, err
}

func (w *town) leaves(a city.Actor) (list []identity.Delegation, err error) {
	err = w.db.View(context.Background(), func(ctx context.Context, tx *db.Tx) error { list, err = w.Delegations(ctx, tx, a); return err })
	return list, err
}

// A grandmother lets her daughter apply for the allowance, until the end of the year.
func TestADaughterActsForHerMother(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		ctx := context.Background()
		mother, daughter, neighbour := w.person("周桂英"), w.person("林晓梅"), w.person("赵明")
		w.account(city.Resident, mother, "mother")
		w.account(city.Resident, daughter, "daughter")
		w.account(city.Resident, neighbour, "neighbour")
		_, m := w.signIn("mother")
		token, da := w.signIn("daughter")
		_, nb := w.signIn("neighbour")

		// The mother finds her daughter by number and name together.
		_, err := w.FindTaker(ctx, m, w.number(2), "林小梅")
		wantKey(t, err, city.KindInvalid, "identity.no_taker")
		_, err2 := w.FindTaker(ctx, m, w.number(400), "林晓梅")
		if err == nil || err2 == nil || err.Error() != err2.Error() {
			t.Errorf("a wrong name says %v, an unknown number %v", err, err2)
		}
		_, err = w.FindTaker(ctx, m, w.number(2)[:17]+"?", "林晓梅")
		wantKind(t, err, city.KindInvalid)
		taker, err := w.FindTaker(ctx, m, w.number(2), " 林 晓梅")
		if err != nil || taker != daughter {
			t.Fatal(taker, err)
		}

		year := monday.AddDate(0, 1, 7)
		leave := identity.Leave{Taker: daughter, Items: []city.ItemCode{"senior-allowance", "senior-allowance"}, Until: year}
		id, err := w.give(m, leave)
		must(t, err)
		c := identity.Choice{Delegation: id}
		_, err = w.choose(token, c)
		wantKind(t, err, city.KindForbidden) // not accepted yet
		wantKind(t, w.accept(nb, id), city.KindForbidden)
		wantKind(t, w.accept(m, id), city.KindForbidden)
		must(t, w.accept(da, id))
		wantKey(t, w.accept(da, id), city.KindConflict, "identity.leave_not_offered")

		a, err := w.choose(token, c)
		must(t, err)
		if a.OnBehalf != mother || a.Applicant() != mother || a.Person != daughter || a.Delegation != id ||
			!cmp.Equal(a.Items, []city.ItemCode{"senior-allowance"}) {
			t.Errorf("%+v", a)
		}
		k, err := w.known(token)
		must(t, err)
		if diff := cmp.Diff(a, k.Actor); diff != "" {
			t.Error("the session forgot:", diff)
		}

		// Acting for her mother she can't hand the leave on, nor see what is hers alone.
		_, err = w.give(k.Actor, identity.Leave{Taker: neighbour, Until: year})
		wantKind(t, err, city.KindForbidden)
		_, err = w.give(k.Actor, identity.Leave{Giver: mother, Taker: neighbour, Until: year})
		wantKind(t, err, city.KindForbidden)
		_, err = w.leaves(k.Actor)
		wantKind(t, err, city.KindForbidden)

		// Both see it, the neighbour doesn't.
		for _, x := range []city.Actor{m, da} {
			list, err := w.leaves(x)
			must(t, err)
			if len(list) != 1 || list[0].GiverName != "周桂英" || list[0].TakerName != "林晓梅" || list[0].State(w.clock.Now()) != identity.DelegationLive {
				t.Errorf("%+v", list)
			}
		}
		if list, err := w.leaves(nb); len(list) != 0 || err != nil {
			t.Error(list, err)
		}
		w.see(func(ctx context.Context, tx *db.Tx) error {
			list, err := w.Principals(ctx, tx, da)
			want := []identity.Principal{{Choice: c, Name: "周桂英", Role: "delegation", Until: year.UTC(), Items: []city.ItemCode{"senior-allowance"}}}
			if diff := cmp.Diff(want, list); diff != "" {
				t.Error(diff)
			}
			return err
		})

		// The mother takes it back while the daughter is in the middle of it: the next
		// step is refused once with the reason, and then the daughter acts for herself.
		wantKind(t, w.end(nb, id), city.KindForbidden)
		must(t, w.end(m, id))
		wantKey(t, w.end(da, id), city.KindConflict, "identity.leave_ended")
		_, err = w.known(token)
		wantKey(t, err, city.KindConflict, "identity.leave_over")
		k, err = w.known(token)
		must(t, err)
		if !k.Actor.OnBehalf.IsZero() || k.Actor.Items != nil {
			t.Errorf("still acts: %+v", k.Actor)
		}
		_, err = w.choose(token, c)
		wantKind(t, err, city.KindForbidden)

		// Another leave runs out by itself.
		id, err = w.give(m, leave)
		must(t, err)
		must(t, w.accept(da, id))
		_, err = w.choose(token, identity.Choice{Delegation: id})
		must(t, err)
		w.clock.Set(year)
		token, _ = w.signIn("daughter")
		_, err = w.choose(token, identity.Choice{Delegation: id})
		wantKind(t, err, city.KindForbidden)
		if n := w.events("delegation.given") + w.events("delegation.accepted") + w.events("delegation.ended"); n != 5 {
			t.Errorf("%d events of delegations", n)
		}
	})
}

func TestLeavesThatCannotBe(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		mother, daughter := w.person("周桂英"), w.person("林晓梅")
		w.account(city.Resident, mother, "mother")
		w.account(city.Resident, daughter, "daughter")
		_, m := w.signIn("mother")
		_, da := w.signIn("daughter")
		ok := identity.Leave{Taker: daughter, Until: monday.AddDate(1, 0, 0)}
		for key, change := range map[string]func(*identity.Leave){
			"identity.taker_self":  func(l *identity.Leave) { l.Taker = mother },
			"identity.until_early": func(l *identity.Leave) { l.Until = monday },
			"identity.until_far":   func(l *identity.Leave) { l.Until = monday.AddDate(4, 0, 0) },
			"identity.items_many":  func(l *identity.Leave) { l.Items = make([]city.ItemCode, 101) },
		} {
			l := ok
			change(&l)
			_, err := w.give(m, l)
			wantKey(t, err, city.KindInvalid, key)
		}
		_, err := w.give(m, identity.Leave{Taker: city.NewPersonID(), Until: ok.Until})
		wantKind(t, err, city.KindNotFound)
		_, err = w.give(m, identity.Leave{Giver: daughter, Taker: mother, Until: ok.Until}) // in another's name
		wantKind(t, err, city.KindForbidden)
		for range 20 {
			id, err := w.give(m, ok)
			must(t, err)
			if w.clock.Advance(time.Second); id.IsZero() {
				t.Error("no id")
			}
		}
		_, err = w.give(m, ok)
		wantKey(t, err, city.KindInvalid, "identity.leaves_many")

		// A declined one makes room. At the counter somebody without an account gives.
		list, err := w.leaves(da)
		must(t, err)
		must(t, w.end(da, list[0].ID))
		clerk := w.person("李敏")
		w.account(city.Officer, clerk, "clerk")
		w.appoint(clerk, "service-center.clerk")
		_, c := w.signIn("clerk")
		_, err = w.give(c, identity.Leave{Giver: mother, Taker: daughter, Until: ok.Until})
		wantKind(t, err, city.KindForbidden)
		c.Channel = city.ChannelCounter
		_, err = w.give(c, identity.Leave{Giver: mother, Taker: clerk, Until: ok.Until})
		wantKind(t, err, city.KindForbidden) // not to herself
		id, err := w.give(c, identity.Leave{Giver: mother, Taker: daughter, Until: ok.Until})
		must(t, err)
		must(t, w.end(c, id))
		list, err = w.leaves(m)
		must(t, err)
		if list[0].ID != id || list[0].EndedBy != "counter" || list[0].State(w.clock.Now()) != identity.DelegationEnded {
			t.Errorf("%+v", list[0])
		}

		// Guessing whose number is whose has an end.
		var last error
		for range 12 {
			_, last = w.FindTaker(context.Background(), m, w.number(400), "某人")
		}
		wantKind(t, last, city.KindRateLimited)
	})
}

func TestActingForAFirm(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		boss, agent, stranger := w.person("陈丽"), w.person("孙强"), w.person("赵明")
		var firm city.FirmID
		must(t, w.do(func(ctx context.Context, tx *db.Tx) (err error) {
			firm, err = w.people.AddFirm(ctx, tx, program, directory.Firm{USCC: city.NewUSCC("91", "990101", 7), Name: "江海柳巷面馆有限公司"}, boss)
			return err
		}))
		for login, p := range map[string]city.PersonID{"boss": boss, "agent": agent, "stranger": stranger} {
			w.account(city.Resident, p, login)
		}
		c := identity.Choice{Firm: firm}
		bossToken, b := w.signIn("boss")
		agentToken, ag := w.signIn("agent")
		strangerToken, st := w.signIn("stranger")

		set := func(a city.Actor, p city.PersonID, until time.Time) error {
			return w.do(func(ctx context.Context, tx *db.Tx) error { return w.people.SetAgent(ctx, tx, a, firm, p, until) })
		}
		a, err := w.choose(bossToken, c)
		must(t, err)
		if a.Firm != firm || a.Applicant() != boss {
			t.Errorf("%+v", a)
		}
		_, err = w.choose(agentToken, c)
		wantKind(t, err, city.KindForbidden)
		wantKind(t, set(st, stranger, time.Time{}), city.KindForbidden)
		must(t, set(b, agent, monday.AddDate(0, 0, 30)))
		wantKind(t, set(ag, stranger, time.Time{}), city.KindForbidden) // an agent sends no agents
		_, err = w.choose(agentToken, c)
		must(t, err)
		_, err = w.choose(strangerToken, c)
		wantKind(t, err, city.KindForbidden)
		_, err = w.choose(strangerToken, identity.Choice{Firm: city.NewFirmID()})
		wantKind(t, err, city.KindForbidden)
		w.see(func(ctx context.Context, tx *db.Tx) error {
			list, err := w.Principals(ctx, tx, ag)
			if len(list) != 1 || list[0].Name != "江海柳巷面馆有限公司" || list[0].Role != "agent" {
				t.Errorf("%+v", list)
			}
			facts, err2 := w.people.FirmFacts(ctx, tx, firm)
			if facts["legal_representative"] != "陈丽" || facts["status"] != "active" {
				t.Errorf("%v, %v", facts, err2)
			}
			_, err3 := w.people.ReadFirm(ctx, tx, st, firm)
			wantKind(t, err3, city.KindForbidden)
			_, err3 = w.people.ReadFirm(ctx, tx, ag, firm)
			must(t, err3)
			return err
		})

		// The agent goes; the session that acted for the firm says so.
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.people.EndAgent(ctx, tx, ag, firm, agent) }))
		_, err = w.known(agentToken)
		wantKey(t, err, city.KindConflict, "identity.leave_over")
		_, err = w.known(agentToken)
		must(t, err)

		// The firm is sold: another legal representative, and the first is none.
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error {
			return w.people.ChangeFirm(ctx, tx, program, directory.Firm{ID: firm, USCC: city.NewUSCC("91", "990101", 7), Name: "江海柳巷面馆有限公司", Legal: "孙强"}, agent)
		}))
		_, err = w.known(bossToken)
		wantKey(t, err, city.KindConflict, "identity.leave_over")
		_, err = w.choose(agentToken, c)
		must(t, err)
		_, err = w.choose(agentToken, identity.Choice{Firm: firm, Delegation: city.NewDelegationID()})
		wantKind(t, err, city.KindInvalid)
	})
}

func TestTokens(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		lin, mother := w.person("林晓梅"), w.person("周桂英")
		account := w.account(city.Resident, lin, "lin")
		w.account(city.Resident, mother, "mother")
		_, a := w.signIn("lin")
		create := func(a city.Actor, n identity.NewToken) (secret string, tok identity.Token, err error) {
			err = w.do(func(ctx context.Context, tx *db.Tx) error {
				secret, tok, err = w.CreateToken(ctx, tx, a, n)
				return err
			})
			return secret, tok, err
		}
		month := monday.AddDate(0, 1, 0)
		n := identity.NewToken{Name: "my spreadsheet", Scopes: []string{"account.read", "case.*"}, Expires: month}
		secret, tok, err := create(a, n)
		must(t, err)
		k, err := w.known(secret)
		must(t, err)
		if k.Method != identity.ByToken || k.Actor.Channel != city.ChannelAPI || !k.Session.IsZero() ||
			!k.Actor.InScope("case.open") || k.Actor.InScope("delegation.give") || k.Actor.InScope("casework.x") {
			t.Errorf("%+v", k)
		}
		// Its owner may list sessions; the token may not, for it was not told to.
		err = w.do(func(ctx context.Context, tx *db.Tx) error { _, err := w.Sessions(ctx, tx, k.Actor); return err })
		wantKind(t, err, city.KindForbidden)
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := w.ReadAccount(ctx, tx, k.Actor, account)
			return err
		}))

		// A token of every scope makes no tokens and changes no password.
		all, _, err := create(a, identity.NewToken{Name: "all", Scopes: []string{"*"}, Expires: month})
		must(t, err)
		ka, err := w.known(all)
		must(t, err)
		_, _, err = create(ka.Actor, n)
		wantKind(t, err, city.KindForbidden)
		wantKind(t, w.ChangePassword(context.Background(), ka.Actor, identity.SessionID{}, password, "something quite new"), city.KindForbidden)

		for key, change := range map[string]func(*identity.NewToken){
			"identity.token_name":    func(n *identity.NewToken) { n.Name = " " },
			"identity.token_scopes":  func(n *identity.NewToken) { n.Scopes = nil },
			"identity.token_scope":   func(n *identity.NewToken) { n.Scopes = []string{"Case Read"} },
			"identity.token_expires": func(n *identity.NewToken) { n.Expires = monday.AddDate(2, 0, 0) },
		} {
			m := n
			change(&m)
			_, _, err := create(a, m)
			wantKey(t, err, city.KindInvalid, key)
		}

		// A token that acts for somebody dies with the leave.
		_, m := w.signIn("mother")
		id, err := w.give(m, identity.Leave{Taker: lin, Until: month})
		must(t, err)
		forMother := identity.NewToken{Name: "for mother", Scopes: []string{"case.*"}, Expires: month, ActingAs: identity.Choice{Delegation: id}}
		_, _, err = create(a, forMother)
		wantKind(t, err, city.KindForbidden)
		must(t, w.accept(a, id))
		secret2, _, err := create(a, forMother)
		must(t, err)
		k2, err := w.known(secret2)
		must(t, err)
		if k2.Actor.OnBehalf != mother {
			t.Errorf("%+v", k2.Actor)
		}
		must(t, w.end(m, id))
		_, err = w.known(secret2)
		wantKind(t, err, city.KindUnauthenticated)

		w.clock.Advance(2 * time.Minute)
		_, err = w.known(secret)
		must(t, err)
		var list []identity.Token
		w.see(func(ctx context.Context, tx *db.Tx) (err error) {
			list, err = w.Tokens(ctx, tx, a, account)
			return err
		})
		if len(list) != 3 || list[2].Name != "my spreadsheet" || list[2].Used.IsZero() {
			t.Errorf("%+v", list)
		}
		_, b := w.signIn("mother")
		wantKind(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.EndToken(ctx, tx, b, account, tok.ID) }), city.KindForbidden)
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error { return w.EndToken(ctx, tx, a, account, tok.ID) }))
		_, err = w.known(secret)
		wantKind(t, err, city.KindUnauthenticated)
		w.clock.Set(month)
		_, err = w.known(all)
		wantKind(t, err, city.KindUnauthenticated)
	})
}

// The command line on the city's machine makes a token for somebody's program.
func TestATokenFromTheCommandLine(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		wang := w.person("王建国")
		id := w.account(city.Officer, wang, "wang")
		n := identity.NewToken{Name: "exchange", Scopes: []string{"case.read"}, Expires: monday.AddDate(0, 1, 0)}
		create := func(a city.Actor) (secret string, err error) {
			err = w.do(func(ctx context.Context, tx *db.Tx) error {
				secret, _, err = w.CreateTokenFor(ctx, tx, a, id, n)
				return err
			})
			return secret, err
		}
		_, err := create(program)
		wantKey(t, err, city.KindForbidden, "identity.no_post")
		w.appoint(wang, "haitang-street.clerk")
		secret, err := create(program)
		must(t, err)
		k, err := w.known(secret)
		must(t, err)
		if k.Actor.Kind != city.Officer || k.Actor.Body != "haitang-street" || !cmp.Equal(k.Actor.Scopes, n.Scopes) {
			t.Errorf("%+v", k.Actor)
		}
		w.account(city.Resident, w.person("赵明"), "zhao")
		_, zhao := w.signIn("zhao")
		_, err = create(zhao)
		wantKind(t, err, city.KindForbidden)
	})
}

// Who is erased leaves no leave behind, on either side.
func TestErasingEndsLeaves(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		mother, daughter := w.person("周桂英"), w.person("林晓梅")
		w.account(city.Resident, mother, "mother")
		w.account(city.Resident, daughter, "daughter")
		_, m := w.signIn("mother")
		token, da := w.signIn("daughter")
		id, err := w.give(m, identity.Leave{Taker: daughter, Until: monday.AddDate(0, 1, 0)})
		must(t, err)
		must(t, w.accept(da, id))
		_, err = w.choose(token, identity.Choice{Delegation: id})
		must(t, err)
		must(t, w.do(func(ctx context.Context, tx *db.Tx) error {
			if err := w.Forget(ctx, tx, program, mother); err != nil {
				return err
			}
			return w.people.ErasePerson(ctx, tx, program, mother)
		}))
		_, err = w.known(token)
		wantKey(t, err, city.KindConflict, "identity.leave_over")
		list, err := w.leaves(da)
		must(t, err)
		if len(list) != 1 || list[0].EndedBy != "erased" || list[0].GiverName != "" {
			t.Errorf("%+v", list)
		}
	})
}
