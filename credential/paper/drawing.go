package paper

import (
	"strings"
	"unicode"

	"github.com/signintech/gopdf"
)

// drawing is a PDF in the making: coordinates from the top left, texts in two
// fonts at once. The first fault is kept in err; drawing goes on.
type drawing struct {
	pdf     gopdf.GoPdf
	y       float64
	err     error
	missing bool // a character was in neither font

	face string // of the font set at present
	size float64
}

const (
	faceChinese = "chinese"
	faceLatin   = "latin"
)

func newDrawing(chinese, latin []byte) (*drawing, error) {
	d := &drawing{}
	d.pdf.Start(gopdf.Config{PageSize: *gopdf.PageSizeA4, Unit: gopdf.UnitPT})
	for face, font := range map[string][]byte{faceChinese: chinese, faceLatin: latin} {
		err := d.pdf.AddTTFFontDataWithOption(face, font, gopdf.TtfOption{
			OnGlyphNotFound:           func(rune) { d.missing = true },
			OnGlyphNotFoundSubstitute: func(rune) rune { return map[string]rune{faceChinese: '□', faceLatin: '?'}[face] },
		})
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *drawing) note(err error) {
	if d.err == nil {
		d.err = err
	}
}

// faceOf says which font a character is written in: the Chinese one has no
// Latin letters, digits or European punctuation.
func faceOf(r rune) string {
	if r < 0x2e80 && r != '□' {
		return faceLatin
	}
	return faceChinese
}

// pieces calls f for each stretch of the text in one font.
func pieces(s string, f func(face, part string)) {
	start, face := 0, ""
	for i, r := range s {
		if g := faceOf(r); g != face {
			if i > start {
				f(face, s[start:i])
			}
			start, face = i, g
		}
	}
	if start < len(s) {
		f(face, s[start:])
	}
}

func (d *drawing) font(face string, size float64) {
	if d.face != face || d.size != size {
		d.note(d.pdf.SetFont(face, "", size))
		d.face, d.size = face, size
	}
}

func (d *drawing) width(s string, size float64) float64 {
	sum := 0.0
	pieces(s, func(face, part string) {
		d.font(face, size)
		w, err := d.pdf.MeasureTextWidth(part)
		d.note(err)
		sum += w
	})
	return sum
}

// text writes one line whose top stands at y.
func (d *drawing) text(x, y, size float64, c colour, s string) {
	d.pdf.SetTextColor(c.r, c.g, c.b)
	pieces(s, func(face, part string) {
		d.font(face, size)
		d.pdf.SetXY(x, y+size*0.88) // both fonts on one base line
		d.note(d.pdf.Text(part))
		w, err := d.pdf.MeasureTextWidth(part)
		d.note(err)
		x += w
	})
}

func (d *drawing) right(x, y, size float64, c colour, s string) {
	d.text(x-d.width(s, size), y, size, c, s)
}

func (d *drawing) centre(y, size float64, c colour, s string) {
	d.text((pageW-d.width(s, size))/2, y, size, c, s)
}

// letterSpace is the air between the characters of a title, as a share of them.
const letterSpace = 0.22

func (d *drawing) spaced(s string, size float64) float64 {
	return d.width(s, size) + float64(len([]rune(s))-1)*size*letterSpace
}

func (d *drawing) centreSpaced(y, size float64, c colour, s string) {
	x := (pageW - d.spaced(s, size)) / 2
	for _, r := range s {
		d.text(x, y, size, c, string(r))
		x += d.width(string(r), size) + size*letterSpace
	}
}

// wrap breaks a text into lines of at most the width: Chinese between any two
// characters, Latin between words, and no line begins with closing punctuation.
func (d *drawing) wrap(s string, size, width float64) []string {
	var lines []string
	for _, par := range strings.Split(s, "\n") {
		lines = append(lines, d.wrapParagraph([]rune(strings.TrimSpace(par)), size, width)...)
	}
	return lines
}

func (d *drawing) wrapParagraph(r []rune, size, width float64) []string {
	var lines []string
	for len(r) > 0 {
		n := 0
		for n < len(r) && (n == 0 || d.width(string(r[:n+1]), size) <= width) {
			n++
		}
		if n < len(r) {
			cut := n
			for cut > 0 && !breakable(r[cut-1], r[cut]) {
				cut--
			}
			if cut > 0 { // else one word is longer than the line
				n = cut
			}
		}
		lines = append(lines, strings.TrimSpace(string(r[:n])))
		r = r[n:]
		for len(r) > 0 && r[0] == ' ' {
			r = r[1:]
		}
	}
	return lines
}

func breakable(before, after rune) bool {
	if strings.ContainsRune("，。、；：？！）》」』】”’％,.;:!?)%", after) || strings.ContainsRune("（《「『【“‘(", before) {
		return false
	}
	return before == ' ' || after == ' ' || unicode.Is(unicode.Han, before) || unicode.Is(unicode.Han, after) ||
		faceOf(before) == faceChinese && faceOf(after) == faceChinese
}

func (d *drawing) fill(c colour) { d.pdf.SetFillColor(c.r, c.g, c.b) }

func (d *drawing) stroke(c colour, width float64) {
	d.pdf.SetStrokeColor(c.r, c.g, c.b)
	d.pdf.SetLineWidth(width)
}

func (d *drawing) rect(x, y, w, h float64, c colour) {
	d.fill(c)
	d.pdf.RectFromUpperLeftWithStyle(x, y, w, h, "F")
}

func (d *drawing) frame(x, y, w, h, width float64, c colour) {
	d.stroke(c, width)
	d.pdf.RectFromUpperLeftWithStyle(x, y, w, h, "D")
}

// rounded is a square with barely rounded corners, filled (F) or drawn (D).
func (d *drawing) rounded(x, y, side, radius float64, style string) {
	d.note(d.pdf.Rectangle(x, y, x+side, y+side, style, radius, 8))
}
