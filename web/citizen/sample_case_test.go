package citizen

import (
	"context"
	"io"
	"time"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/web"
	"yiwang/web/receipt"
)

func sampleCase() Case {
	return Case{
		Number: number, Name: tx("食品经营许可（新办）", "Food-business permit (new)"), Subject: "小满厨房",
		State:    web.Tagged{State: web.StatePaused, Word: tx("现场查看", "Site inspection")},
		Tell:     tx("材料齐了，已经受理。**市场监管局会在 {when:date}上门查看**，查看期间时钟暂停，", "Your papers are complete and accepted. **The Market Regulation Bureau visits on {when:date}.** The clock pauses meanwhile;"),
		TellArgs: []any{"when", at(11, 27, 9, 30)},
		Then:     said("最晚 12 月 3 日（星期四）给您答复。"),
		Steps: []web.Step{
			{State: web.StateWorking, Title: tx("等待现场查看", "Waiting for the inspection"), At: at(11, 23, 9, 2), Where: tx("时钟暂停", "clock paused"), Links: []web.Link{{Text: tx("改约", "Change the appointment"), Href: "/x"}}},
			{State: web.StateWaiting, Title: tx("补正已收到", "Correction received"), At: at(11, 20, 15, 42), Said: "您补交了平面图。", Links: []web.Link{{Text: tx("看补正单", "See the request"), Href: "/x"}}},
			{State: web.StateWaiting, Title: tx("请您补正（1 处）", "One thing to correct"), At: at(11, 18, 10, 5), Said: "平面图缺后厨排水口位置"},
			{State: web.StateDone, Title: tx("收件", "Received"), At: at(11, 16, 20, 31), Where: tx("网上", "online"), Said: "营业执照、健康证由系统调取，不用您交。"},
		},
		Clock: &web.Clock{
			Promise: said("承诺 10 个工作日，已用 4 天"), Due: at(12, 3, 17, 0), Paused: tx("等现场查看，不算在承诺时间里", "waiting for the inspection; these days don't count"),
			Pieces: []web.Piece{{Kind: web.PieceUsed, Amount: 2}, {Kind: web.PiecePaused, Amount: 2}, {Kind: web.PieceUsed, Amount: 2}, {Kind: web.PiecePaused, Amount: 2}, {Kind: web.PieceLeft, Amount: 6}},
			Rows:   []web.Row{{Name: tx("已用", "Used"), Value: tx("4 个工作日", "4 working days")}, {Name: tx("暂停", "Paused"), Value: tx("补正 2 天、查看 2 天", "2 days correction, 2 days inspection")}},
		},
		Looks: sampleLooks()[:2], Receipts: receipt.Offer{Lines: []receipt.Line{{At: at(11, 20, 15, 42), What: web.Words("tlog.said.case"), Href: "/receipt?entry=2"}, {At: at(11, 16, 20, 31), What: web.Words("tlog.said.case.opened"), Href: "/receipt?entry=1"}}}, Withdraw: "/case/withdraw", Urge: "/urge", Delegate: "/delegations",
		Answers: sampleCheck().Parts,
	}
}

func sampleSent() Case {
	c := sampleCase()
	c.Sent, c.Soon, c.Receipts, c.Looks, c.Clock = true, true, receipt.Offer{Awaited: true}, nil, nil
	c.State = web.Tagged{State: web.StateWorking, Word: tx("核对中", "Checking")}
	c.Tell, c.Then = tx("申请收到了，正在和登记数据核对。", "We have your application and are checking it against the registers."), city.Message{}
	c.Steps = c.Steps[3:]
	return c
}

func sampleTodo() Case {
	c := sampleCase()
	c.State = web.Tagged{State: web.StateWaiting, Word: tx("待补正", "Correction")}
	c.Tell, c.Then = tx("材料里有 2 处要改，改好就接着办。", "Two things need a change; then we go on."), city.Message{}
	c.Todo = &Todo{Points: []string{"平面图缺后厨排水口位置，请补画。", "健康证里少一位师傅的。"}, Due: at(12, 2, 17, 0), Href: "/case/supply"}
	c.Steps = c.Steps[2:]
	return c
}

