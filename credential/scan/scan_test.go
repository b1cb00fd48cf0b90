package scan

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/skip2/go-qrcode"
)

func picture(t testing.TB, text string) []byte {
	t.Helper()
	b, err := qrcode.Encode(text, qrcode.High, 300)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRead(t *testing.T) {
	code := "HC1:NCFOXN%TSMAHN-HDQC8RMIZR4QBVVH:D4TEB-36QHN"
	good := picture(t, code)
	img, err := png.Decode(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, img, &jpeg.Options{Quality: 70}); err != nil {
		t.Fatal(err)
	}
	var white, wide bytes.Buffer
	blank := image.NewGray(image.Rect(0, 0, 200, 200))
	for i := range blank.Pix {
		blank.Pix[i] = 0xff
	}
	if err := png.Encode(&white, blank); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&wide, image.NewPaletted(image.Rect(0, 0, 6000, 5000), color.Palette{color.White})); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		picture []byte
		text    string
		err     error
	}{
		"a PNG":  {good, code, nil},
		"a JPEG": {photo.Bytes(), code, nil},
		// Q2 of the Union's list: part of the code is in another mode.
		"bytes for a health certificate": {picture(t, code+"\n"), code + "\n", ErrMode},
		"bytes for another code":         {picture(t, "YW1:abc"), "YW1:abc", nil},
		"nothing":                        {nil, "", ErrKind},
		"text":                           {[]byte(code), "", ErrKind},
		"cut short":                      {good[:len(good)/2], "", ErrPicture},
		"a PNG in name":                  {[]byte("\x89PNG\r\n\x1a\nrubbish"), "", ErrPicture},
		"without a code":                 {white.Bytes(), "", ErrNoCode},
		"30 megapixels":                  {wide.Bytes(), "", ErrPicture},
		"20 MB":                          {append(bytes.Clone(good), make([]byte, 2*MostBytes)...), "", ErrTooLarge},
	} {
		text, err := Read(c.picture)
		if text != c.text || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if !IsPicture(good) || !IsPicture(photo.Bytes()) || IsPicture([]byte(code)) || IsPicture(nil) {
		t.Error("what is a picture isn't known")
	}
}

// What a picture takes in memory is bounded, and not its pixels alone.
func TestFits(t *testing.T) {
	for _, c := range []struct {
		m    color.Model
		w, h int
		want bool
	}{
		{color.NRGBAModel, 6000, 4000, true}, {color.NRGBAModel, 6000, 4001, false},
		{color.NRGBA64Model, 4000, 3000, true}, {color.NRGBA64Model, 6000, 4000, false}, {color.RGBA64Model, 6000, 4000, false},
		{color.GrayModel, 0, 10, false}, {color.GrayModel, 1 << 31, 1 << 31, false},
	} {
		if fits(image.Config{ColorModel: c.m, Width: c.w, Height: c.h}) != c.want {
			t.Errorf("%d × %d: want %v", c.w, c.h, c.want)
		}
	}
}

// Whatever a stranger sends, it is read or refused.
func FuzzRead(f *testing.F) {
	f.Add(picture(f, "HC1:6BFOXN"))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Add([]byte("\xff\xd8\xff\xe0\x00\x10JFIF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		if text, err := Read(b); err == nil && text == "" && !IsPicture(b) {
			t.Errorf("%d bytes are no picture and are read", len(b))
		}
	})
}
