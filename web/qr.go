package web

import (
	"context"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/a-h/templ"
	"github.com/skip2/go-qrcode"
)

// QR is a code as an inline drawing of level Q, sharp at every size and in
// print. Label says in words what it is.
func QR(content, label string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		code, err := qrcode.New(content, qrcode.High) // High is level Q, 25 %
		if err != nil {
			return fmt.Errorf("QR of %d bytes: %w", len(content), err)
		}
		dots := code.Bitmap() // with its quiet zone
		var d strings.Builder
		for y, row := range dots {
			for x := 0; x < len(row); x++ {
				if !row[x] {
					continue
				}
				from := x
				for x < len(row) && row[x] {
					x++
				}
				fmt.Fprintf(&d, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
		_, err = fmt.Fprintf(w, `<svg class="qr" viewBox="0 0 %[1]d %[1]d" role="img" aria-label="%[2]s" shape-rendering="crispEdges"><rect width="%[1]d" height="%[1]d" class="qr-ground"/><path class="qr-ink" d="%[3]s"/></svg>`,
			len(dots), html.EscapeString(label), d.String())
		return err
	})
}
