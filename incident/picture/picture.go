// Package picture makes of a picture that somebody sent one that can be kept and
// shown: upright, small, and without anything that was hidden in it.
package picture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"runtime/debug"

	"golang.org/x/image/draw"
	"golang.org/x/image/riff"
	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
	"golang.org/x/image/webp"

	"yiwang/city"
)

// Bounds of pictures. A decoded progressive JPEG takes up to 15 bytes a pixel, so
// 25 megapixels are 375 MB while it is made small; one at a time.
const (
	MostBytes   = 20 << 20 // as sent
	mostPixels  = 25_000_000
	mostScans   = 100  // of a JPEG: how often it goes over the picture; cameras and browsers write ten
	longestSide = 2048 // pixels of what is kept
	quality     = 82
)

// format is a kind of picture, known by its first bytes.
type format struct {
	begins string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	camera bool // says how it was held
}

var formats = []format{
	{"\xFF\xD8\xFF", jpeg.DecodeConfig, jpeg.Decode, true},
	{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode, false},
	{"GIF8", gif.DecodeConfig, gif.Decode, false},
	{"RIFF", webpConfig, webp.Decode, false},
}

func formatOf(raw []byte) format {
	for _, f := range formats {
		if bytes.HasPrefix(raw, []byte(f.begins)) {
			return f
		}
	}
	return format{}
}

// painting lets one picture at a time be unpacked.
var painting = make(chan struct{}, 1)

// Clean makes of a picture somebody sent (JPEG, PNG, GIF or WebP) the one
// that is kept: upright, at most 2,048 pixels long, as JPEG. Nothing else of the
// file survives: neither where and with what it was taken nor anything hidden in
// it. What is no picture, or too large, is city.KindInvalid at the field "photo".
func Clean(ctx context.Context, raw []byte) ([]byte, error) {
	if len(raw) > MostBytes {
		return nil, refused("incident.photo.bytes", "max", MostBytes>>20)
	}
	f := formatOf(raw)
	if f.decode == nil {
		return nil, refused("incident.photo.kind")
	}
	config, err := f.config(bytes.NewReader(raw))
	if err != nil || config.Width < 1 || config.Height < 1 {
		return nil, refused("incident.photo.kind")
	}
	if f.camera && scans(raw) > mostScans { // a few bytes each, and each is work for the whole picture
		return nil, refused("incident.photo.kind")
	}
	if pixels := float64(config.Width) * float64(config.Height); pixels > mostPixels {
		return nil, refused("incident.photo.pixels", "have", int(math.Ceil(pixels/1e6)), "max", mostPixels/1_000_000)
	}
	select {
	case painting <- struct{}{}:
		defer func() { <-painting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if config.Width*config.Height > mostPixels/4 {
		defer debug.FreeOSMemory()
	}
	full, err := f.decode(bytes.NewReader(raw))
	if err != nil {
		return nil, refused("incident.photo.kind")
	}
	turn := 1
	if f.camera {
		turn = orientation(raw)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, upright(shrunk(full), turn), &jpeg.Options{Quality: quality}); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func refused(key string, args ...any) error {
	return city.InvalidFields([]city.Field{{Name: "photo", Message: city.Message{Key: key, Args: args}}})
}

// shrunk is the picture on white, its longer side at most longestSide.
func shrunk(src image.Image) *image.RGBA {
	w, h := src.Bounds().Dx(), src.Bounds().Dy()
	if long := max(w, h); long > longestSide {
		w, h = max(1, w*longestSide/long), max(1, h*longestSide/long)
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(dst, dst.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(dst, dst.Bounds(), src, src.Bounds(), draw.Over, nil)
	return dst
}

// upright turns and mirrors a picture as its camera says (Exif 2.3, tag 0x0112).
func upright(src *image.RGBA, turn int) *image.RGBA {
	if turn < 2 || turn > 8 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	if turn >= 5 {
		dst = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range dst.Rect.Dy() {
		for x := range dst.Rect.Dx() {
			var sx, sy int
			switch turn {
			case 2:
				sx, sy = w-1-x, y
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sx, sy = x, h-1-y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, h-1-x
			case 7:
				sx, sy = w-1-y, h-1-x
			case 8:
				sx, sy = w-1-y, x
			}
			copy(dst.Pix[dst.PixOffset(x, y):][:4], src.Pix[src.PixOffset(sx, sy):][:4])
		}
	}
	return dst
}

// orientation is how the camera was held, 1 to 8; 1 where the file doesn't say.
func orientation(raw []byte) int {
	for at := 2; at+4 <= len(raw) && raw[at] == 0xFF; {
		marker, size := raw[at+1], int(binary.BigEndian.Uint16(raw[at+2:]))
		if marker == 0xDA || size < 2 || at+2+size > len(raw) { // the picture begins
			break
		}
		if marker == 0xE1 {
			if body, ok := bytes.CutPrefix(raw[at+4:at+2+size], []byte("Exif\x00\x00")); ok {
				return tiffOrientation(body)
			}
		}
		at += 2 + size
	}
	return 1
}

func tiffOrientation(b []byte) int {
	var order binary.ByteOrder = binary.BigEndian
	if len(b) < 8 {
		return 1
	}
	if string(b[:2]) == "II" {
		order = binary.LittleEndian
	}
	first := uint64(order.Uint32(b[4:]))
	if first+2 > uint64(len(b)) {
		return 1
	}
	n := uint64(order.Uint16(b[first:]))
	for i := range n {
		at := first + 2 + i*12
		if at+12 > uint64(len(b)) {
			return 1
		}
		if order.Uint16(b[at:]) == 0x0112 {
			if v := int(order.Uint16(b[at+8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
	}
	return 1
}

// scans counts how often a JPEG goes over the picture (ITU-T T.81, B.2.3).
func scans(raw []byte) (n int) {
	for at := 2; at+4 <= len(raw); {
		marker := raw[at+1]
		switch {
		case raw[at] != 0xFF || marker == 0xFF:
			at++
		case marker == 0 || marker >= 0xD0 && marker <= 0xD7: // within a scan
			at += 2
		case marker == 0xD9:
			return n
		default:
			if marker == 0xDA {
				n++
			}
			at += 2 + int(binary.BigEndian.Uint16(raw[at+2:]))
		}
	}
	return n
}

var errFrame = errors.New("picture: the frame of a WebP picture has another size than it says")

// webpConfig is the size of the frame that will be unpacked. The extended header
// before it only claims one, and unpacking goes wrong where the two differ.
func webpConfig(r io.Reader) (c image.Config, err error) {
	_, chunks, err := riff.NewReader(r)
	for said := c; err == nil; {
		var id riff.FourCC
		var length uint32
		var data io.Reader
		if id, length, data, err = chunks.Next(); err != nil {
			break
		}
		switch string(id[:]) {
		case "VP8X":
			var head [10]byte
			if _, err = io.ReadFull(data, head[:]); err == nil {
				size := func(b []byte) int { return 1 + int(b[0]) + int(b[1])<<8 + int(b[2])<<16 }
				said.Width, said.Height = size(head[4:]), size(head[7:])
			}
			continue
		case "VP8L":
			c, err = vp8l.DecodeConfig(data)
		case "VP8 ":
			d := vp8.NewDecoder()
			d.Init(data, int(length))
			var h vp8.FrameHeader
			h, err = d.DecodeFrameHeader()
			c.Width, c.Height = h.Width, h.Height
		default:
			continue
		}
		if err == nil && said.Width > 0 && (said.Width != c.Width || said.Height != c.Height) {
			err = errFrame
		}
		return c, err
	}
	return c, err
}
