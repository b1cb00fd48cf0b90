package citizen

import (
	"time"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/form"
	"yiwang/web"
)

// Samples of every page, as a handler would fill them. What they say is drawn,
// not computed.

var zone = time.FixedZone("UTC+8", 8*3600)

func at(month time.Month, day, hour, minute int) time.Time {
	return time.Date(2026, month, day, hour, minute, 0, 0, zone)
}

func tx(zh, en string) city.Text { return city.Text{ZhHans: zh, En: en} }

func msg(key string, args ...any) city.Message { return city.Message{Key: key, Args: args} }

// said is a message that is a sentence of its own: the catalogue says unknown
// keys as they stand.
func said(s string) city.Message { return city.Message{Key: s} }

type sample struct {
	path      string
	c         templ.Component
	stranger  bool // nobody is signed in
	actingFor string
}

const number = city.CaseNumber("JH-2026-004817-3")

func samples() []sample {
	return []sample{
		{path: "/", c: HomePage(sampleHome())},
		{path: "/stranger", c: HomePage(Home{Events: sampleHome().Events, Popular: sampleHome().Popular}), stranger: true},
		{path: "/elder", c: ElderHomePage(sampleElder())},
		{path: "/items", c: SearchPage(sampleSearch())},
		{path: "/items-none", c: SearchPage(Search{Query: "飞船驾驶证", Similar: []web.Link{{Text: tx("驾驶证", "driving licence"), Href: "/items?q=x"}}})},
		{path: "/events/new-child", c: LifeEventPage(LifeEvent{Event: sampleHome().Events[0], Items: sampleSearch().Items[:2]})},
		{path: "/items/senior-allowance", c: GuidePage(sampleGuide())},
		{path: "/items/bare", c: GuidePage(Guide{Name: tx("林木采伐许可", "Timber harvest permit"), Body: tx("自然资源局", "Natural Resources Bureau"), Bare: true, ForPerson: true, ForFirm: true, Visits: 1})},
		{path: "/counters", c: CountersPage(sampleCounters())},
		{path: "/apply/1/place", c: ApplyStepPage(sampleStep(false)), actingFor: "林秀兰"},
		{path: "/apply/1/faults", c: ApplyStepPage(sampleStep(true))},
		{path: "/apply/1/every", c: ApplyStepPage(everyField())},
		{path: "/apply/1/papers", c: ApplyPapersPage(samplePapers())},
		{path: "/apply/1/check", c: ApplyCheckPage(sampleCheck())},
		{path: "/matters", c: MattersPage(sampleMatters())},
		{path: "/matters-none", c: MattersPage(Matters{})},
		{path: "/find", c: FindMatterPage(FindMatter{Number: "JH-2026-004817-4", Fault: msg("number.check_digit")}), stranger: true},
		{path: "/case", c: CasePage(sampleCase())},
		{path: "/case/sent", c: CasePage(sampleSent())},
		{path: "/case/todo", c: CasePage(sampleTodo())},
		{path: "/case/granted", c: CasePage(sampleGranted())},
		{path: "/case/refused", c: CasePage(sampleRefused())},
		{path: "/case/supply", c: SupplyPage(sampleSupply())},
		{path: "/case/withdraw", c: ConfirmPage(sampleWithdraw(), "matters")},
		{path: "/licences", c: LicencesPage(Licences{Valid: sampleLicences(), Other: []LicenceLine{revoked()}})},
		{path: "/licences/1", c: LicencePage(sampleLicence(true))},
		{path: "/licences/2", c: LicencePage(sampleLicence(false))},
		{path: "/verify", c: VerifyPage(Verify{}), stranger: true},
		{path: "/verify/good", c: VerifyPage(sampleVerify(true)), stranger: true},
		{path: "/verify/bad", c: VerifyPage(sampleVerify(false)), stranger: true},
		{path: "/sign-in", c: SignInPage(sampleSignIn()), stranger: true},
		{path: "/activate", c: ActivatePage(Activate{Action: "/activate", Fields: ActivateFields("", "", false)}), stranger: true},
		{path: "/account", c: AccountPage(sampleAccount())},
		{path: "/uses", c: UsesPage(Uses{Looks: sampleLooks(), Pages: web.Pages{First: true, Shown: 3, Next: "x"}})},
		{path: "/delegations", c: DelegationsPage(sampleDelegations())},
		{path: "/algorithms", c: RulesPage([]RuleGroup{
			{Title: tx("能当场准予的规则", "Rules that grant"), Help: tx("拿不准的，交给人。", "The rest goes to a person."), Lines: []RuleLine{{sampleRule().Name, sampleRule().Purpose, sampleRule().Owner, "/algorithms/senior-allowance"}}},
			{Title: tx("提建议的模型", "Models that suggest"), Lines: []RuleLine{{sampleModel().Name, sampleModel().Purpose, sampleModel().Owner, "/algorithms/incident-classes"}}}})},
		{path: "/algorithms/incident-classes", c: ModelPage(sampleModel())},
		{path: "/algorithms/new", c: ModelPage(Model{Name: tx("新的", "A new one"), Purpose: tx("还没有用过", "Not used yet"), Kind: tx("提醒人去看的规则", "A detector that notices"), Human: tx("人去看", "Somebody looks")})},
		{path: "/algorithms/senior-allowance", c: RulePage(sampleRule())},
		{path: "/desk", c: sampleDesk()},
		{path: "/problem", c: web.ProblemPage(web.Problem{Kind: city.KindInternal, ID: "K7QM-2XPA"})},
		{path: "/problem/lost", c: web.ProblemPage(web.Problem{Kind: city.KindNotFound, Message: msg("error.not_found")})},
		{path: "/problem/session", c: web.ProblemPage(web.Problem{Kind: city.KindUnauthenticated, Message: msg("error.sign_in"), Kept: []web.KeptAnswer{{Name: "a", Value: "b"}}}), stranger: true},
	}
}

