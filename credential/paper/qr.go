package paper

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/skip2/go-qrcode"
)

// quiet is the white margin that readers need around the modules.
const quiet = 4

// modules draws the text as a QR code at error correction level Q (a quarter of
// it may be damaged), as rows of dark and light without a margin.
func modules(text string) ([][]bool, error) {
	q, err := qrcode.New(text, qrcode.High)
	if err != nil {
		return nil, fmt.Errorf("QR code of %d characters: %w", len(text), err)
	}
	q.DisableBorder = true
	return q.Bitmap(), nil
}

// QRPNG draws the text as a QR code, each module scale pixels wide.
func QRPNG(text string, scale int) ([]byte, error) {
	if scale < 1 || scale > 40 {
		return nil, fmt.Errorf("QR code with modules of %d pixels", scale)
	}
	m, err := modules(text)
	if err != nil {
		return nil, err
	}
	side := (len(m) + 2*quiet) * scale
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y, row := range m {
		for x, dark := range row {
			if !dark {
				continue
			}
			for dy := 0; dy < scale; dy++ {
				at := img.PixOffset((x+quiet)*scale, (y+quiet)*scale+dy)
				for dx := 0; dx < scale; dx++ {
					img.Pix[at+dx] = 1
				}
			}
		}
	}
	var b bytes.Buffer
	err = png.Encode(&b, img)
	return b.Bytes(), err
}

// QRSVG draws the text as an SVG element that scales to its container. It has
// no name for screen readers: the page says beside it what it is.
func QRSVG(text string) (string, error) {
	m, err := modules(text)
	if err != nil {
		return "", err
	}
	side := len(m) + 2*quiet
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges" aria-hidden="true">`, side, side)
	fmt.Fprintf(&b, `<path fill="#fff" d="M0 0h%dv%dH0z"/><path fill="#000" d="`, side, side)
	runs(m, func(x, y, n int) { fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, n, n) })
	b.WriteString(`"/></svg>`)
	return b.String(), nil
}

// runs calls f for each run of n dark modules in a row.
func runs(m [][]bool, f func(x, y, n int)) {
	for y, row := range m {
		for x := 0; x < len(row); x++ {
			n := 0
			for x+n < len(row) && row[x+n] {
				n++
			}
			if n > 0 {
				f(x, y, n)
				x += n
			}
		}
	}
}