func sampleGranted() Case {
	return Case{
		Number: "JH-2026-004822-6", Name: tx("高龄津贴", "Senior allowance"), Subject: "林秀兰",
		State: web.Tagged{State: web.StateDone, Word: tx("已准予", "Granted")},
		Tell:  tx("**准了，从下个月起每月 200 元**，打到尾号 1206 的卡上。", "**Granted: 200 yuan a month from next month**, paid to the account ending in 1206."),
		Steps: []web.Step{
			{State: web.StateDone, Title: tx("准予，凭证已签发", "Granted, certificate issued"), At: at(11, 23, 9, 12), Where: tx("自动规则", "by rule")},
			{State: web.StateWorking, Title: tx("收件", "Received"), At: at(11, 23, 9, 12), Where: tx("网上", "online")},
		},
		Licences: sampleLicences()[:1],
		Decision: &Decision{Granted: true, Rule: &web.Link{Text: tx("高龄津贴自动准予", "Senior allowance granted by rule"), Href: "/algorithms/x"}, At: at(11, 23, 9, 12), Review: "/review", Clauses: []Clause{
			{Text: tx("年满 80 周岁", "The person is 80 or older"), Holds: true, Fact: "1941-03-12", From: tx("户籍登记", "population register"), Legal: tx("《江海市高龄津贴办法》第三条", "Senior Allowance Measures, art. 3")},
			{Text: tx("户籍在江海市", "The person is registered in Jianghai"), Holds: true, Fact: "海棠街道", From: tx("户籍登记", "population register"), Legal: tx("《江海市高龄津贴办法》第三条", "Senior Allowance Measures, art. 3")},
			{Text: tx("收款账号是 12 到 19 位数字", "The account number has 12 to 19 digits"), Holds: false, Fact: "…1206", From: tx("您填的", "your answer"), Legal: tx("《江海市高龄津贴办法》第八条", "Senior Allowance Measures, art. 8")},
		}},
		Rate: &RateBox{Action: "/rate"}, Receipts: receipt.Offer{Lines: []receipt.Line{{At: at(11, 20, 15, 42), What: web.Words("tlog.said.case"), Href: "/receipt?entry=2"}, {At: at(11, 16, 20, 31), What: web.Words("tlog.said.case.opened"), Href: "/receipt?entry=1"}}}, Looks: sampleLooks()[:1],
	}
}

func sampleRefused() Case {
	return Case{
		Number: "JH-2026-003911-0", Name: tx("树木采伐许可", "Tree-felling permit"),
		State: web.Tagged{State: web.StateRefused, Word: tx("未准予", "Refused")},
		Tell:  tx("这次没有准予。下面写着原因，以及不同意可以怎么办。", "The application was refused. Below you see why and what you can do if you disagree."),
		Steps: []web.Step{{State: web.StateRefused, Title: tx("未准予", "Refused"), At: at(10, 12, 16, 40)}, {State: web.StateDone, Title: tx("收件", "Received"), At: at(9, 28, 10, 0)}},
		Decision: &Decision{By: tx("自然资源局 · 审批岗", "Natural Resources Bureau · approver"), At: at(10, 12, 16, 40), Reasons: []string{"这棵香樟是登记在册的古树，不能采伐。可以申请修枝，园林部门免费上门。"},
			Appeal: tx("60 日内可以向市人民政府申请行政复议，6 个月内可以向人民法院起诉。", "Administrative reconsideration within 60 days, or a lawsuit within 6 months.")},
		Rate: &RateBox{Given: 4, At: at(10, 13, 8, 0), Words: "等了两周才知道是古树。"},
		Clock: &web.Clock{Promise: said("承诺 10 个工作日，用了 11 天"), Pieces: []web.Piece{{Kind: web.PieceUsed, Amount: 10}, {Kind: web.PieceOver, Amount: 1}},
			Rows: []web.Row{{Name: tx("超出", "Over"), Value: tx("1 个工作日", "1 working day"), Strong: true}}},
	}
}

