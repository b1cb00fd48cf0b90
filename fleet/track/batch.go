package track

// Batch finds what a whole track holds, in order, exactly as Stays would.
// Settings.Keep plays no part: a batch has all the points, and every place is
// Whole. The run at the end is no stay, since nothing broke it.
func (r *Rule) Batch(c Columns, emit func(Event)) {
	at := c.At
	n := len(at)
	if n == 0 {
		return
	}
	lat, lon := c.Lat[:n], c.Lon[:n]
	var seen coords
	start, a := 0, r.anchor(lat[0], lon[0])
	before := at[0]
	for i := 1; i < n; i++ {
		now := at[i]
		if now-before > r.gap {
			emit(Event{Kind: Gap, Points: count(i - start), Start: before, End: now,
				Lat: lat[i-1], Lon: lon[i-1], ToLat: lat[i], ToLon: lon[i]})
			start, a = i, r.anchor(lat[i], lon[i])
		} else if r.broken(&a, lat[i], lon[i]) {
			if now-at[start] >= r.time {
				e := Event{Kind: Stay, Whole: true, Points: count(i - start),
					Start: at[start], End: now, ToLat: lat[i], ToLon: lon[i]}
				seen.reset()
				for j := start; j < i; j++ {
					seen.add(lat[j], lon[j], 0)
				}
				e.Distinct = int32(len(seen.list))
				e.Lat, e.Lon = seen.mean()
				emit(e)
			}
			start, a = i, r.anchor(lat[i], lon[i])
		}
		before = now
	}
}

func count(n int) int32 { return int32(min(n, maxPoints)) }

// Settle gives a stay whose place isn't whole the place that all its points give.
// The points are the object's in time order, at least from the stay's first to the
// one that broke it; false when those aren't among them.
func (r *Rule) Settle(e Event, points []Point) (Event, bool) {
	if e.Kind != Stay || e.Whole {
		return e, e.Kind == Stay
	}
	for i, p := range points {
		first := i - int(e.Points)
		if p.At != e.End || p.Lat != e.ToLat || p.Lon != e.ToLon || first < 0 || points[first].At != e.Start {
			continue
		}
		var seen coords
		for _, q := range points[first:i] {
			seen.add(q.Lat, q.Lon, 0)
		}
		e.Distinct, e.Whole = int32(len(seen.list)), true
		e.Lat, e.Lon = seen.mean()
		return e, true
	}
	return e, false
}
