package search_test

import (
	"encoding/csv"
	"os"
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/search"
)

func townItems() []search.Item {
	t := func(zh, en string) city.Text { return city.Text{ZhHans: zh, En: en} }
	words := func(zh, en string) map[city.Lang][]string {
		return map[city.Lang][]string{city.Chinese: strings.Split(zh, "，"), city.English: strings.Split(en, ", ")}
	}
	return []search.Item{
		{Code: "senior-allowance", Name: t("高龄津贴", "Senior allowance"), Summary: t("年满 80 周岁的老人每月领取的津贴", "A monthly payment to everybody over 80"),
			Keywords: words("老人补贴，敬老金，养老补贴", "old age benefit, elderly benefit"), Guide: t("带上银行卡到社区居委会", "Bring a bank card to the community office")},
		{Code: "senior-card", Name: t("老年人优待证办理", "Senior citizen card"), Summary: t("乘车、进公园免费", "Free buses and parks"), Keywords: words("老年证，敬老卡", "bus pass")},
		{Code: "id-card", Name: t("居民身份证换领", "Identity card renewal"), Summary: t("到期、损坏时换新证", "A new card when the old one expires"), Keywords: words("换身份证，补办身份证", "id card")},
		{Code: "residence", Name: t("居住证申领", "Residence permit"), Summary: t("在本市住满半年可以申领", "After half a year in the city"), Keywords: words("暂住证", "temporary permit")},
		{Code: "food", Name: t("食品经营许可", "Food business permit"), Summary: t("开餐馆、卖食品先办这个证", "Needed before you sell food or open a restaurant"), Keywords: words("餐饮许可证，开饭店，卫生许可证", "restaurant licence, catering")},
		{Code: "birth", Name: t("新生儿出生一件事", "A child is born"), Summary: t("出生证明、落户、社保卡一次办好", "Birth certificate, registration and social-security card at once"), Keywords: words("上户口，出生证，生孩子", "birth certificate, newborn")},
		{Code: "marriage", Name: t("结婚登记预约", "Marriage registration appointment"), Summary: t("先选时间再去登记", "Choose a time first"), Keywords: words("领证，结婚证", "wedding, getting married")},
		{Code: "tree", Name: t("城市树木砍伐许可", "Tree-felling permit"), Summary: t("砍树、移树之前", "Before you cut or move a tree"), Keywords: words("砍树，移树", "cut a tree")},
		{Code: "company", Name: t("一人有限公司设立登记", "One-person company registration"), Summary: t("开公司几分钟办好", "Open a firm in minutes"), Keywords: words("注册公司，营业执照", "business licence, start a company"),
			Guide: t("准备公司名称、住所和经营范围，银行卡不用带", "Have the name, the address and the line of business ready")},
		{Code: "hazmat", Name: t("危险化学品经营许可证核发", "Hazardous-chemicals trading licence"), Summary: t("经营危险化学品的企业", "For firms that trade in hazardous chemicals")},
	}
}

