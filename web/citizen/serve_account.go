package citizen

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"yiwang/city"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/web"
)

func (p *Pages) account(w http.ResponseWriter, r *http.Request) error {
	done := city.Message{}
	switch what := r.URL.Query().Get("done"); what {
	case "password", "passkey", "passkey_removed", "session", "sessions":
		done = city.Message{Key: "citizen.account.done." + what}
	}
	return p.showAccount(w, r, http.StatusOK, done, nil, nil)
}

// showAccount shows the account; faults are of the password's form, keyFaults of
// the new passkey's.
func (p *Pages) showAccount(w http.ResponseWriter, r *http.Request, status int, done city.Message, faults, keyFaults []city.Field) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	k, err := p.known(r)
	if err != nil {
		return err
	}
	me := oneself(a)
	v := Account{Name: a.Name, Done: done, Password: PasswordFields(), PasswordAction: PathPassword, Tokens: PathTokens, MoreNotices: PathNotices}
	v.Others = web.FaultsOf(v.Password, faults, "")
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		account, err := p.Identity.ReadAccount(ctx, tx, me, a.Account)
		if err != nil {
			return err
		}
		v.Login = account.Login
		page, err := p.Notices.List(ctx, tx, a, "", 5)
		if err != nil {
			return err
		}
		v.Notices = p.noticeLines(a, page)
		keys, err := p.Identity.Passkeys(ctx, tx, me)
		if err != nil {
			return err
		}
		for _, x := range keys {
			v.Passkeys = append(v.Passkeys, PasskeyLine{Name: x.Name, Created: x.Created, Used: x.Used, Remove: PathPasskeys + "/" + x.ID.String() + "/remove"})
		}
		v.NewPasskey, err = p.newPasskey(ctx, tx, me, k.Session, keyFaults)
		if city.KindOf(err) == city.KindUnauthenticated {
			v.Again, err = PathSignIn+"?again=1&back="+url.QueryEscape(PathAccount), nil
		}
		if err != nil {
			return err
		}
		sessions, err := p.Identity.Sessions(ctx, tx, me)
		if err != nil {
			return err
		}
		for _, s := range sessions {
			line := SessionLine{Device: s.Device, Address: s.Address, Seen: s.Seen, Here: s.ID == k.Session, End: PathSessions + "/" + s.ID.String() + "/end"}
			if line.Device == "" {
				line.Device = web.T(r.Context(), "citizen.account.sessions.unknown")
			}
			v.Sessions = append(v.Sessions, line)
		}
		if len(sessions) > 1 {
			v.EndOthers = PathSessions + "/end"
		}
		if a.Kind != city.Resident {
			return nil
		}
		list, err := p.Identity.Principals(ctx, tx, me)
		for _, x := range list {
			if !x.Choice.Firm.IsZero() {
				v.Firms = append(v.Firms, web.Link{Text: web.Plain(x.Name), Href: PathDelegations})
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, status, AccountPage(v))
}

// newPasskey is the form that adds a passkey; nil where that can't be done.
func (p *Pages) newPasskey(ctx context.Context, tx *db.Tx, me city.Actor, session identity.SessionID, faults []city.Field) (*web.Passkey, error) {
	options, signed, err := p.Identity.BeginPasskey(ctx, tx, me, session)
	switch city.KindOf(err) {
	case "":
	case city.KindNotFound, city.KindInvalid: // off, or there are enough
		return nil, nil
	default:
		return nil, err
	}
	f := AddPasskey(string(options), signed)
	for _, x := range faults {
		f.Name.Fault = x.Message
	}
	return f, nil
}

func (p *Pages) changePassword(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	k, err := p.known(r)
	if err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	err = p.Identity.ChangePassword(r.Context(), oneself(a), k.Session, sent.Get("current"), sent.Get("password"))
	if faults, ok := faultsOf(err); ok {
		return p.showAccount(w, r, http.StatusUnprocessableEntity, city.Message{}, faults, nil)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, PathAccount+"?done=password")
}

func (p *Pages) addPasskey(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	k, err := p.known(r)
	if err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	err = p.DB.Update(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := p.Identity.FinishPasskey(ctx, tx, oneself(a), k.Session, sent.Get("signed"), sent.Get("name"), []byte(sent.Get("response")))
		return err
	})
	if faults, ok := faultsOf(err); ok {
		return p.showAccount(w, r, http.StatusUnprocessableEntity, city.Message{}, nil, faults)
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, PathAccount+"?done=passkey")
}

// change does something to the reader's own account and goes back to a page.
func (p *Pages) change(w http.ResponseWriter, r *http.Request, back string, f func(ctx context.Context, tx *db.Tx, me city.Actor) error) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	if err := p.DB.Update(r.Context(), func(ctx context.Context, tx *db.Tx) error { return f(ctx, tx, oneself(a)) }); err != nil {
		return err
	}
	return web.Redirect(w, r, back)
}

