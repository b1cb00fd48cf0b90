package citizen_test

import (
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/internal/db/dbtest"
)

// Whoever stands at a gate goes by the colour: a code that is genuine and lets nobody
// in isn't shown as one that does, whichever city made it.
func TestAGatekeeperReadsPassCodes(t *testing.T) {
	w := newTown(t)
	next, err := credential.New(t.Context(), credential.Options{DB: dbtest.SQLite(t), Journal: w.journal, Clock: w.clock, Zone: zone,
		City: "9902", Name: city.Text{ZhHans: "江北市", En: "Jiangbei"}, Keys: filepath.Join(t.TempDir(), "keys")})
	w.ok(err)
	w.credentials.Recognise(next.Trust())
	v := w.visit()
	for _, x := range []struct {
		by                   *credential.Registry
		purpose, state, says string
		good                 bool
	}{
		{w.credentials, "flood-return", "enter", "genuine and valid", true},
		{w.credentials, "flood-return", "wait", "The code is genuine: Please don't go back yet", false},
		{w.credentials, "flood-return", "purple", "nothing here says what it counts as", false},
		{w.credentials, "harvest", "enter", "nothing here says what it counts as", false},
		{next, "typhoon-return", "go", "Going home after the flood · You may go in", true},
		{next, "typhoon-return", "hold", "The code is genuine: Please don't go back yet", false},
		{next, "typhoon-return", "purple", "nothing here says what it counts as", false},
		{next, "flood-return", "enter", "nothing here says what it counts as", false},
	} {
		code, _, err := x.by.SealPass(t.Context(), credential.PassClaims{Purpose: x.purpose, State: x.state, Carrier: credential.OnScreen,
			SignedAt: w.clock.Now(), Expires: w.clock.Now().Add(time.Hour)})
		w.ok(err)
		page := v.get("/verify?code=" + url.QueryEscape(code)).is(200).reads(x.says)
		if good := len(page.all(".verdict.done")) > 0; good != x.good {
			t.Errorf("%s of %s: shown as one that passes: %v", x.state, x.purpose, good)
		}
	}
}
