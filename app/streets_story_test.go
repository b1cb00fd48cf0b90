package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"yiwang/city"
	"yiwang/internal/story"
	"yiwang/scorecard"
)

// What goes wrong gets fixed, from end to end in a browser. Nobody in particular
// reports with a photo; whoever comes next is offered the same matter; a call
// joins it; the officer in the street calls two offices to the spot, loses the
// signal and carries on; somebody else finds it not mended, then mended; who
// reported says how it went; the figures show all of it and open the case.
func TestWhatGoesWrongGetsFixedInABrowser(t *testing.T) {
	story.Available(t)
	p := newPlace(t, "")
	p.team("urban-management.inspector", 1)
	for login, post := range map[string]city.PostID{"hotliner": "operations-center.operator", "checker": "operations-center.reviewer",
		"fireman": "fire-rescue.clerk", "driver": "transport.clerk", "chief": "operations-center.commander"} {
		p.officer(login, post)
	}
	s := p.outside()
	pic := filepath.Join(t.TempDir(), "cover.jpg")
	p.ok(os.WriteFile(pic, camera(t, 1600, 1200), 0o600))
	phone := story.View{Size: story.Phone, Lang: city.Chinese}
	officer := func(login string, view story.View) *story.Visitor {
		v := story.Visit(t, s.url, view)
		v.Go("/sign-in?lang=zh-Hans")
		v.In("main").Fill("用户名或手机号", login)
		v.In("main").Fill("密码", "demo")
		v.In(`form:has([name="password"][type="password"])`).Click("登录")
		return v
	}
	report := func(words string) *story.Visitor {
		v := story.Visit(t, s.url, phone)
		v.StandsAt(riverine.Lat, riverine.Lon)
		v.Go("/report?lang=zh-Hans")
		v.Click("用我现在的位置")
		v.Expect("选在")
		v.Fill("地址或附近的标志", "海棠里 6 幢门口")
		v.Fill("用自己的话说", words)
		v.Expect("像是")
		return v
	}

	first := report("门口的井盖不见了")
	first.Upload("拍张照片", pic)
	first.Screenshot("story-1-report")
	first.Click("报给城市")
	first.Expect("收到了，谢谢您")
	number := numberPattern.FindString(first.Text())
	task := "/field/tasks/" + number

	second := report("井盖不见了，很危险")
	second.Expect("附近有人报过，是同一件吗？")
	second.Choose("是同一件，一起等结果：井盖，5 米外")
	second.Screenshot("story-2-same")
	second.Click("报给城市")
	second.Expect("已经有人报过")

	call := officer("hotliner", story.View{Size: story.Laptop, Lang: city.Chinese})
	call.Go("/desk/hotline")
	call.Fill("回电号码", "13900990009")
	call.Fill("原话", "海棠里有个井盖不见了，差点摔跤")
	call.Fill("社区", "海棠里社区")
	call.Expect(number)
	call.Screenshot("story-3-call")
	call.In("#alike ~ ul, section:has(#alike)").Click("并进去 " + number)
	call.Expect("并入了已有的一件", number)

	v := officer("colleague-0", phone)
	v.Go(task)
	v.Click("我来办")
	v.Click("在路上")
	v.Click("到现场了")
	v.In("details:has(form[action$='/whistle'])").Click("吹哨，叫部门来")
	w := v.In("form[action$='/whistle']")
	w.Choose("消防支队")
	w.Choose("交通局")
	w.Fill("出了什么事，要他们来做什么", "井下有积水，车道要封一半")
	w.Click("吹哨，叫部门来")
	v.Expect("已经记下")
	for _, login := range []string{"fireman", "driver"} {
		o := officer(login, phone)
		o.Go(task)
		o.Click("报到")
		o.In("form[action$='/complete_task']").Choose("同意")
		o.In("form[action$='/complete_task']").Click("给出意见")
		o.Expect("已经记下")
	}
	v.Go("/field")
	v.Go(task)
	v.ExpectKept()
	s.dead.Store(true)
	v.Signal(false)
	mend := func(note string) {
		if v.Count("details[open]:has(form[action$='/done'])") == 0 {
			v.In("details:has(form[action$='/done'])").Click("处理好了")
		}
		f := v.In("form[action$='/done']")
		f.Upload("处理前的照片", pic)
		f.Upload("处理后的照片", pic)
		f.Fill("做了什么；没有照片的，写为什么", note)
		f.Click("处理好了")
	}
	mend("临时盖上了")
	v.Expect("还有 1 件没发出去")
	v.Screenshot("story-4-offline")
	s.dead.Store(false)
	v.Signal(true)
	v.Click("现在发")
	v.ExpectGone("没发出去")

	check := officer("checker", phone)
	check.Go(task)
	check.In("details:has(form[action$='/failed'])").Click("没有处理好，返工")
	check.In("form[action$='/failed']").Fill("哪里没有做好", "盖子是松的")
	check.In("form[action$='/failed']").Click("没有处理好，返工")
	check.Expect("已退回返工")
	v.Go(task)
	mend("换了新井盖")
	v.Expect("由没有经手的人去核查")
	check.Go(task)
	check.In("details:has(form[action$='/passed'])").Click("核查通过")
	check.In("form[action$='/passed']").Fill("给报告人的答复", "换了新井盖，已经踩过，稳的。")
	check.Screenshot("story-5-check")
	check.In("form[action$='/passed']").Click("核查通过")
	check.Expect("核查通过")

	first.Click("看看办到哪一步了")
	first.Expect("换了新井盖，已经踩过，稳的。", "处理以后")
	first.Choose("非常满意")
	first.Click("交评价")
	first.Expect("谢谢您的评价")
	first.Screenshot("story-6-rated")

	call = officer("chief", story.View{Size: story.Laptop, Lang: city.Chinese})
	links := make([]string, 3)
	for i, mark := range []scorecard.Mark{scorecard.Rework, scorecard.Satisfied, scorecard.OnTime} {
		for end := time.Now().Add(2 * time.Minute); links[i] == "" && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			call.Go("/desk/scorecard")
			links[i] = call.Attr(fmt.Sprintf(`a[href*="scorecard/cases"][href*="with=%d&"]`, mark), "href")
		}
		if links[i] == "" {
			t.Fatalf("the scorecard lacks figure %d, it has %d links", mark, call.Count(`a[href*="scorecard/cases"]`))
		}
	}
	call.Screenshot("story-7-scorecard")
	for _, link := range links {
		call.Go(link)
		call.Expect(number)
	}
	call.Click(number)
	call.Expect("井盖", "报上来的", "换了新井盖")
	call.Screenshot("story-8-case")
	if !strings.Contains(call.Path(), number) {
		t.Errorf("the figure leads to %s", call.Path())
	}

	// What the hotline and those who answer for it look at, in the other language,
	// on a telephone and on the narrowest desk.
	month := "/desk/scorecard/" + time.Now().In(p.app.Pack.Zone).Format("2006-01")
	for _, size := range []story.Size{story.Phone, story.Laptop} {
		v := officer("chief", story.View{Size: size, Lang: city.English})
		for path, want := range map[string]string{"/desk/overdue?all=1&lang=en": "Overdue and open", "/desk/scorecard?lang=en": "Side by side", month + "?lang=en": "By body: what people say"} {
			v.Go(path)
			main := v.In("main")
			main.Expect(want)
			if i := strings.IndexFunc(main.Text(), func(r rune) bool { return unicode.Is(unicode.Han, r) }); i >= 0 {
				t.Errorf("Chinese on the English page %s: %.60s", path, main.Text()[i:])
			}
		}
		v.Screenshot("story-9-report")
		v = officer("hotliner", story.View{Size: size, Lang: city.English})
		v.Go("/desk/hotline?lang=en")
		v.Click("Dispatch")
		v.Expect("Please choose a class")
		v.Go("/desk/hotline/calls")
		v.Click("Manhole covers")
		v.Expect("All in all, how satisfied are you?")
		v.Go("/desk/cases/" + number + "#told")
		v.Expect("Who was told", "Whoever reported it")
		v.Screenshot("story-9-told")
	}
}
