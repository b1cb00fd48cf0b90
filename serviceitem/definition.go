package serviceitem

import (
	"yiwang/city"
)

// Item is a service item (政务服务事项) as a city pack defines it, with the fields
// of the implementing list (STANDARDS 1.3) that an applicant or an officer needs.
type Item struct {
	Code city.ItemCode `yaml:"code" json:"code"` // ours, in addresses
	// The codes that other systems know it by; of any length, checked by the
	// profile that the city names, never by a length of ours.
	NationalCode string `yaml:"national_code" json:"national_code,omitempty"` // 基本编码
	LocalCode    string `yaml:"local_code" json:"local_code,omitempty"`       // 实施编码
	HandlingCode string `yaml:"handling_code" json:"handling_code,omitempty"` // 业务办理项编码
	CodeProfile  string `yaml:"code_profile" json:"code_profile,omitempty"`   // of local and handling code

	Name     city.Text `yaml:"name" json:"name"`
	Summary  city.Text `yaml:"summary" json:"summary"`
	Keywords Words     `yaml:"keywords" json:"keywords"`

	Type        string        `yaml:"type" json:"type"`   // 事项类型, GB/T 39046 A.1
	Level       string        `yaml:"level" json:"level"` // 行使层级, A.2
	Body        city.BodyID   `yaml:"body" json:"body"`   // 实施主体
	BodiesJoint []city.BodyID `yaml:"bodies_joint" json:"bodies_joint,omitempty"`
	Scope       Scope         `yaml:"scope" json:"scope"` // 通办范围

	For          []Applicant    `yaml:"for" json:"for"` // 服务对象
	Channels     []city.Channel `yaml:"channels" json:"channels"`
	OnlineDepth  string         `yaml:"online_depth" json:"online_depth"`            // 网上办理深度, I to IV
	OnsiteVisits int            `yaml:"onsite_visits" json:"onsite_visits"`          // 到办事现场次数
	OnsiteReason city.Text      `yaml:"onsite_reason" json:"onsite_reason,omitzero"` // 必须现场原因
	Supports     []Support      `yaml:"supports" json:"supports,omitempty"`
	Delegable    bool           `yaml:"delegable" json:"delegable"` // a trusted person or an agent may apply

	Legal      []Legal     `yaml:"legal" json:"legal"`           // 设定依据
	Conditions []city.Text `yaml:"conditions" json:"conditions"` // 受理条件
	Statutory  city.Limit  `yaml:"statutory" json:"statutory"`   // 法定办结时限
	Committed  city.Limit  `yaml:"committed" json:"committed"`   // 承诺办结时限
	CaseType   CaseType    `yaml:"case_type" json:"case_type"`   // 办件类型
	Fee        Fee         `yaml:"fee" json:"fee"`

	Scenarios []Scenario `yaml:"scenarios" json:"scenarios"` // 情形; the first that holds selects the materials
	Materials []Material `yaml:"materials" json:"materials"`

	Form       city.FormID         `yaml:"form" json:"form"`
	Rule       city.RuleID         `yaml:"rule" json:"rule,omitempty"` // "" when only people decide
	Kind       city.KindID         `yaml:"kind" json:"kind"`
	Params     map[string]string   `yaml:"params" json:"params,omitempty"` // of the kind, beside body, rule and credential
	Credential city.CredentialType `yaml:"credential" json:"credential,omitempty"`
	Issues     []Issue             `yaml:"issues" json:"issues,omitempty"` // how each licence it gives is filled in
	Result     Result              `yaml:"result" json:"result"`

	Guide     city.Text  `yaml:"guide" json:"guide"` // Markdown
	Questions []Question `yaml:"questions" json:"questions,omitempty"`
	Appeal    city.Text  `yaml:"appeal" json:"appeal"` // what somebody can do who disagrees
	Enquiry   Enquiry    `yaml:"enquiry" json:"enquiry"`
	Example   Example    `yaml:"example" json:"example"`
}

// Words are search words in each language.
type Words struct {
	ZhHans []string `yaml:"zh-Hans" json:"zh-Hans"`
	En     []string `yaml:"en" json:"en"`
}

// Applicant is who may apply.
type Applicant string

const (
	ForPerson Applicant = "person"
	ForFirm   Applicant = "firm"
)

// Scope is where one may apply from (通办范围).
type Scope string

const (
	ScopeCity     Scope = "city"
	ScopeProvince Scope = "province"
	ScopeNation   Scope = "nation"
)

// Support is something that the item offers beside the application.
type Support string

