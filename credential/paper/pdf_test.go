package paper

import (
	"bytes"
	"compress/zlib"
	"errors"
	"image"
	"image/color"
	"io"
	"io/fs"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"yiwang/city"
)

// day is when the papers are printed.
var day = time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("CST", 8*60*60))

// testCode is a real licence's code, signed with SM2.
func testCode(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../check/testdata/sm2.code")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func testSheet(code string) Sheet {
	from := city.Date{Year: 2026, Month: 11, Day: 23}
	return Sheet{
		City: city.Text{ZhHans: "江海市", En: "Jianghai"}, Mark: "一网",
		Name:   city.Text{ZhHans: "食品经营许可证", En: "Food business licence"},
		Number: "1.2.156.3005.2.11990100MB0000011X012.11990100MB0000011X.20260000403.001.1",
		Short:  "11990100MB0000011X012.11990100MB0000011X.20260000403.001.1",
		Status: city.Text{ZhHans: "有效", En: "valid"}, InForce: true, Holder: "江海市滨江好再来饭店有限公司",
		Issuer: city.Text{ZhHans: "江海市市场监督管理局", En: "Jianghai Market Regulation Bureau"},
		Issued: from, From: from, Until: city.Date{Year: 2031, Month: 11, Day: 22}, Code: code,
		Check: "https://jianghai.example/verify", Printed: day,
		Fields: []Field{
			{city.Text{ZhHans: "统一社会信用代码", En: "Unified social credit code"}, "91990100MA0000012X"},
			{city.Text{ZhHans: "经营场所", En: "Premises"}, "江海市滨江区渔港路 18 号“好再来”一层（临街）"},
			{city.Text{ZhHans: "主体业态", En: "Type of business"}, "餐饮服务经营者（小型餐馆）"},
			{city.Text{ZhHans: "经营项目", En: "Food handled"}, strings.Repeat("热食类食品制售，冷食类食品制售，自制饮品制售；", 3)},
			{city.Text{ZhHans: "食品安全管理员", En: "Food safety manager"}, "林小满"},
		},
	}
}

// fontDirs are where `make` and Debian put the fonts.
func fontDirs() []fs.FS {
	return []fs.FS{os.DirFS("../../web/bundle/dist/fonts"), os.DirFS("/usr/share/fonts/truetype")}
}

func testPress(t testing.TB) *Press {
	t.Helper()
	p := NewPress(fontDirs()...)
	if _, _, err := p.fonts(); err != nil {
		t.Skipf("no PDF here: %v (make font fetches them)", err)
	}
	return p
}

