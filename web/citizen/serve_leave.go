package citizen

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/form"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/serviceitem"
	"yiwang/web"
)

// principals are whom the reader may act for beside whom they act for now; first
// themselves.
func (p *Pages) principals(ctx context.Context, tx *db.Tx, a city.Actor) ([]Acting, error) {
	return p.principalsWhere(ctx, tx, a, func(identity.Principal) bool { return true })
}

// applicants are those of them in whose name the item can be begun; none where
// only the reader is left.
func (p *Pages) applicants(ctx context.Context, a city.Actor, it serviceitem.Item) (list []Acting, err error) {
	err = p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		list, err = p.principalsWhere(ctx, tx, a, func(x identity.Principal) bool {
			if !x.Choice.Firm.IsZero() {
				return slices.Contains(it.For, serviceitem.ForFirm)
			}
			return it.Delegable && slices.Contains(it.For, serviceitem.ForPerson) && (len(x.Items) == 0 || slices.Contains(x.Items, it.Code))
		})
		return err
	})
	return list, err
}

// principalsWhere keeps whom the reader acts for now, and those who fit.
func (p *Pages) principalsWhere(ctx context.Context, tx *db.Tx, a city.Actor, fits func(identity.Principal) bool) ([]Acting, error) {
	if a.Kind != city.Resident {
		return nil, nil
	}
	list, err := p.Identity.Principals(ctx, tx, oneself(a))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	out := []Acting{{Name: web.Words("citizen.acting.self"), Now: a.OnBehalf.IsZero() && a.Firm.IsZero()}}
	for _, x := range list {
		if x.Choice != chosenBy(a) && !fits(x) {
			continue
		}
		out = append(out, Acting{Choice: choiceText(x.Choice), Name: web.Plain(x.Name), Firm: !x.Choice.Firm.IsZero(), Now: x.Choice == chosenBy(a)})
	}
	if len(out) == 1 {
		return nil, nil
	}
	return out, nil
}

// chosenBy is on whose behalf the actor acts.
func chosenBy(a city.Actor) identity.Choice {
	return identity.Choice{Delegation: a.Delegation, Firm: a.Firm}
}

func choiceText(c identity.Choice) string {
	if !c.Firm.IsZero() {
		return "firm:" + c.Firm.String()
	}
	return "leave:" + c.Delegation.String()
}

func parseChoice(s string) (c identity.Choice, err error) {
	switch {
	case s == "":
	case len(s) > 5 && s[:5] == "firm:":
		c.Firm, err = parseID[city.FirmID](s[5:])
	case len(s) > 6 && s[:6] == "leave:":
		c.Delegation, err = parseID[city.DelegationID](s[6:])
	default:
		err = city.NotFound("error.not_found")
	}
	return c, err
}

// actFor changes on whose behalf the session acts.
func (p *Pages) actFor(w http.ResponseWriter, r *http.Request) error {
	if _, err := resident(r); err != nil {
		return err
	}
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	c, err := parseChoice(sent.Get("for"))
	if err != nil {
		return err
	}
	k, err := p.known(r)
	if err != nil {
		return err
	}
	err = p.DB.Update(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := p.Identity.Choose(ctx, tx, k.Actor, k.Session, c)
		return err
	})
	if err != nil {
		return err
	}
	to := sent.Get("back")
	if to == "" || !web.Local(to) {
		to = PathHome
	}
	return web.Redirect(w, r, to)
}

// offerToAct asks somebody who may not open a draft or a matter whether they want
// to act for whom it belongs to, where they may; err is the answer otherwise.
func (p *Pages) offerToAct(w http.ResponseWriter, r *http.Request, err error) error {
	a := web.ViewOf(r.Context()).Actor
	m := ownPlace.FindStringSubmatch(r.URL.Path)
	if m == nil || a.Kind != city.Resident {
		return err
	}
	me := oneself(a)
	form := url.Values{"back": {r.URL.RequestURI()}}
	name := web.Words("citizen.acting.self")
	if !p.reaches(r.Context(), me, m[1], m[2]) {
		choice, found, e := p.choiceFor(r.Context(), me, m[1], m[2])
		if e != nil || !found {
			return err
		}
		form.Set("for", choiceText(choice))
		e = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
			list, e := p.Identity.Principals(ctx, tx, me)
			for _, x := range list {
				if x.Choice == choice {
					name = web.Plain(x.Name)
				}
			}
			return e
		})
		if e != nil {
			return e
		}
	}
	return web.Render(w, r, web.Status(err), ConfirmPage(web.Confirmation{
		Title: web.Words("citizen.acting.offer", "name", name), Text: city.Message{Key: "citizen.acting.offer.text"}, Action: PathActing,
		Do: web.Words("citizen.acting.offer.do", "name", name), Back: web.Link{Text: web.Words("web.error.home"), Href: PathHome}, Hidden: form,
	}, ""))
}

func (p *Pages) delegations(w http.ResponseWriter, r *http.Request) error {
	return p.showDelegations(w, r, http.StatusOK, p.leaveFields(nil), nil)
}

