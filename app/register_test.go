package app_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yiwang/algorithm"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/incident"
	"yiwang/incident/words"
	"yiwang/internal/db"
	"yiwang/internal/story"
)

func (p *place) record(id city.RuleID) (r algorithm.Record) {
	p.Helper()
	p.ok(p.app.Journal.CatchUp(context.Background()))
	p.ok(p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		r, err = p.app.Algorithms.Record(ctx, tx, id)
		return err
	}))
	return r
}

// reads gives a page as a stranger, in English.
func (p *place) reads(path string) string {
	p.Helper()
	r, err := http.NewRequest(http.MethodGet, p.url+path, nil)
	p.ok(err)
	r.Header.Set("Accept-Language", "en")
	res, err := http.DefaultClient.Do(r)
	p.ok(err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	p.ok(err)
	if res.StatusCode != http.StatusOK {
		p.Fatalf("%s: %d", path, res.StatusCode)
	}
	return string(raw)
}

// sure is what the classifier is sure of, and what is said to it.
func (p *place) sure() (city.ItemCode, string) {
	p.Helper()
	for _, class := range p.app.Incidents.Classes() {
		said := class.Examples[0]
		if got := p.app.Incidents.Suggest(said); len(got) > 0 && got[0].Class == class.Code && got[0].Share >= p.app.Incidents.Settings.Sure && !class.Emergency {
			return class.Code, said
		}
	}
	p.Fatal("the classifier is sure of nothing that it learnt")
	return "", ""
}

// mend brings a matter to its end: done by whoever mends such things, checked by
// somebody else.
func (p *place) mend(r incident.Receipt) {
	p.Helper()
	class, _ := p.app.Incidents.Class(r.Class)
	p.acts(at(class.Post), r.Number, casework.Action{Name: "done", Note: "拍不清"})
	p.acts(at("operations-center.reviewer"), r.Number, casework.Action{Name: "passed"})
}

// What the classifier says is counted by what people find: an officer who chooses
// another class corrects it, what is dealt with as what it was stands, and what was
// never judged counts for neither. Whoever reads the register sees that, and how it
// did on sentences that it had not learnt from.
func TestTheClassifierStandsInTheRegister(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		ctx := context.Background()
		p := newPlace(t, database)
		sure, said := p.sure()
		other := city.ItemCode("c0101")
		if sure == other {
			other = "c0102"
		}
		apart := func(r incident.Report) incident.Receipt {
			r.Apart, r.Place = true, riverine
			return p.report(nobody, r)
		}

		wrong := apart(incident.Report{Text: said})
		if wrong.Class != sure {
			t.Fatalf("sent as %s, want %s", wrong.Class, sure)
		}
		class, _ := p.app.Incidents.Class(sure)
		mender, operator := at(class.Post), at("operations-center.operator")
		p.acts(mender, wrong.Number, casework.Action{Name: casework.ActClaim})
		p.acts(mender, wrong.Number, casework.Action{Name: "give_back", Reason: "不是我们的"})
		_, err := p.app.Incidents.Dispatch(ctx, operator, wrong.Number, incident.To{Class: other})
		p.ok(err)
		wrong.Class = other
		p.mend(wrong) // ends as what it was found to be, which makes nothing right

		right := apart(incident.Report{Text: said, Class: sure, Offered: sure})
		p.mend(right)
		better := apart(incident.Report{Text: said, Class: other, Offered: sure}) // who reports knows better
		p.mend(better)
		apart(incident.Report{Text: said})                                           // not judged yet
		apart(incident.Report{Text: said, Class: other})                             // nothing was said
		p.report(nobody, incident.Report{Text: said, Class: other, Place: riverine}) // joined
		want := algorithm.Outcomes{Said: 4, Right: 1, Wrong: 2}
		got := p.record(incident.ClassifierID)
		did := map[string]algorithm.Outcomes{}
		for _, d := range got.Did {
			did[d.Did] = d.Outcomes
		}
		if diff := cmp.Diff(map[string]algorithm.Outcomes{algorithm.DidSend: {Said: 2, Wrong: 1}, algorithm.DidFollow: {Said: 1, Right: 1}, algorithm.DidPassOver: {Said: 1, Wrong: 1}}, did); diff != "" || got.Outcomes != want {
			t.Errorf("%+v, %s", got.Outcomes, diff)
		}
		if len(got.Wrong) != 1 || got.Wrong[0] != (algorithm.Reason{Code: string(other), N: 2}) {
			t.Errorf("it was instead %+v", got.Wrong)
		}

		// taken up again, and found to be what the classifier said after all
		p.ok(p.app.Incidents.Reopen(ctx, nobody, wrong.Number, wrong.Code, "还是老样子"))
		if got := p.record(incident.ClassifierID); got.Outcomes != want {
			t.Errorf("taken up again: %+v", got.Outcomes)
		}

		var examples, names []words.Example
		for _, c := range p.app.Incidents.Classes() {
			for _, e := range c.Examples {
				examples = append(examples, words.Example{Class: c.Code, Text: e})
			}
			for _, e := range []string{c.Name.ZhHans, c.About.ZhHans, c.Name.En, c.About.En} {
				names = append(names, words.Example{Class: c.Code, Text: e})
			}
		}
		measures := words.Validate(examples, names, p.app.Incidents.Settings.Sure)
		measured := algorithm.Measured{Measures: measures}
		best, _ := measured.Find(algorithm.MeasuredRight)
		plain, _ := measured.Find(algorithm.MeasuredCommonest)
		page := p.reads("/algorithms/" + string(incident.ClassifierID))
		for _, say := range []string{
			fmt.Sprintf("Of %d sentences it had not seen, it was right at once about %d, %d%%.", best.Of, best.Hits, int(100*best.Share()+0.5)),
			fmt.Sprintf("is right about %d, %d%%.", plain.Hits, int(100*plain.Share()+0.5)),
			"It has spoken 4 times. People have judged 3: it was right in 1, 33%.",
			"Jianghai City Operations Centre", "call 12345 with its number",
		} {
			if !strings.Contains(page, say) {
				t.Errorf("the page doesn't say %q", say)
			}
		}
		if list := p.reads("/algorithms"); !strings.Contains(list, "Which class a report belongs to") || !strings.Contains(list, "Models that suggest") {
			t.Error("the list lacks the classifier")
		}
		var told struct {
			Kind  string
			Model struct {
				Trial  struct{ Measures []algorithm.Measure }
				Record struct {
					All struct {
						Said, Right, Wrong int
						Precision          float64
					}
				}
			}
		}
		p.call("", http.MethodGet, "/api/v1/algorithms/"+string(incident.ClassifierID), nil, http.StatusOK, &told)
		if all := told.Model.Record.All; told.Kind != "model" || all.Said != 4 || all.Right != 1 || all.Wrong != 2 || all.Precision != 1./3 {
			t.Errorf("the API says %+v", told)
		}
		if diff := cmp.Diff(measures, told.Model.Trial.Measures); diff != "" {
			t.Errorf("the API's trial: %s", diff)
		}
	})
}