func sampleSupply() Supply {
	return Supply{
		Number: number, Name: tx("食品经营许可（新办）", "Food-business permit (new)"), Points: sampleTodo().Todo.Points, Due: sampleTodo().Todo.Due, Action: "/case/supply", Files: true,
		Fields: []web.Field{
			{Name: "floor_plan", Type: web.FieldFile, Label: tx("后厨平面图", "Floor plan"), Required: true, Accept: []string{"pdf", "jpeg", "png"}, MaxMB: 10},
			{Name: "words", Type: web.FieldLongText, Label: tx("想说明什么", "Anything to explain")},
		},
	}
}

func sampleWithdraw() web.Confirmation {
	return web.Confirmation{
		Title: tx("撤回这件申请？", "Withdraw this application?"), Text: said("撤回以后就不再往下办，交过的材料留给您看。"),
		Effects: []city.Text{tx("市场监管局 11 月 27 日不再上门", "The inspection on 27 November will not take place"), tx("想再办，可以随时重新申请，答案不用再填", "You can apply again at any time without typing your answers again")},
		Action:  "/case/withdraw", Do: tx("撤回申请", "Withdraw"), Danger: true, Back: web.Link{Text: tx("不撤了", "Keep it"), Href: "/case"},
		Fields: []web.Field{{Name: "reason", Type: web.FieldText, Label: tx("为什么撤回", "Why"), Max: 200}},
	}
}

func sampleLooks() []Look {
	return []Look{
		{At: at(11, 20, 16, 3), Who: tx("审查岗", "reviewer"), Body: tx("市场监督管理局", "Market Regulation Bureau"), Purpose: tx("审查本件", "reviewing this matter"), What: []city.Text{tx("姓名", "name"), tx("经营场所", "premises")}, Case: number},
		{At: at(11, 16, 20, 32), Who: tx("自动规则", "rule"), Body: tx("市场监督管理局", "Market Regulation Bureau"), Purpose: tx("调取健康证，用于本件", "fetching health certificates for this matter"), What: []city.Text{tx("健康证编号", "certificate number"), tx("有效期", "validity")}, Case: number},
		{At: time.Date(2025, 12, 30, 10, 11, 0, 0, zone), Who: tx("收件岗", "clerk"), Body: tx("政务服务中心", "Service Centre"), Purpose: tx("窗口代填", "filing at the counter"), What: []city.Text{tx("身份证号", "citizen number")}},
	}
}

func sampleLicences() []LicenceLine {
	valid := LicenceTag("01")
	return []LicenceLine{
		{Name: tx("高龄津贴领取凭证", "Senior allowance certificate"), Number: "GL-2026-000481", Holder: "林秀兰", Issuer: tx("民政局", "Civil Affairs Bureau"), State: valid, Href: "/licences/1"},
		{Name: tx("食品经营许可证", "Food-business permit"), Number: "SP-2026-001102", Holder: "小满厨房（江海）有限公司", Issuer: tx("市场监督管理局", "Market Regulation Bureau"), Until: city.Date{Year: 2031, Month: 12, Day: 2}, State: valid, Href: "/licences/2"},
	}
}

func revoked() LicenceLine {
	l := sampleLicences()[1]
	l.State = LicenceTag("03")
	return l
}

const sampleCode = "YW1:NCFOXN%TSMAHN-HMW9A2ZFD6HYOJ-IUWMS7RJ5IK$IC:K3NDL1SYBR/5Y:6:KJ0KJ 7I/%1AS6NL0WQSI1L2OR/MG0F6YQ8WC1"

