package citizen_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"

	"yiwang/city"
	"yiwang/credential"
	"yiwang/form"
	"yiwang/serviceitem"
)

// Every service of the pack can be applied for on these pages, with the answers of
// its example.
func TestEveryServiceCanBeAppliedFor(t *testing.T) {
	for _, lang := range city.Langs {
		w := newTown(t)
		w.leave()
		for _, typ := range w.credentials.Types() {
			if _, had := map[city.CredentialType]bool{"resident-id-card": true, "business-licence": true, "health-certificate": true, "senior-allowance": true}[typ.ID]; had {
				continue
			}
			h := credential.Holder{Person: w.xiaoman, Name: "林小满", Code: xiaomanNumber}
			if typ.Holder == credential.HolderFirm {
				h = credential.Holder{Firm: w.kitchen, Name: "小满厨房（江海）有限公司", Code: city.NewUSCC("91", "990101", 4711)}
			}
			w.hold(typ.ID, h)
		}
		for _, it := range w.items.AllItems() {
			t.Run(string(lang)+"/"+string(it.Code), func(t *testing.T) {
				v := w.visit().signIn("resident")
				v.TB = t
				switch it.Example.For {
				case serviceitem.ForDelegator:
					v.actFor("林秀兰")
				case serviceitem.ForOwnFirm:
					v.actFor("小满厨房")
				}
				v.lang = lang
				walk(t, w, v, it)
			})
		}
	}
}

// walk goes through an application, page by page, with the example's answers.
func walk(t *testing.T, w *town, v *reader, it serviceitem.Item) {
	t.Helper()
	sample, err := w.items.Sample(it.Code)
	if err != nil {
		t.Fatal(err)
	}
	_, f, _ := w.items.Item(it.Code)
	say := func(zh, en string) string { return city.Text{ZhHans: zh, En: en}.In(v.lang) }
	v.get("/items/" + string(it.Code)).is(200).press(say("开始办理", "Start")).is(200)
	for range 15 {
		if strings.HasPrefix(v.at.Path, "/matters/") {
			return
		}
		button := say("保存，下一步", "Save and continue")
		if strings.Contains(v.text("main"), say("看一遍，再送出", "Check your answers, then send")) {
			button = say("送出申请", "Send application")
		}
		v.open(button)
		for name, answer := range sample.Answers {
			fd, ok := f.Field(name)
			if ok && len(cascadia.QueryAll(v.form, cascadia.MustCompile(fmt.Sprintf("[name=%q], [name^=%q]", name, name+".")))) > 0 {
				fillIn(v, fd, answer)
			}
		}
		for id, h := range sample.Materials {
			m, _ := it.Material(id)
			name := m.FormField
			if _, inForm := f.Field(name); !inForm {
				name = "paper." + id
				if h.Fetch {
					if len(cascadia.QueryAll(v.form, cascadia.MustCompile(fmt.Sprintf("[name=%q]", name)))) > 0 {
						v.fill(name, "yes")
					}
					continue
				}
				name += ".file"
			}
			for _, file := range h.Inline {
				if len(cascadia.QueryAll(v.form, cascadia.MustCompile(fmt.Sprintf("[name=%q]", name)))) > 0 {
					v.attach(name, file.Name, file.Content)
				}
			}
		}
		before := v.at.Path
		v.press(button)
		if v.status != 200 {
			t.Fatalf("%s: %d %s", before, v.status, v.text("main"))
		}
	}
	t.Fatalf("no end: %s", v.text("main"))
}

// fillIn writes an answer as a person would.
func fillIn(v *reader, f form.Field, answer any) {
	v.Helper()
	switch a := answer.(type) {
	case []string:
		v.values.Del(f.ID)
		for _, x := range a {
			v.tick(f.ID, x)
		}
	case map[string]string:
		for part, x := range a {
			v.fill(f.ID+"."+part, x)
		}
	case bool:
		v.fill(f.ID, fmt.Sprint(a))
	case city.Date:
		date(v, f.ID, a)
	case int64:
		if f.Type == form.Money {
			v.fill(f.ID, fmt.Sprintf("%.2f", float64(a)/100))
			return
		}
		v.fill(f.ID, fmt.Sprint(a))
	default:
		if d, err := city.ParseDate(fmt.Sprint(a)); err == nil && f.Type == form.Date {
			date(v, f.ID, d)
			return
		}
		v.fill(f.ID, fmt.Sprint(a))
	}
}

func date(v *reader, name string, d city.Date) {
	v.Helper()
	v.fill(name+".year", fmt.Sprint(d.Year)).fill(name+".month", fmt.Sprint(int(d.Month))).fill(name+".day", fmt.Sprint(d.Day))
}
