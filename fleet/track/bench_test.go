package track

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"yiwang/geo"
)

// day makes days of a lorry in Nantong: it drives at 30 to 90 km/h, stops at
// lights, unloads, and stands over night, seen every so many seconds with the
// jitter of a receiver and rounded as terminals do.
func day(rng *rand.Rand, n int, every int64) Columns {
	var c Columns
	at, bearing, now := geo.Point{Lat: 32.0, Lon: 120.9}, 45.0, int64(1_700_000_000_000_000)
	for c.Len() < n {
		length, speed := 60+rng.Int64N(2400), 8+17*rng.Float64()
		if rng.IntN(2) == 0 {
			length, speed = []int64{30, 60, 900, 2400, 28_800}[rng.IntN(5)], 0
		}
		jitter := 3.0
		if speed == 0 && rng.IntN(3) == 0 {
			jitter = 0 // many terminals hold the place while the engine is off
		}
		for t := int64(0); t < length && c.Len() < n; t += every {
			if speed > 0 {
				bearing += 10 * rng.NormFloat64()
				if math.Abs(at.Lat-32) > 0.5 {
					bearing = 180 - bearing
				}
				at = geo.Move(at, bearing, speed*float64(every))
			}
			p := geo.Move(at, 360*rng.Float64(), jitter*math.Abs(rng.NormFloat64()))
			now += every * 1e6
			c.Add(now, math.Round(p.Lat*1e6)/1e6, math.Round(p.Lon*1e6)/1e6)
		}
	}
	return c
}

var usual = Settings{Distance: 100, Time: 5 * time.Minute, Gap: 15 * time.Minute}

const benchPoints = 1 << 20

func perPoint(b *testing.B) {
	b.ReportMetric(float64(benchPoints)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpoints/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchPoints, "ns/point")
}

func benchTracks(b *testing.B, run func(b *testing.B, c Columns)) {
	for _, bb := range []struct {
		name  string
		every int64
	}{{"1s", 1}, {"10s", 10}, {"30s", 30}} {
		c := day(rand.New(rand.NewPCG(1, uint64(bb.every))), benchPoints, bb.every)
		b.Run(bb.name, func(b *testing.B) { run(b, c) })
	}
}

func BenchmarkStaysBatch(b *testing.B) {
	benchTracks(b, func(b *testing.B, c Columns) {
		r := ready(b, usual)
		stays := 0
		for b.Loop() {
			r.Batch(c, func(e Event) {
				if e.Kind == Stay {
					stays++
				}
			})
		}
		perPoint(b)
		b.ReportMetric(float64(stays)/float64(b.N), "stays")
	})
}

// BenchmarkVehicle is all that is done for a position of a fleet: noise, stays,
// driving and speed.
func BenchmarkVehicle(b *testing.B) {
	benchTracks(b, func(b *testing.B, c Columns) {
		w := watch(b)
		var out []Event
		for b.Loop() {
			v := w.Vehicle()
			for i := range c.At {
				out, _ = v.Push(Reading{Point: Point{At: c.At[i], Lat: c.Lat[i], Lon: c.Lon[i]}, Received: c.At[i], Limit: 80}, out[:0])
			}
		}
		perPoint(b)
	})
}

func BenchmarkPush(b *testing.B) {
	benchTracks(b, func(b *testing.B, c Columns) {
		s := usual
		s.Keep = 64
		r := ready(b, s)
		for b.Loop() {
			state := r.Stays()
			for i := range c.At {
				state.Push(Point{At: c.At[i], Lat: c.Lat[i], Lon: c.Lon[i]})
			}
		}
		perPoint(b)
	})
}

// BenchmarkLinearScan reads the same columns and adds them up: what memory and one
// core allow.
func BenchmarkLinearScan(b *testing.B) {
	benchTracks(b, func(b *testing.B, c Columns) {
		var sink float64
		for b.Loop() {
			var at int64
			var lat, lon float64
			for i := range c.At {
				at += c.At[i]
				lat += c.Lat[i]
				lon += c.Lon[i]
			}
			sink += lat + lon + float64(at)
		}
		perPoint(b)
		if sink == 0 {
			b.Fatal("nothing was read")
		}
	})
}
