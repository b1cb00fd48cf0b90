package citizen

import (
	"archive/zip"
	"bytes"
	"context"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/web"
)

func (p *Pages) licences(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	h := credential.Holder{Person: a.Applicant()}
	if !a.Firm.IsZero() {
		h = credential.Holder{Firm: a.Firm}
	}
	var list []credential.Credential
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		list, err = p.Credentials.ByHolder(ctx, tx, a, h)
		return err
	})
	v := Licences{}
	if city.KindOf(err) == city.KindForbidden && !a.OnBehalf.IsZero() {
		v.Limited, err = true, nil
	}
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.InForce(p.Clock.Now()) {
			v.Valid = append(v.Valid, p.licenceLine(c))
		} else {
			v.Other = append(v.Other, p.licenceLine(c))
		}
	}
	return web.Render(w, r, http.StatusOK, LicencesPage(v))
}

func (p *Pages) licenceLine(c credential.Credential) LicenceLine {
	return LicenceLine{Name: c.Name, Number: c.Number.Parts().Serial, Holder: c.Holder.Name, Issuer: c.Issuer, Until: c.Until,
		State: p.licenceState(c), Href: LicencePath(string(c.Number), "")}
}

// licenceState is the licence's status, or that its time is over or has not come.
func (p *Pages) licenceState(c credential.Credential) web.Tagged {
	today := p.today()
	switch {
	case c.Status != credential.StatusValid:
	case !c.Until.IsZero() && c.Until.Before(today):
		return web.Tagged{State: web.StateEnded, Word: web.Words("citizen.licence.expired")}
	case today.Before(c.From):
		return web.Tagged{State: web.StateWaiting, Word: web.Words("citizen.licence.later")}
	}
	return LicenceTag(string(c.Status))
}

// openLicence reads the licence of the address.
func (p *Pages) openLicence(ctx context.Context, tx *db.Tx, r *http.Request, a city.Actor) (credential.Credential, error) {
	n, err := credential.ParseNumber(r.PathValue("number"))
	if err != nil {
		return credential.Credential{}, city.NotFound("error.not_found")
	}
	return p.Credentials.Get(ctx, tx, a, n)
}

func (p *Pages) licence(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	var v Licence
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		c, err := p.openLicence(ctx, tx, r, a)
		if err != nil {
			return err
		}
		v = Licence{Name: c.Name, Number: c.Number.Parts().Serial, Identifier: string(c.Number), Holder: c.Holder.Name, Issuer: c.Issuer,
			Issued: c.Issued, Until: c.Until, State: p.licenceState(c), Valid: c.InForce(p.Clock.Now()), Code: c.Code, Case: c.Case,
			PDF: LicencePath(string(c.Number), "pdf")}
		fields, err := p.Credentials.Shown(ctx, tx, web.ViewOf(ctx).Lang, c, true)
		if err != nil {
			return err
		}
		for _, f := range fields {
			v.Rows = append(v.Rows, LicenceRow{Name: f.Name, Value: f.Value})
		}
		if !v.Valid {
			v.Code = ""
			if v.Note, err = p.licenceNote(ctx, tx, a, c); err != nil {
				return err
			}
		}
		if v.Receipts, err = p.receipts(ctx, tx, aboutLicence(c.Number), LicencePath(string(c.Number), "")); err != nil {
			return err
		}
		v.Grants = LicencePath(string(c.Number), "grants")
		if v.Valid && a.Kind == city.Resident && a.OnBehalf.IsZero() {
			v.Wallet = LicencePath(string(c.Number), "wallet")
		}
		return p.licenceUses(ctx, tx, a, c, &v)
	})
	if err != nil {
		return err
	}
	return web.Render(w, r, http.StatusOK, LicencePage(v))
}

// licenceNote says why a licence isn't in force, in the words of who decided it.
func (p *Pages) licenceNote(ctx context.Context, tx *db.Tx, a city.Actor, c credential.Credential) (city.Message, error) {
	if c.Status == credential.StatusValid {
		return city.Message{Key: "citizen.licence.note.time", Args: []any{"body", c.Issuer}}, nil
	}
	events, err := p.Credentials.History(ctx, tx, a, c.Number)
	if err != nil || len(events) == 0 {
		return city.Message{Key: "citizen.licence.note", Args: []any{"body", c.Issuer, "at", c.Changed, "status", statusWord(c.Status)}}, err
	}
	e := events[len(events)-1]
	m := city.Message{Key: "citizen.licence.note", Args: []any{"body", p.body(e.Body), "at", e.At, "status", statusWord(c.Status), "reason", e.Reason}}
	if e.Body == "" {
		m.Args[1] = c.Issuer
	}
	if e.Reason != "" {
		m.Key = "citizen.licence.note.reason"
	}
	return m, nil
}

