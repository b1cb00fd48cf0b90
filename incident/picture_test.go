package incident

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"yiwang/city"
)

// half is red on the left and blue on the right.
func half(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{R: 220, A: 255}
			if x >= w/2 {
				c = color.RGBA{B: 220, A: 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

func asJPEG(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withExif puts a camera's notes before the picture: how it was held, and words.
func withExif(raw []byte, order binary.AppendByteOrder, turn uint16, words string) []byte {
	head := "MM\x00*"
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		head = "II*\x00"
	}
	body := order.AppendUint32([]byte("Exif\x00\x00"+head), 8)
	body = order.AppendUint16(body, 1)
	body = order.AppendUint16(body, 0x0112)
	body = order.AppendUint16(body, 3)
	body = order.AppendUint32(body, 1)
	body = order.AppendUint16(order.AppendUint16(body, turn), 0)
	body = append(body, words...)
	seg := binary.BigEndian.AppendUint16([]byte{0xFF, 0xE1}, uint16(len(body)+2))
	return append(append(append([]byte{}, raw[:2]...), append(seg, body...)...), raw[2:]...)
}

func clean1(t *testing.T, raw []byte) image.Image {
	t.Helper()
	got, err := CleanPhoto(context.Background(), raw)
	if err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.Decode(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPicturesComeOutUprightAndBare(t *testing.T) {
	red := func(m image.Image, x, y int) bool { r, _, b, _ := m.At(x, y).RGBA(); return r > b }
	plain := asJPEG(t, half(80, 40))
	// where the red half of the picture belongs, as the camera was held
	for turn, want := range map[uint16]struct {
		w, h, redX, redY int
	}{1: {80, 40, 5, 20}, 2: {80, 40, 75, 20}, 3: {80, 40, 75, 20}, 4: {80, 40, 5, 20}, 5: {40, 80, 20, 5}, 6: {40, 80, 20, 5}, 7: {40, 80, 20, 75}, 8: {40, 80, 20, 75}} {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			m := clean1(t, withExif(plain, order, turn, "31.93N 121.04E <script>alert(1)</script>"))
			if b := m.Bounds(); b.Dx() != want.w || b.Dy() != want.h {
				t.Fatalf("held %d: %v", turn, b)
			}
			if !red(m, want.redX, want.redY) || red(m, want.w-1-want.redX, want.h-1-want.redY) {
				t.Errorf("held %d: the picture does not stand upright", turn)
			}
		}
	}
	secret := "31.93N <script>alert(1)</script>"
	got, err := CleanPhoto(context.Background(), append(withExif(plain, binary.BigEndian, 1, secret), secret...))
	if err != nil || bytes.Contains(got, []byte("script")) || bytes.Contains(got, []byte("Exif")) || bytes.Contains(got, []byte("31.93")) {
		t.Errorf("what the camera wrote, or somebody hid, is still there: %v", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, half(5000, 30)); err != nil {
		t.Fatal(err)
	}
	if m := clean1(t, b.Bytes()); m.Bounds().Dx() != longestSide || m.Bounds().Dy() != 12 {
		t.Errorf("made small: %v", m.Bounds())
	}
}

// sixty is a PNG that says it has 60 megapixels and holds none.
func sixty() []byte {
	var b bytes.Buffer
	b.WriteString("\x89PNG\r\n\x1a\n")
	ihdr := binary.BigEndian.AppendUint32([]byte("IHDR"), 10000)
	ihdr = append(binary.BigEndian.AppendUint32(ihdr, 6000), 8, 2, 0, 0, 0)
	_ = binary.Write(&b, binary.BigEndian, uint32(13))
	b.Write(ihdr)
	_ = binary.Write(&b, binary.BigEndian, crc32.ChecksumIEEE(ihdr))
	return b.Bytes()
}

func TestWhatIsNoPicture(t *testing.T) {
	plain := asJPEG(t, half(80, 40))
	for name, c := range map[string]struct {
		raw  []byte
		says string
	}{
		"nothing":       {nil, "incident.photo.kind"},
		"a page":        {[]byte("<html><script>alert(1)</script>"), "incident.photo.kind"},
		"a drawing":     {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "incident.photo.kind"},
		"cut off":       {plain[:len(plain)/3], "incident.photo.kind"},
		"60 megapixels": {sixty(), "incident.photo.pixels"},
		"21 MB":         {append(bytes.Clone(plain), make([]byte, MostPhotoSize)...), "incident.photo.bytes"},
	} {
		_, err := CleanPhoto(context.Background(), c.raw)
		var e *city.Error
		if !errors.As(err, &e) || e.Kind != city.KindInvalid || len(e.Fields) != 1 || e.Fields[0].Name != "photo" || e.Fields[0].Message.Key != c.says {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzPicture(f *testing.F) {
	var b bytes.Buffer
	_ = png.Encode(&b, half(8, 8))
	f.Add(b.Bytes())
	b.Reset()
	_ = jpeg.Encode(&b, half(8, 8), nil)
	f.Add(b.Bytes())
	f.Add(withExif(b.Bytes(), binary.LittleEndian, 6, strings.Repeat("x", 30)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, _, err := image.DecodeConfig(bytes.NewReader(raw)); err == nil && c.Width*c.Height > 1<<20 {
			t.Skip("large ones only take long")
		}
		if got, err := CleanPhoto(context.Background(), raw); err == nil {
			if c, err := jpeg.DecodeConfig(bytes.NewReader(got)); err != nil || max(c.Width, c.Height) > longestSide {
				t.Errorf("what came out: %+v, %v", c, err)
			}
		}
	})
}
