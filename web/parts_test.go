package web

import (
	"bytes"
	"context"
	"image"
	"image/draw"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"pgregory.net/rapid"

	"yiwang/city"
	"yiwang/form"
)

func viewIn(t *testing.T, l city.Lang) context.Context {
	t.Helper()
	s := testSite(t, io.Discard, nil)
	return With(context.Background(), &View{Lang: l, City: s.o.City, Now: noon, Path: "/", site: s})
}

func TestMomentsAreSaidAsPeopleDo(t *testing.T) {
	zh, en := viewIn(t, city.Chinese), viewIn(t, city.English)
	for _, c := range []struct {
		at     time.Time
		zh, en string
	}{
		{noon.Add(-3 * time.Hour), "今天 09:00", "today 09:00"},
		{noon.Add(-13 * time.Hour), "昨天 23:00", "yesterday 23:00"},
		{noon.Add(24 * time.Hour), "明天 12:00", "tomorrow 12:00"},
		{noon.AddDate(0, 0, -3), "11 月 20 日 12:00", "20 November 12:00"},
		{noon.AddDate(-1, 0, 0), "2025 年 11 月 23 日 12:00", "23 November 2025 12:00"},
		{time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC), "今天 01:00", "today 01:00"}, // said in the city's zone
	} {
		if got := SayWhen(zh, c.at); got != c.zh {
			t.Errorf("SayWhen %v = %q, want %q", c.at, got, c.zh)
		}
		if got := SayWhen(en, c.at); got != c.en {
			t.Errorf("SayWhen %v = %q, want %q", c.at, got, c.en)
		}
	}
	if got, want := SayDay(zh, noon.AddDate(0, 0, 10)), "12 月 3 日（星期四）"; got != want {
		t.Errorf("SayDay = %q, want %q", got, want)
	}
}

func TestSentencesMarkTimesAndEscapeTheRest(t *testing.T) {
	ctx := viewIn(t, city.English)
	var b bytes.Buffer
	said := city.Text{ZhHans: "x", En: "**{name}** is due {when:date} & done"}
	if err := Spoken(said, "name", "<b>Lin</b> **x**", "when", noon).Render(ctx, &b); err != nil {
		t.Fatal(err)
	}
	want := `<strong>&lt;b&gt;Lin&lt;/b&gt; **x**</strong> is due <time datetime="2026-11-23T12:00:00+08:00" title="23 November 2026 12:00:00">Monday 23 November</time> &amp; done`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSentencesNeverBreakThePage(t *testing.T) {
	ctx := viewIn(t, city.Chinese)
	rapid.Check(t, func(t *rapid.T) {
		text, arg := rapid.String().Draw(t, "text"), rapid.String().Draw(t, "arg")
		out := markup(ctx, text, []any{"x", arg})
		rest := strings.NewReplacer("<strong>", "", "</strong>", "").Replace(out)
		if strings.ContainsAny(rest, "<>") || strings.Count(out, "<strong>") != strings.Count(out, "</strong>") {
			t.Fatalf("%q with %q became %q", text, arg, out)
		}
	})
}

func TestAClockBarIsFullAndShowsEveryPiece(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := []PieceKind{PieceUsed, PiecePaused, PieceLeft, PieceOver}
		var c Clock
		n := rapid.IntRange(0, 12).Draw(t, "pieces")
		shown := 0
		for i := range n {
			amount := rapid.Float64Range(0, 1000).Draw(t, "amount")
			if amount > 0 {
				shown++
			}
			c.Pieces = append(c.Pieces, Piece{kinds[i%4], amount})
		}
		end := 0.0
		rects := placed(c.Pieces)
		for _, r := range rects {
			x, errX := strconv.ParseFloat(strings.TrimSuffix(r.x, "%"), 64)
			w, errW := strconv.ParseFloat(strings.TrimSuffix(r.w, "%"), 64)
			if errX != nil || errW != nil || x < end-0.05 || x > end+0.05 || w < 1.5 {
				t.Fatalf("%+v after %.2f", r, end)
			}
			end = x + w
		}
		if end < 99.8 || end > 100.2 {
			t.Fatalf("the bar ends at %.2f %%: %+v", end, rects)
		}
		if shown > 0 && len(rects) != shown {
			t.Fatalf("%d pieces, %d shown", shown, len(rects))
		}
	})
}

