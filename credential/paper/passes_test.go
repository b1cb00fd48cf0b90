package paper

import (
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"yiwang/city"
)

// The printed sheet is drawn by somebody else's program as a printer would, and
// every code on it is read by somebody else's decoder.
func TestPrintedPassesAreRead(t *testing.T) {
	if _, err := exec.LookPath("pdftoppm"); err != nil {
		t.Skip("pdftoppm (poppler-utils) is not here to draw the page")
	}
	press := testPress(t)
	base := testCode(t)
	s := PassSheet{City: city.Text{ZhHans: "江海市", En: "Jianghai"}, Purpose: city.Text{ZhHans: "出入通行", En: "Access pass"},
		About: city.Text{ZhHans: "出示给门口的人看。", En: "Show it at the door."}, Check: "https://jianghai.example/verify", Printed: day}
	for i := range 6 {
		s.Codes = append(s.Codes, PassCode{Code: fmt.Sprintf("%s%d", base[:len(base)-8], i), Holder: "林*满", State: city.Text{ZhHans: "正常", En: "Ordinary"}, Until: day.AddDate(0, 0, 7)})
	}
	pdf, err := press.Passes(s)
	if err != nil {
		t.Fatal(err)
	}
	if n := pages(pdf); n != 1 {
		t.Fatalf("%d pages", n)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "sheet.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	const dpi = 200
	if out, err := exec.Command("pdftoppm", "-png", "-singlefile", "-r", fmt.Sprint(dpi), file, filepath.Join(dir, "sheet")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := os.Open(filepath.Join(dir, "sheet.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	dots := func(points float64) int { return int(points * dpi / 72) }
	for i, c := range s.Codes { // where the page says that one is to be cut out
		x, y := dots(margin+float64(i%2)*inner/2), dots(128+float64(i/2)*214)
		cut := image.NewRGBA(image.Rect(0, 0, dots(inner/2), dots(164)))
		draw.Draw(cut, cut.Bounds(), page, image.Pt(x, y), draw.Src)
		bmp, err := gozxing.NewBinaryBitmapFromImage(cut)
		if err != nil {
			t.Fatal(err)
		}
		got, err := qrcode.NewQRCodeReader().Decode(bmp, map[gozxing.DecodeHintType]interface{}{gozxing.DecodeHintType_TRY_HARDER: true})
		if err != nil {
			t.Errorf("code %d: %v", i, err)
		} else if got.GetText() != c.Code {
			t.Errorf("code %d reads %q, it is %q", i, got.GetText(), c.Code)
		}
	}
}
