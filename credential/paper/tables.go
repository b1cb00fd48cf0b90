package paper

import (
	"errors"
	"strconv"
	"time"

	"github.com/signintech/gopdf"
)

// Document is a report of tables on A4 across: a title, sentences below it, tables
// one after another, the head of each again where it goes on overleaf.
type Document struct {
	Title   string
	Author  string
	Lead    []string
	Tables  []Table
	Printed time.Time
}

// Table has as many cells in each row as in its head. Wide are the columns that
// hold sentences or names: they get the width that figures leave.
type Table struct {
	Caption string
	Head    []string
	Wide    []int
	Rows    [][]string
}

const (
	acrossW, acrossH = pageH, pageW
	acrossMargin     = 36.0
	cellSize         = 7.0
	cellLine         = 9.0
	cellAir          = 3.0
)

// Report prints the document; without the fonts it fails as Licence does.
func (p *Press) Report(doc Document) ([]byte, error) {
	chinese, latin, err := p.fonts()
	if err != nil {
		return nil, err
	}
	d, err := newDrawing(chinese, latin)
	if err != nil {
		return nil, err
	}
	d.pdf.SetInfo(gopdf.PdfInfo{Title: doc.Title, Author: doc.Author, Creator: "Yiwang", CreationDate: doc.Printed})
	r := &across{drawing: d}
	r.turn()
	d.text(acrossMargin, d.y, 16, river, doc.Title)
	d.y += 24
	for _, s := range doc.Lead {
		r.sentence(s)
	}
	for _, t := range doc.Tables {
		r.table(t)
	}
	out, err := d.pdf.GetBytesPdfReturnErr()
	return out, errors.Join(d.err, err)
}

// across is a drawing on pages that lie on their side.
type across struct {
	*drawing
	pages int
}

func (r *across) turn() {
	r.pdf.AddPageWithOption(gopdf.PageOption{PageSize: &gopdf.Rect{W: acrossW, H: acrossH}})
	r.pages++
	r.right(acrossW-acrossMargin, acrossH-24, 7, secondary, strconv.Itoa(r.pages))
	r.y = acrossMargin
}

func (r *across) sentence(s string) {
	for _, l := range r.wrap(s, 9, acrossW-2*acrossMargin) {
		r.text(acrossMargin, r.y, 9, secondary, l)
		r.y += 13
	}
}

// widths shares the page among the columns: those that are wide get thrice as much.
func (t Table) widths() []float64 {
	w := make([]float64, len(t.Head))
	sum := 0.0
	for i := range w {
		w[i] = 1
	}
	for _, i := range t.Wide {
		if i < len(w) {
			w[i] = 3
		}
	}
	for _, x := range w {
		sum += x
	}
	for i := range w {
		w[i] *= (acrossW - 2*acrossMargin) / sum
	}
	return w
}

func (r *across) table(t Table) {
	w := t.widths()
	r.y += 14
	if r.y > acrossH-120 {
		r.turn()
	}
	r.text(acrossMargin, r.y, 11, ink, t.Caption)
	r.y += 18
	r.row(w, t.Head, river)
	for _, row := range t.Rows {
		if r.y+r.height(w, row) > acrossH-40 {
			r.turn()
			r.row(w, t.Head, river)
		}
		r.row(w, row, ink)
	}
}

func (r *across) cells(w []float64, row []string) (lines [][]string, most int) {
	lines = make([][]string, len(w))
	most = 1
	for i := range w {
		if i < len(row) {
			lines[i] = r.wrap(row[i], cellSize, w[i]-2*cellAir)
			most = max(most, len(lines[i]))
		}
	}
	return lines, most
}

func (r *across) height(w []float64, row []string) float64 {
	_, most := r.cells(w, row)
	return float64(most)*cellLine + 2*cellAir
}

func (r *across) row(w []float64, row []string, c colour) {
	lines, most := r.cells(w, row)
	x := acrossMargin
	for i, cell := range lines {
		for j, l := range cell {
			r.text(x+cellAir, r.y+cellAir+float64(j)*cellLine, cellSize, c, l)
		}
		x += w[i]
	}
	r.y += float64(most)*cellLine + 2*cellAir
	r.stroke(line, 0.5)
	r.pdf.Line(acrossMargin, r.y, acrossW-acrossMargin, r.y)
}