// The register in a real browser, where axe finds nothing.
func TestTheRegisterInABrowser(t *testing.T) {
	story.Available(t)
	p := newPlace(t, "")
	sure, said := p.sure()
	for i := range 3 {
		r := p.report(nobody, incident.Report{Text: said, Class: sure, Offered: sure, Place: riverine, Apart: true})
		if i > 0 {
			p.mend(r)
		}
	}
	p.report(nobody, incident.Report{Text: said, Place: riverine, Apart: true})
	p.record(incident.ClassifierID)
	views := []story.View{{Size: story.Phone, Lang: city.Chinese}, {Size: story.Desk, Lang: city.English}}
	if os.Getenv("YIWANG_SCREENSHOTS") != "" {
		views = append(views, story.View{Size: story.Phone, Lang: city.Chinese, Elder: true})
	}
	for _, view := range views {
		t.Run(view.String(), func(t *testing.T) {
			say := func(en, zh string) string {
				if view.Lang == city.English {
					return en
				}
				return zh
			}
			v := story.Visit(t, p.url, view)
			v.Go("/algorithms?lang=" + string(view.Lang))
			v.Expect(say("Models that suggest", "提建议的模型"))
			v.Screenshot("register")
			v.Click(say("Which class a report belongs to", "报的问题，归到哪一类"))
			v.Expect(say("What people decide", "人决定什么"), say("People have judged 2", "其中 2 次人已经看过"))
			v.Click(say("By month", "按月看"))
			v.Screenshot("model")
			v.Go("/algorithms/night_driving")
			v.Expect(say("It hasn't been used yet.", "还没有用过。"))
			v.Screenshot("detector")
		})
	}
}