func sampleModel() Model {
	return Model{Name: tx("报的问题，归到哪一类", "Which class a report belongs to"), Purpose: tx("找出最像的一类。", "It finds the class that fits best."),
		Kind: tx("提建议的模型", "A model that suggests"), Owner: tx("城运中心", "Operations Centre"), Since: at(3, 2, 9, 0),
		Effect: tx("摆出最像的几类，由您选。", "It shows the likeliest and you choose."), Human: tx("话务员随时能改。", "Operators can change it."), Appeal: tx("打 12345。", "Call 12345."),
		Facts: []RuleFact{{tx("您写的话", "Your words"), tx("您自己写的", "Written by you")}}, Legal: []city.Text{tx("热线指导意见", "Guiding opinions on hotlines")},
		Parameters: []city.Text{tx("能分 76 类", "76 classes")},
		Trial: &Trial{Right: tx("228 句里说对 148 句。", "Right about 148 of 228. "), Commonest: tx("总猜一类只对 3 句。", "Always saying one is right about 3."), How: tx("测算于 ", "Measured on "), At: at(3, 2, 9, 0),
			Rows: []TrialRow{{tx("第一个就说对", "Right with its first guess"), 148, 228}, {tx("什么也没考", "Nothing was tried"), 0, 0}}},
		Record: Turned{Said: 1200, Right: 80, Wrong: 20, Instead: []city.Text{tx("路灯（7 次）", "Street lamps (7 times)"), tx("井盖（2 次）", "Manhole covers (2 times)")},
			Did:    []TurnedRow{{tx("自己派出去的", "Sent on by itself"), 1200, 80, 20}, {tx("给人看，人照着选了", "Offered, and taken"), 3, 0, 0}},
			Months: []TurnedRow{{tx("2026-03", "2026-03"), 1200, 80, 20}}}}
}