func sampleLicence(valid bool) Licence {
	l := Licence{
		Name: tx("高龄津贴领取凭证", "Senior allowance certificate"), Number: "GL-2026-000481", Identifier: "1.2.156.3005.2.11990100MB0000021Y003.11990100MB0000021Y.2026000481.001.K",
		Holder: "林秀兰", Issuer: tx("江海市民政局", "Jianghai Civil Affairs Bureau"), Issued: city.Date{Year: 2026, Month: 11, Day: 23}, State: LicenceTag("01"), Valid: true,
		Rows: []LicenceRow{{tx("出生日期", "Date of birth"), "1941-03-12"}, {tx("每月金额", "Monthly amount"), "200.00"}, {tx("收款账号", "Account"), "6210 •••• •••• 1206"}},
		Code: sampleCode, CodeUntil: at(11, 23, 12, 1), PDF: "/licences/1/pdf", Case: "JH-2026-004822-6", Uses: sampleLooks()[:1],
	}
	if !valid {
		l.Valid, l.State, l.PDF = false, LicenceTag("03"), ""
		l.Note = said("民政局在 11 月 23 日撤销了它：重复发放。不同意可以申请行政复议。")
		l.PDFWhy = said("没有装中文字体，所以不能做 PDF；可以打印这一页。")
		l.Uses = nil
	}
	return l
}

func sampleVerify(good bool) Verify {
	r := &VerifyResult{State: web.StateDone, Verdict: said("这张证照是真的，现在有效"), Reason: said("签名对得上，今天 11:58 的状态表里没有撤销记录。"), At: at(11, 23, 12, 0),
		Name: tx("高龄津贴领取凭证", "Senior allowance certificate"), Rows: []LicenceRow{{tx("持有人", "Holder"), "林＊兰"}, {tx("颁发机构", "Issuer"), "江海市民政局"}, {tx("有效期", "Validity"), "长期"}}}
	if !good {
		r.State, r.Verdict, r.Reason = web.StateRefused, said("这张证照已经撤销，不能用"), said("民政局在 **11 月 23 日** 撤销了它：重复发放。")
	}
	return Verify{Result: r}
}

func sampleSignIn() SignIn {
	return SignIn{Login: "resident", Fault: said("用户名和密码对不上"), Back: "/matters", Activate: "/activate", Passkey: SignInPasskey(`{"publicKey":{"challenge":"AAAA"}}`, "s", "/matters"), Demo: []DemoLogin{
		{"resident", tx("林小满，居民", "Lin Xiaoman, resident")}, {"elder", tx("林秀兰，85 岁", "Lin Xiulan, 85")}, {"firm", tx("小满厨房的代理人", "agent of a restaurant")}, {"clerk", tx("窗口收件", "counter clerk")}, {"approver", tx("审批", "approver")},
	}}
}

func sampleAccount() Account {
	return Account{Name: "林小满", Login: "resident",
		Passkeys:   []PasskeyLine{{Name: "我的手机", Created: at(10, 1, 9, 0), Used: at(11, 22, 21, 3), Remove: "/account/passkeys/1/remove"}},
		NewPasskey: AddPasskey(`{"publicKey":{"challenge":"AAAA"}}`, "s"),
		Sessions:   []SessionLine{{Device: "Firefox, Linux", Address: "10.0.0.4", Seen: at(11, 23, 11, 58), Here: true}, {Device: "Safari, iPhone", Address: "10.0.0.9", Seen: at(11, 21, 8, 10), End: "/end"}}, EndOthers: "/account/sessions/end",
		PasswordAction: "/account/password", Password: PasswordFields(),
		Firms:   []web.Link{{Text: web.Plain("小满厨房（江海）有限公司"), Href: "/x"}},
		Notices: []Notice{{At: at(11, 23, 9, 12), Text: said("林秀兰的高龄津贴准了，凭证在“我的证照”里。"), Href: "/case/granted", New: true}, {At: at(11, 20, 15, 42), Text: said("补正已经收到，接着往下办。"), Href: "/case"}}}
}

