package paper

import (
	"errors"
	"io/fs"
	"math"
	"sync"
	"time"

	"github.com/signintech/gopdf"

	"yiwang/city"
)

// Sheet is what stands on the printed page of a licence (A4).
type Sheet struct {
	City    city.Text
	Mark    string // the city's mark, one to four characters, as in its seal
	Name    city.Text
	Number  string
	Short   string    // the number as the head of further pages bears it
	Status  city.Text // in words
	InForce bool
	Holder  string
	Fields  []Field
	Issuer  city.Text
	Issued  city.Date
	From    city.Date
	Until   city.Date // none: for ever
	Code    string    // what the QR code holds; empty for a licence no longer in force
	Check   string    // the page where anybody can check it, such as https://jianghai.example/verify
	Printed time.Time // in the city's zone
	Note    string    // what a copy is for and until when, written across it; empty on others
}

// Field is one line of the page, its value written for people.
type Field struct {
	Name  city.Text
	Value string
}

// Press prints licences. It needs a Chinese and a Latin font, which are not part
// of the program: without them Licence fails with "pdf.font_missing".
type Press struct {
	dirs []fs.FS

	mu             sync.Mutex
	chinese, latin []byte // read once, when both are there
}

// NewPress looks for the fonts in the folders, in order, each time until it has
// found them: a font that is put in place later needs no restart.
func NewPress(dirs ...fs.FS) *Press { return &Press{dirs: dirs} }

// The files looked for; Debian's folders below /usr/share/fonts/truetype fit too.
var (
	chineseFonts = []string{"DroidSansFallbackFull.ttf", "droid/DroidSansFallbackFull.ttf", "DroidSansFallback.ttf"}
	latinFonts   = []string{"LiberationSans-Regular.ttf", "liberation/LiberationSans-Regular.ttf",
		"liberation2/LiberationSans-Regular.ttf", "DejaVuSans.ttf", "dejavu/DejaVuSans.ttf"}
)

// Ready is nil when both fonts are there, and says otherwise which is missing.
func (p *Press) Ready() error {
	_, _, err := p.fonts()
	return err
}

func (p *Press) fonts() (chinese, latin []byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.chinese == nil {
		p.chinese = p.find(chineseFonts)
	}
	if p.latin == nil {
		p.latin = p.find(latinFonts)
	}
	missing := ""
	switch {
	case p.chinese == nil:
		missing = chineseFonts[0]
	case p.latin == nil:
		missing = latinFonts[0]
	default:
		return p.chinese, p.latin, nil
	}
	e := city.Unavailable(fs.ErrNotExist, 0)
	e.Message = city.Message{Key: "pdf.font_missing", Args: []any{"font", missing}}
	return nil, nil, e
}

func (p *Press) find(names []string) []byte {
	for _, d := range p.dirs {
		for _, n := range names {
			if b, err := fs.ReadFile(d, n); err == nil && len(b) > 0 {
				return b
			}
		}
	}
	return nil
}

// Measures in points: A4 is 595.28 wide and 841.89 high.
const (
	pageW, pageH = 595.28, 841.89
	margin       = 58.0
	inner        = pageW - 2*margin
	footTop      = 600.0 // where the part with code and issuer begins
	qrSide       = 128.0
)

type colour struct{ r, g, b uint8 }

var (
	ink       = colour{0x16, 0x22, 0x2e}
	secondary = colour{0x4a, 0x5a, 0x68}
	river     = colour{0x0d, 0x5c, 0x75}
	sealRed   = colour{0xb8, 0x32, 0x2a}
	line      = colour{0xd9, 0xd4, 0xc8}
	paper     = colour{0xfa, 0xf9, 0xf6}
	white     = colour{0xff, 0xff, 0xff}
)

// Licence prints the licence as a PDF: in Chinese, with the English names small
// beside.
func (p *Press) Licence(s Sheet) ([]byte, error) {
	chinese, latin, err := p.fonts()
	if err != nil {
		return nil, err
	}
	d, err := newDrawing(chinese, latin)
	if err != nil {
		return nil, err
	}
	d.pdf.SetInfo(gopdf.PdfInfo{Title: s.Name.ZhHans + " " + s.Short, Author: s.Issuer.ZhHans,
		Creator: "Yiwang", CreationDate: s.Printed})
	d.page()
	d.head(s)
	d.table(s)
	if s.Note != "" {
		d.across(s.Note)
	}
	if err := d.foot(s); err != nil {
		return nil, err
	}
	out, err := d.pdf.GetBytesPdfReturnErr()
	return out, errors.Join(d.err, err)
}

func say(key string, args ...any) string { return city.Say(city.Chinese, key, args...) }

