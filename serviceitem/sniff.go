package serviceitem

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"path/filepath"
	"strings"

	"yiwang/city"
	"yiwang/form"
)

// How much of a file's beginning and end is looked at. Cameras put previews and
// colour profiles before the size of the picture.
const (
	headBytes = 1 << 20
	tailBytes = 2 << 10
	mostSide  = 30000             // pixels of a side
	mostArea  = 200 * 1000 * 1000 // pixels of a picture
)

// sniffed reads a file, stops it when it is too large, and remembers what its
// kind is told by.
type sniffed struct {
	src  io.Reader
	max  int64
	n    int64
	tail []byte
}

func (s *sniffed) Read(p []byte) (int, error) {
	n, err := s.src.Read(p)
	s.n += int64(n)
	if s.n > s.max {
		return 0, tooLarge(s.max)
	}
	s.tail = append(s.tail, p[:n]...)
	if len(s.tail) > 2*tailBytes {
		s.tail = append(s.tail[:0], s.tail[len(s.tail)-tailBytes:]...)
	}
	return n, err
}

func tooLarge(most int64) error {
	return city.TooLarge("service.upload.too_large", "max", most>>20)
}

// kindOf tells a file's media type by its first bytes; "" is none that we take.
func kindOf(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("%PDF-")):
		return "application/pdf"
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	}
	return ""
}

// checkHead finds out what a file is, whatever it calls itself, and that it can
// be read at all.
func checkHead(head []byte, name string, accept []string) (media string, err error) {
	if len(head) == 0 {
		return "", city.Invalid("service.upload.empty")
	}
	media = kindOf(head)
	ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
	if ext == "jpg" {
		ext = "jpeg"
	}
	known := false
	for _, a := range accept {
		known = known || form.MediaTypes[a] == media
	}
	if !known || media == "" {
		switch want := form.MediaTypes[ext]; {
		case ext == "pdf" && media != want:
			return "", city.Invalid("service.upload.not_pdf")
		case (ext == "jpeg" || ext == "png") && media == "":
			return "", city.Invalid("service.upload.not_picture")
		}
		return "", city.Invalid("service.upload.kind", "kinds", saidKinds(accept))
	}
	if ext == "pdf" && media != "application/pdf" {
		return "", city.Invalid("service.upload.not_pdf")
	}
	var decode func(io.Reader) (image.Config, error)
	switch media {
	case "image/jpeg":
		decode = jpeg.DecodeConfig
	case "image/png":
		decode = png.DecodeConfig
	default:
		return media, nil
	}
	c, err := decode(bytes.NewReader(head))
	switch {
	case err != nil:
		return "", city.Invalid("service.upload.not_picture")
	case c.Width > mostSide || c.Height > mostSide || c.Width*c.Height > mostArea:
		return "", city.Invalid("service.upload.picture_large")
	}
	return media, nil
}

// checkTail tells a whole file from one that was cut off on the way.
func checkTail(media string, tail []byte) error {
	if len(tail) > tailBytes {
		tail = tail[len(tail)-tailBytes:]
	}
	var whole bool
	switch media {
	case "application/pdf":
		whole = bytes.Contains(tail, []byte("%%EOF"))
	case "image/jpeg":
		whole = bytes.Contains(tail, []byte("\xff\xd9"))
	case "image/png":
		whole = bytes.Contains(tail, []byte("IEND"))
	}
	if !whole {
		return city.Invalid("service.upload.cut_off")
	}
	return nil
}

// saidKinds writes the kinds of file as people say them.
func saidKinds(accept []string) string {
	out := make([]string, len(accept))
	for i, a := range accept {
		out[i] = strings.ToUpper(a)
	}
	return strings.Join(out, " / ")
}

// fileName is the name of an upload without what a name should not hold: it is
// shown to people and offered when the file is saved.
func fileName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`<>:"|?*`, r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	name = strings.Trim(name, ". ")
	if r := []rune(name); len(r) > 120 {
		ext := []rune(filepath.Ext(name))
		if len(ext) > 10 {
			ext = nil
		}
		name = string(r[:120-len(ext)]) + string(ext)
	}
	if name == "" {
		return "file"
	}
	return name
}
