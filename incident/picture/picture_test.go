package picture

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
	got, err := Clean(context.Background(), raw)
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
	got, err := Clean(context.Background(), append(withExif(plain, binary.BigEndian, 1, secret), secret...))
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
		"21 MB":         {append(bytes.Clone(plain), make([]byte, MostBytes)...), "incident.photo.bytes"},
	} {
		_, err := Clean(context.Background(), c.raw)
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
		if got, err := Clean(context.Background(), raw); err == nil {
			if c, err := jpeg.DecodeConfig(bytes.NewReader(got)); err != nil || max(c.Width, c.Height) > longestSide {
				t.Errorf("what came out: %+v, %v", c, err)
			}
		}
	})
}

// boxed puts chunks into a RIFF file, as WebP has them.
func boxed(chunks ...[]byte) []byte {
	body := []byte("WEBP")
	for _, c := range chunks {
		if body = append(body, c...); len(c)%2 == 1 {
			body = append(body, 0)
		}
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func webpChunk(id string, data []byte) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte(id), uint32(len(data))), data...)
}

// A header in front that says "small" does not have a large frame unpacked, nor
// anything unpacked into too little room.
func TestAWebPFrameIsMeasuredItself(t *testing.T) {
	sizes := func(w, h int) []byte {
		w, h = w-1, h-1
		return webpChunk("VP8X", []byte{0, 0, 0, 0, byte(w), byte(w >> 8), byte(w >> 16), byte(h), byte(h >> 8), byte(h >> 16)})
	}
	// a lossless frame of one colour: a header of 14 and 14 bits, then five codes of one
	// symbol, so that pixels take no bits
	frame := func(w, h int) []byte {
		bits := uint32(w-1) | uint32(h-1)<<14                        // no alpha, version 0
		head := binary.LittleEndian.AppendUint32([]byte{0x2F}, bits) // and neither transforms nor a cache
		return webpChunk("VP8L", append(head, 0x88, 0x88, 0x08))
	}
	for name, bad := range map[string][]byte{
		"a large frame":            boxed(frame(16384, 16384)),
		"a large frame, said 1×1":  boxed(sizes(1, 1), frame(16384, 16384)),
		"a small one, said larger": boxed(sizes(64, 64), frame(8, 8)),
		"no frame":                 boxed(sizes(8, 8)),
		"half a header":            boxed(webpChunk("VP8X", []byte{0, 0, 0})),
		"no chunk":                 boxed(),
	} {
		if c, err := webpConfig(bytes.NewReader(bad)); err == nil && c.Width*c.Height <= mostPixels {
			t.Errorf("%s: %d×%d", name, c.Width, c.Height)
		}
		if _, err := Clean(context.Background(), bad); city.KindOf(err) != city.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c, err := webpConfig(bytes.NewReader(boxed(sizes(8, 4), frame(8, 4)))); err != nil || c.Width != 8 || c.Height != 4 {
		t.Errorf("an honest header: %+v, %v", c, err)
	}
	for _, good := range [][]byte{boxed(frame(8, 4)), boxed(sizes(8, 4), frame(8, 4))} {
		if got := clean1(t, good).Bounds(); got.Dx() != 8 || got.Dy() != 4 {
			t.Errorf("a good picture came out as %v", got)
		}
	}
}

// progressive is a grey JPEG of 8×8 whose picture is gone over so many times.
func progressive(scans int) []byte {
	raw := []byte{0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0}
	raw = append(raw, bytes.Repeat([]byte{1}, 64)...)
	raw = append(raw, 0xFF, 0xC2, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0)
	for _, class := range []byte{0x00, 0x10} { // one code each: nothing more
		raw = append(append(raw, 0xFF, 0xC4, 0, 20, class, 1), make([]byte, 16)...)
	}
	scan := func(from, to byte) { raw = append(raw, 0xFF, 0xDA, 0, 8, 1, 1, 0, from, to, 0, 0x7F) }
	scan(0, 0)
	for range scans - 1 {
		scan(1, 63)
	}
	return append(raw, 0xFF, 0xD9)
}

// Each scan of a few bytes is work for the whole picture: a file of them would keep
// every other picture of the city waiting.
func TestAPictureIsGoneOverSoOften(t *testing.T) {
	for n, want := range map[int]city.Kind{1: "", 12: "", mostScans: "", mostScans + 1: city.KindInvalid, 20000: city.KindInvalid} {
		raw := progressive(n)
		if got := scans(raw); got != n {
			t.Errorf("%d scans counted as %d", n, got)
		}
		if _, err := Clean(context.Background(), raw); city.KindOf(err) != want {
			t.Errorf("%d scans: %v", n, err)
		}
	}
	withThumbnail := withExif(asJPEG(t, half(80, 40)), binary.BigEndian, 1, string(progressive(500)))
	if got := scans(withThumbnail); got != 1 {
		t.Errorf("what lies within the camera's notes counts: %d", got)
	}
}
