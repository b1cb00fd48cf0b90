package citizen

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"yiwang/city"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/web"
)

// token is the session's, as the browser holds it.
func (p *Pages) token(r *http.Request) string {
	c, err := r.Cookie(p.Cookie)
	if err != nil {
		return ""
	}
	return c.Value
}

func (p *Pages) setCookie(w http.ResponseWriter, r *http.Request, token string) {
	c := &http.Cookie{Name: p.Cookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: p.Secure || r.TLS != nil}
	if token == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// known is who bears the request's session.
func (p *Pages) known(r *http.Request) (identity.Known, error) {
	t := p.token(r)
	if t == "" {
		return identity.Known{}, city.Unauthenticated("error.sign_in")
	}
	return p.Identity.Actor(r.Context(), t)
}

// Visitor says who asks, for web.Options: residents and officers alike. A session
// that is over is nobody's. When the leave that a session acts on has ended, the
// request ends with city.KindConflict, so that nothing is done for the wrong
// person.
func (p *Pages) Visitor(r *http.Request) (web.Visitor, error) {
	k, err := p.known(r)
	switch city.KindOf(err) {
	case "":
	case city.KindUnauthenticated, city.KindForbidden: // over, or an officer without any post
		return web.Visitor{}, nil
	default:
		return web.Visitor{}, err
	}
	v := web.Visitor{Actor: k.Actor}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		v.ActingFor, err = p.actingName(ctx, tx, k.Actor)
		if err == nil && r.Method == http.MethodGet {
			v.Unread, err = p.Notices.Unread(ctx, tx, k.Actor)
			if city.KindOf(err) == city.KindForbidden {
				err = nil
			}
		}
		return err
	})
	return v, err
}

// from says where a sign-in comes from.
func (p *Pages) from(r *http.Request) identity.From {
	return identity.From{Address: p.Address(r), Device: deviceOf(r.UserAgent()), Replace: p.token(r)}
}

func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// deviceOf says a browser's description of itself as its owner would, such as
// "Firefox, Windows".
func deviceOf(agent string) string {
	find := func(pairs ...string) string {
		for i := 0; i < len(pairs); i += 2 {
			if strings.Contains(agent, pairs[i]) {
				return pairs[i+1]
			}
		}
		return ""
	}
	browser := find("MicroMessenger", "WeChat", "Edg/", "Edge", "Firefox", "Firefox", "Chrome", "Chrome", "Safari", "Safari")
	system := find("iPhone", "iPhone", "iPad", "iPad", "OpenHarmony", "HarmonyOS", "Android", "Android", "Windows", "Windows", "Mac OS", "Mac", "Linux", "Linux")
	switch {
	case browser == "":
		return system
	case system == "":
		return browser
	}
	return browser + ", " + system
}

var nobody = city.Actor{Kind: city.Anonymous, Channel: city.ChannelWeb}

// demoLogins are the people of the demonstration, in the order of the list.
var demoLogins = []string{"resident", "elder", "firm", "clerk", "approver", "operator", "gridworker", "inspector", "commander", "dataofficer", "auditor", "admin"}

func (p *Pages) showSignIn(w http.ResponseWriter, r *http.Request, status int, s SignIn) error {
	options, signed, err := p.Identity.BeginPasskeySignIn(r.Context(), nobody)
	switch {
	case err == nil:
		s.Passkey = SignInPasskey(string(options), signed, s.Back)
		s.Passkey.Keep = s.Keep
	case city.KindOf(err) != city.KindNotFound: // off
		return err
	}
	s.Activate = PathActivate
	if p.Demo {
		for _, l := range demoLogins {
			s.Demo = append(s.Demo, DemoLogin{l, web.Words("citizen.demo." + l)})
		}
	}
	return web.Render(w, r, status, SignInPage(s))
}

func (p *Pages) signInPage(w http.ResponseWriter, r *http.Request) error {
	back := r.URL.Query().Get("back")
	if web.ViewOf(r.Context()).SignedIn() && r.URL.Query().Get("again") == "" {
		return web.Redirect(w, r, p.landing(web.ViewOf(r.Context()).Actor, back))
	}
	return p.showSignIn(w, r, http.StatusOK, SignIn{Back: back})
}

