package geo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"unicode/utf8"

	"yiwang/city"
)

// Bounds of a road file, above what a large city needs.
const (
	MostRoadBytes  = 64 << 20
	mostFeatures   = 400_000
	mostRoadPoints = 4_000_000
	longestPiece   = 50_000 // metres between two points of a road that follow each other
	longestRoadID  = 64     // characters
	mostRoadFaults = 1000   // reading stops after so many
	FurthestRoad   = 60_000 // metres from the nearest point of the city
	highestLimit   = 150    // km/h
)

// RoadFault is one thing wrong with a road file.
type RoadFault struct {
	Line    int // from 1
	Message city.Message
}

type feature struct {
	Type       string `json:"type"`
	Properties *struct {
		ID     string    `json:"id"`
		Class  string    `json:"class"`
		Name   city.Text `json:"name"`
		Bridge bool      `json:"bridge"`
		Oneway bool      `json:"oneway"`
		Limit  int       `json:"maxspeed"`
	} `json:"properties"`
	Geometry *struct {
		Type        string          `json:"type"`
		Coordinates json.RawMessage `json:"coordinates"`
	} `json:"geometry"`
}

// waterClass stands in place of a road's class for an area of water.
const waterClass = "water"

// ReadRoads reads GeoJSON (RFC 7946): a FeatureCollection whose features are
// LineString roads and Polygon waters, in WGS-84. A feature has the properties id,
// class (motorway, primary, secondary, residential, or water) and, as it is, name
// {zh-Hans, en}, bridge, oneway (driven only as it is drawn) and maxspeed (km/h);
// the collection has a source {zh-Hans, en}. What the RFC calls foreign members is
// left aside, but for crs: coordinates of another system would all be wrong. Of
// points of the city, if any are given, one must be within 60 km of each road:
// longitude and latitude that were swapped are found. With any fault there are no
// Roads.
func ReadRoads(b []byte, city []Point) (*Roads, []RoadFault) {
	r := &roadReader{b: b, city: city, roads: &Roads{}, seen: map[string]bool{}}
	switch {
	case len(b) > MostRoadBytes:
		r.add(0, "geo.roads.too_large", "mb", MostRoadBytes>>20)
	case !utf8.Valid(b):
		r.add(0, "geo.roads.not_utf8")
	default:
		r.dec = json.NewDecoder(bytes.NewReader(b))
		if err := r.collection(); err != nil && !errors.Is(err, errEnough) {
			r.broken(err)
		}
	}
	if len(r.faults) > 0 {
		return nil, r.faults
	}
	return r.roads, nil
}

// errEnough ends the reading of a file whose faults were told.
var errEnough = errors.New("enough faults")

type roadReader struct {
	b      []byte
	dec    *json.Decoder
	city   []Point
	roads  *Roads
	faults []RoadFault
	seen   map[string]bool
	points int

	counted, line int // line is the number of line ends before counted
}

// add notes a fault at the byte; args are the name, value pairs of the text.
func (r *roadReader) add(at int64, key string, args ...any) {
	r.faults = append(r.faults, RoadFault{r.lineOf(at), city.Message{Key: key, Args: args}})
}

// lineOf is the line of what follows the byte, blanks and commas left aside.
func (r *roadReader) lineOf(at int64) int {
	n := min(int(at), len(r.b))
	for n < len(r.b) && bytes.IndexByte([]byte(" \t\r\n,:"), r.b[n]) >= 0 {
		n++
	}
	if n < r.counted {
		r.counted, r.line = 0, 0
	}
	r.line += bytes.Count(r.b[r.counted:n], []byte("\n"))
	r.counted = n
	return r.line + 1
}

func (r *roadReader) broken(err error) {
	var syntax *json.SyntaxError
	at := r.dec.InputOffset()
	if errors.As(err, &syntax) {
		at = max(syntax.Offset-1, 0)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		at = int64(len(r.b))
	}
	r.add(at, "geo.roads.syntax", "detail", err.Error())
}

func (r *roadReader) collection() error {
	if t, err := r.dec.Token(); err != nil {
		return err
	} else if t != json.Delim('{') {
		r.add(0, "geo.roads.no_collection")
		return errEnough
	}
	kind, features := "", false
	for r.dec.More() {
		key, err := r.dec.Token()
		if err != nil {
			return err
		}
		at := r.dec.InputOffset()
		switch key {
		case "type":
			err = r.value(&kind)
		case "source":
			err = r.value(&r.roads.Source)
		case "crs":
			r.add(at, "geo.roads.crs")
			err = r.value(new(json.RawMessage))
		case "features":
			features = true
			err = r.features()
		default:
			err = r.value(new(json.RawMessage))
		}
		if err != nil {
			return err
		}
	}
	if _, err := r.dec.Token(); err != nil {
		return err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		r.add(r.dec.InputOffset(), "geo.roads.more")
	}
	if kind != "FeatureCollection" || !features {
		r.add(0, "geo.roads.no_collection")
	}
	if len(r.roads.Source.Missing()) > 0 {
		r.add(0, "geo.roads.source")
	}
	if len(r.roads.Roads) == 0 && len(r.faults) == 0 {
		r.add(0, "geo.roads.none")
	}
	return nil
}

