package app_test

import (
	"os"
	"testing"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/story"
)

func TestMain(m *testing.M) { os.Exit(story.Main(m)) }

// The hotline reads a report and sends it on, whoever mends it calls another
// office to the spot or puts it off, and the figures show it: each page in a real
// browser, where axe finds nothing. YIWANG_SCREENSHOTS names a folder for pictures.
func TestIncidentsOnTheDeskInABrowser(t *testing.T) {
	story.Available(t)
	p := newPlace(t, "")
	p.team("operations-center.operator", 1)
	views := []story.View{{Size: story.Laptop, Lang: city.Chinese}, {Size: story.Phone, Lang: city.English}}
	if os.Getenv("YIWANG_SCREENSHOTS") != "" {
		views = append(views, story.View{Size: story.Desk, Lang: city.English}, story.View{Size: story.Phone, Lang: city.Chinese})
	}
	for _, view := range views {
		t.Run(view.String(), func(t *testing.T) {
			say := func(en, zh string) string {
				if view.Lang == city.English {
					return en
				}
				return zh
			}
			r := p.report(nobody, incident.Report{Text: "路口有点东西，麻烦你们来人看看", Type: incident.Consult})
			at := "/desk/cases/" + string(r.Number)
			v := story.Visit(t, p.url, view)
			signIn := func(login string) {
				v.Go("/sign-in?lang=" + string(view.Lang))
				form := v.In("main")
				form.Fill(say("User name or phone number", "用户名或手机号"), login)
				form.Fill(say("Password", "密码"), "demo")
				v.In(`form:has([name="password"][type="password"])`).Click(say("Sign in", "登录"))
			}
			signIn("colleague-0")
			v.Go(at + "/dispatch")
			v.Screenshot("dispatch")
			v.Click(say("Dispatch", "派单"))
			v.Screenshot("dispatch-missing")
			v.Go(at + "/duplicate")
			v.Screenshot("duplicate")
			v.Go("/desk/scorecard")
			v.Screenshot("scorecard")
			p.acts(program, r.Number, casework.Action{Name: "dispatch", Params: map[string]string{"body": "market-regulation", "post": "inspector", "limit": "4 emergency_hours"}})
			v.Go(at)
			v.Screenshot("sent-on")
			v = story.Visit(t, p.url, view)
			signIn("inspector")
			v.Go(at + "/whistle")
			v.Screenshot("whistle")
			v.Go(at + "/suspend_ledger")
			v.Screenshot("suspend")
		})
	}
}
