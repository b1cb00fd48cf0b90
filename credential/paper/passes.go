package paper

import (
	"errors"
	"time"

	"github.com/signintech/gopdf"

	"yiwang/city"
)

// PassSheet is a printed page of pass codes, for those who carry no telephone.
type PassSheet struct {
	City    city.Text
	Purpose city.Text
	About   city.Text
	Codes   []PassCode // six at most
	Check   string     // the page where anybody can check one
	Printed time.Time  // in the city's zone
}

// PassCode is one code of the page, to be cut out.
type PassCode struct {
	Code   string
	Holder string    // the name with its middle hidden; may be empty
	State  city.Text // in words: paper may have no colours
	Until  time.Time // in the city's zone
}

// Passes prints pass codes on one page (A4), two beside each other, with lines to cut
// along. Without the fonts it fails as Licence does.
func (p *Press) Passes(s PassSheet) ([]byte, error) {
	chinese, latin, err := p.fonts()
	if err != nil {
		return nil, err
	}
	d, err := newDrawing(chinese, latin)
	if err != nil {
		return nil, err
	}
	d.pdf.SetInfo(gopdf.PdfInfo{Title: s.Purpose.ZhHans, Author: s.City.ZhHans, Creator: "Yiwang", CreationDate: s.Printed})
	d.pdf.AddPage()
	d.rect(0, 0, pageW, pageH, white)
	d.text(margin, 44, 18, ink, s.Purpose.ZhHans)
	d.right(pageW-margin, 50, 10, secondary, s.City.ZhHans)
	d.text(margin, 68, 9, secondary, s.Purpose.En)
	y := 86.0
	for _, l := range d.wrap(s.About.ZhHans, 9.5, inner) {
		d.text(margin, y, 9.5, ink, l)
		y += 14
	}
	const (
		cellW = inner / 2
		cellH = 214.0
		side  = 132.0
	)
	top := max(y+10, 128)
	for i, c := range s.Codes {
		x, y := margin+float64(i%2)*cellW, top+float64(i/2)*cellH
		d.stroke(line, 0.5)
		d.pdf.RectFromUpperLeftWithStyle(x, y, cellW, cellH, "D")
		m, err := modules(c.Code)
		if err != nil {
			return nil, err
		}
		dot := side / float64(len(m))
		left := x + (cellW-side)/2
		d.fill(ink)
		runs(m, func(col, row, n int) {
			d.pdf.RectFromUpperLeftWithStyle(left+float64(col)*dot, y+14+float64(row)*dot, float64(n)*dot+0.04, dot+0.04, "F")
		})
		at := y + side + 22
		middle := func(size float64, col colour, s string) {
			d.text(x+(cellW-d.width(s, size))/2, at, size, col, s)
			at += size + 5
		}
		head := c.State.ZhHans
		if c.Holder != "" {
			head = c.Holder + "　" + head
		}
		middle(14, ink, head)
		middle(9.5, ink, say("pdf.pass.until", "when", c.Until))
		middle(8, secondary, c.State.En)
	}
	foot := pageH - 46.0
	for _, l := range d.wrap(say("pdf.pass.foot", "page", s.Check), 8, inner) {
		d.text(margin, foot, 8, secondary, l)
		foot += 11
	}
	out, err := d.pdf.GetBytesPdfReturnErr()
	return out, errors.Join(d.err, err)
}
