package citizen

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"yiwang/city"
)

const mostPixels = 24_000_000 // of a picture that we look for a code in

// codeIn reads the code in a file that somebody sent: a picture of a QR code, or
// its text. What it can't read is said.
func codeIn(b []byte) (code string, fault city.Message) {
	if len(b) > mostPicture {
		return "", city.Message{Key: "web.field.file.too_large", Args: []any{"mb", mostPicture >> 20}}
	}
	var decode func() (image.Image, error)
	var size func() (image.Config, error)
	switch kind := http.DetectContentType(b); {
	case kind == "image/png":
		decode, size = func() (image.Image, error) { return png.Decode(bytes.NewReader(b)) }, func() (image.Config, error) { return png.DecodeConfig(bytes.NewReader(b)) }
	case kind == "image/jpeg":
		decode, size = func() (image.Image, error) { return jpeg.Decode(bytes.NewReader(b)) }, func() (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(b)) }
	case strings.HasPrefix(kind, "text/plain") && utf8.Valid(b):
		return cut(string(b), longestCode), city.Message{}
	default:
		return "", city.Message{Key: "citizen.verify.file.kind"}
	}
	c, err := size()
	if err != nil || c.Width <= 0 || c.Height <= 0 || c.Width*c.Height > mostPixels {
		return "", city.Message{Key: "citizen.verify.file.unreadable"}
	}
	img, err := decode()
	if err != nil {
		return "", city.Message{Key: "citizen.verify.file.unreadable"}
	}
	code, ok := qrIn(img)
	if !ok {
		return "", city.Message{Key: "citizen.verify.file.no_code"}
	}
	return code, city.Message{}
}

// qrIn finds a QR code in the picture. The library reads what strangers send, so
// its panics end with the picture.
func qrIn(img image.Image) (code string, ok bool) {
	defer func() {
		if recover() != nil {
			code, ok = "", false
		}
	}()
	bits, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		return "", false
	}
	res, err := qrcode.NewQRCodeReader().Decode(bits, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return "", false
	}
	return res.GetText(), true
}