func (p *Pages) removePasskey(w http.ResponseWriter, r *http.Request) error {
	id, err := parseID[identity.PasskeyID](r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.change(w, r, PathAccount+"?done=passkey_removed", func(ctx context.Context, tx *db.Tx, me city.Actor) error {
		return p.Identity.RemovePasskey(ctx, tx, me, id)
	})
}

func (p *Pages) endSession(w http.ResponseWriter, r *http.Request) error {
	id, err := parseID[identity.SessionID](r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.change(w, r, PathAccount+"?done=session", func(ctx context.Context, tx *db.Tx, me city.Actor) error {
		return p.Identity.EndSession(ctx, tx, me, id)
	})
}

func (p *Pages) endOtherSessions(w http.ResponseWriter, r *http.Request) error {
	k, err := p.known(r)
	if err != nil {
		return err
	}
	return p.change(w, r, PathAccount+"?done=sessions", func(ctx context.Context, tx *db.Tx, me city.Actor) error {
		return p.Identity.EndOtherSessions(ctx, tx, me, k.Session)
	})
}

// Scopes that a token is offered with: what a program may do in the owner's name.
var tokenScopes = []struct{ id, scope string }{
	{"read", "case.read"}, {"file", "item.*"}, {"act", "case.*"}, {"licences", "credential.*"}, {"all", "*"},
}

func (p *Pages) tokens(w http.ResponseWriter, r *http.Request) error {
	return p.showTokens(w, r, http.StatusOK, tokenFields("", nil, ""), nil, "")
}

func tokenFields(name string, scopes []string, days string) []web.Field {
	f := []web.Field{
		{Name: "name", Type: web.FieldText, Label: web.Words("citizen.tokens.name"), Hint: web.Words("citizen.tokens.name.hint"), Required: true, Max: 60, Value: name},
		{Name: "scopes", Type: web.FieldMultiChoice, Label: web.Words("citizen.tokens.scopes"), Required: true, Values: scopes},
		{Name: "days", Type: web.FieldChoice, Label: web.Words("citizen.tokens.days"), Required: true, Value: days},
	}
	for _, s := range tokenScopes {
		f[1].Options = append(f[1].Options, web.Option{Value: s.id, Label: web.Words("citizen.tokens.scope." + s.id), Hint: web.Plain(s.scope)})
	}
	for _, n := range []int{7, 30, 90, 365} {
		f[2].Options = append(f[2].Options, web.Option{Value: strconv.Itoa(n), Label: limit(city.Limit{N: n, Unit: city.NaturalDays})})
	}
	return f
}

// showTokens lists the tokens; secret, when there is one, is shown this once.
func (p *Pages) showTokens(w http.ResponseWriter, r *http.Request, status int, fields []web.Field, others []city.Field, secret string) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	v := Tokens{New: fields, Others: others, Secret: secret, Action: PathTokens}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		list, err := p.Identity.Tokens(ctx, tx, oneself(a), a.Account)
		for _, t := range list {
			v.Tokens = append(v.Tokens, TokenLine{Name: t.Name, Scopes: t.Scopes, Used: t.Used, Until: t.Expires, End: PathTokens + "/" + t.ID.String() + "/end"})
		}
		return err
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, status, TokensPage(v))
}

// createToken makes a token and shows its secret, this once. Its name is given
// once, so that sending the form again makes no second one.
func (p *Pages) createToken(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	t := identity.NewToken{Name: sent.Get("name")}
	for _, s := range tokenScopes {
		for _, chosen := range sent["scopes"] {
			if chosen == s.id {
				t.Scopes = append(t.Scopes, s.scope)
			}
		}
	}
	days, _ := strconv.Atoi(sent.Get("days")) // anything else is no time at all
	t.Expires = p.Clock.Now().Add(time.Duration(days) * 24 * time.Hour)
	var secret string
	err = p.DB.Update(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		me := oneself(a)
		have, err := p.Identity.Tokens(ctx, tx, me, a.Account)
		if err != nil {
			return err
		}
		for _, x := range have {
			if x.Name == t.Name {
				return city.InvalidFields([]city.Field{{Name: "name", Message: city.Message{Key: "citizen.tokens.name.taken"}}})
			}
		}
		secret, _, err = p.Identity.CreateToken(ctx, tx, me, t)
		return err
	})
	if faults, ok := faultsOf(err); ok {
		fields := tokenFields(t.Name, sent["scopes"], sent.Get("days"))
		for i := range faults {
			if faults[i].Name == "expires" {
				faults[i].Name = "days"
			}
		}
		rest := web.FaultsOf(fields, faults, "")
		return p.showTokens(w, r, http.StatusUnprocessableEntity, fields, rest, "")
	}
	if err != nil {
		return err
	}
	return p.showTokens(w, r, http.StatusOK, tokenFields("", nil, ""), nil, secret)
}

func (p *Pages) endToken(w http.ResponseWriter, r *http.Request) error {
	id, err := parseID[identity.TokenID](r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.change(w, r, PathTokens, func(ctx context.Context, tx *db.Tx, me city.Actor) error {
		return p.Identity.EndToken(ctx, tx, me, me.Account, id)
	})
}

func (p *Pages) activatePage(w http.ResponseWriter, r *http.Request) error {
	return web.Render(w, r, http.StatusOK, ActivatePage(Activate{Action: PathActivate, Fields: ActivateFields(r.URL.Query().Get("code"), "", false)}))
}

// activate sets login and password with the code from a counter, and signs in.
func (p *Pages) activate(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	login, password := sent.Get("login"), sent.Get("password")
	_, err = p.Identity.Activate(r.Context(), nobody, identity.Activation{Code: sent.Get("code"), Login: login, Password: password, Address: p.Address(r)})
	if faults, ok := faultsOf(err); ok {
		v := Activate{Action: PathActivate, Fields: ActivateFields(sent.Get("code"), login, false)}
		v.Others = web.FaultsOf(v.Fields, faults, "")
		return web.Render(w, r, web.Status(err), ActivatePage(v))
	}
	if err != nil {
		return err
	}
	if login == "" {
		return web.Redirect(w, r, PathSignIn)
	}
	token, actor, err := p.Identity.SignIn(r.Context(), nobody, identity.SignIn{Login: login, Password: password, From: p.from(r)})
	return p.arrive(w, r, sent, token, actor, err)
}