const (
	SupportBooking Support = "booking" // 预约
	SupportPayment Support = "payment" // 网上支付
	SupportPost    Support = "post"    // 物流快递
)

// CaseType says whether the answer comes at once.
type CaseType string

const (
	Instant   CaseType = "instant"   // 即办件
	Committed CaseType = "committed" // 承诺件
)

// Legal is a law that the item rests on.
type Legal struct {
	Title   city.Text `yaml:"title" json:"title"`
	Article city.Text `yaml:"article" json:"article,omitzero"` // absent when the whole law is meant
}

// Fee is what it costs. What is not free lists at least one item.
type Fee struct {
	Free  bool      `yaml:"free" json:"free"`
	Items []FeeItem `yaml:"items" json:"items,omitempty"`
}

// FeeItem is one charge.
type FeeItem struct {
	Name  city.Text `yaml:"name" json:"name"`
	Fen   int64     `yaml:"fen" json:"fen"`
	Basis city.Text `yaml:"basis" json:"basis"`
}

// Scenario (情形) selects materials by answers.
type Scenario struct {
	ID        string    `yaml:"id" json:"id"`
	Name      city.Text `yaml:"name" json:"name"`
	When      string    `yaml:"when" json:"when"` // CEL over the form's answers
	Materials []string  `yaml:"materials" json:"materials"`
}

// Material is a paper that is needed, and where it comes from.
type Material struct {
	ID     string         `yaml:"id" json:"id"`
	Name   city.Text      `yaml:"name" json:"name"`
	Need   Need           `yaml:"need" json:"need"`     // 必要性
	Source MaterialSource `yaml:"source" json:"source"` // 来源渠道
	// Credential is the licence type that is fetched, with the holder's yes, so
	// that nobody has to bring it (免证办).
	Credential city.CredentialType `yaml:"credential" json:"credential,omitempty"`
	FormField  string              `yaml:"form_field" json:"form_field,omitempty"` // the upload that it is
	Format     string              `yaml:"format" json:"format"`                   // paper, electronic or both
	Copies     int                 `yaml:"copies" json:"copies"`
	Explain    city.Text           `yaml:"explain" json:"explain"`
	ByLaw      city.Text           `yaml:"by_law" json:"by_law"` // 要求提供材料的依据
}

// Need is how much a material is needed.
type Need string

const (
	Required Need = "required"
	Optional Need = "optional"
	Deferred Need = "deferred" // 容缺后补: accepted without, to follow
)

// MaterialSource is where a material comes from.
type MaterialSource string

const (
	FromApplicant  MaterialSource = "applicant"
	FromGovernment MaterialSource = "government"
	FromOther      MaterialSource = "other"
)

// Issue says how a licence that the item gives is filled in. Sources are as
// rule.ParseSource reads them; answers to choices stand on the licence with
// their labels.
type Issue struct {
	Credential city.CredentialType `yaml:"credential" json:"credential"`
	Fields     map[string]string   `yaml:"fields" json:"fields"` // each field of the type, and its source
	// Founds, when not empty, is a firm that comes into being with the licence and
	// holds it: the sources of its name, region and address. The applicant becomes
	// its legal representative.
	Founds map[string]string `yaml:"founds" json:"founds,omitempty"`
}

// FoundsKeys are what Founds must say of a new firm.
var FoundsKeys = []string{"name", "region", "address"}

// Result is what one gets in the end.
type Result struct {
	Type string    `yaml:"type" json:"type"` // licence, document or certificate
	Name city.Text `yaml:"name" json:"name"`
}

// Question is something people ask, with its answer.
type Question struct {
	Q city.Text `yaml:"q" json:"q"`
	A city.Text `yaml:"a" json:"a"`
}

// Enquiry is whom to ask and where to go.
type Enquiry struct {
	Phone     string   `yaml:"phone" json:"phone"`
	Complaint string   `yaml:"complaint" json:"complaint"`
	Places    []string `yaml:"places" json:"places"` // counters of the city
}

// Example is an application that the demonstration's resident can send as it
// stands. An answer to a date question may be counted from today ("today+30d").
type Example struct {
	For       ExampleFor        `yaml:"for" json:"for"`
	Answers   map[string]any    `yaml:"answers" json:"answers"`
	Materials map[string]string `yaml:"materials" json:"materials,omitempty"` // files of the pack, by material
}

// ExampleFor is on whose behalf the example is sent.
type ExampleFor string

const (
	ForSelf      ExampleFor = "self"
	ForDelegator ExampleFor = "delegator" // the relative who gave a delegation
	ForOwnFirm   ExampleFor = "firm"      // the firm that the resident represents
)
