package geo

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func anywhere(t *rapid.T, name string) Point {
	return Point{rapid.Float64Range(-85, 85).Draw(t, name+".lat"), rapid.Float64Range(-179.9, 179.9).Draw(t, name+".lon")}
}

func TestDistances(t *testing.T) {
	for _, c := range []struct {
		a, b Point
		want float64
	}{
		{Point{0, 0}, Point{0, 0}, 0},
		{Point{0, 0}, Point{0, 180}, math.Pi * Earth},
		{Point{90, 0}, Point{-90, 17}, math.Pi * Earth},
		{Point{32, 121}, Point{33, 121}, math.Pi / 180 * Earth},
		{Point{60, 10}, Point{60, 11}, 55597.0}, // half a degree of the equator, on the great circle
	} {
		if got := Distance(c.a, c.b); math.Abs(got-c.want) > 2 {
			t.Errorf("%v to %v: %.1f m, want %.1f", c.a, c.b, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := anywhere(t, "p")
		bearing, metres := rapid.Float64Range(0, 359.9).Draw(t, "bearing"), rapid.Float64Range(0.5, 100_000).Draw(t, "metres")
		q := Move(p, bearing, metres)
		if d := Distance(p, q); math.Abs(d-metres) > 0.01 {
			t.Fatalf("moved %.3f m and is %.3f m away", metres, d)
		}
		if !Around(p, metres).Contains(q) && math.Abs(q.Lon-p.Lon) < 170 {
			t.Fatalf("%v is %.3f m from %v and outside its box", q, metres, p)
		}
		if b := Bearing(p, q); metres > 10 && math.Abs(math.Mod(b-bearing+540, 360)-180) > 0.01 {
			t.Fatalf("went %.3f and looks %.3f", bearing, b)
		}
	})
}

func TestPolygons(t *testing.T) {
	square := []Point{{0, 0}, {0, 10}, {10, 10}, {10, 0}}
	ring := NewPolygon(square, []Point{{4, 4}, {4, 6}, {6, 6}, {6, 4}})
	for p, want := range map[Point]bool{{1, 1}: true, {5, 5}: false, {11, 5}: false, {9.99, 9.99}: true, {math.NaN(), 1}: false} {
		if got := ring.Contains(p); got != want {
			t.Errorf("%v inside: %v", p, got)
		}
	}
	if c := ring.Centre(); c != (Point{5, 5}) {
		t.Errorf("centre %v", c)
	}
	if NewPolygon([]Point{{1, 1}, {2, 2}}).Contains(Point{1, 1}) || (Polygon{}).Contains(Point{}) {
		t.Error("a line contains something")
	}
	// neighbours share each edge without a gap and without an overlap
	left, right := NewPolygon([]Point{{0, 0}, {0, 5}, {10, 5}, {10, 0}}), NewPolygon([]Point{{0, 5}, {0, 10}, {10, 10}, {10, 5}})
	rapid.Check(t, func(t *rapid.T) {
		p := Point{rapid.Float64Range(0.001, 9.999).Draw(t, "lat"), float64(rapid.IntRange(1, 99).Draw(t, "lon")) / 10}
		if left.Contains(p) == right.Contains(p) {
			t.Fatalf("%v lies in both or in none", p)
		}
	})
}

// Published pairs of the transformation agree to a metre; back and forth is the
// same place.
func TestGCJ02(t *testing.T) {
	if d := Distance(ToGCJ02(Point{39.90734, 116.39089}), Point{39.90874, 116.39713}); d > 5 {
		t.Errorf("%.1f m off", d)
	}
	if p := (Point{48.8566, 2.3522}); ToGCJ02(p) != p {
		t.Error("Paris is shifted")
	}
	rapid.Check(t, func(t *rapid.T) {
		p := Point{rapid.Float64Range(3, 53).Draw(t, "lat"), rapid.Float64Range(74, 135).Draw(t, "lon")}
		g := ToGCJ02(p)
		if d := Distance(p, g); d < 1 || d > 1500 {
			t.Fatalf("shifted by %.1f m", d)
		}
		if d := Distance(FromGCJ02(g), p); d > 0.001 {
			t.Fatalf("back %.4f m away", d)
		}
	})
}

// The grid finds what looking at everything finds.
func TestGridAgainstLookingAtAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := NewGrid[int](rapid.Float64Range(20, 2000).Draw(t, "cell"))
		centre := anywhere(t, "city")
		where := map[int]Point{}
		for i := range rapid.IntRange(0, 60).Draw(t, "things") {
			key := i % 50 // some move
			p := Move(centre, rapid.Float64Range(0, 360).Draw(t, "b"), rapid.Float64Range(0, 8000).Draw(t, "d"))
			g.Put(key, p)
			where[key] = p
		}
		for key := range where {
			if key%7 == 3 {
				g.Remove(key)
				delete(where, key)
			}
		}
		p := Move(centre, rapid.Float64Range(0, 360).Draw(t, "b"), rapid.Float64Range(0, 9000).Draw(t, "d"))
		radius := rapid.Float64Range(1, 5000).Draw(t, "radius")
		even := func(k int) bool { return k%2 == 0 }
		var within, near []float64
		for k, at := range where {
			if d := Distance(p, at); d <= radius {
				within = append(within, d)
			}
			if even(k) {
				near = append(near, Distance(p, at))
			}
		}
		slices.Sort(within)
		slices.Sort(near)
		n := rapid.IntRange(0, 10).Draw(t, "n")
		same(t, "within", g.Within(p, radius), within)
		same(t, "nearest", g.Nearest(p, n, even), near[:min(n, len(near))])
		if g.Len() != len(where) {
			t.Fatalf("%d things, want %d", g.Len(), len(where))
		}
	})
}

func same(t *rapid.T, what string, got []Near[int], want []float64) {
	if len(got) != len(want) {
		t.Fatalf("%s: %d found, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Abs(got[i].Distance-want[i]) > 1e-6 {
			t.Fatalf("%s: number %d is %.3f m away, want %.3f", what, i, got[i].Distance, want[i])
		}
	}
}

func BenchmarkNearestOf5000(b *testing.B) {
	g := NewGrid[int](500)
	centre := Point{32, 121}
	for i := range 5000 {
		g.Put(i, Move(centre, float64(i*37%360), float64(i*7919%20000)))
	}
	for i := range b.N {
		g.Nearest(Move(centre, float64(i%360), 9000), 5, nil)
	}
}
