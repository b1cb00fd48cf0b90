package search

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
)

// BenchmarkSearch measures questions of every sort over many entries, on both
// engines: 20,000 entries, or as many as YIWANG_SEARCH_DOCS says.
//
//	YIWANG_SEARCH_DOCS=1000000 go test ./search -run xxx -bench Search -benchtime 500x
func BenchmarkSearch(b *testing.B) {
	docs := 20000
	if s := os.Getenv("YIWANG_SEARCH_DOCS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		docs = n
	}
	b.Run("sqlite", func(b *testing.B) { benchSearch(b, dbtest.SQLite(b), docs) })
	b.Run("postgres", func(b *testing.B) { benchSearch(b, dbtest.Postgres(b), docs) })
}

// townsfolk makes entries as a city of that many matters has them: 16 bodies,
// 30 communities, surnames as common as they are.
type townsfolk struct {
	rng    *rand.Rand
	people []city.PersonID
	names  []string
}

var (
	surnames  = []rune("王王王王李李李李张张张张刘刘刘陈陈陈杨杨黄黄赵赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛")
	givens    = []rune("伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂玉萍红玲华建国志文辉力永健世广海山仁波宁贵福生龙元全胜学祥才发武新利清飞彬富顺信子昌成康星光天达安岩中茂进林有坚和彪博诚先敬震振壮会思群豪心邦承乐绍功松善厚庆民友裕河哲江浩亮政谦亨奇固之轮翰朗伯宏言若鸣朋斌梁栋维启克伦翔旭鹏泽晨辰士以家致树炎德行时泰盛雄琛钧冠策腾楠榕风航弘")
	streets   = []string{"海棠街道柳巷", "月亮湾路", "青石板街", "文昌里", "滨江大道", "老码头路", "桂花园", "白鹭洲路", "新安街", "北门外大街"}
	itemNames = []string{"高龄津贴", "居住证申领", "食品经营许可", "新生儿出生一件事", "居民身份证换领", "社会保障卡申领", "城市树木砍伐许可", "道路危险货物运输许可"}
	bodies    = []string{"civil-affairs", "public-security", "market-regulation", "health", "public-security", "human-resources", "urban-management", "transport"}
)

func newTownsfolk(n int) *townsfolk {
	t := &townsfolk{rng: rand.New(rand.NewPCG(1, 2))}
	for range max(n/4, 1) {
		name := string(surnames[t.rng.IntN(len(surnames))])
		for range 1 + t.rng.IntN(2) {
			name += string(givens[t.rng.IntN(len(givens))])
		}
		t.people, t.names = append(t.people, city.NewPersonID()), append(t.names, name)
	}
	return t
}

func (t *townsfolk) entry(i int) (city.PersonID, journal.Entry) {
	who, item := t.rng.IntN(len(t.people)), t.rng.IntN(len(itemNames))
	number := fmt.Sprintf("JH-2026-%06d-%d", i, i%10)
	return t.people[who], journal.Entry{
		Type: "case", ID: number, Title: city.Text{ZhHans: itemNames[item], En: "A matter"},
		Terms: fmt.Sprintf("%s %s %s %s%d号 9901011%010d", number, t.names[who], itemNames[item], streets[t.rng.IntN(len(streets))], t.rng.IntN(300), who),
		Attrs: map[string]string{"applicant": t.people[who].String(), "bodies": bodies[item], "item": itemNames[item],
			"region": fmt.Sprintf("9901%02d%03d%03d", 1+t.rng.IntN(3), 1+t.rng.IntN(3), 1+t.rng.IntN(4))},
	}
}

func benchSearch(b *testing.B, d *db.DB, docs int) {
	ctx := context.Background()
	v, err := journal.NewVault(bytes.Repeat([]byte{5}, 32))
	if err != nil {
		b.Fatal(err)
	}
	raw, err := os.ReadFile("../cities/jianghai/access/search.cedar")
	if err != nil {
		b.Fatal(err)
	}
	a, err := access.New(map[string][]byte{"search.cedar": raw})
	if err != nil {
		b.Fatal(err)
	}
	x := New(journal.New(d, v), a)
	folk := newTownsfolk(docs)
	began := time.Now()
	for i := 0; i < docs; {
		err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			key, err := v.NewKey(ctx, tx, city.PersonID{}) // one a batch: keys are not what is measured
			if err != nil {
				return err
			}
			for end := min(i+500, docs); i < end; i++ {
				_, e := folk.entry(i)
				if err := upsert(tx, rowOf(journal.Recorded{At: time.Unix(int64(i), 0), Key: key}, e)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d entries, %.0f filled in a second", docs, float64(docs)/time.Since(began).Seconds())
	if d.Engine() == db.Postgres {
		// What autovacuum does on a running server.
		if err := d.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `ANALYZE search_entries`)
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}

	resident := func(i int) city.Actor {
		return city.Actor{Kind: city.Resident, Account: city.NewAccountID(), Person: folk.people[i%len(folk.people)]}
	}
	officer := func(body city.BodyID, regions ...city.RegionCode) city.Actor {
		return city.Actor{Kind: city.Officer, Account: city.NewAccountID(), Body: body, Posts: []city.PostID{city.PostID(body) + ".clerk"}, Regions: regions}
	}
	auditor := officer("audit")
	auditor.Posts = []city.PostID{"audit.auditor"}
	for _, q := range []struct {
		name string
		ask  func(i int) (city.Actor, string)
	}{
		{"a name, at the desk", func(i int) (city.Actor, string) { return officer("civil-affairs"), folk.names[i%len(folk.names)] }},
		{"a surname, at the desk", func(i int) (city.Actor, string) { return officer("health"), string(surnames[i%len(surnames)]) }},
		{"a number", func(i int) (city.Actor, string) {
			return auditor, fmt.Sprintf("JH-2026-%06d-%d", i*7919%docs, i*7919%docs%10)
		}},
		{"the beginning of a number", func(i int) (city.Actor, string) { return auditor, fmt.Sprintf("JH-2026-%04d", i*7919%docs/100) }},
		{"an item, in a district", func(i int) (city.Actor, string) { return officer("market-regulation", "990102"), "食品经营" }},
		{"a street and a name", func(i int) (city.Actor, string) {
			return officer("civil-affairs"), streets[i%len(streets)] + " " + folk.names[i%len(folk.names)]
		}},
		{"everything in the city", func(i int) (city.Actor, string) { return auditor, "号" }},
		{"two common words, the whole city", func(i int) (city.Actor, string) { return auditor, "滨江 高龄" }},
		{"a resident's own", func(i int) (city.Actor, string) { return resident(i * 31), "号" }},
		{"a citizen number", func(i int) (city.Actor, string) { return auditor, fmt.Sprintf("9901011%010d", i*31%len(folk.people)) }},
	} {
		b.Run(q.name, func(b *testing.B) {
			var took []time.Duration
			found := 0
			for i := 0; b.Loop(); i++ {
				who, query := q.ask(i)
				began := time.Now()
				err := d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
					hits, _, err := x.Search(ctx, tx, who, query, []string{"case"}, 20, "")
					found += len(hits)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(found)/float64(len(took)), "hits")
			b.ReportMetric(0, "ns/op")
		})
	}
}