// page begins a page: paper, frame, and the river of fine lines at its top.
func (d *drawing) page() {
	d.pdf.AddPage()
	d.rect(0, 0, pageW, pageH, paper)
	d.rect(26, 26, pageW-52, pageH-52, white)
	d.frame(26, 26, pageW-52, pageH-52, 1.1, river)
	d.frame(30.5, 30.5, pageW-61, pageH-61, 0.35, river)
	d.waves(31, 64, pageW-62, 58)
	d.y = 150
}

// waves are lines that no printer's pen drew: the swell of a river, crossing
// itself, too fine to be copied well.
func (d *drawing) waves(x, y, w, h float64) {
	for i := 0; i < 13; i++ {
		f := float64(i) / 12
		tint := 0.80 + 0.12*math.Abs(f-0.5)*2
		c := colour{mix(river.r, tint), mix(river.g, tint), mix(river.b, tint)}
		d.stroke(c, 0.35)
		at := func(t float64) float64 {
			swell := math.Sin(t*2*math.Pi*1.5+f*2.2) * h * 0.30
			ripple := math.Sin(t*2*math.Pi*9+f*math.Pi*2) * 2.2
			return y + h*(0.25+0.5*f) + swell*(1-0.6*f) + ripple
		}
		const steps = 150
		for k := 0; k < steps; k++ {
			t, u := float64(k)/steps, float64(k+1)/steps
			d.pdf.Line(x+w*t, at(t), x+w*u, at(u))
		}
	}
}

func mix(c uint8, white float64) uint8 { return uint8(float64(c) + (255-float64(c))*white) }

func (d *drawing) head(s Sheet) {
	d.seal(margin, 54, 36, s.Mark)
	d.text(margin+46, 57, 14, ink, s.City.ZhHans)
	d.text(margin+46, 77, 8, secondary, say("pdf.kind")+"  "+city.Say(city.English, "pdf.kind"))
	if !s.InForce {
		d.right(pageW-margin, 60, 13, sealRed, s.Status.ZhHans)
	}
	y := 148.0
	size := 30.0
	for d.spaced(s.Name.ZhHans, size) > inner && size > 16 {
		size--
	}
	if d.spaced(s.Name.ZhHans, size) <= inner {
		d.centreSpaced(y, size, ink, s.Name.ZhHans)
		y += size + 12
	} else {
		for _, l := range d.wrap(s.Name.ZhHans, size, inner) {
			d.centre(y, size, ink, l)
			y += size * 1.4
		}
	}
	for _, l := range d.wrap(s.Name.En, 10, inner) {
		d.centre(y, 10, secondary, l)
		y += 14
	}
	y += 8
	number := say("pdf.number") + "  " + s.Number
	size = 8.5
	for d.width(number, size) > inner && size > 5 {
		size -= 0.25
	}
	d.centre(y, size, secondary, number)
	d.y = y + 26
}

// table writes the holder and the fields, each on a line of its own with a
// hairline below; what doesn't fit goes on to another page.
func (d *drawing) table(s Sheet) {
	const label, gap = 138.0, 9.0
	turn := func() {
		d.page()
		d.text(margin, 58, 10.5, secondary, s.Name.ZhHans)
		d.right(pageW-margin, 59, 7.5, secondary, s.Short)
		d.y = 92
	}
	row := func(name city.Text, value string, size float64) {
		lines := d.wrap(value, size, inner-label)
		under := d.wrap(name.En, 7, label-12)
		least := 15 + float64(len(under))*9
		if d.y+math.Max(math.Min(float64(len(lines)), 3)*size*1.5, least) > footTop-8 {
			turn()
		}
		d.text(margin, d.y+1, 10.5, secondary, name.ZhHans)
		for i, l := range under {
			d.text(margin, d.y+16+float64(i)*9, 7, secondary, l)
		}
		end := d.y + least
		for _, l := range lines {
			if d.y+size*1.5 > footTop-8 {
				turn()
				end = d.y
			}
			d.text(margin+label, d.y, size, ink, l)
			d.y += size * 1.5
		}
		d.y = math.Max(d.y, end) + gap
		d.stroke(line, 0.4)
		d.pdf.Line(margin, d.y-gap/2, pageW-margin, d.y-gap/2)
	}
	label2 := func(key string) city.Text { return city.Text{ZhHans: say(key), En: city.Say(city.English, key)} }
	if s.Holder != "" {
		row(label2("pdf.holder"), s.Holder, 15)
	}
	for _, f := range s.Fields {
		row(f.Name, f.Value, 12)
	}
	valid := say("pdf.forever", "from", sheetDate(s.From))
	if !s.Until.IsZero() {
		valid = say("pdf.from_until", "from", sheetDate(s.From), "until", sheetDate(s.Until))
	}
	row(label2("pdf.validity"), valid, 12)
}

func sheetDate(d city.Date) string { return city.SayFullDate(city.Chinese, d.In(time.UTC)) }

