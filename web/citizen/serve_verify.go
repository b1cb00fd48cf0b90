package citizen

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/pass"
	"yiwang/credential/scan"
	"yiwang/internal/db"
	"yiwang/tlog"
	"yiwang/web"
)

const (
	longestCode = 8000
	mostPicture = scan.MostBytes
)

// verifyPage checks what stands in the address, so that a scanned code can lead
// here; without one it asks.
func (p *Pages) verifyPage(w http.ResponseWriter, r *http.Request) error {
	if code := r.URL.Query().Get("code"); code != "" {
		if err := p.Checks.Try(p.Address(r), p.Clock.Now()); err != nil {
			return err
		}
		return p.showVerdict(w, r, code)
	}
	return web.Render(w, r, http.StatusOK, VerifyPage(Verify{}))
}

func (p *Pages) verify(w http.ResponseWriter, r *http.Request) error {
	if err := p.Checks.Try(p.Address(r), p.Clock.Now()); err != nil { // before the picture: it costs most
		return err
	}
	var file []byte
	sent, err := web.ReadFormUpTo(w, r, 2*mostPicture, func(field, name string, content io.Reader) (err error) {
		if file == nil { // the form has one
			file, err = io.ReadAll(io.LimitReader(content, mostPicture+1))
		}
		return err
	})
	if err != nil {
		return err
	}
	read, fault := "", city.Message{}
	if file != nil {
		if read, fault, err = p.codeIn(r.Context(), file); err != nil {
			return err
		}
	}
	code := sent.Get("code")
	if !tlog.LooksLikeReceipt(code) {
		code = strings.NewReplacer("\r", "", "\n", "").Replace(code) // a code has blanks and no line ends
	}
	if strings.TrimSpace(code) == "" {
		code = read
	}
	if strings.TrimSpace(code) == "" {
		v := Verify{FileFault: fault}
		if fault.Key == "" {
			v.Fault = city.Message{Key: "citizen.verify.empty"}
		}
		return web.Render(w, r, http.StatusUnprocessableEntity, VerifyPage(v))
	}
	return p.showVerdict(w, r, code)
}

func (p *Pages) showVerdict(w http.ResponseWriter, r *http.Request, code string) error {
	if tlog.LooksLikeReceipt(code) {
		return web.Render(w, r, http.StatusOK, VerifyPage(Verify{Code: cut(code, tlog.MaxReceipt), Result: p.receiptVerdict(web.ViewOf(r.Context()).Lang, code)}))
	}
	if p.Fetch != nil {
		p.Fetch(r.Context(), cut(code, longestCode))
	}
	var res credential.Result
	err := p.DB.View(r.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
		res, err = p.Credentials.Check(ctx, tx, cut(code, longestCode), p.Clock.Now())
		return err
	})
	if err != nil {
		return err
	}
	v := Verify{Code: cut(code, longestCode), Result: p.verdict(web.ViewOf(r.Context()).Lang, res)}
	if p.Checked != nil {
		if v.Result.Told, err = p.Checked(r.Context(), web.ViewOf(r.Context()).Actor, res); err != nil {
			return err
		}
	}
	return web.Render(w, r, http.StatusOK, VerifyPage(v))
}

// undecided are reasons that leave open whether the thing is good.
var undecided = map[credential.Reason]bool{
	credential.ReasonDamaged: true, credential.ReasonUnsupported: true, credential.ReasonUnknownSigner: true, credential.ReasonNotACode: true,
	credential.ReasonNumberWrong: true, credential.ReasonNumberOnly: true, credential.ReasonNotYetValid: true,
	credential.ReasonTooLong: true, credential.ReasonTooLarge: true,
}

