package web

import (
	"context"

	"github.com/a-h/templ"
)

// WallDoc is what the shell of the command centre has to know of a page.
type WallDoc struct {
	Title   string
	Section string // theme that is current
	Nav     []NavItem
	Clock   string // day and time, as people say them
	Table   string // where the same facts stand in tables
}

// Drawn reports whether maps and charts can be drawn in the browser.
func Drawn(ctx context.Context) bool {
	v := ViewOf(ctx)
	return v.Bundled("maplibre.js") && v.Bundled("maplibre-worker.js") && v.Bundled("echarts.js")
}

// DrawWith are the addresses of the scripts that draw, for the element that holds
// the map.
func DrawWith(ctx context.Context) templ.Attributes {
	v := ViewOf(ctx)
	return templ.Attributes{"data-maplibre": v.asset("maplibre.js"), "data-worker": v.asset("maplibre-worker.js"), "data-echarts": v.asset("echarts.js"), "data-mapping": v.asset("command-map.js")}
}
