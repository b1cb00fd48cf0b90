package main

import (
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/internal/story"
)

// The food-business permit: a correction asked for once and answered, a look at
// the premises with the clock paused, two bodies reviewing side by side, and a
// decision. Officers sign in as their posts.
func TestFoodPermit(t *testing.T) {
	for _, view := range []story.View{{Size: story.Laptop, Lang: city.Chinese}, {Size: story.Laptop, Lang: city.English, NoScript: true}} {
		t.Run(view.String(), func(t *testing.T) { foodPermit(t, view) })
	}
}

func foodPermit(t *testing.T, view story.View) {
	p := demonstration(t)
	plan := "../../cities/jianghai/examples/floor-plan.pdf"
	owner := visit(t, p, view)
	say := owner.say
	owner.signIn("firm")
	owner.Click(say("Open a shop", "开一家店"))
	owner.Click(say("Food business permit", "食品经营许可"))
	owner.Click("小满厨房（江海）有限公司")
	owner.Click(say("Start", "开始办理"))
	next := say("Save and continue", "保存，下一步")
	owner.Expect(say("from the company register", "企业登记"))
	owner.Click(next)
	owner.Choose(say("A new permit", "新办"))
	owner.Choose(say("Restaurant", "餐饮服务"))
	owner.Choose(say("Hot dishes", "热食类制售"))
	owner.Click(next)
	owner.Fill(say("Community", "所在社区"), say("Binjiang", "滨江"))
	owner.Fill(say("Floor area", "面积"), "86")
	owner.Upload(say("Floor plan", "平面图"), plan)
	owner.Click(next)
	owner.Choose(say("Piped gas", "管道天然气"))
	owner.Choose(say("Yes", "是"), say("Is there a fume filter", "装了油烟净化"))
	owner.Click(next)
	owner.Fill(say("Food safety manager", "食品安全管理员"), "林小满")
	owner.Fill(say("How many people touch ready-to-eat food", "碰直接入口食品的有几个人"), "3")
	owner.Click(next)
	owner.Expect(say("Papers we need", "要用到的证照"))
	for _, paper := range []string{say("Business licence", "营业执照"), say("Health certificates", "从业人员健康证明"), say("Fire safety opinion", "消防安全检查意见书")} {
		owner.Choose(say("Yes, fetch it for this matter", "同意调取，只用于这一件"), paper)
	}
	owner.Click(next)
	owner.Expect(say("Check your answers, then send", "看一遍，再送出"))
	owner.Choose(say("This is true", "以上属实"))
	owner.Screenshot("food-1-check")
	owner.Click(say("Send application", "送出申请"))
	owner.Expect(say("We have your application", "申请已经收到"))
	matter, _, _ := strings.Cut(owner.Path(), "?")
	number := strings.TrimPrefix(matter, "/matters/")

	office := func(login string) person {
		t.Helper()
		o := visit(t, p, view)
		o.signIn(login)
		o.ExpectAt("/desk")
		o.Reload(number, 10*time.Second)
		o.Click(number)
		return o
	}
	do := func(o person, en, zh string, form func(act *story.Visitor)) {
		t.Helper()
		o.In(".act").Click(say(en, zh))
		if form != nil {
			act := o.In("#act")
			form(act)
			act.Click(say(en, zh))
		}
	}
	clerk := office("market-regulation.clerk")
	do(clerk, "Ask for a correction", "请申请人补正", func(act *story.Visitor) {
		point := clerk.In("#act .point-rows li:first-child")
		point.Fill(say("About", "哪一项"), say("Floor plan", "平面图"))
		point.Fill(say("What to correct", "要怎样改"), say("Mark where the dishes are washed.", "请标出洗碗的位置。"))
	})
	clerk.Expect(say("The clock stands still.", "这段时间时钟不走。"))
	clerk.Screenshot("food-2-asked")

	owner.Go(matter)
	owner.Expect(say("Mark where the dishes are washed.", "请标出洗碗的位置。"))
	owner.Screenshot("food-3-todo")
	owner.Click(say("Correct now", "去补正"))
	owner.Upload(say("Floor plan", "平面图"), plan)
	owner.Click(say("Send corrections", "送出补正"))
	owner.Expect(say("Correction received", "补正已收到"))

	clerk.Go("/desk/cases/" + number)
	clerk.Expect(say("Correction received", "补正已交"))
	do(clerk, "Accept", "受理", nil)

	inspector := office("market-regulation.inspector")
	do(inspector, "Begin a special procedure", "启动特别程序", func(act *story.Visitor) {
		act.Fill(say("Arrangement", "安排"), say("Thursday at ten, both offices.", "周四上午十点，两家一起去。"))
	})
	inspector.Expect(say("Clock paused", "时钟暂停"))
	inspector.Screenshot("food-4-paused")
	owner.Go(matter)
	owner.Expect(say("The clock stands still", "时钟停着"))
	owner.Screenshot("food-5-paused")
	do(inspector, "Record the result", "记录结果", func(act *story.Visitor) {
		act.Fill(say("The result", "结果"), say("As drawn in the plan.", "和平面图一致。"))
	})
	do(inspector, "Inspected, on to joint review", "查看完毕，送并联审查", nil)

	for _, login := range []string{"fire-rescue.reviewer", "market-regulation.reviewer"} {
		reviewer := office(login)
		do(reviewer, "Give an opinion", "给出意见", func(act *story.Visitor) {
			act.Choose(say("Agree", "同意"))
		})
		reviewer.Expect(say("Opinion given", "给出意见"))
	}
	approver := office("market-regulation.approver")
	approver.Screenshot("food-6-decision")
	do(approver, "Grant", "准予许可", func(*story.Visitor) {})
	approver.Expect(say("Closed on", "办结：已准予"))

	owner.Go(matter)
	owner.Expect(say("Granted. The permit is under My licences", "准了，许可证在“我的证照”里"))
	owner.Screenshot("food-7-granted")
	owner.In("main").Click(say("Food business permit", "食品经营许可证"))
	owner.Expect("小满厨房（江海）有限公司", say("Validity until", "有效期 至"))
	if owner.Count("figure svg") != 1 {
		t.Error("the permit shows no code")
	}
	owner.Screenshot("food-8-permit")
}