func sampleDelegations() Delegations {
	from, until := city.Date{Year: 2026, Month: 9, Day: 1}, city.Date{Year: 2027, Month: 3, Day: 1}
	return Delegations{
		Received: []Delegation{{Name: "林秀兰", Items: []city.Text{tx("高龄津贴", "Senior allowance"), tx("社保卡", "Social-security card")}, From: from, Until: until, State: DelegationTag("offered"), Accept: "/accept", End: "/end"}, {Name: "周伯", From: from, Until: until, Act: "/act", Now: true}},
		Given:    []Delegation{{Name: "周岚", Items: []city.Text{tx("居住证", "Residence permit")}, From: from, Until: until, End: "/end"}},
		Action:   "/delegations",
		New:      DelegationFields([]web.Option{{Value: "senior-allowance", Label: tx("高龄津贴", "Senior allowance")}, {Value: "social-security-card", Label: tx("社保卡", "Social-security card")}}),
	}
}

func sampleRule() Rule {
	law := tx("《江海市高龄津贴办法》第三条", "Jianghai Senior Allowance Measures, art. 3")
	return Rule{
		Name: tx("高龄津贴自动准予", "Senior allowance granted by rule"), Purpose: tx("年龄、户籍和领取情况都能从已有记录里核对，符合条件的当场准予；有一条拿不准就交给工作人员。", "Age, residence and earlier payments are checked in the city's records. Whoever qualifies is granted the allowance at once; anything unclear goes to an officer."),
		Owner: tx("民政局", "Civil Affairs Bureau"), Item: tx("高龄津贴", "Senior allowance"), ItemURL: "/items/senior-allowance", From: city.Date{Year: 2026, Month: 1, Day: 1},
		Clauses: []RuleClause{{tx("年满 80 周岁", "The person is 80 or older"), law, "years(birth_date, today) >= 80"}, {tx("户籍在江海市", "The person is registered in Jianghai"), law, `region.startsWith("9901")`}},
		Facts:   []RuleFact{{tx("出生日期", "Date of birth"), tx("户籍登记", "population register")}, {tx("收款账号", "Account number"), tx("申请人填写", "the applicant's answer")}},
		Tests:   []RuleTest{{"a mother of 85", tx("准予", "granted")}, {"eighty tomorrow", tx("交给人看", "to an officer")}},
		Runs:    1284, Granted: 1190, ToOfficer: 94, Since: at(9, 1, 0, 0),
		Versions: []RuleVersion{{From: city.Date{Year: 2026, Month: 1, Day: 1}, Href: "?", Here: true}, {From: city.Date{Year: 2024, Month: 7, Day: 1}, Href: "?from=2024-07-01"}},
	}
}

// sampleDesk is the shell of the desk with something in each column.
func sampleDesk() templ.Component {
	list := templ.Join(web.Tag(sampleCase().State), web.Notice(web.StateOverdue, "超 3 小时"))
	matter := templ.Join(templ.Raw("<h1>食品经营许可 新办 · 小满厨房</h1>"), web.Answers(sampleCheck().Parts[0].Answers), web.Timeline(sampleCase().Steps), web.Input(web.Field{Name: "note", Type: web.FieldLongText, Label: tx("备注", "Note")}))
	next := templ.Join(web.ClockBar(*sampleCase().Clock), web.Print())
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return web.Desk(web.DeskDoc{Title: "x", Section: "inbox", Duty: "值班到 17:30", Post: "市场监管局 滨江所", Nav: []web.NavItem{{Section: "inbox", Key: "web.desk.inbox", Href: "/desk", Count: 27}, {Key: "web.nav.verify", Href: "/verify"}}}).
			Render(templ.WithChildren(ctx, web.DeskColumns(list, matter, next)), w)
	})
}
