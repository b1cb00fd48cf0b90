package paper

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

func readQR(t testing.TB, img image.Image) (string, string) {
	t.Helper()
	bmp, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	r, err := qrcode.NewQRCodeReader().Decode(bmp, map[gozxing.DecodeHintType]interface{}{gozxing.DecodeHintType_PURE_BARCODE: true})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetText(), fmt.Sprint(r.GetResultMetadata()[gozxing.ResultMetadataType_ERROR_CORRECTION_LEVEL])
}

// Another implementation reads the code back from the picture.
func TestQRIsReadByOthers(t *testing.T) {
	code := testCode(t)
	body, err := QRPNG(code, 3)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, level := readQR(t, img)
	if text != code || level != "Q" {
		t.Errorf("level %s, read %q", level, text)
	}
	// 97 modules are version 20; in byte mode it would need more.
	if side := img.Bounds().Dx()/3 - 2*quiet; side > 97 {
		t.Errorf("%d modules a side", side)
	}
}

func TestQRAsSVGIsTheSamePicture(t *testing.T) {
	code := testCode(t)
	svg, err := QRSVG(code)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal([]byte(svg), new(struct{})); err != nil {
		t.Fatalf("not XML: %v", err)
	}
	size, err := strconv.Atoi(regexp.MustCompile(`viewBox="0 0 (\d+) `).FindStringSubmatch(svg)[1])
	if err != nil {
		t.Fatal(err)
	}
	const scale = 3
	img := image.NewGray(image.Rect(0, 0, size*scale, size*scale))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h`).FindAllStringSubmatch(svg, -1) {
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		n, _ := strconv.Atoi(m[3])
		for py := y * scale; py < (y+1)*scale; py++ {
			for px := x * scale; px < (x+n)*scale; px++ {
				img.SetGray(px, py, color.Gray{})
			}
		}
	}
	if text, _ := readQR(t, img); text != code {
		t.Errorf("read %q", text)
	}
}

func TestQRRefusesWhatDoesNotFit(t *testing.T) {
	if _, err := QRPNG(strings.Repeat("A", 5000), 2); err == nil {
		t.Error("5,000 characters were drawn")
	}
	if _, err := QRSVG(""); err == nil {
		t.Error("nothing was drawn")
	}
	for _, scale := range []int{0, -1, 1000} {
		if _, err := QRPNG("A", scale); err == nil {
			t.Errorf("scale %d", scale)
		}
	}
}

// From the shortest to the longest code there is.
func TestQRHoldsAnyCode(t *testing.T) {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:" // of the alphanumeric mode
	random := rand.New(rand.NewPCG(1, 2))
	for n := 100; n <= 1172; n += 134 {
		text := []byte("YW1:")
		for len(text) < n {
			text = append(text, letters[random.IntN(len(letters))])
		}
		body, err := QRPNG(string(text), 2)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := readQR(t, img); got != string(text) {
			t.Fatalf("%q read as %q", text, got)
		}
	}
}