func statusWord(s credential.Status) city.Text {
	return city.Text{ZhHans: s.Name(city.Chinese), En: s.Name(city.English)}
}

// licenceUses lists where a person's licence was used; a firm's is used in the
// open.
func (p *Pages) licenceUses(ctx context.Context, tx *db.Tx, a city.Actor, c credential.Credential, v *Licence) error {
	if c.Holder.Person.IsZero() {
		return nil
	}
	uses, err := p.Access.Uses(ctx, tx, a, c.Holder.Person, time.Time{}, 500)
	if city.KindOf(err) == city.KindForbidden { // only the person sees who looked
		return nil
	}
	for _, u := range uses {
		if slices.Contains(u.Fields, "licence:"+string(c.Type)) {
			look := p.look(u)
			if c.Holder.Person == a.Person { // the receipt is handed to nobody else
				look = p.withReceipt(u)
			}
			v.Uses = append(v.Uses, look)
		}
	}
	return err
}

func (p *Pages) licencePDF(w http.ResponseWriter, r *http.Request) error {
	a, err := resident(r)
	if err != nil {
		return err
	}
	var sheet []byte
	var c credential.Credential
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		if c, err = p.openLicence(ctx, tx, r, a); err != nil {
			return err
		}
		sheet, err = p.Credentials.PDF(ctx, tx, c)
		return err
	})
	if err != nil {
		return err
	}
	return download(w, "application/pdf", c.Name.ZhHans+".pdf", int64(len(sheet)), bytes.NewReader(sheet))
}

// public lets any site and any cache have what is nobody's secret.
func public(w http.ResponseWriter, kind string, maxAge int) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(maxAge))
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Del("Vary")
}

// statusList gives a signed status list, as checkers fetch it: a CWT, or a JWT for
// those who ask for that rather.
func (p *Pages) statusList(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.ParseInt(r.PathValue("list"), 10, 64)
	if err != nil || n < 0 {
		return city.NotFound("error.not_found")
	}
	kind, give := credential.StatusListCWT, p.Credentials.StatusList
	if prefersJWT(r.Header.Values("Accept")) {
		kind, give = credential.StatusListJWT, p.Credentials.StatusListJWT
	}
	var list []byte
	err = p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) error {
		list, err = give(ctx, tx, n)
		return err
	})
	if err != nil {
		return err
	}
	public(w, "application/"+kind, 60)
	w.Header().Set("Vary", "Accept")
	_, err = w.Write(list)
	return err
}

// prefersJWT reports whether the one who asks would rather have the list as a JWT.
func prefersJWT(accept []string) bool {
	weight := func(kind string) float64 {
		for _, one := range strings.Split(strings.Join(accept, ","), ",") {
			name, params, err := mime.ParseMediaType(one)
			if err != nil || name != "application/"+kind {
				continue
			}
			if q, err := strconv.ParseFloat(params["q"], 64); err == nil {
				return q
			}
			return 1
		}
		return 0
	}
	return weight(credential.StatusListJWT) > weight(credential.StatusListCWT)
}

// trustPEM gives the keys that licences of this city are checked with.
func (p *Pages) trustPEM(w http.ResponseWriter, r *http.Request) error {
	public(w, "application/x-pem-file", 3600)
	_, err := w.Write(p.Credentials.TrustPEM())
	return err
}

// trustZip gives everything that is needed to check offline, as a folder.
func (p *Pages) trustZip(w http.ResponseWriter, r *http.Request) error {
	var files map[string][]byte
	err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		files, err = p.Credentials.TrustFolder(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := z.Create("trust/" + name)
		if err == nil {
			_, err = f.Write(files[name])
		}
		if err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	public(w, "application/zip", 60)
	w.Header().Set("Content-Disposition", `attachment; filename="trust.zip"`)
	_, err = w.Write(b.Bytes())
	return err
}
