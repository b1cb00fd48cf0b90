package bench

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"yiwang/fleet/track"
	"yiwang/geo"
)

// lorry makes days of a lorry: it drives at 30 to 90 km/h, stops at lights, unloads
// and stands over night, seen every so many seconds, with a receiver's trembling and
// rounded as terminals do.
func lorry(rnd *rand.Rand, n int, every int64) track.Columns {
	var c track.Columns
	at, bearing, now := geo.Point{Lat: 32, Lon: 120.9}, 45.0, int64(1_700_000_000_000_000)
	for c.Len() < n {
		long, speed, tremble := 60+rnd.Int64N(2400), 8+17*rnd.Float64(), 3.0
		if rnd.IntN(2) == 0 {
			long, speed = []int64{30, 60, 900, 2400, 28_800}[rnd.IntN(5)], 0
			if rnd.IntN(3) == 0 {
				tremble = 0 // many terminals hold the place while the engine is off
			}
		}
		if rnd.IntN(50) == 0 {
			now += 3600e6 // a silence
		}
		for t := int64(0); t < long && c.Len() < n; t += every {
			if speed > 0 {
				bearing += 10 * rnd.NormFloat64()
				if math.Abs(at.Lat-32) > 0.5 {
					bearing = 180 - bearing
				}
				at = geo.Move(at, bearing, speed*float64(every))
			}
			p := geo.Move(at, 360*rnd.Float64(), tremble*math.Abs(rnd.NormFloat64()))
			now += every * 1e6
			c.Add(now, math.Round(p.Lat*1e6)/1e6, math.Round(p.Lon*1e6)/1e6)
		}
	}
	return c
}

// byDefinition finds stays and gaps as they are defined (see the package track),
// without any haste. The track must not cross the date line.
func byDefinition(s track.Settings, c track.Columns) (out []track.Event) {
	at := func(i int) geo.Point { return geo.Point{Lat: c.Lat[i], Lon: c.Lon[i]} }
	start := 0
	for i := 1; i < c.Len(); i++ {
		here, before := at(i), at(i-1)
		if time.Duration(c.At[i]-c.At[i-1])*time.Microsecond > s.Gap {
			out = append(out, track.Event{Kind: track.Gap, Points: int32(i - start), Start: c.At[i-1], End: c.At[i],
				Lat: before.Lat, Lon: before.Lon, ToLat: here.Lat, ToLon: here.Lon})
			start = i
			continue
		}
		if geo.Distance(at(start), here) < s.Distance {
			continue
		}
		if time.Duration(c.At[i]-c.At[start])*time.Microsecond >= s.Time {
			first, known := at(start), map[geo.Point]bool{}
			var lat, lon float64
			for j := start; j < i; j++ {
				if p := at(j); !known[p] {
					known[p] = true
					lat += p.Lat - first.Lat
					lon += p.Lon - first.Lon
				}
			}
			n := float64(len(known))
			out = append(out, track.Event{Kind: track.Stay, Whole: true, Points: int32(i - start), Distinct: int32(len(known)),
				Start: c.At[start], End: c.At[i], Lat: first.Lat + lat/n, Lon: first.Lon + lon/n, ToLat: here.Lat, ToLon: here.Lon})
		}
		start = i
	}
	return out
}

// batch measures on one core how fast the stays of whole tracks are found, beside
// the bare reading of the same points and beside one haversine for each. What is
// found has to be what the definition says, to the last bit.
func (f *figures) batch(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	settings := track.Settings{Distance: 100, Time: 5 * time.Minute, Gap: 15 * time.Minute}
	rule, err := track.NewRule(settings)
	if err != nil {
		return err
	}
	n := f.o.Fleet.Points
	least := math.Inf(1)
	for _, every := range []int64{1, 10, 30} {
		f.head("stays of a whole track of %d points, one each %d s, on one core", n, every)
		c := lorry(rand.New(rand.NewPCG(1, uint64(every))), n, every)
		want := byDefinition(settings, c)
		var found []track.Event
		fast, err := f.sweep(ctx, "all stays and gaps", n, func() {
			found = found[:0]
			rule.Batch(c, func(e track.Event) { found = append(found, e) })
		})
		if err != nil {
			return err
		}
		if !slices.Equal(found, want) {
			return fmt.Errorf("bench: %d stays and gaps were found, and not those %d of the definition", len(found), len(want))
		}
		f.put("… equal to the definition, stays and gaps", "count", float64(len(found)))
		var sink float64
		scan, err := f.sweep(ctx, "bare scan: time, latitude and longitude of each added up", n, func() {
			var at int64
			var lat, lon float64
			for i := range c.At {
				at += c.At[i]
				lat += c.Lat[i]
				lon += c.Lon[i]
			}
			sink += lat + lon + float64(at)
		})
		if err != nil {
			return err
		}
		one, err := f.sweep(ctx, "bare scan: a haversine from each to the next", n, func() {
			for i := 1; i < len(c.Lat); i++ {
				sink += geo.Distance(geo.Point{Lat: c.Lat[i-1], Lon: c.Lon[i-1]}, geo.Point{Lat: c.Lat[i], Lon: c.Lon[i]})
			}
		})
		if err != nil {
			return err
		}
		if sink == 0 {
			return fmt.Errorf("bench: nothing was read")
		}
		f.put("stays / bare scan", "ratio", fast/scan)
		f.put("stays / haversine scan", "ratio", fast/one)
		least = min(least, fast)
	}
	f.put("stays, the slowest of the three (50 asked)", "M points/s", least)
	return nil
}

// sweep measures how many million points a second a pass over n points takes, by
// the CPU time of this thread's process.
func (f *figures) sweep(ctx context.Context, name string, n int, pass func()) (float64, error) {
	pass()
	times := 0
	began, from := time.Now(), cpu()
	for times == 0 || time.Since(began) < f.o.Span/6 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		pass()
		times++
	}
	used := cpu().since(from).whole()
	if used <= 0 {
		used = time.Since(began)
	}
	v := float64(n) * float64(times) / used.Seconds() / 1e6
	f.put(name, "M points/s", v)
	return v, nil
}