// landing is where somebody arrives who has signed in.
func (p *Pages) landing(a city.Actor, back string) string {
	switch {
	case back != "" && web.Local(back) && !strings.HasPrefix(back, PathSignIn):
		return back
	case a.Kind == city.Officer:
		return "/desk"
	}
	return PathHome
}

// askToSignIn answers a form that came from somebody who is not signed in any
// more: it is kept in the page that asks to sign in, and goes on afterwards.
func (p *Pages) askToSignIn(w http.ResponseWriter, r *http.Request) error {
	files := false
	form, err := web.ReadForm(w, r, func(string, string, io.Reader) error { files = true; return nil })
	if err != nil {
		return err
	}
	here := *web.ViewOf(r.Context())
	here.Path, here.Query = PathSignIn, nil
	r2 := r.WithContext(web.With(r.Context(), &here))
	return p.showSignIn(w, r2, http.StatusUnauthorized, SignIn{Keep: keep(r.URL.RequestURI(), form).String(), KeptFiles: files, Kept: len(form) > 0})
}

func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) error {
	form, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	token, actor, err := p.Identity.SignIn(r.Context(), nobody, identity.SignIn{Login: form.Get("login"), Password: form.Get("password"), From: p.from(r)})
	return p.arrive(w, r, form, token, actor, err)
}

func (p *Pages) signInPasskey(w http.ResponseWriter, r *http.Request) error {
	form, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	token, actor, err := p.Identity.FinishPasskeySignIn(r.Context(), nobody, form.Get("signed"), []byte(form.Get("response")), p.from(r))
	return p.arrive(w, r, form, token, actor, err)
}

// arrive lets somebody in, or says why not, and goes on with what they were at.
func (p *Pages) arrive(w http.ResponseWriter, r *http.Request, form url.Values, token string, actor city.Actor, err error) error {
	k, has := parseKept(form.Get("keep"))
	if err != nil {
		switch city.KindOf(err) {
		case city.KindInternal, city.KindUnavailable:
			return err
		}
		s := SignIn{Login: form.Get("login"), Fault: messageOf(err), Back: form.Get("back")}
		if has {
			s.Keep, s.Kept = k.String(), len(k.Form) > 0
		}
		return p.showSignIn(w, r, web.Status(err), s)
	}
	p.setCookie(w, r, token)
	to := form.Get("back")
	if has {
		to = k.Path
	}
	if actor, err = p.actAsNeeded(r.Context(), token, actor, to); err != nil {
		return err
	}
	if !has {
		return web.Redirect(w, r, p.landing(actor, to))
	}
	return p.sendKept(w, r, actor, k)
}

// safeToSend are the forms that only keep what was typed: they are sent again by
// themselves. Any other waits for the person to press the button.
var safeToSend = regexp.MustCompile(`^/(items/[^/?]+/apply|apply/[^/?]+/[a-z0-9_]+|apply/[^/?]+/(` + stepFirst + `|` + stepPapers + `|` + stepScenario + `))(\?.*)?$`)

// sendKept goes on with a form that was kept during the sign-in.
func (p *Pages) sendKept(w http.ResponseWriter, r *http.Request, actor city.Actor, k kept) error {
	u, err := url.Parse(k.Path)
	if err != nil || !web.Local(k.Path) {
		return web.Redirect(w, r, p.landing(actor, ""))
	}
	view := *web.ViewOf(r.Context())
	view.Visitor = web.Visitor{Actor: actor}
	view.Path, view.Query = u.EscapedPath(), u.Query()
	if err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		view.ActingFor, err = p.actingName(ctx, tx, actor)
		return err
	}); err != nil {
		return err
	}
	r2 := r.Clone(web.With(r.Context(), &view))
	r2.URL, r2.RequestURI, r2.Form, r2.PostForm = u, k.Path, k.Form, k.Form
	if safeToSend.MatchString(k.Path) {
		p.own.ServeHTTP(w, r2)
		return nil
	}
	return web.Render(w, r2, http.StatusOK, ConfirmPage(web.Confirmation{
		Title: web.Words("citizen.kept.title"), Text: city.Message{Key: "citizen.kept.text"}, Action: k.Path, Do: web.Words("citizen.kept.do"),
		Back: web.Link{Text: web.Words("citizen.kept.leave"), Href: PathHome}, Hidden: k.Form,
	}, ""))
}