func sampleHome() Home {
	return Home{
		Popular: []web.Link{
			{Text: tx("身份证换领", "Renew identity card"), Href: "/items/id-card-renewal"}, {Text: tx("居住证", "Residence permit"), Href: "/items/residence-permit"},
			{Text: tx("社保卡", "Social-security card"), Href: "/items/social-security-card"}, {Text: tx("开一家公司", "Register a company"), Href: "/items/one-person-company"},
		},
		Events: []Event{
			{tx("家里添了孩子", "A child is born"), tx("出生证、户口、社保卡，一次办好", "Birth certificate, household register and social security card in one go"), "/events/new-child"},
			{tx("父母上了年纪", "My parents are getting older"), tx("高龄津贴、社保卡，可以替父母办", "Allowance and social security card; you can apply for them"), "/events/older"},
			{tx("开一家店", "Open a shop"), tx("公司登记、食品经营许可", "Register a company and get the food permit"), "/events/shop"},
			{tx("换了工作或住处", "New job or new home"), tx("居住证、身份证、社保卡", "Residence permit, identity card, social security card"), "/events/move"},
		},
		Matters: sampleMatters().Open,
		More:    true,
		Offers:  []Offer{{Name: tx("高龄津贴（林秀兰）", "Senior allowance (Lin Xiulan)"), Grounds: said("4 条条件都符合，每月 200 元。"), Href: "/offers/1", Why: "/offers/1/why", Dismiss: "/offers/1/dismiss"}},
	}
}

func sampleElder() ElderHome {
	return ElderHome{Things: []Thing{
		{"money", tx("高龄津贴", "Senior allowance"), said("您可以领，每月 200 元。按一下就行"), "/items/senior-allowance"},
		{"matter", tx("我的事办到哪里了", "Where my matters stand"), said("1 件在办，最晚 12 月 3 日答复"), "/matters"},
		{"family", tx("让孩子帮我办", "Let my child help"), said("林小满可以替您办 2 件事，到明年 3 月"), "/delegations"},
		{"paper", tx("打印我的证照", "Print my licences"), said("不用手机，纸的一样有用"), "/licences"},
	}}
}

func sampleSearch() Search {
	return Search{Query: "津贴", Pages: web.Pages{First: true, Shown: 3, Total: 14, Next: "k"}, Items: []Item{
		{Name: tx("高龄津贴", "Senior allowance"), Summary: tx("年满 80 周岁的老人，每月领一笔生活补贴。", "A monthly allowance for residents of 80 and older."), Body: tx("民政局", "Civil Affairs Bureau"), Href: "/items/senior-allowance", Online: true, Instant: true, Free: true, Committed: city.Limit{N: 5, Unit: city.WorkingDays}},
		{Name: tx("食品经营许可（新办）", "Food-business permit (new)"), Summary: tx("开饭店、卖食品之前要办的许可。", "Needed before opening a restaurant or selling food."), Body: tx("市场监督管理局", "Market Regulation Bureau"), Href: "/items/food-permit", Online: true, Committed: city.Limit{N: 10, Unit: city.WorkingDays}, Free: true},
		{Name: tx("居民身份证换领", "Identity-card renewal"), Summary: tx("到期、损坏或者信息变了，来窗口照相、按指纹，换一张新的。", "When the card expires, breaks or its data change: come to a counter for a photo and fingerprints."), Body: tx("公安局", "Public Security Bureau"), Href: "/items/id-card-renewal", Visits: 1, Committed: city.Limit{N: 15, Unit: city.WorkingDays}},
		{Name: tx("独生子女父母奖励", "Reward for parents of an only child"), Body: tx("卫生健康委员会", "Health Commission"), Href: "/items/x", Bare: true},
	}}
}