func TestItems(t *testing.T) {
	x := search.New(nil, nil)
	if hits := x.Items(ctx, "高龄津贴", city.Chinese); len(hits) != 0 {
		t.Errorf("before there are any: %v", hits)
	}
	x.IndexItems(townItems())
	for _, c := range []struct {
		query string
		lang  city.Lang
		first city.ItemCode // "" nothing
		why   search.Fit
	}{
		{"高龄津贴", city.Chinese, "senior-allowance", search.FitName},
		{"高龄", city.Chinese, "senior-allowance", search.FitBegins},
		{"高齡津貼", city.Chinese, "", ""}, // traditional characters are two slips away
		{"津贴", city.Chinese, "senior-allowance", search.FitHas},
		{"高领津贴", city.Chinese, "senior-allowance", search.FitNear},  // wrong
		{"高津贴", city.Chinese, "senior-allowance", search.FitNear},   // missing
		{"高高龄津贴", city.Chinese, "senior-allowance", search.FitHas},  // the question has the name
		{"高龄津津贴", city.Chinese, "senior-allowance", search.FitNear}, // too many
		{"高津龄贴", city.Chinese, "senior-allowance", search.FitNear},  // swapped
		{"我要办理高龄津贴", city.Chinese, "senior-allowance", search.FitName},
		{"高龄津贴怎么领？", city.Chinese, "senior-allowance", search.FitName},
		{"老人补贴", city.Chinese, "senior-allowance", search.FitKeyword},
		{"老年证", city.Chinese, "senior-card", search.FitKeyword},
		{"身份证", city.Chinese, "id-card", search.FitHas},
		{"换身份证", city.Chinese, "id-card", search.FitKeyword},
		{"居民身分证换领", city.Chinese, "id-card", search.FitNear},
		{"暂住证", city.Chinese, "residence", search.FitKeyword},
		{"开饭店要办什么证", city.Chinese, "food", search.FitKeyword},
		{"餐馆", city.Chinese, "food", search.FitSummary},
		{"结婚", city.Chinese, "marriage", search.FitBegins},
		{"砍树", city.Chinese, "tree", search.FitKeyword},
		{"树", city.Chinese, "tree", search.FitHas},
		{"营业执照", city.Chinese, "company", search.FitKeyword},
		{"银行卡", city.Chinese, "senior-allowance", search.FitWords}, // in two guides; the shorter way wins by name
		{"化学品经营", city.Chinese, "hazmat", search.FitHas},
		{"senior allowance", city.English, "senior-allowance", search.FitName},
		{"SENIOR  ALLOWANCE", city.English, "senior-allowance", search.FitName},
		{"senior", city.English, "senior-allowance", search.FitBegins},
		{"how do I apply for a residence permit?", city.English, "residence", search.FitName},
		{"residense permit", city.English, "residence", search.FitNear},
		{"seinor allowance", city.English, "senior-allowance", search.FitNear},
		{"permits", city.English, "residence", search.FitWords}, // one of three
		{"restaurant", city.English, "food", ""},
		{"wedding", city.English, "marriage", search.FitKeyword},
		{"identity card", city.Chinese, "id-card", search.FitBegins}, // asked in the other language
		{"ident", city.English, "id-card", search.FitBegins},
		{"dentity", city.English, "", ""}, // a word is found from its beginning
		{"food", city.English, "food", search.FitCode},
		{"food business licence", city.English, "food", search.FitWords},
		{"hazmat", city.English, "hazmat", search.FitCode},
		{"登记 预约", city.Chinese, "marriage", search.FitHas},
		{"预约登记", city.Chinese, "marriage", search.FitWords},
		{"火星移民", city.Chinese, "", ""},
		{"xyzzy", city.English, "", ""},
		{"", city.Chinese, "", ""},
		{"？", city.Chinese, "", ""},
		{strings.Repeat("高龄津贴", 50), city.Chinese, "senior-allowance", search.FitWords},
	} {
		hits := x.Items(ctx, c.query, c.lang)
		switch {
		case c.first == "" && len(hits) > 0:
			t.Errorf("%q finds %+v", c.query, hits[0])
		case c.first != "" && len(hits) == 0:
			t.Errorf("%q finds nothing", c.query)
		case c.first != "" && (hits[0].Code != c.first || c.why != "" && hits[0].Why != c.why):
			t.Errorf("%q finds %s by %s, want %s by %s: %+v", c.query, hits[0].Code, hits[0].Why, c.first, c.why, hits)
		}
		for i := 1; i < len(hits); i++ {
			if hits[i].Score > hits[i-1].Score {
				t.Errorf("%q: the order is wrong: %+v", c.query, hits)
			}
		}
	}
}

func TestItemsOrder(t *testing.T) {
	x := search.New(nil, nil)
	name := func(zh string) city.Text { return city.Text{ZhHans: zh, En: "x"} }
	x.IndexItems([]search.Item{
		{Code: "guide", Name: name("甲"), Guide: city.Text{ZhHans: "办社保卡之前先看这里"}},
		{Code: "summary", Name: name("乙"), Summary: city.Text{ZhHans: "社保卡可以在银行领"}},
		{Code: "keyword", Name: name("丙"), Keywords: map[city.Lang][]string{city.Chinese: {"社保卡"}}},
		{Code: "inside", Name: name("补领社保卡")},
		{Code: "begins", Name: name("社保卡挂失")},
		{Code: "exact", Name: name("社保卡")},
		{Code: "often", Name: name("社保卡补卡"), Weight: 900},
		{Code: "near", Name: name("社保个卡")},
	})
	var got []string
	for _, h := range x.Items(ctx, "社保卡", city.Chinese) {
		got = append(got, string(h.Code))
	}
	if want := "exact often begins inside keyword summary guide"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// The real catalogue of a district: each item is found by its own name, and every
// answer comes at once.
func TestRealItems(t *testing.T) {
	f, err := os.Open("../../shared/data/service-items/guangan-items.csv")
	if err != nil {
		if os.Getenv("YIWANG_REQUIRE_SHARED") == "1" {
			t.Fatal(err)
		}
		t.Skipf("the shared data is not here: %v", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	must(t, err)
	var items []search.Item
	for _, r := range rows[1:] {
		items = append(items, search.Item{Code: city.ItemCode(r[4]), Name: city.Text{ZhHans: r[2], En: r[2]}})
	}
	x := search.New(nil, nil)
	x.IndexItems(items)
	began := time.Now()
	missed, slipped, asked := 0, 0, 0
	for i, item := range items {
		found := func(query string) bool {
			for _, h := range x.Items(ctx, query, city.Chinese) {
				if h.Name.ZhHans == item.Name.ZhHans {
					return true
				}
			}
			return false
		}
		if i%10 != 0 {
			continue
		}
		asked++
		if !found(item.Name.ZhHans) {
			t.Errorf("%s is not found by its name", item.Name.ZhHans)
			missed++
		}
		if r := []rune(item.Name.ZhHans); len(r) >= 5 && len(r) <= 30 {
			r[len(r)/2] = '錯'
			if !found(string(r)) {
				slipped++
				t.Logf("one slip and lost: %s", string(r))
			}
		}
	}
	if slipped > asked/50 {
		t.Errorf("%d of %d names are lost by one wrong character", slipped, asked)
	}
	t.Logf("%d items, %d questions, %v each", len(items), 2*asked, time.Since(began)/time.Duration(2*asked))
}