func (p *Pages) verdict(l city.Lang, res credential.Result) *VerifyResult {
	v := &VerifyResult{State: web.StateRefused, At: p.Clock.Now(), Reason: res.Why()}
	switch {
	case res.Valid:
		v.State, v.Verdict = web.StateDone, city.Message{Key: "citizen.verdict.valid"}
	case undecided[res.Reason]:
		v.State, v.Verdict = web.StateWaiting, city.Message{Key: "citizen.verdict.open"}
	default:
		v.Verdict = city.Message{Key: "citizen.verdict.invalid"}
	}
	for _, w := range res.Warnings {
		v.Warnings = append(v.Warnings, res.Say(w))
	}
	if res.Pass != nil {
		p.passVerdict(l, v, res)
		return v
	}
	if res.Health != nil {
		healthVerdict(l, res, v)
		return v
	}
	c := res.Claims
	if c == nil {
		return v
	}
	v.Name = c.Name
	if g := c.Grant; g != nil {
		v.Rows = append(v.Rows, LicenceRow{Name: web.Words("citizen.verify.purpose"), Value: g.Purpose.In(l)})
		if g.Audience != "" {
			v.Rows = append(v.Rows, LicenceRow{Name: web.Words("citizen.verify.audience"), Value: g.Audience})
		}
	}
	if c.Number == "" && c.Grant == nil { // the holder of a credential showed no more
		v.Rows = append(v.Rows, LicenceRow{Name: web.Words("citizen.licence.issuer"), Value: c.Issuer.In(l)})
		return v
	}
	until := city.Say(l, "citizen.licence.forever")
	if !c.Until.IsZero() {
		until = city.Say(l, "citizen.licence.until.day", "day", sayDay(l, c.Until))
	}
	row := func(name city.Text, value string) {
		if value != "" {
			v.Rows = append(v.Rows, LicenceRow{Name: name, Value: value})
		}
	}
	row(web.Words("citizen.licence.holder"), c.Holder)
	if g := c.Grant; g != nil {
		for _, f := range g.Shown {
			row(city.Text{ZhHans: f.Name, En: f.Name}, f.Value)
		}
		row(web.Words("citizen.verify.code_until"), city.Say(l, "citizen.verdict.pass.moment", "at", c.Expires.In(p.Pack.Zone)))
	}
	row(web.Words("citizen.licence.issuer"), c.Issuer.In(l))
	if s := res.Signer; s != nil && s.Region != "" {
		row(web.Words("citizen.verify.region"), city.Say(l, "citizen.verify.region.by", "name", s.RegionName, "code", s.Region, "at", res.TrustAt.In(p.Pack.Zone)))
	}
	row(web.Words("citizen.licence.issued"), sayDay(l, c.Issued))
	row(web.Words("citizen.licence.valid"), until)
	row(web.Words("citizen.licence.identifier"), string(c.Number))
	return v
}

