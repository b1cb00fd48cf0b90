package pack

import (
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/incident/words"
)

const records = "../../shared/data/nyc311/requests.csv"

// real opens the shared 311 records, or skips the test.
func real(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open(records)
	if err != nil {
		if os.Getenv("YIWANG_REQUIRE_SHARED") == "1" {
			t.Fatal(err)
		}
		t.Skip("the shared 311 records are not here")
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func hudson(t *testing.T) *City {
	t.Helper()
	p, faults := Load("../cities/hudson")
	if len(faults) > 0 {
		t.Fatal(said(faults))
	}
	return p
}

// What the pack's own sentences teach finds at least these again.
func TestPackTeaches(t *testing.T) {
	jianghai, faults := Load("../cities/jianghai")
	if len(faults) > 0 {
		t.Fatal(said(faults))
	}
	if n := len(jianghai.Groups); n != 11 {
		t.Errorf("%d groups, of components 5 and of events 6", n)
	}
	for _, p := range []*City{jianghai, hudson(t)} {
		teaches(t, p)
	}
}

func teaches(t *testing.T, p *City) {
	t.Helper()
	var all []words.Example
	for _, g := range p.Groups {
		for _, c := range g.Classes {
			for _, e := range c.Examples {
				all = append(all, words.Example{Class: c.Code, Text: e})
			}
		}
	}
	c, wrong := words.Learn(all), 0
	for _, e := range all {
		if c.Suggest(e.Text, 1)[0].Class != e.Class {
			wrong++
		}
	}
	if wrong > len(all)/50 {
		t.Errorf("%d of %d sentences are not found again", wrong, len(all))
	}
}

// Half of the real records teach, the other half tests: from the descriptor to
// the class that the mapping gives. It says its accuracy beside that of whoever
// always says the most frequent class.
func TestAccuracyOnRealRecords(t *testing.T) {
	rows, err := csv.NewReader(real(t)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	p := hudson(t)
	classes := p.Mappings[0].Fields["class"]
	var learn, test []words.Example
	counts := map[city.ItemCode]int{}
	for i, r := range rows[1:] {
		e := words.Example{Text: r[column["Descriptor"]], Class: city.ItemCode(classes.Values[r[column[classes.Columns[0]]]+classes.Join+r[column[classes.Columns[1]]]])}
		if e.Class == "" {
			t.Fatalf("row %d has no class", i+2)
		}
		if i%2 == 0 {
			learn = append(learn, e)
			counts[e.Class]++
		} else {
			test = append(test, e)
		}
	}
	most := city.ItemCode("")
	for c, n := range counts {
		if n > counts[most] {
			most = c
		}
	}
	c := words.Learn(learn)
	right, three, always := 0, 0, 0
	for _, e := range test {
		for i, s := range c.Suggest(e.Text, 3) {
			if s.Class == e.Class {
				three++
				if i == 0 {
					right++
				}
			}
		}
		if e.Class == most {
			always++
		}
	}
	share := func(n int) float64 { return float64(n) / float64(len(test)) }
	t.Logf("%d records taught, %d tested: right at once %.1f%%, among three %.1f%%, always the most frequent class (%s) %.1f%%",
		len(learn), len(test), 100*share(right), 100*share(three), most, 100*share(always))
	if share(right) < 0.85 || share(right) < share(always)+0.3 {
		t.Errorf("accuracy %.3f beside %.3f", share(right), share(always))
	}
}

// Every real record comes in: with a class, a place and a body that mends it.
func TestRealRecordsAreMapped(t *testing.T) {
	f, p := real(t), hudson(t)
	m := p.Mappings[0]
	columns := map[string]string{}
	for _, c := range m.Columns() {
		columns[c] = c
	}
	keys, n := map[string]bool{}, 0
	bodies := map[city.BodyID]int{}
	for row, err := range directory.ReadTable(f, columns) {
		if err != nil {
			t.Fatalf("line %d: %v", row.Line, err)
		}
		n++
		r, why := m.Row(row.Cells, p.Zone)
		if len(why) > 0 {
			t.Errorf("line %d: %v", row.Line, city.InvalidFields(why))
			continue
		}
		c, ok := p.Class(r.Class)
		if !ok || r.Text == "" || r.Place.Region == "" || !r.At.IsZero() {
			t.Errorf("line %d: %+v", row.Line, r)
			continue
		}
		bodies[c.Body]++
		keys[r.Key] = true
	}
	if n != 1193 || len(keys) != n || bodies["housing"] != 751 || bodies["police"] != 137 || len(bodies) != 13 {
		t.Errorf("%d rows, %d keys, bodies %v", n, len(keys), bodies)
	}
}

func TestMappingRows(t *testing.T) {
	m := Mapping{ID: "m", Source: "s", Fields: map[string]MappedField{
		"key":    {Columns: []string{"Nr"}},
		"class":  {Columns: []string{"Kind", "Sort"}, Join: "/", Values: map[string]string{"a/b": "c0101"}},
		"text":   {Columns: []string{"Words"}, Empty: []string{"N/A"}},
		"region": {Columns: []string{"Board"}, Values: map[string]string{"1": "990201"}, Otherwise: "9902"},
		"lat":    {Columns: []string{"Lat"}, Optional: true},
		"lon":    {Columns: []string{"Lon"}, Optional: true},
		"at":     {Columns: []string{"Made"}, Formats: []string{"01/02/2006 03:04 PM", time.RFC3339}, Optional: true},
	}}
	zone := time.FixedZone("", -5*3600)
	row := func(more ...string) map[string]string {
		c := map[string]string{"Nr": "7", "Kind": "a", "Sort": "b", "Words": "a hole", "Board": "1"}
		for i := 0; i < len(more); i += 2 {
			c[more[i]] = more[i+1]
		}
		return c
	}
	got, why := m.Row(row("Lat", "40.5", "Lon", "-73.9", "Made", "03/02/2026 01:30 PM"), zone)
	if len(why) > 0 || got.Key != "s:7" || got.Class != "c0101" || got.Place != (city.Place{Lat: 40.5, Lon: -73.9, Region: "990201"}) ||
		!got.At.Equal(time.Date(2026, 3, 2, 18, 30, 0, 0, time.UTC)) {
		t.Errorf("%+v %v", got, why)
	}
	if got, why := m.Row(row("Board", "99"), zone); len(why) > 0 || got.Place.Region != "9902" {
		t.Errorf("%+v %v", got, why)
	}
	for field, cells := range map[string]map[string]string{
		"key pack.row_no_key":     row("Nr", " "),
		"class pack.row_unknown":  row("Sort", "z"),
		"text pack.row_no_text":   row("Words", "N/A"),
		"text pack.row_long":      row("Words", strings.Repeat("x", 5000)),
		"lat pack.row_degrees":    row("Lat", "NaN", "Lon", "1"),
		"lon pack.row_degrees":    row("Lat", "1", "Lon", "181"),
		"at pack.row_time":        row("Made", "yesterday"),
		"text pack.row_no_column": {"Nr": "7", "Kind": "a", "Sort": "b", "Board": "1"},
	} {
		got, why := m.Row(cells, zone)
		if len(why) != 1 || why[0].Name+" "+why[0].Message.Key != field || got != (IncidentRow{}) {
			t.Errorf("%s: %v %+v", field, why, got)
		}
		if s := why[0].Message.In(city.English); strings.Contains(s, "{") {
			t.Errorf("%s: %s", field, s)
		}
	}
}

func TestMappingFaults(t *testing.T) {
	p := hudson(t)
	for want, text := range map[string]string{
		"":                "id: a\nsource: s\nfields: {key: {columns: [k]}, text: {columns: [t]}, region: {columns: [r]}}\n",
		"wants_mapping":   "id: a\nsource: s\nfields: 3\n",
		"mapping_source":  "id: a\nsource: 'a b'\nfields: {key: {columns: [k]}, text: {columns: [t]}, region: {columns: [r]}}\n",
		"mapping_needs":   "id: a\nsource: s\nfields: {key: {columns: [k]}, text: {columns: [t]}}\n",
		"mapping_field":   "id: a\nsource: s\nfields: {key: {columns: [k]}, text: {columns: [t]}, region: {columns: [r]}, smell: {columns: [s]}}\n",
		"mapping_columns": "id: a\nsource: s\nfields: {key: {columns: [k]}, text: {columns: [t]}, region: {columns: [r]}, name: {join: x}}\n",
		"mapping_value":   "id: a\nsource: s\nfields: {key: {columns: [k]}, text: {columns: [t]}, region: {columns: [r], values: {x: '1234'}}}\n",
		"mapping_formats": "id: a\nsource: s\nfields: {key: {columns: [k]}, text: {columns: [t]}, region: {columns: [r]}, at: {columns: [a]}}\n",
		"alias":           "id: &a x\nsource: *a\n",
		"too_large":       strings.Repeat("#", 2<<20),
		"not_utf8":        "id: \xff\n",
	} {
		_, found := p.ReadMapping("m.yaml", []byte(text))
		if want == "" && len(found) > 0 || want != "" && (len(found) == 0 || found[0].Message.Key != "pack."+want) {
			t.Errorf("%s: %v", want, said(found))
		}
	}
}

func TestClassesNameWhatExists(t *testing.T) {
	m := small(t)
	group := func(body, post, code string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("id: g\nkind: event\nname: {zh-Hans: 组, en: Group}\nclasses:\n  - {code: " + code + ", name: {zh-Hans: 类, en: Class}, about: {zh-Hans: 类, en: Class}, body: " + body +
			", post: " + post + ", grade: A, limit: {n: 1, unit: working_days}, contact: {n: 1, unit: working_days}, examples: [a b, c d]}\n")}
	}
	body := ""
	for name := range m {
		if strings.HasPrefix(name, "bodies/") {
			body = strings.TrimSuffix(strings.TrimPrefix(name, "bodies/"), ".yaml")
		}
	}
	for _, c := range []struct {
		body, post, code string
		want             []string
	}{
		{"nobody", body + ".nobody", "e0101", []string{"pack.no_body", "pack.no_post"}},
		{body, body + ".nobody", "x1", []string{"incident.code", "pack.no_post"}},
	} {
		m["classes/g.yaml"] = group(c.body, c.post, c.code)
		_, found := LoadFS(m)
		var keys []string
		for _, f := range found {
			keys = append(keys, f.Message.Key)
		}
		slices.Sort(keys)
		if !slices.Equal(keys, c.want) {
			t.Errorf("%v: %v", c, said(found))
		}
	}
}

// How reports are taken names kinds and posts that the city has.
func TestIncidentsNameWhatExists(t *testing.T) {
	m := small(t)
	m["city.yaml"] = &fstest.MapFile{Data: append(slices.Clone(m["city.yaml"].Data), []byte(
		"\nincidents: {kind: nothing, office: nobody, operator: o, verifier: v, supervision: none, watcher: w, sure: 0.6, metres: 50, hours: 24, reach: 1000}\n")...)}
	_, found := LoadFS(m)
	var keys []string
	for _, f := range found {
		keys = append(keys, f.Message.Key)
	}
	slices.Sort(keys)
	if want := []string{"pack.no_body", "pack.no_kind", "pack.no_kind", "pack.not_described"}; !slices.Equal(keys, want) {
		t.Errorf("%v", said(found))
	}
}

// Sentences that stand in no pack, as people would say them.
func TestWordsNobodyTaught(t *testing.T) {
	p, faults := Load("../cities/jianghai")
	if len(faults) > 0 {
		t.Fatal(said(faults))
	}
	var all []words.Example
	for _, g := range p.Groups {
		for _, c := range g.Classes {
			for _, e := range append(c.Examples, c.Name.ZhHans, c.Name.En, c.About.ZhHans, c.About.En) {
				all = append(all, words.Example{Class: c.Code, Text: e})
			}
		}
	}
	c := words.Learn(all)
	sentences := map[string]string{
		"我家门口的路灯已经黑了三天了，晚上看不见路": "c0103", "小区门口井盖没了，差点掉下去": "c0101", "隔壁工地半夜还在打桩，孩子睡不着": "e0106",
		"有辆面包车一直停在消防通道上": "e0502", "河边的水又黑又臭": "e0110", "烧烤摊的油烟熏得开不了窗": "e0108", "人行道的地砖碎了，老人摔了一跤": "c0202",
		"红绿灯坏了，路口很乱": "c0204", "楼上邻居家漏水，把我家天花板泡了": "e0605", "下大雨，下穿桥底下全是水，车过不去": "e0401", "楼道墙上全是小广告": "e0201",
		"The traffic light at the crossing does not change": "c0204", "There is a big hole in the road": "c0201", "Somebody left rubble beside the river": "e0102",
		"A tree fell on the road in the storm": "e0405", "Shared bikes everywhere, I can't walk on the pavement": "e0503",
	}
	first, three := 0, 0
	for text, want := range sentences {
		var got []string
		for i, s := range c.Suggest(text, 3) {
			got = append(got, string(s.Class))
			if string(s.Class) == want {
				three++
				if i == 0 {
					first++
				}
			}
		}
		if !slices.Contains(got, want) {
			t.Logf("%s: %v, meant %s", text, got, want)
		}
	}
	t.Logf("%d sentences: %d right at once, %d among three", len(sentences), first, three)
	if three < 13 {
		t.Errorf("%d of %d among three", three, len(sentences))
	}
}

// The cities can answer much at once; what is wrong with an answer is told at its line.
func TestKnowledge(t *testing.T) {
	for name, least := range map[string]int{"jianghai": 25, "hudson": 8} {
		c, faults := Load("../cities/" + name)
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		n := 0
		for _, k := range c.Knowledge {
			n += len(k.Entries)
		}
		if n < least {
			t.Errorf("%s answers %d questions, want %d", name, n, least)
		}
	}
	m := small(t)
	m["knowledge/pool.yaml"] = &fstest.MapFile{Data: []byte(`id: pool
name: {zh-Hans: 泳池, en: The pool}
entries:
  - id: opening
    question: {zh-Hans: 几点开门, en: When it opens}
    answer: {zh-Hans: 七点, en: At seven}
    source: {zh-Hans: 泳池, en: The pool}
    day: "2026-05-01"
  - id: opening
    question: {zh-Hans: 多少钱}
    answer: {zh-Hans: "` + strings.Repeat("长", 601) + `", en: long}
    source: {zh-Hans: 泳池, en: The pool}
`)}
	_, faults := LoadFS(m)
	var got []string
	for _, f := range faults {
		got = append(got, f.String())
	}
	want := []string{"knowledge/pool.yaml:9:", "knowledge/pool.yaml:9: The day", "knowledge/pool.yaml:10:", "knowledge/pool.yaml:11:"}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, w) }) {
			t.Errorf("no fault at %s in %q", w, got)
		}
	}
	if len(got) != 4 {
		t.Errorf("faults %q", got)
	}
}
