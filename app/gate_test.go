package app_test

import (
	"context"
	"testing"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db"
	"yiwang/internal/story"
)

// At a door without a network: what was loaded once goes on checking, says how old
// what it knows is, and knows of a revocation as soon as there is a network again.
func TestCheckingWithoutANetwork(t *testing.T) {
	story.Available(t)
	p := newPlace(t, "")
	s := p.outside()
	code, number := p.held("resident", "health-certificate")
	for _, view := range []story.View{{Size: story.Phone, Lang: city.Chinese}, {Size: story.Phone, Lang: city.English, Elder: true}} {
		say := func(en, zh string) string {
			if view.Lang == city.English {
				return en
			}
			return zh
		}
		v := story.Visit(t, s.url, view)
		ask := func(text string) {
			v.Fill(say("Scan or type", "扫码或输入"), text)
			v.In("[data-gate-form]").Click(say("Verify", "查验"))
		}
		v.Go("/verify/gate?lang=" + string(view.Lang))
		if v.Attr("[data-gate]", "data-checker") == "" {
			t.Skip("the browser's checker was not built; make bundle does")
		}
		v.ExpectKept()
		v.Expect(say("The trust list is of", "信任名单是"))
		v.Screenshot("gate-ready")

		s.dead.Store(true)
		v.Signal(false)
		v.Go("/verify/gate")
		v.Expect(say("No network now", "现在没有网络"))
		ask(code)
		v.Expect(say("This licence is genuine and valid", "证照是真的"))
		ask(code) // what stood there is gone after a few seconds
		v.Expect(say("State as of", "状态截至"))
		v.Screenshot("gate-offline")
		ask(code[:60] + "00" + code[62:])
		v.ExpectGone(say("This licence is genuine and valid", "证照是真的"))
		if n := v.Attr("[data-gate-lamp]", "data-reason"); n == "ok" {
			t.Error("a code that was changed is said to be good")
		}
		if view.Elder {
			n, err := credential.ParseNumber(number)
			p.ok(err)
			p.ok(p.app.DB.Update(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := p.app.Credentials.Revoke(ctx, tx, program, credential.Change{Number: n, Reason: "错发"})
				return err
			}))
			ask(code) // nobody here can know
			v.Expect(say("State as of", "状态截至"))
		}

		s.dead.Store(false)
		v.Signal(true)
		v.Go("/verify/gate")
		v.ExpectGone(say("No network now", "现在没有网络"))
		ask(code)
		if view.Elder {
			v.Expect(say("revoked", "撤销"))
			v.Screenshot("gate-revoked")
			continue
		}
		v.Expect(say("This licence is genuine and valid", "证照是真的"))
	}
}
