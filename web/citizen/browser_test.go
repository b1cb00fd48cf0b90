package citizen_test

import (
	"testing"
	"time"

	"yiwang/city"
	"yiwang/internal/story"
)

// The main story in a real browser, with scripts and without, small and large,
// in both languages and in elder mode: axe looks at every page on the way.
func TestTheAllowanceInABrowser(t *testing.T) {
	story.Available(t)
	for _, view := range []story.View{
		{Size: story.Phone, Lang: city.Chinese},
		{Size: story.Laptop, Lang: city.English, NoScript: true},
		{Size: story.Phone, Lang: city.Chinese, Elder: true},
		{Size: story.Laptop, Lang: city.English},
	} {
		t.Run(view.String(), func(t *testing.T) {
			w := newTown(t)
			w.leave("senior-allowance")
			say := func(zh, en string) string { return city.Text{ZhHans: zh, En: en}.In(view.Lang) }
			v := story.Visit(t, w.url, view)
			mode := "/?lang=" + string(view.Lang)
			if view.Elder {
				mode += "&elder=1"
			}
			v.Go(mode)
			v.Screenshot("1-home")
			v.Go("/sign-in")
			v.Screenshot("2-sign-in")
			v.Click("resident")
			v.ExpectAt("/")
			v.Go("/delegations")
			v.Screenshot("3-delegations")
			v.Click("林秀兰")
			v.Expect(say("您正在替 林秀兰 办事", "You are acting for 林秀兰"))
			v.Go("/items/senior-allowance")
			v.Screenshot("4-guide")
			v.Click(say("开始办理", "Start"))
			v.Expect(say("谁来领", "Who receives it"))
			v.Screenshot("5-who")
			next := say("保存，下一步", "Save and continue")
			v.Click(next)
			v.Click(next)
			v.Screenshot("6-faults")
			v.Choose(say("江海银行", "Bank of Jianghai"))
			v.Fill(say("收款账号", "Account number"), "6210990100000041206")
			v.Click(next)
			v.Expect(say("有事联系谁", "Whom to call"))
			v.Click(next)
			v.Expect(say("要用到的证照", "Papers we need"))
			v.Choose(say("同意调取，只用于这一件", "Yes, fetch it for this matter"))
			v.Screenshot("7-papers")
			v.Click(next)
			v.Expect(say("看一遍，再送出", "Check your answers, then send"))
			v.Choose(say("以上属实。情况有变化，比如户口迁走，我会告诉民政局。", "This is true. If something changes, for example the household moves away, I will tell the Civil Affairs Bureau."))
			v.Screenshot("8-check")
			v.Click(say("送出申请", "Send application"))
			v.Expect(say("申请已经收到", "We have your application"))
			v.Screenshot("9-sent")
			w.decide()
			v.Expect(say("按规则自动准予", "Granted by rule")) // by itself, script or no script
			v.ExpectGone(say("正在核对，几秒就好", "Checking; this takes a few seconds"))
			v.Screenshot("10-granted")
			v.Click(say("高龄津贴领取凭证", "Senior allowance certificate"))
			v.Expect(say("下载 PDF", "Download PDF"))
			v.Screenshot("11-licence")
			if view.Elder {
				v.ExpectTargets(60)
				v.ExpectTypeSize(18)
			}
			v.Go("/matters")
			v.Screenshot("12-matters")
			v.Go("/account")
			v.Screenshot("13-account")
			v.Go("/account/tokens")
			v.Screenshot("14-tokens")
			v.Go("/notices")
			v.Screenshot("15-notices")
			v.Go("/uses")
			v.Screenshot("16-uses")
			v.Go("/algorithms/senior-allowance")
			v.Screenshot("17-rule")
			v.Go("/verify")
			v.Screenshot("18-verify")
			v.Go("/items?q=" + say("津贴", "allowance"))
			v.Screenshot("19-search")
			v.Go("/")
			v.Screenshot("20-home")
		})
	}
}

func TestAPasskeySignsIn(t *testing.T) {
	story.Available(t)
	w := newTown(t)
	v := story.Visit(t, w.origin, story.View{Size: story.Phone, Lang: city.English})
	v.HoldsPasskeys()
	v.Go("/sign-in?back=/account")
	v.Click("resident")
	v.ExpectAt("/account")
	v.Fill("What to call it", "my telephone")
	v.Click("Add this device")
	v.Expect("The passkey was added.", "my telephone")
	v.Screenshot("passkey")
	v.Click("Sign out")
	v.ExpectAt("/")
	v.Go("/sign-in?back=/uses")
	v.Click("Use a passkey")
	v.ExpectAt("/uses")

	// and it goes on with a form that was sent too late
	v.Go("/items/own-property-certificate")
	v.Click("Start")
	v.ExpectAt("/apply/")
	v.Choose("A school place")
	w.clock.Advance(3 * time.Hour)
	v.Click("Save and continue")
	v.Expect("your answers are safe")
	v.Click("Use a passkey")
	v.ExpectAt("/apply/")
	v.Go("/account")
	v.Click("Remove")
	v.Expect("The passkey was removed.")
}
