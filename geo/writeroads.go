package geo

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Write makes the GeoJSON that ReadRoads reads, a feature a line.
func (r *Roads) Write() ([]byte, error) {
	var b bytes.Buffer
	source, err := plain(r.Source)
	if err != nil {
		return nil, err
	}
	b.WriteString(`{"type": "FeatureCollection", "source": `)
	b.Write(source)
	b.WriteString(`, "features": [`)
	n := 0
	put := func(properties map[string]any, kind string, rings ...[]Point) error {
		text, err := plain(properties)
		if err != nil {
			return err
		}
		if n++; n > 1 {
			b.WriteByte(',')
		}
		b.WriteString("\n" + `{"type": "Feature", "properties": `)
		b.Write(text)
		b.WriteString(`, "geometry": {"type": "` + kind + `", "coordinates": `)
		if kind == "Polygon" {
			b.WriteByte('[')
		}
		for i, ring := range rings {
			if i > 0 {
				b.WriteByte(',')
			}
			writeLine(&b, ring)
		}
		if kind == "Polygon" {
			b.WriteByte(']')
		}
		b.WriteString("}}")
		return nil
	}
	for i := range r.Waters {
		w := &r.Waters[i]
		properties := map[string]any{"id": w.ID, "class": waterClass}
		if !w.Name.IsZero() {
			properties["name"] = w.Name
		}
		if err := put(properties, "Polygon", w.Area.rings...); err != nil {
			return nil, err
		}
	}
	for i := range r.Roads {
		road := &r.Roads[i]
		properties := map[string]any{"id": road.ID, "class": road.Class}
		if !road.Name.IsZero() {
			properties["name"] = road.Name
		}
		if road.Bridge {
			properties["bridge"] = true
		}
		if road.Oneway {
			properties["oneway"] = true
		}
		if road.Limit > 0 {
			properties["maxspeed"] = road.Limit
		}
		if err := put(properties, "LineString", road.Line); err != nil {
			return nil, err
		}
	}
	b.WriteString("\n]}\n")
	return b.Bytes(), nil
}

// plain is JSON that leaves <, > and & as they are.
func plain(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

func writeLine(b *bytes.Buffer, line []Point) {
	var digits [32]byte
	b.WriteByte('[')
	for i, p := range line {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('[')
		b.Write(strconv.AppendFloat(digits[:0], p.Lon, 'f', -1, 64))
		b.WriteByte(',')
		b.Write(strconv.AppendFloat(digits[:0], p.Lat, 'f', -1, 64))
		b.WriteByte(']')
	}
	b.WriteByte(']')
}