// value decodes the next value. One of another shape is told, and reading goes on.
func (r *roadReader) value(into any) error {
	at := r.dec.InputOffset()
	err := r.dec.Decode(into)
	var shape *json.UnmarshalTypeError
	if errors.As(err, &shape) {
		r.add(at, "geo.roads.shape", "key", shape.Field, "value", shape.Value)
		return nil
	}
	return err
}

func (r *roadReader) features() error {
	if t, err := r.dec.Token(); err != nil {
		return err
	} else if t != json.Delim('[') {
		r.add(r.dec.InputOffset(), "geo.roads.no_collection")
		return errEnough
	}
	for n := 0; r.dec.More(); n++ {
		at := r.dec.InputOffset()
		if n >= mostFeatures || r.points > mostRoadPoints {
			r.add(at, "geo.roads.too_many", "features", mostFeatures, "points", mostRoadPoints)
			return errEnough
		}
		before := len(r.faults)
		var f feature
		if err := r.value(&f); err != nil {
			return err
		}
		if len(r.faults) == before {
			r.feature(at, &f)
		}
		if len(r.faults) >= mostRoadFaults {
			return errEnough
		}
	}
	_, err := r.dec.Token()
	return err
}

func (r *roadReader) feature(at int64, f *feature) {
	if f.Type != "Feature" || f.Properties == nil || f.Geometry == nil {
		r.add(at, "geo.roads.no_feature")
		return
	}
	p := f.Properties
	switch {
	case p.ID == "" || utf8.RuneCountInString(p.ID) > longestRoadID:
		r.add(at, "geo.roads.id", "max", longestRoadID)
		return
	case r.seen[p.ID]:
		r.add(at, "geo.roads.twice", "id", p.ID)
		return
	case !p.Name.IsZero() && len(p.Name.Missing()) > 0:
		r.add(at, "geo.roads.name", "id", p.ID)
		return
	}
	r.seen[p.ID] = true
	if p.Class == waterClass {
		r.water(at, f)
		return
	}
	if p.Limit < 0 || p.Limit > highestLimit {
		r.add(at, "geo.roads.limit", "id", p.ID, "max", highestLimit)
		return
	}
	class := RoadClass(p.Class)
	if class.Rank() < 0 {
		r.add(at, "geo.roads.class", "class", p.Class)
		return
	}
	var line [][]float64
	if f.Geometry.Type != "LineString" || json.Unmarshal(f.Geometry.Coordinates, &line) != nil {
		r.add(at, "geo.roads.geometry", "id", p.ID, "want", "LineString")
		return
	}
	points, ok := r.pointsOf(at, p.ID, line, 2)
	if !ok {
		return
	}
	if len(r.city) > 0 && !slices.ContainsFunc(r.city, func(c Point) bool { return Distance(c, points[0]) <= FurthestRoad }) {
		r.add(at, "geo.roads.far", "id", p.ID, "km", FurthestRoad/1000)
		return
	}
	road := Road{ID: p.ID, Class: class, Name: p.Name, Bridge: p.Bridge, Oneway: p.Oneway, Limit: p.Limit, Line: points, Box: BoxOf(points)}
	if len(r.roads.Roads) == 0 {
		r.roads.Box = road.Box
	}
	r.roads.Box = r.roads.Box.Extend(Point{road.Box.South, road.Box.West}).Extend(Point{road.Box.North, road.Box.East})
	r.roads.Roads = append(r.roads.Roads, road)
}

func (r *roadReader) water(at int64, f *feature) {
	id := f.Properties.ID
	var rings [][][]float64
	if f.Geometry.Type != "Polygon" || json.Unmarshal(f.Geometry.Coordinates, &rings) != nil || len(rings) == 0 {
		r.add(at, "geo.roads.geometry", "id", id, "want", "Polygon")
		return
	}
	var read [][]Point
	for _, ring := range rings {
		points, ok := r.pointsOf(at, id, ring, 4) // the first once more at the end
		if !ok {
			return
		}
		if points[0] != points[len(points)-1] {
			r.add(at, "geo.roads.open", "id", id)
			return
		}
		read = append(read, points)
	}
	r.roads.Waters = append(r.roads.Waters, Water{ID: id, Name: f.Properties.Name, Area: NewPolygon(read...)})
}

// pointsOf makes points of positions, which are longitude, latitude and perhaps a
// height; there must be at least so many.
func (r *roadReader) pointsOf(at int64, id string, line [][]float64, least int) ([]Point, bool) {
	if len(line) < least {
		r.add(at, "geo.roads.short", "id", id, "n", least)
		return nil, false
	}
	r.points += len(line)
	points := make([]Point, 0, len(line))
	for _, c := range line {
		if len(c) < 2 || len(c) > 3 {
			r.add(at, "geo.roads.position", "id", id)
			return nil, false
		}
		p := Point{Lat: c[1], Lon: c[0]}
		if !p.Valid() {
			r.add(at, "geo.roads.nowhere", "id", id)
			return nil, false
		}
		if n := len(points); n > 0 && Distance(points[n-1], p) > longestPiece {
			r.add(at, "geo.roads.leap", "id", id, "km", longestPiece/1000)
			return nil, false
		}
		points = append(points, p)
	}
	return points, true
}
