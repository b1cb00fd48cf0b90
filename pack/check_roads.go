package pack

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"yiwang/directory"
	"yiwang/geo"
)

const roadsFile = "roads.geojson"

// checkRoads reads roads.geojson, which a city need not have.
func (l *loader) checkRoads() {
	if !slices.Contains(l.files[""], roadsFile) {
		return
	}
	b, err := readFile(l.fsys, roadsFile, geo.MostRoadBytes)
	switch {
	case errors.Is(err, errTooLarge):
		l.faults.add(roadsFile, 0, "pack.too_large", "max", sayBytes(geo.MostRoadBytes))
		return
	case err != nil:
		l.faults.add(roadsFile, 0, "pack.unreadable", "detail", plainError(err))
		return
	}
	roads, found := geo.ReadRoads(b, middles(l.regionsDef, nil))
	for _, f := range found {
		l.faults.put(Fault{roadsFile, f.Line, f.Message})
	}
	l.city.Roads = roads
}

// checkSpeeds looks at speeds.yaml, which a city need not have.
func (l *loader) checkSpeeds() {
	if l.speeds != nil {
		l.speeds.atFields(l.city.Speeds.Check())
	}
}

// checkInterception looks at who stops vehicles.
func (l *loader) checkInterception() {
	for i, id := range l.siteDef.Interception.Posts {
		if body := id.Body(); !l.known.body(body) || !l.known.post(body, strings.TrimPrefix(string(id), string(body)+".")) {
			l.site.at(fmt.Sprintf("interception.posts.%d", i), "pack.no_post", "id", string(id))
		}
	}
}

// middles are the places that the regions say they lie at.
func middles(r directory.RegionDef, into []geo.Point) []geo.Point {
	if p := (geo.Point{Lat: r.Lat, Lon: r.Lon}); !p.IsZero() {
		into = append(into, p)
	}
	for _, c := range r.Children {
		into = middles(c, into)
	}
	return into
}