// leaveFields are the questions of the form that gives leave, with what was sent.
func (p *Pages) leaveFields(sent url.Values) []web.Field {
	var items []web.Option
	for _, it := range p.Items.AllItems() {
		if it.Delegable && slices.Contains(it.For, "person") {
			items = append(items, web.Option{Value: string(it.Code), Label: it.Name})
		}
	}
	f := DelegationFields(items)
	f[0].Parts = map[string]string{"name": sent.Get("person.name"), "citizen_number": sent.Get("person.citizen_number")}
	f[1].Values = sent["items"]
	f[2].Parts = map[string]string{"year": sent.Get("until.year"), "month": sent.Get("until.month"), "day": sent.Get("until.day")}
	if sent == nil { // a year from now, as a beginning
		f[2].Parts, f[2].Value = nil, p.inAYear().String()
	}
	return f
}

func (p *Pages) showDelegations(w http.ResponseWriter, r *http.Request, status int, fields []web.Field, faults []city.Field) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	v := Delegations{New: fields, Action: PathDelegations}
	v.Others = web.FaultsOf(v.New, faults, "")
	now := p.Clock.Now()
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		if v.Acting, err = p.principals(ctx, tx, a); err != nil {
			return err
		}
		list, err := p.Identity.Delegations(ctx, tx, oneself(a))
		for _, d := range list {
			x := Delegation{From: p.day(d.Given), Until: p.day(d.Until), State: DelegationTag(string(d.State(now)))}
			for _, it := range d.Items {
				x.Items = append(x.Items, p.itemName(it))
			}
			alive := d.State(now) == identity.DelegationLive || d.State(now) == identity.DelegationOffered
			if alive {
				x.End = PathDelegations + "/" + d.ID.String() + "/end"
			} else if !d.Ended.IsZero() {
				x.Until = p.day(d.Ended)
			}
			if d.Giver == a.Person {
				x.Name = d.TakerName
				v.Given = append(v.Given, x)
				continue
			}
			x.Name, x.Mine = d.GiverName, true
			x.Now = d.ID == a.Delegation
			if d.State(now) == identity.DelegationOffered {
				x.Accept = PathDelegations + "/" + d.ID.String() + "/accept"
			}
			v.Received = append(v.Received, x)
		}
		if err != nil {
			return err
		}
		family, err := p.family(ctx, tx, a.Person)
		for _, m := range family {
			if !slices.ContainsFunc(list, func(d identity.Delegation) bool {
				return d.Giver == a.Person && d.Taker == m.Person && d.Ended.IsZero() && now.Before(d.Until)
			}) {
				v.Family = append(v.Family, Relative{Name: m.name, Kind: web.Words("citizen.family." + string(m.Kind)), Href: PathFamily + "/" + m.Person.String()})
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, status, DelegationsPage(v))
}

// member is a grown-up of the family.
type member struct {
	directory.Relative
	name string
}

// family are the relatives to whom somebody may hand their matters.
func (p *Pages) family(ctx context.Context, tx *db.Tx, of city.PersonID) ([]member, error) {
	list, err := p.Directory.Relatives(ctx, tx, of)
	if err != nil {
		return nil, err
	}
	var out []member
	for _, r := range list {
		facts, err := p.Directory.PersonFacts(ctx, tx, r.Person)
		if err != nil {
			return nil, err
		}
		name, _ := facts["name"].(string)
		born, _ := facts["birth_date"].(city.Date)
		if name != "" && !born.IsZero() && city.YearsBetween(born, p.today()) >= adult {
			out = append(out, member{r, name})
		}
	}
	return out, nil
}

const adult = 18 // years: whoever acts for somebody answers for it (民法典 第十八条)

// relative finds the relative of the address, as the register knows them.
func (p *Pages) relative(r *http.Request, a city.Actor) (m member, err error) {
	id, err := parseID[city.PersonID](r.PathValue("person"))
	if err != nil {
		return m, err
	}
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		list, err := p.family(ctx, tx, a.Person)
		if i := slices.IndexFunc(list, func(x member) bool { return x.Person == id }); i >= 0 {
			m = list[i]
		} else if err == nil {
			err = city.NotFound("error.not_found")
		}
		return err
	})
	return m, err
}

// inAYear is the last day of a leave that is given with one tap.
func (p *Pages) inAYear() city.Date {
	d := p.today()
	return city.Date{Year: d.Year + 1, Month: d.Month, Day: min(d.Day, 28)}
}

func (p *Pages) familyPage(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	m, err := p.relative(r, a)
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, ConfirmPage(web.Confirmation{
		Title: web.Words("citizen.family.confirm", "name", m.name), Text: city.Message{Key: "citizen.family.confirm.text", Args: []any{"until", p.endOfDay(p.inAYear())}},
		Effects: []city.Text{web.Words("citizen.family.confirm.may"), web.Words("citizen.family.confirm.end"), web.Words("citizen.family.confirm.accept", "name", m.name)},
		Action:  PathFamily + "/" + m.Person.String(), Do: web.Words("citizen.delegations.give"), Back: web.Link{Text: web.Words("citizen.family.no"), Href: PathDelegations},
	}, ""))
}

