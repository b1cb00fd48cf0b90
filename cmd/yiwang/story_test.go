package main

import (
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/internal/story"
)

// demonstration starts the program as the README's first command does, in a
// folder of its own and without made-up life that would move the screens.
func demonstration(t *testing.T) *story.Running {
	t.Helper()
	story.Available(t)
	return story.Program{Args: []string{"demo", "--quiet"}}.Start(t)
}

// person is somebody at a browser, who reads one language.
type person struct {
	*story.Visitor
	view story.View
}

func visit(t *testing.T, p *story.Running, view story.View) person {
	t.Helper()
	return person{story.Visit(t, p.URL, view), view}
}

// say is the words in the language that the person reads.
func (p person) say(en, zh string) string { return city.Text{ZhHans: zh, En: en}.In(p.view.Lang) }

// signIn goes from the first page to the door and types name and password.
func (p person) signIn(login string) {
	p.Go("/")
	p.Click(p.say("Sign in", "登录"))
	form := p.In("main")
	form.Fill(p.say("User name or phone number", "用户名或手机号"), login)
	form.Fill(p.say("Password", "密码"), "demo")
	p.In(`form:has([name="password"][type="password"])`).Click(p.say("Sign in", "登录"))
}

// The README's first walk, as issue 2 ends: a daughter applies for her mother, a
// rule grants, a stranger checks, an approver revokes, the daughter is not
// pleased, and somebody has to answer for it.
func TestAllowanceForTheMother(t *testing.T) {
	for _, view := range []story.View{
		{Size: story.Laptop, Lang: city.English},
		{Size: story.Phone, Lang: city.Chinese},
		{Size: story.Laptop, Lang: city.English, NoScript: true},
	} {
		t.Run(view.String(), func(t *testing.T) { allowance(t, view) })
	}
}

func allowance(t *testing.T, view story.View) {
	p := demonstration(t)
	daughter := visit(t, p, view)
	say := daughter.say
	daughter.signIn("resident")
	daughter.Expect("林小满")
	daughter.Screenshot("1-home")

	// find it, and learn there that it can be done for the mother
	daughter.Fill(say("What would you like to get done?", "您想办什么事？"), say("allowance", "高龄"))
	daughter.Click(say("Search", "查找"))
	daughter.Click(say("Senior-citizen allowance", "高龄津贴"))
	daughter.Expect(say("Anyone of 80 or over", "年满 80 周岁"))
	daughter.Click("林秀兰")
	daughter.Expect(say("You are acting for 林秀兰", "您正在替 林秀兰 办事"))
	daughter.Screenshot("2-guide")
	daughter.Click(say("Start", "开始办理"))

	daughter.Expect(say("Who receives it", "谁来领"), "林秀兰", say("from the population register", "户籍登记"))
	next := say("Save and continue", "保存，下一步")
	daughter.Click(next)
	daughter.Choose(say("Bank of Jianghai", "江海银行"))
	daughter.Fill(say("Account number", "收款账号"), "6210990100000041206")
	daughter.Screenshot("3-step")
	daughter.Click(next)
	daughter.Expect(say("Whom to call", "有事联系谁"))
	daughter.Click(next)
	daughter.Expect(say("Papers we need", "要用到的证照"))
	daughter.Choose(say("Yes, fetch it for this matter", "同意调取，只用于这一件"))
	daughter.Click(next)
	daughter.Expect(say("Check your answers, then send", "看一遍，再送出"), "6210990100000041206")
	daughter.Choose(say("This is true.", "以上属实。"))
	daughter.Screenshot("4-check")
	sent := time.Now()
	daughter.Click(say("Send application", "送出申请"))

	// granted by rule in seconds: the page looks again by itself, script or no script
	daughter.Expect(say("Granted by rule", "按规则自动准予"), say("The person is 80 or older", "年满 80 周岁"))
	if took := time.Since(sent); took > 10*time.Second {
		t.Errorf("the rule took %s", took)
	}
	daughter.Screenshot("5-granted")
	matter, _, _ := strings.Cut(daughter.Path(), "?")
	if !strings.HasPrefix(matter, "/matters/JH-") {
		t.Fatalf("the matter is at %s", matter)
	}
	daughter.Click(say("Senior allowance certificate", "高龄津贴领取凭证"))
	daughter.Expect("林秀兰", say("No end date", "长期有效"))
	if daughter.Count("figure svg") != 1 {
		t.Error("the licence shows no code")
	}
	daughter.Screenshot("6-licence")
	code, identifier := daughter.Attr("[data-copy]", "data-copy"), daughter.In(".paper dd.mono.small").Text()

	// a stranger checks the code
	stranger := visit(t, p, view)
	check := func(verdict string) {
		t.Helper()
		stranger.Go("/")
		stranger.Click(say("Verify", "查验"))
		stranger.Fill(say("Licence number, or the text of a scanned code", "证照编号，或扫码得到的文字"), code)
		stranger.In("main form").Click(say("Verify", "查验"))
		stranger.Expect(verdict)
	}
	check(say("This licence is genuine and valid", "这张证照是真的，现在有效"))
	stranger.ExpectGone("林秀兰")
	stranger.Screenshot("7-valid")

	// an approver takes it back
	desk := view
	desk.Size = story.Laptop
	approver := visit(t, p, desk)
	approver.signIn("approver")
	approver.ExpectAt("/desk")
	approver.Click(say("Licences", "证照"))
	approver.Fill(say("Licence number", "证照标识"), identifier)
	approver.Click(say("Open", "打开"))
	approver.Expect(say("It is in force", "现在有效"), "林秀兰")
	approver.Click(say("Revoke it", "收回证照"))
	approver.Choose(say("It should not have been issued", "发的时候就不该发"))
	approver.Fill(say("Reason", "理由"), say("The household moved away in June.", "户口六月已经迁走。"))
	approver.Fill(say("Legal ground", "依据"), say("Administrative Licensing Law, art. 69", "行政许可法第六十九条"))
	approver.Screenshot("8-revoke")
	approver.Click(say("Revoke it", "收回证照"))
	approver.Expect(say("the licence is revoked", "证照已收回"))
	check(say("This licence can't be relied on", "这张证照不能用"))
	stranger.Screenshot("9-revoked")

	// she hears why, and gives two stars of five
	daughter.Go(matter)
	daughter.Click(say("Senior allowance certificate", "高龄津贴领取凭证"))
	daughter.Expect(say("The household moved away in June.", "户口六月已经迁走。"))
	daughter.Go(matter)
	daughter.Choose(say("Dissatisfied", "不满意"))
	daughter.Fill(say("What was good, what should change?", "哪里好，哪里要改？"), say("Nobody asked us first.", "收回以前没有问过我们。"))
	daughter.Click(say("Send rating", "送出评价"))
	daughter.Expect(say("Your rating", "您的评价"), say("Dissatisfied", "不满意"), say("We look into it and answer you here.", "我们会核实，改好以后在这里答复您。"))
	daughter.Screenshot("10-rated")

	// and at the desk a case stands, which says what but not who
	approver.Go("/desk")
	approver.Reload(say("Bad rating", "差评"), 10*time.Second)
	approver.Click(say("Bad rating", "差评"))
	approver.Expect(say("Nobody asked us first.", "收回以前没有问过我们。"), say("True, put it right", "属实，去整改"))
	approver.In("main").ExpectGone("林小满")
	approver.Screenshot("11-follow-up")
}