func sampleGuide() Guide {
	return Guide{
		Name: tx("高龄津贴", "Senior allowance"), Summary: tx("年满 80 周岁、户籍在本市的老人，每月领一笔生活补贴，直接打到银行卡。", "A monthly allowance for residents of 80 and older, paid to a bank account."),
		Body: tx("民政局", "Civil Affairs Bureau"), Code: "9901-05-0107", ForPerson: true, Delegable: true, Start: "/items/senior-allowance/apply", Draft: "/apply/1/account",
		Online: true, Instant: true, Committed: city.Limit{N: 5, Unit: city.WorkingDays}, Statutory: city.Limit{N: 20, Unit: city.WorkingDays}, Result: tx("高龄津贴领取凭证", "Allowance certificate"),
		Conditions: []city.Text{tx("年满 80 周岁", "The person is 80 or older"), tx("户籍在江海市", "The person is registered in Jianghai"), tx("还没有领取这项津贴", "The allowance is not being paid yet")},
		Rule:       &web.Link{Text: tx("高龄津贴自动准予", "Senior allowance granted by rule"), Href: "/algorithms/senior-allowance"},
		Materials: []Material{
			{Name: tx("居民身份证", "Identity card"), From: FromCity, Need: "required"},
			{Name: tx("户口簿", "Household register"), From: FromCity, Need: "required"},
			{Name: tx("银行卡", "Bank card"), From: FromApplicant, Need: "required", Explain: tx("填卡号就行，不用拍照。", "Only its number is asked for.")},
		},
		Scenarios: []Scenario{{Name: tx("子女替父母办", "A child applies for a parent"), Materials: []Material{{Name: tx("代办授权", "Leave to act"), From: FromApplicant, Need: "required", Explain: tx("老人在长辈版里点“让孩子帮我办”，或到窗口办。", "Given in elder mode or at a counter.")}}}},
		Stages: []Stage{
			{Name: tx("自动核对", "Automatic check"), Tell: tx("系统从登记数据里核对年龄、户籍和领取情况，几秒钟出结果。", "Age, residence and earlier payments are checked against the registers within seconds.")},
			{Name: tx("人工审查", "Review by a person"), Tell: tx("有一条拿不准，就交给工作人员看。", "Whatever is unclear goes to an officer."), Limit: city.Limit{N: 5, Unit: city.WorkingDays}},
		},
		Text: templ.Raw("<h2>什么时候到账</h2><p>每月 15 日前打到卡上，遇到节假日提前。</p>"),
		Questions: []Question{
			{tx("人在外地，能办吗？", "Can I apply from elsewhere?"), tx("能。网上办，不看人在哪里。", "Yes. It is done online, wherever you are.")},
			{tx("卡是孩子的可以吗？", "May it be my child's account?"), tx("要用老人本人的卡。", "No, it has to be the elder's own.")},
		},
		Legal:  []Basis{{tx("《江海市高龄津贴办法》", "Jianghai Senior Allowance Measures"), tx("第三条", "art. 3")}},
		Appeal: tx("60 日内可以向市人民政府申请行政复议，6 个月内可以向人民法院起诉。", "Administrative reconsideration within 60 days, or a lawsuit within 6 months."),
		Phone:  "0990-8123456", Complaint: "12345", Places: sampleCounters(),
	}
}

func sampleCounters() []Counter {
	return []Counter{
		{Name: tx("滨江便民中心", "Binjiang Service Centre"), Address: tx("海棠街道滨江路 20 号", "20 Binjiang Road, Haitang Street"), Hours: tx("工作日 9:00–12:00，13:30–17:00", "Workdays 9:00–12:00 and 13:30–17:00"), Phone: "12345", Open: true},
		{Name: tx("青屿便民中心", "Qingyu Service Centre"), Address: tx("港湾街道灯塔路 8 号", "8 Dengta Road, Gangwan Street"), Hours: tx("工作日 9:00–12:00，13:30–17:00", "Workdays 9:00–12:00 and 13:30–17:00")},
	}
}

func sampleDraft() Draft {
	return Draft{Item: tx("食品经营许可（新办）", "Food-business permit (new)"), Saved: at(11, 23, 11, 52), Leave: "/matters"}
}

var sampleRegions = []web.Option{
	{Value: "990101001001", Label: tx("柳岸社区", "Liu'an"), Group: tx("海棠街道", "Haitang Street")},
	{Value: "990101001002", Label: tx("杏花社区", "Xinghua"), Group: tx("海棠街道", "Haitang Street")},
	{Value: "990102002001", Label: tx("学士社区", "Xueshi"), Group: tx("书院街道", "Shuyuan Street")},
}