// giveFamily gives a relative leave for a year and for everything that allows it.
func (p *Pages) giveFamily(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	m, err := p.relative(r, a)
	if err != nil {
		return err
	}
	if err := p.give(r.Context(), oneself(a), identity.Leave{Taker: m.Person, Until: p.endOfDay(p.inAYear())}); err != nil {
		return err
	}
	return web.Redirect(w, r, PathDelegations)
}

// give offers a leave; the same one offered twice is one.
func (p *Pages) give(ctx context.Context, me city.Actor, l identity.Leave) error {
	return p.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		have, err := p.Identity.Delegations(ctx, tx, me)
		if err != nil {
			return err
		}
		for _, d := range have {
			if d.Giver == me.Person && d.Taker == l.Taker && d.Ended.IsZero() && p.day(d.Until) == p.day(l.Until) && slices.Equal(d.Items, l.Items) {
				return nil
			}
		}
		_, err = p.Identity.Give(ctx, tx, me, l)
		return err
	})
}

// giveLeave offers somebody leave to act.
func (p *Pages) giveLeave(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	me := oneself(a)
	sent, err := web.ReadForm(w, r, nil)
	if err != nil {
		return err
	}
	again := func(faults []city.Field) error {
		return p.showDelegations(w, r, http.StatusUnprocessableEntity, p.leaveFields(sent), faults)
	}
	name, number := sent.Get("person.name"), form.NormalNumber(sent.Get("person.citizen_number"))
	until, faults := leaveUntil(sent)
	if name == "" || number == "" {
		faults = append(faults, city.Field{Name: "person", Message: city.Message{Key: "citizen.delegations.person.empty"}})
	} else if _, err := form.CheckCitizenNumber(number); err != nil {
		faults = append(faults, city.Field{Name: "person.citizen_number", Message: messageOf(err)})
	}
	if len(faults) > 0 {
		return again(faults)
	}
	l := identity.Leave{Until: p.endOfDay(until)}
	for _, it := range sent["items"] {
		l.Items = append(l.Items, city.ItemCode(it))
	}
	l.Taker, err = p.Identity.FindTaker(r.Context(), me, number, name)
	if err == nil {
		err = p.give(r.Context(), me, l)
	}
	if faults, ok := faultsOf(err); ok {
		return again(faults)
	}
	if city.KindOf(err) == city.KindNotFound {
		return again([]city.Field{{Name: "person", Message: messageOf(err)}})
	}
	if err != nil {
		return err
	}
	return web.Redirect(w, r, PathDelegations)
}

func leaveUntil(sent url.Values) (city.Date, []city.Field) {
	typed := sent.Get("until.year") + "-" + pad(sent.Get("until.month")) + "-" + pad(sent.Get("until.day"))
	d, err := city.ParseDate(form.NormalNumber(typed))
	if err != nil {
		return d, []city.Field{{Name: "until", Message: city.Message{Key: "citizen.delegations.until.wrong"}}}
	}
	return d, nil
}

func pad(s string) string {
	if len(s) == 1 {
		return "0" + s
	}
	return s
}

func (p *Pages) acceptLeave(w http.ResponseWriter, r *http.Request) error {
	id, err := parseID[city.DelegationID](r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.change(w, r, PathDelegations, func(ctx context.Context, tx *db.Tx, me city.Actor) error {
		return p.Identity.Accept(ctx, tx, me, id)
	})
}

func (p *Pages) endLeavePage(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	id, err := parseID[city.DelegationID](r.PathValue("id"))
	if err != nil {
		return err
	}
	var found *identity.Delegation
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		list, err := p.Identity.Delegations(ctx, tx, oneself(a))
		for i := range list {
			if list[i].ID == id {
				found = &list[i]
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if found == nil {
		return city.NotFound("error.not_found")
	}
	c := web.Confirmation{Title: web.Words("citizen.leave.end.title", "name", found.TakerName), Text: city.Message{Key: "citizen.leave.end.text"},
		Action: PathDelegations + "/" + id.String() + "/end", Do: web.Words("citizen.delegations.end"), Danger: true,
		Back: web.Link{Text: web.Words("citizen.leave.keep"), Href: PathDelegations}}
	if found.Taker == a.Person {
		c.Title, c.Do = web.Words("citizen.leave.return.title", "name", found.GiverName), web.Words("citizen.delegations.return")
	}
	return web.Render(w, r, http.StatusOK, ConfirmPage(c, ""))
}

// endLeave ends a leave at once; ended twice, it has ended.
func (p *Pages) endLeave(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	id, err := parseID[city.DelegationID](r.PathValue("id"))
	if err != nil {
		return err
	}
	if a.Delegation == id { // stop acting on it first, so that the next page has an actor
		k, err := p.known(r)
		if err != nil {
			return err
		}
		err = p.DB.Update(r.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := p.Identity.Choose(ctx, tx, k.Actor, k.Session, identity.Choice{})
			return err
		})
		if err != nil {
			return err
		}
	}
	return p.change(w, r, PathDelegations, func(ctx context.Context, tx *db.Tx, me city.Actor) error {
		return p.Identity.EndDelegation(ctx, tx, me, id)
	})
}
