// Package scan reads the QR code in a picture.
package scan

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// Bounds of pictures.
const (
	MostBytes  = 10 << 20
	mostPixels = 24_000_000
	mostOpened = 100_000_000 // bytes of the picture as it lies in memory
)

// What keeps a picture from being read.
var (
	ErrTooLarge = errors.New("the picture is too large")
	ErrKind     = errors.New("neither PNG nor JPEG")
	ErrPicture  = errors.New("the picture can't be opened")
	ErrNoCode   = errors.New("no QR code was found in the picture")
	// ErrMode is a health certificate in another mode than the alphanumeric one, which
	// its profile demands (hcert 1.0.8; Q2 of the Union's test list): no issuer prints so.
	ErrMode = errors.New("the QR code isn't alphanumeric")
)

// healthPrefix begins the codes whose mode is laid down.
const healthPrefix = "HC1:"

// IsPicture reports whether the bytes begin like a picture that can be read.
func IsPicture(b []byte) bool {
	kind := http.DetectContentType(b)
	return kind == "image/png" || kind == "image/jpeg"
}

// Read finds a QR code in a PNG or JPEG picture and gives its text. Its errors are
// those of this package.
func Read(b []byte) (string, error) {
	if len(b) > MostBytes {
		return "", ErrTooLarge
	}
	var decode = png.Decode
	var size = png.DecodeConfig
	switch http.DetectContentType(b) {
	case "image/png":
	case "image/jpeg":
		decode, size = jpeg.Decode, jpeg.DecodeConfig
	default:
		return "", ErrKind
	}
	c, err := size(bytes.NewReader(b))
	if err != nil || !fits(c) {
		return "", ErrPicture
	}
	img, err := decode(bytes.NewReader(b))
	if err != nil {
		return "", ErrPicture
	}
	return find(img)
}

// fits reports whether a picture of that size can be opened.
func fits(c image.Config) bool {
	depth := 4 // bytes of a pixel, at most
	if c.ColorModel == color.RGBA64Model || c.ColorModel == color.NRGBA64Model {
		depth = 8
	}
	return c.Width > 0 && c.Height > 0 && c.Height <= mostPixels/c.Width && c.Width*c.Height <= mostOpened/depth
}

// find looks for the code. The library reads what strangers send, so its panics end
// with the picture.
func find(img image.Image) (text string, err error) {
	defer func() {
		if recover() != nil {
			text, err = "", ErrNoCode
		}
	}()
	bits, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		return "", ErrNoCode
	}
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true}
	res, err := qrcode.NewQRCodeReader().Decode(bits, hints)
	if err != nil {
		// A picture that is the code itself, without a margin or with modules of a
		// few pixels, is read as it was drawn.
		hints[gozxing.DecodeHintType_PURE_BARCODE] = true
		if res, err = qrcode.NewQRCodeReader().Decode(bits, hints); err != nil {
			return "", ErrNoCode
		}
	}
	text = res.GetText()
	if _, bytesIn := res.GetResultMetadata()[gozxing.ResultMetadataType_BYTE_SEGMENTS]; bytesIn && strings.HasPrefix(text, healthPrefix) {
		return text, ErrMode
	}
	return text, nil
}