func sampleStep(faults bool) ApplyStep {
	s := ApplyStep{
		Draft: sampleDraft(), N: 2, Of: 4, Next: tx("从业人员", "Staff"), Title: tx("店开在哪里？", "Where is the shop?"), Hint: tx("和营业执照上的地址一样就行。", "The address on the business licence will do."),
		Action: "/apply/1/place", Back: "/apply/1/firm",
		Fields: []web.Field{
			{Name: "firm", Type: web.FieldText, Label: tx("企业", "Firm"), Locked: true, Value: "小满厨房（江海）有限公司", Source: tx("来自营业执照", "From the business licence")},
			{Name: "address", Type: web.FieldAddress, Label: tx("经营场所", "Address of the premises"), Required: true, Options: sampleRegions, Parts: map[string]string{"region": "990101001001", "detail": "滨江路 88 号 1 层"}},
			{Name: "area", Type: web.FieldInteger, Label: tx("面积", "Floor area"), Required: true, Unit: tx("平方米", "square metres"), Value: "86"},
			{Name: "kitchen", Type: web.FieldYesNo, Label: tx("有没有后厨？", "Is there a kitchen?"), Required: true, Value: "true"},
		},
	}
	if faults {
		s.Fields[2].Value = "八十六"
		s.Others = web.FaultsOf(s.Fields, []city.Field{{Name: "answers.area", Message: said("面积请填数字，比如 86")}, {Name: "answers.kitchen", Message: said("请选有没有后厨")}}, "answers.")
		s.Fields[3].Value = ""
	}
	return s
}

// everyField shows each type of field as a form defines it.
func everyField() ApplyStep {
	label := func(t form.FieldType) city.Text { return tx("问题："+string(t), "Question: "+string(t)) }
	var defs []form.Field
	for _, t := range []form.FieldType{form.Text, form.LongText, form.Integer, form.Decimal, form.Money, form.Date, form.Phone, form.CitizenNumber, form.USCC, form.Email, form.YesNo, form.Region, form.Address, form.Person, form.Statement} {
		defs = append(defs, form.Field{ID: "x_" + string(t), Type: t, Label: label(t), Hint: tx("提示", "A hint"), Required: t != form.LongText})
	}
	options := []form.Option{{ID: "hot", Label: tx("热食", "Hot food")}, {ID: "cold", Label: tx("冷食", "Cold food"), Hint: tx("不含生食", "nothing raw")}, {ID: "cake", Label: tx("糕点", "Pastry")}}
	defs = append(defs,
		form.Field{ID: "one", Type: form.Choice, Label: label(form.Choice), Options: options},
		form.Field{ID: "many", Type: form.MultiChoice, Label: label(form.MultiChoice), Options: options},
		form.Field{ID: "plan", Type: form.File, Label: label(form.File), Accept: []string{"pdf", "jpeg", "png"}, MaxMB: 10},
		form.Field{ID: "born", Type: form.Date, Label: tx("出生日期", "Date of birth"), Required: true},
	)
	fields, others := web.FieldsOf(defs, map[string]any{
		"x_money": int64(20050), "x_date": "1941-03-12", "many": []string{"hot", "cold"}, "x_person": map[string]string{"name": "林秀兰", "citizen_number": "990101194103120021"}, "born": "1941-13-12",
	}, web.FieldContext{
		Regions: sampleRegions, Prefix: "answers.",
		Faults: []city.Field{{Name: "answers.born", Message: said("没有 13 月，请看一看。")}, {Name: "answers.x_person.citizen_number", Message: said("号码的最后一位不对，请对照身份证。")}},
		Files:  map[string][]web.UploadedFile{"plan": {{ID: "b1", Name: "后厨平面图.pdf", Size: 482113, Href: "/files/b1"}}},
	})
	return ApplyStep{Draft: Draft{Item: tx("试一试", "Trial")}, N: 1, Of: 1, Title: tx("每一种问题", "Every kind of question"), Fields: fields, Others: others, Action: "/apply/1/every", Back: "/", Files: true}
}