// healthVerdict says what a health certificate says. It may be genuine and no
// reason to let somebody in: then it isn't shown as one that passes.
func healthVerdict(l city.Lang, res credential.Result, v *VerifyResult) {
	c := res.Health
	verdict := func(key string) { v.Verdict = city.Message{Key: "citizen.verdict.health." + key} }
	switch {
	case res.Reason == credential.ReasonNotYetValid:
		verdict("early")
	case !res.Valid:
		verdict("invalid")
	case c.Positive():
		v.State = web.StateWaiting
		verdict("detected")
	case c.Kinds() == 0:
		v.State = web.StateWaiting
		verdict("empty")
	case !c.UsableOn(v.At):
		v.State = web.StateWaiting
		verdict("days")
	default:
		verdict("valid")
	}
	v.Name = web.Words("citizen.health.title")
	row := func(label, value string) {
		if value != "" {
			v.Rows = append(v.Rows, LicenceRow{Name: web.Words("citizen.health." + label), Value: value})
		}
	}
	day := func(s string) string {
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			return s
		}
		return city.SayFullDate(l, t)
	}
	known := func(of, code string) string {
		if t, ok := city.LookupText("citizen.health." + of + "." + code); ok {
			return t.In(l)
		}
		return code
	}
	name := strings.TrimSpace(c.Name.Given + " " + c.Name.Family)
	if name == "" {
		name = strings.TrimSpace(strings.ReplaceAll(c.Name.GivenMRZ+" "+c.Name.FamilyMRZ, "<", " "))
	}
	row("name", name)
	row("born", day(c.Born))
	for _, x := range c.Vaccinations {
		row("kind", city.Say(l, "citizen.health.kind.v"))
		row("disease", known("disease", x.Disease))
		row("product", x.ProductName())
		if x.Dose > 0 {
			row("dose", city.Say(l, "citizen.health.dose.of", "n", x.Dose, "of", x.Doses))
		}
		row("day", day(x.Day))
		row("issuer", dotted(x.Issuer, x.Country))
		row("document", x.Document)
	}
	for _, x := range c.Tests {
		row("kind", city.Say(l, "citizen.health.kind.t"))
		row("disease", known("disease", x.Disease))
		row("result", known("result", x.Result))
		row("test", dotted(known("test", x.Type), x.Name))
		row("sampled", x.Sampled)
		row("centre", x.Centre)
		row("issuer", dotted(x.Issuer, x.Country))
		row("document", x.Document)
	}
	for _, x := range c.Recoveries {
		row("kind", city.Say(l, "citizen.health.kind.r"))
		row("disease", known("disease", x.Disease))
		row("positive", day(x.Positive))
		row("days", city.Say(l, "citizen.health.days.of", "from", day(x.From), "until", day(x.Until)))
		row("issuer", dotted(x.Issuer, x.Country))
		row("document", x.Document)
	}
	if !c.Expires.IsZero() {
		row("expires", city.SayFullDate(l, c.Expires))
	}
	if res.Signer != nil {
		row("signer", dotted(res.Signer.Name, c.Country))
	}
}

func dotted(parts ...string) string {
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return strings.Join(parts, " · ")
}

// passVerdict says what a pass code says: the state, and whether it lets somebody in.
func (p *Pages) passVerdict(l city.Lang, v *VerifyResult, res credential.Result) {
	x := res.Pass
	row := func(key, value string) {
		if value != "" {
			v.Rows = append(v.Rows, LicenceRow{Name: web.Words(key), Value: value})
		}
	}
	state, means := x.State, []pass.State(nil) // what the state is here
	if x.City == p.Credentials.City() {
		for _, purpose := range p.Pack.Passes {
			if purpose.ID != x.Purpose {
				continue
			}
			v.Name = purpose.Name
			if st, ok := purpose.State(x.State); ok {
				state, means = st.Name.In(l), append(means, st)
			}
		}
	} else {
		v.Name = city.Text{ZhHans: x.City + " " + x.Purpose, En: x.City + " " + x.Purpose}
		for _, purpose := range p.Pack.Passes {
			if st, ok := purpose.Takes(x.City, x.Purpose, x.State); ok && purpose.Open(v.At, p.Pack.Zone) {
				row("citizen.verdict.pass.counts_as", purpose.Name.In(l)+" · "+st.Name.In(l))
				means = append(means, st)
			}
		}
	}
	stops := slices.IndexFunc(means, func(st pass.State) bool { return !st.Enters })
	switch {
	case !res.Valid:
	case len(means) == 0: // genuine, and yet no reason to let anybody in
		v.State, v.Verdict = web.StateWaiting, city.Message{Key: "citizen.verdict.pass.unknown"}
	case stops >= 0:
		v.State, v.Verdict = web.StateWaiting, city.Message{Key: "citizen.verdict.pass.stop", Args: []any{"state", means[stops].Name}}
	}
	row("citizen.verdict.pass.state", state)
	row("citizen.licence.holder", x.Holder)
	row("citizen.verdict.pass.until", city.Say(l, "citizen.verdict.pass.moment", "at", x.Expires.In(p.Pack.Zone)))
}

func sayDay(l city.Lang, d city.Date) string { return city.SayFullDate(l, d.In(time.UTC)) }