// actingName is the name of whom the actor acts for, "" for oneself.
func (p *Pages) actingName(ctx context.Context, tx *db.Tx, a city.Actor) (string, error) {
	switch {
	case !a.OnBehalf.IsZero():
		return p.Directory.PersonName(ctx, tx, a.OnBehalf)
	case !a.Firm.IsZero():
		return p.Directory.FirmName(ctx, tx, a.Firm)
	}
	return "", nil
}

var ownPlace = regexp.MustCompile(`^/(apply|matters)/([^/?]+)`)

// actAsNeeded lets a fresh session act for whom it takes to go on at the address:
// whoever was filling in a form for their mother comes back to it as such.
func (p *Pages) actAsNeeded(ctx context.Context, token string, actor city.Actor, to string) (city.Actor, error) {
	m := ownPlace.FindStringSubmatch(to)
	if m == nil || actor.Kind != city.Resident || p.reaches(ctx, actor, m[1], m[2]) {
		return actor, nil
	}
	k, err := p.Identity.Actor(ctx, token)
	if err != nil {
		return actor, err
	}
	choice, found, err := p.choiceFor(ctx, k.Actor, m[1], m[2])
	if err != nil || !found {
		return actor, err
	}
	err = p.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		actor, err = p.Identity.Choose(ctx, tx, k.Actor, k.Session, choice)
		return err
	})
	return actor, err
}

// choiceFor finds for whom the actor would have to act in order to reach a draft
// or a matter.
func (p *Pages) choiceFor(ctx context.Context, actor city.Actor, what, id string) (identity.Choice, bool, error) {
	var list []identity.Principal
	actors := map[identity.Choice]city.Actor{}
	err := p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if list, err = p.Identity.Principals(ctx, tx, actor); err != nil {
			return err
		}
		for _, x := range list {
			if actors[x.Choice], err = p.Identity.ActFor(ctx, tx, actor, x.Choice); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return identity.Choice{}, false, err
	}
	for _, x := range list {
		if p.reaches(ctx, actors[x.Choice], what, id) {
			return x.Choice, true, nil
		}
	}
	return identity.Choice{}, false, nil
}

// reaches reports whether the actor may open a draft or a matter.
func (p *Pages) reaches(ctx context.Context, a city.Actor, what, id string) bool {
	if what == "apply" {
		d, err := draftID(id)
		if err == nil {
			_, err = p.Items.Draft(ctx, a, d)
		}
		return err == nil
	}
	n, err := city.ParseCaseNumber(id)
	if err != nil {
		return false
	}
	return p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := p.Cases.Get(ctx, tx, a, n)
		return err
	}) == nil
}

func (p *Pages) signOutPage(w http.ResponseWriter, r *http.Request) error {
	if !web.ViewOf(r.Context()).SignedIn() {
		return web.Redirect(w, r, PathHome)
	}
	return web.Render(w, r, http.StatusOK, ConfirmPage(web.Confirmation{
		Title: web.Words("citizen.account.sign_out"), Text: city.Message{Key: "citizen.sign_out.text"}, Action: PathSignOut,
		Do: web.Words("citizen.account.sign_out"), Back: web.Link{Text: web.Words("citizen.sign_out.stay"), Href: PathAccount},
	}, ""))
}

func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) error {
	if t := p.token(r); t != "" {
		if err := p.Identity.SignOut(r.Context(), t); err != nil {
			return err
		}
	}
	p.setCookie(w, r, "")
	return web.Redirect(w, r, PathHome)
}