// The paper carries the code so that another implementation reads it.
func TestPaperLicence(t *testing.T) {
	p := testPress(t)
	code := testCode(t)
	body, err := p.Licence(testSheet(code))
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("YIWANG_KEEP"); dir != "" {
		if err := os.WriteFile(dir+"/licence.pdf", body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.HasPrefix(body, []byte("%PDF-")) || pages(body) != 1 || len(body) > 300_000 {
		t.Errorf("%d bytes, %d pages", len(body), pages(body))
	}
	if text, _ := readQR(t, qrOnPaper(t, body, code)); text != code {
		t.Errorf("the paper's code reads %q", text)
	}
}

// Long values go on to a second page, and a licence no longer in force carries
// no code.
func TestPaperOfUnusualLicences(t *testing.T) {
	p := testPress(t)
	s := testSheet(testCode(t))
	for range 5 {
		s.Fields = append(s.Fields, s.Fields...)
	}
	s.Fields = s.Fields[:40]
	body, err := p.Licence(s)
	if err != nil || pages(body) < 2 {
		t.Errorf("%d pages, %v", pages(body), err)
	}
	s = testSheet("")
	s.Status, s.InForce, s.Until, s.Mark = city.Text{ZhHans: "撤销"}, false, city.Date{}, "江海一网"
	s.Name.ZhHans = strings.Repeat("道路危险货物运输", 6)
	s.Name.En = strings.Repeat("dangerous goods ", 20)
	s.Holder = "𠮷田\n\x00" + strings.Repeat("W", 300)
	body, err = p.Licence(s)
	if err != nil {
		t.Error(err)
	}
	if dir := os.Getenv("YIWANG_KEEP"); dir != "" {
		if err := os.WriteFile(dir+"/revoked.pdf", body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Licence(Sheet{}); err != nil {
		t.Errorf("an empty sheet: %v", err)
	}
}

func TestPaperWithoutFonts(t *testing.T) {
	for name, dir := range map[string]fs.FS{
		"neither":   fstest.MapFS{},
		"no folder": os.DirFS(t.TempDir() + "/nothing"),
		"one":       fstest.MapFS{chineseFonts[0]: {Data: []byte("font")}},
		"empty":     fstest.MapFS{chineseFonts[0]: {}},
	} {
		_, err := NewPress(dir).Licence(testSheet(""))
		var e *city.Error
		if !errors.As(err, &e) || e.Kind != city.KindUnavailable || e.Message.Key != "pdf.font_missing" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, l := range city.Langs {
			if s := e.Message.In(l); !strings.Contains(s, ".ttf") || strings.Contains(s, "{") {
				t.Errorf("%s: %s", name, s)
			}
		}
	}
	garbage := fstest.MapFS{chineseFonts[0]: {Data: []byte("font")}, latinFonts[0]: {Data: []byte("font")}}
	if _, err := NewPress(garbage).Licence(testSheet("")); err == nil {
		t.Error("printed with a font that is none")
	}
}

func TestLinesBreakWherePeopleBreakThem(t *testing.T) {
	p := testPress(t)
	chinese, latin, err := p.fonts()
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDrawing(chinese, latin)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text  string
		width float64
		want  []string
	}{
		{"一二三四，五六", 40, []string{"一二三", "四，五六"}},
		{"一二三（四五）", 40, []string{"一二三", "（四五）"}},
		{"one two three", 50, []string{"one two", "three"}},
		{"unbreakable", 20, []string{"unb", "reak", "able"}},
		{"a\nb", 100, []string{"a", "b"}},
		{"", 100, nil},
	} {
		got := d.wrap(c.text, 10, c.width)
		if strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%q breaks into %q, want %q", c.text, got, c.want)
		}
	}
}

func pages(pdf []byte) int { return len(regexp.MustCompile(`/Type */Page\b[^s]`).FindAll(pdf, -1)) }

// qrOnPaper rebuilds the picture from the rectangles that the page draws.
func qrOnPaper(t *testing.T, pdf []byte, code string) image.Image {
	t.Helper()
	m, err := modules(code)
	if err != nil {
		t.Fatal(err)
	}
	side := qrSide / float64(len(m))
	rect := regexp.MustCompile(`([\d.]+) ([\d.]+) ([\d.]+) (-?[\d.]+) re`)
	const scale = 3
	size := (len(m) + 2*quiet) * scale
	img := image.NewGray(image.Rect(0, 0, size, size))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	drawn := 0
	for _, stream := range regexp.MustCompile(`(?s)stream\r?\n(.*?)\r?\nendstream`).FindAllSubmatch(pdf, -1) {
		z, err := zlib.NewReader(bytes.NewReader(stream[1]))
		if err != nil {
			continue
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			continue
		}
		for _, r := range rect.FindAllSubmatch(plain, -1) {
			var v [4]float64
			for i := range v {
				if v[i], err = strconv.ParseFloat(string(r[i+1]), 64); err != nil {
					t.Fatal(err)
				}
			}
			if math.Abs(math.Abs(v[3])-side-0.04) > 0.02 {
				continue
			}
			drawn++
			top := pageH - v[1]
			if v[3] > 0 { // drawn upwards from the lower edge
				top -= v[3]
			}
			x, y := int(math.Round((v[0]-margin)/side)), int(math.Round((top-(footTop+10))/side))
			n := int(math.Round((v[2] - 0.04) / side))
			for py := (y + quiet) * scale; py < (y+quiet+1)*scale; py++ {
				for px := (x + quiet) * scale; px < (x+quiet+n)*scale; px++ {
					img.SetGray(px, py, color.Gray{})
				}
			}
		}
	}
	if drawn == 0 {
		t.Fatal("the page draws no code")
	}
	return img
}

// A report of tables runs over as many pages as it needs, with its head on each.
func TestPaperReport(t *testing.T) {
	p := testPress(t)
	doc := Document{Title: "行政问效 2026 年 10 月", Lead: []string{"点开数字看背后的事项。"}, Printed: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	table := Table{Caption: "按部门", Head: []string{"部门", "收到", "怎么算的"}, Wide: []int{0, 2}}
	for range 80 {
		table.Rows = append(table.Rows, []string{"江海市城市管理局", "95.2%（118/124）", "立案后每个时限都没超的已办结事项"})
	}
	doc.Tables = []Table{table, {Caption: "空的", Head: []string{"部门"}, Rows: [][]string{{}}}}
	raw, err := p.Report(doc)
	if err != nil {
		t.Fatal(err)
	}
	if n := pages(raw); n < 3 || n > 8 {
		t.Errorf("%d pages", n)
	}
	if _, err := NewPress().Report(doc); city.KindOf(err) != city.KindUnavailable {
		t.Errorf("without fonts: %v", err)
	}
}
