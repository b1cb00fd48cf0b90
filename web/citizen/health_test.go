package citizen_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"yiwang/credential"
)

// A gatekeeper reads what a health certificate says and whether it passes; one that
// is genuine and says that the virus was found doesn't look like one that passes.
func TestAGatekeeperChecksHealthCertificates(t *testing.T) {
	w := newTown(t)
	s := w.visit()
	show := func(name string) {
		t.Helper()
		raw, err := os.ReadFile("../../../shared/data/dcc/" + name)
		if err != nil {
			t.Skipf("the outside test data are not here: %v", err)
		}
		var f struct {
			PREFIX  string
			TESTCTX struct {
				CERTIFICATE     []byte
				VALIDATIONCLOCK time.Time
			}
		}
		w.ok(json.Unmarshal(raw, &f))
		w.health = credential.NewTrust()
		w.ok(w.health.AddCertificate("test", f.TESTCTX.CERTIFICATE))
		w.clock.Set(f.TESTCTX.VALIDATIONCLOCK)
		s.get("/verify").open("Verify").fill("code", f.PREFIX).press("Verify").is(200)
	}
	// In the order of their clocks: the pace of checks knows no way back.
	show("common/2DCode/raw/CO6.json")
	s.reads("can't be relied on", "may not sign this kind of health certificate")
	show("common/2DCode/raw/DGC1.json")
	s.reads("nothing is certified", "don't keep to the rules")
	show("DE/2DCode/raw/1.json")
	s.reads("genuine and in date", "Spikevax", "2 of 2")
	show("FR/2DCode/raw/DCC_Test_0005.json")
	s.reads("genuine and in date", "virus not found", "nucleic acid", "COVID-19", "nothing of this check was kept")
	if len(s.all(".verdict.done")) != 1 {
		t.Error("a test that found nothing isn't shown as one that passes")
	}
	show("FR/2DCode/raw/DCC_Test_0007.json")
	s.reads("the test found the virus", "virus found")
	if len(s.all(".verdict.done")) != 0 {
		t.Error("a test that found the virus is shown as one that passes")
	}
	w.health = credential.NewTrust()
	s.get("/verify").open("Verify").fill("code", "HC1:NCFOXN").press("Verify").is(200).reads("We can't tell from this")
}