func samplePapers() ApplyPapers {
	return ApplyPapers{
		Draft: sampleDraft(), N: 4, Of: 4, Action: "/apply/1/papers", Back: "/apply/1/staff",
		Papers: []Paper{
			{Name: "paper.business-licence", Title: tx("营业执照", "Business licence"), Fetch: true, Number: "9299 •••• •••• X2K7", Issuer: tx("市场监督管理局", "Market Regulation Bureau"), Chosen: "yes", Fields: []city.Text{tx("名称", "name"), tx("住所", "address"), tx("经营范围", "scope")}},
			{Name: "paper.health", Title: tx("从业人员健康证", "Health certificates of staff"), Fetch: true, Issuer: tx("卫生健康委员会", "Health Commission"), Until: city.Date{Year: 2027, Month: 5, Day: 6}, Fault: said("请选一个：我们调，还是您自己交")},
		},
	}
}

func sampleCheck() ApplyCheck {
	return ApplyCheck{
		Draft: sampleDraft(), Action: "/apply/1/check", Back: "/apply/1/papers", Key: "k1",
		Parts: []CheckPart{
			{Title: tx("经营场所", "Premises"), Answers: []web.Answered{
				{Name: tx("企业", "Firm"), Values: []city.Text{web.Plain("小满厨房（江海）有限公司")}, Source: tx("来自营业执照", "From the business licence")},
				{Name: tx("地址", "Address"), Values: []city.Text{web.Plain("海棠街道 柳岸社区 滨江路 88 号 1 层")}, Change: "/apply/1/place"},
				{Name: tx("面积", "Floor area"), Values: []city.Text{tx("86 平方米", "86 square metres")}, Change: "/apply/1/place"},
				{Name: tx("备注", "Remarks"), Change: "/apply/1/place"},
			}},
			{Title: tx("证照", "Papers"), Answers: []web.Answered{{Name: tx("营业执照", "Business licence"), Values: []city.Text{tx("同意调取", "We fetch it")}, Change: "/apply/1/papers"}}},
		},
		Promise: said("窗口最晚 5 个工作日受理，受理以后 10 个工作日内给您答复。"),
		Agree:   []web.Field{{Name: "agree", Type: web.FieldStatement, Label: tx("我填的都是真的。", "What I wrote is true."), Required: true}},
	}
}

func sampleMatters() Matters {
	return Matters{
		Drafts: []DraftLine{{Item: tx("居住证", "Residence permit"), Saved: at(11, 22, 20, 15), Href: "/apply/2/home", Discard: "/apply/2/discard"}},
		Open: []Matter{
			{Name: tx("食品经营许可", "Food-business permit"), Whose: "小满厨房", Href: "/case", State: web.Tagged{State: web.StatePaused, Word: tx("待查看", "Inspection")}, Sentence: msg("citizen.todo.due", "due", at(12, 3, 17, 0)), Number: number},
			{Name: tx("高龄津贴", "Senior allowance"), Whose: "林秀兰", Href: "/case/granted", State: web.Tagged{State: web.StateDone, Word: tx("已办结", "Granted")}, Tell: tx("今天 09:12 按规则准予，凭证已可查验。", "Granted by rule today at 09:12. The certificate can be verified.")},
			{Name: tx("社保卡申领", "Social-security card"), Href: "/case", State: web.Tagged{State: web.StateWorking, Word: tx("制卡中", "Being made")}, Tell: tx("卡正在做，11 月 27 日（星期五）前寄到滨江便民中心。", "The card is being made and reaches Binjiang Service Centre by Friday 27 November.")},
		},
		Closed: []Matter{{Name: tx("林木移植", "Tree moving"), Href: "/case/refused", State: web.Tagged{State: web.StateRefused, Word: tx("未准予", "Refused")}, Tell: tx("这次没有准予，原因和办法都在里面。", "Refused; the reasons and what you can do are inside.")}},
		Pages:  web.Pages{First: true, Shown: 1},
	}
}