// foot puts the code and how to check it on the left, issuer and date on the
// right, as people know them from paper.
func (d *drawing) foot(s Sheet) error {
	const y = footTop + 10
	textX := margin
	if s.Code != "" {
		m, err := modules(s.Code)
		if err != nil {
			return err
		}
		side := qrSide / float64(len(m))
		d.fill(ink)
		runs(m, func(x, row, n int) {
			// A little overlap: viewers draw fine gaps between rows otherwise.
			d.pdf.RectFromUpperLeftWithStyle(margin+float64(x)*side, y+float64(row)*side, float64(n)*side+0.04, side+0.04, "F")
		})
		textX += qrSide + 20
	}
	right := pageW - margin
	d.right(right, y+6, 13, ink, s.Issuer.ZhHans)
	at := y + 26
	for _, l := range d.wrap(s.Issuer.En, 8, right-textX-70) {
		d.right(right, at, 8, secondary, l)
		at += 11
	}
	d.right(right, at+6, 12, ink, sheetDate(s.Issued))
	d.stamp(right-52, at+30, 52)

	below := y + 58
	if s.Code != "" {
		d.text(textX, below, 10.5, ink, say("pdf.check_title"))
		below += 17
		how := "pdf.check"
		if s.Note != "" {
			how = "pdf.check.copy"
		}
		for _, l := range d.wrap(say(how, "page", s.Check), 8.5, right-72-textX) {
			d.text(textX, below, 8.5, secondary, l)
			below += 13
		}
	} else {
		for _, l := range d.wrap(say("pdf.not_in_force", "status", s.Status.ZhHans), 10.5, right-72-textX) {
			d.text(textX, below, 10.5, sealRed, l)
			below += 16
		}
	}
	foot := pageH - 62.0
	d.stroke(line, 0.4)
	d.pdf.Line(margin, foot-8, right, foot-8)
	note := say("pdf.printed", "when", s.Printed, "status", s.Status.ZhHans)
	if d.missing {
		note = say("pdf.rare") + " " + note
	}
	for _, l := range d.wrap(note, 7.5, inner) {
		d.text(margin, foot, 7.5, secondary, l)
		foot += 11
	}
	return nil
}

// across writes the note of a copy slantwise over the page, again and again, and once
// more upright in a box above the foot: no part of the face can be cut out without it.
func (d *drawing) across(note string) {
	const size, step = 15.0, 118.0
	tint := colour{mix(sealRed.r, 0.72), mix(sealRed.g, 0.72), mix(sealRed.b, 0.72)}
	width := d.width(note, size)
	gap := 46.0
	d.pdf.Rotate(28, pageW/2, pageH/2)
	for i, y := 0, pageH/2-3*step; y < pageH/2+2.3*step; i, y = i+1, y+step {
		for x := -pageW/4 - float64(i%2)*(width+gap)/2; x < pageW*1.2; x += width + gap {
			d.text(x, y, size, tint, note)
		}
	}
	d.pdf.RotateReset()
	lines := d.wrap(note, 12, inner-28)
	h := float64(len(lines))*18 + 14
	y := footTop - 6 - h
	d.rect(margin, y, inner, h, white)
	d.frame(margin, y, inner, h, 1.2, sealRed)
	for i, l := range lines {
		d.text(margin+14, y+9+float64(i)*18, 12, sealRed, l)
	}
}

// seal is the city's mark: white on red, columns from right to left.
func (d *drawing) seal(x, y, side float64, mark string) {
	d.fill(sealRed)
	d.rounded(x, y, side, 3, "F")
	r := []rune(mark)
	if len(r) > 4 {
		r = r[:4]
	}
	switch len(r) {
	case 0:
	case 1:
		d.text(x+side*0.18, y+side*0.16, side*0.64, white, string(r))
	case 2:
		size := side * 0.42
		d.text(x+(side-size)/2, y+side*0.06, size, white, string(r[0]))
		d.text(x+(side-size)/2, y+side*0.51, size, white, string(r[1]))
	default:
		size := side * 0.40
		for i, c := range r {
			col, row := 1-i/2, i%2
			d.text(x+side*(0.07+0.46*float64(col)), y+side*(0.06+0.46*float64(row)), size, white, string(c))
		}
	}
}

// stamp is a frame like a seal's with the words "electronic licence". It doesn't
// pretend to be an official seal: what counts is the signature in the code.
func (d *drawing) stamp(x, y, side float64) {
	d.stroke(sealRed, 2)
	d.rounded(x, y, side, 4, "D")
	d.stroke(sealRed, 0.5)
	d.rounded(x+3.5, y+3.5, side-7, 2.5, "D")
	words := []rune(say("pdf.stamp"))
	size := side * 0.33
	for i := 0; i < 4 && i < len(words); i++ {
		col, row := 1-i/2, i%2
		d.text(x+side*(0.155+0.36*float64(col)), y+side*(0.14+0.37*float64(row)), size, sealRed, string(words[i]))
	}
}
