package app

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/fleet"
)

// positionColumns are the columns of a table of positions.
var positionColumns = []string{"vehicle", "terminal", "time", "lat", "lon", "datum", "speed", "course", "altitude", "ignition"}

// positionsAtOnce is how many rows are recorded together.
const positionsAtOnce = 5000

// importPositions records a table of positions, looks at them by the city's rules, and
// returns when all came of them that comes. The same row again changes nothing.
func (a *App) importPositions(ctx context.Context, t Table) (r Imported, err error) {
	if a.Vehicles == nil {
		if err := a.watchVehicles(); err != nil {
			return r, err
		}
		if a.Vehicles == nil {
			return r, city.Invalid("cli.import.no_vehicles")
		}
		if err := a.Registers.Reload(ctx); err != nil {
			return r, err
		}
		if err := a.Vehicles.Start(ctx); err != nil {
			return r, err
		}
		defer func() {
			a.Vehicles.Stop()
			if e := a.Tracks.Close(); err == nil {
				err = e
			}
			a.Vehicles, a.Tracks = nil, nil
		}()
	}
	f, err := os.Open(t.File)
	if err != nil {
		return r, city.NotFound("cli.import.no_file", "file", t.File)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return r, err
	}
	columns := map[string]string{}
	for _, c := range positionColumns {
		columns[c] = c
	}
	for ours, theirs := range t.Columns {
		columns[theirs] = ours
	}
	rejects := &rejectFile{name: strings.TrimSuffix(t.File, filepath.Ext(t.File)) + ".rejected.csv", fields: positionColumns, lang: t.Lang}
	counted := &seekCounter{ReadSeeker: f}
	var sent []fleet.Sent
	var lines []directory.Row
	reject := func(row directory.Row, err error) {
		r.Rejected++
		rejects.add(row, fieldsOf(err))
	}
	send := func() error {
		faults, err := a.Vehicles.Take(ctx, console, sent, fleet.ByFile)
		if err != nil {
			return err
		}
		for i, fault := range faults {
			if fault != nil {
				reject(lines[i], fault)
			} else {
				r.Added++
			}
		}
		sent, lines = sent[:0], lines[:0]
		if t.Progress != nil {
			t.Progress(min(counted.at, info.Size()), info.Size())
		}
		return nil
	}
	for row, rowErr := range directory.ReadTable(counted, columns) {
		if rowErr != nil && row.Line == 0 {
			err = rowErr
			break
		}
		r.Read++
		s, fault := sentIn(row.Cells, a.Pack.Zone)
		if rowErr != nil {
			fault = rowErr
		}
		if fault != nil {
			reject(row, fault)
			continue
		}
		if sent, lines = append(sent, s), append(lines, row); len(sent) == positionsAtOnce {
			if err = send(); err != nil {
				break
			}
		}
	}
	if err == nil {
		err = send()
	}
	if err == nil {
		err = a.Vehicles.CatchUp(ctx)
	}
	if e := rejects.close(err == nil || r.Read > r.Rejected); err == nil {
		err = e
	}
	if rejects.n > 0 {
		r.Rejects = rejects.name
	}
	if err == nil && r.Read > 0 && r.Rejected == r.Read {
		err = city.Invalid("cli.import.all_rejected", "n", r.Read, "why", rejects.first, "file", rejects.name)
	}
	return r, err
}

// positionByMQTT records what a vehicle publishes; nil where none is watched.
func (a *App) positionByMQTT() func(context.Context, city.Actor, string, []byte) error {
	if a.Vehicles == nil {
		return nil
	}
	return func(ctx context.Context, actor city.Actor, vehicle string, payload []byte) error {
		s, err := fleet.ReadSent(payload)
		if err != nil {
			return err
		}
		s.Vehicle, s.Terminal = vehicle, ""
		if v := a.Registers.Book().VehicleByTerminal(vehicle); v != nil {
			s.Vehicle = string(v.ID)
		}
		faults, err := a.Vehicles.Take(ctx, actor, []fleet.Sent{s}, fleet.ByMQTT)
		if err != nil {
			return err
		}
		return faults[0]
	}
}

// sentIn reads a row. A time without a zone is the city's.
func sentIn(cells map[string]string, zone *time.Location) (s fleet.Sent, err error) {
	s = fleet.Sent{Vehicle: cells["vehicle"], Terminal: cells["terminal"], Datum: strings.ToLower(cells["datum"])}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", time.DateTime, "2006/1/2 15:04:05"} {
		if s.At, err = time.ParseInLocation(layout, cells["time"], zone); err == nil {
			break
		}
	}
	if err != nil {
		return s, city.InvalidFields([]city.Field{{Name: "time", Message: city.Message{Key: "fleet.sent.at"}}})
	}
	number := func(name string) *float64 {
		if cells[name] == "" || err != nil {
			return nil
		}
		v, e := strconv.ParseFloat(cells[name], 64)
		if e != nil {
			err = city.InvalidFields([]city.Field{{Name: name, Message: city.Message{Key: "fleet.sent.number"}}})
		}
		return &v
	}
	s.Lat, s.Lon, s.Speed = number("lat"), number("lon"), number("speed")
	if v := number("course"); v != nil {
		s.Course = *v
	}
	if v := number("altitude"); v != nil {
		s.Altitude = *v
	}
	if on, e := strconv.ParseBool(cells["ignition"]); e == nil {
		s.Ignition = &on
	}
	return s, err
}
