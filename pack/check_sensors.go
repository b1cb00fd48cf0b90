package pack

import (
	"fmt"
	"strings"

	"yiwang/city"
)

// checkSensors looks at sensors.yaml, which a city need not have.
func (l *loader) checkSensors() {
	d := l.sensors
	if d == nil {
		return
	}
	s := &l.sensorsDef
	d.atFields(s.Check())
	body, post, _ := strings.Cut(string(s.Operator), ".")
	if !l.known.body(city.BodyID(body)) || !l.known.post(city.BodyID(body), post) {
		d.at("operator", "pack.no_post", "id", string(s.Operator))
	}
	for i, dev := range s.Devices {
		if r := dev.Place.Region; r != "" && !l.known.region(r) {
			d.at(fmt.Sprintf("devices.%d.place.region", i), "pack.no_region", "id", string(r))
		}
	}
}
