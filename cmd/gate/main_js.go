// Command gate is the checker of codes for the browser, built for js/wasm by
// web/bundle/build.sh. It puts an object "gate" into the page:
//
//	gate.open(bytes)               takes a kit; "" or why it can't be used
//	gate.answer(text, ms, lang)    kit.Answer as JSON, at a time in milliseconds
//	gate.result(text, ms)          check.Result as JSON
//	gate.read(rgba, width, height) the text of a QR code in a picture, or ""
package main

import (
	"encoding/json"
	"image"
	"syscall/js"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"yiwang/city"
	"yiwang/credential/kit"
)

// mostPixels bounds a picture that is looked through.
const mostPixels = 4_000_000

func main() {
	var checker *kit.Checker
	gate := map[string]any{
		"open": js.FuncOf(func(_ js.Value, args []js.Value) any {
			raw := make([]byte, args[0].Length())
			js.CopyBytesToGo(raw, args[0])
			c, err := kit.Open(raw)
			if err != nil {
				return err.Error()
			}
			checker = c
			return ""
		}),
		"answer": js.FuncOf(func(_ js.Value, args []js.Value) any {
			return encode(checker.Answer(args[0].String(), time.UnixMilli(int64(args[1].Float())), city.Lang(args[2].String()), args[3].Bool()))
		}),
		"result": js.FuncOf(func(_ js.Value, args []js.Value) any {
			return encode(checker.Check(args[0].String(), time.UnixMilli(int64(args[1].Float()))))
		}),
		"read": js.FuncOf(func(_ js.Value, args []js.Value) any {
			return read(args[0], args[1].Int(), args[2].Int())
		}),
	}
	js.Global().Set("gate", gate)
	select {} // the page calls in as long as it is open
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // both types are made of plain values
	}
	return string(text)
}

// read finds a QR code. The library reads what strangers hold before the camera, so
// its panics end with the picture.
func read(rgba js.Value, width, height int) (text string) {
	if width <= 0 || height <= 0 || width > mostPixels/height || rgba.Length() != 4*width*height {
		return ""
	}
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	js.CopyBytesToGo(img.Pix, rgba)
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		return ""
	}
	found, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil {
		return ""
	}
	return found.GetText()
}