func TestAnswersComeBackAsTheyWereTyped(t *testing.T) {
	options := []form.Option{{ID: "hot", Label: city.Text{ZhHans: "热食", En: "Hot food"}}}
	regions := []Option{{Value: "990101001001", Label: Plain("柳岸社区"), Group: Plain("海棠街道")}}
	for _, c := range []struct {
		f      form.Field
		answer any
		value  string
		parts  map[string]string
		said   string
	}{
		{form.Field{Type: form.Text}, "小满", "小满", nil, "小满"},
		{form.Field{Type: form.Money}, int64(20050), "200.50", nil, "200.50 元"},
		{form.Field{Type: form.Money}, "很多", "很多", nil, "很多"},
		{form.Field{Type: form.Integer, Unit: Plain("人")}, int64(3), "3", nil, "3 人"},
		{form.Field{Type: form.Decimal}, 86.5, "86.5", nil, "86.5"},
		{form.Field{Type: form.Date}, "1941-03-12", "1941-03-12", nil, "1941 年 3 月 12 日"},
		{form.Field{Type: form.Date}, "1941-13-12", "1941-13-12", map[string]string{"year": "1941", "month": "13", "day": "12"}, "1941-13-12"},
		{form.Field{Type: form.Choice, Options: options}, "hot", "hot", nil, "热食"},
		{form.Field{Type: form.YesNo}, false, "false", nil, "否"},
		{form.Field{Type: form.Region}, "990101001001", "990101001001", nil, "海棠街道 柳岸社区"},
		{form.Field{Type: form.Address}, map[string]any{"region": "990101001001", "detail": "8 号"}, "", map[string]string{"region": "990101001001", "detail": "8 号"}, "海棠街道 柳岸社区 8 号"},
		{form.Field{Type: form.Person}, map[string]string{"name": "林秀兰"}, "", map[string]string{"name": "林秀兰"}, "林秀兰"},
		{form.Field{Type: form.Text}, nil, "", nil, ""},
	} {
		c.f.ID = "x"
		fields, rest := FieldsOf([]form.Field{c.f}, map[string]any{"x": c.answer}, FieldContext{Lang: city.Chinese, Regions: regions})
		if len(rest) != 0 || fields[0].Value != c.value || !cmp.Equal(fields[0].Parts, c.parts) {
			t.Errorf("%s %v: value %q, parts %v", c.f.Type, c.answer, fields[0].Value, fields[0].Parts)
		}
		if got := SayAnswer(city.Chinese, c.f, c.answer, regions); got != c.said {
			t.Errorf("%s %v is said %q, want %q", c.f.Type, c.answer, got, c.said)
		}
	}
}

func TestFaultsFindTheirFields(t *testing.T) {
	fields := []Field{{Name: "name"}, {Name: "person"}, {Name: "named"}}
	rest := FaultsOf(fields, []city.Field{
		{Name: "answers.person.citizen_number", Message: city.Message{Key: "a"}},
		{Name: "answers.named", Message: city.Message{Key: "b"}},
		{Name: "answers.gone", Message: city.Message{Key: "c"}},
	}, "answers.")
	if fields[0].Fault.Key != "" || fields[1].Fault.Key != "a" || fields[1].FaultPart != "citizen_number" || fields[2].Fault.Key != "b" || fields[2].FaultPart != "" {
		t.Errorf("%+v", fields)
	}
	if len(rest) != 1 || rest[0].Name != "answers.gone" {
		t.Errorf("rest %+v", rest)
	}
}

func TestEveryFieldTypeOfFormsIsKnown(t *testing.T) {
	for _, ft := range []form.FieldType{form.Text, form.LongText, form.Integer, form.Decimal, form.Money, form.Date, form.Phone, form.CitizenNumber, form.USCC, form.Email, form.Choice, form.MultiChoice, form.YesNo, form.Region, form.Address, form.Person, form.File, form.Statement} {
		if !ft.Valid() {
			t.Errorf("%s is no field type any more", ft)
		}
		var b bytes.Buffer
		f := Field{Name: "x", Type: FieldType(ft), Label: Plain("L"), Required: true, Options: []Option{{Value: "o", Label: Plain("O")}}, Fault: city.Message{Key: "fault"}}
		if err := Input(f).Render(viewIn(t, city.English), &b); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`id="f-x"`, `name="x`, "fault", "L"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s lacks %s: %s", ft, want, b.String())
			}
		}
	}
}

func TestAQRCodeIsReadBack(t *testing.T) {
	const content = "YW1:NCFOXN%TSMAHN-HMW9A2ZFD6HYOJ-IUWMS7RJ5IK$IC:K3NDL1SYBR/5Y:6:KJ0KJ 7I/%1AS6NL0WQSI1L2OR/MG0F6YQ8WC1"
	var b bytes.Buffer
	if err := QR(content, "a <code>").Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `aria-label="a &lt;code&gt;"`) {
		t.Errorf("%.200s", b.String())
	}
	const scale = 4
	size, err := strconv.Atoi(regexp.MustCompile(`viewBox="0 0 (\d+)`).FindStringSubmatch(b.String())[1])
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, size*scale, size*scale))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(b.String(), -1) {
		var n [4]int
		for i := range n {
			if n[i], err = strconv.Atoi(m[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		draw.Draw(img, image.Rect(n[0]*scale, n[1]*scale, (n[0]+n[2])*scale, (n[1]+1)*scale), image.Black, image.Point{}, draw.Src)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	read, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil || read.GetText() != content {
		t.Errorf("read %v, %v", read, err)
	}
	if err := QR(strings.Repeat("x", 5000), "").Render(context.Background(), &b); err == nil {
		t.Error("5,000 bytes went into one code")
	}
}

func TestACityCanHaveItsOwnMark(t *testing.T) {
	for mark, want := range map[string]string{"一网": glyphNet, "江": ">江<", "江海": ">海<", "<&": "&lt;"} {
		ctx := viewIn(t, city.Chinese)
		ViewOf(ctx).City.Mark = mark
		var b bytes.Buffer
		if err := Seal("").Render(ctx, &b); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("mark %q: %v, %s", mark, err, b.String())
		}
	}
}

func TestCountsAreSaidWithTheirThousandsApart(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1284: "1,284", 1000000: "1,000,000", -1284: "-1,284", -128: "-128"} {
		if got := SayCount(n); got != want {
			t.Errorf("SayCount(%d) = %q, want %q", n, got, want)
		}
	}
}
