package track

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"yiwang/city"
)

func reader(raw []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
}

// A table of many interleaved objects, some out of order, gives for each object
// what its rows give when they are sorted.
func TestTableIsEachObjectAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	s := Settings{Distance: 100, Time: 5 * time.Minute, Gap: 15 * time.Minute, Keep: 3}
	var raw bytes.Buffer
	w := csv.NewWriter(&raw)
	w.Write([]string{"lat", "id", "speed", "lon", "time"})
	tracks := make([][]Point, 40)
	for i := range tracks {
		tracks[i] = walk(rng, 500, corners[i%len(corners)], 100)
	}
	shuffled := map[int]bool{3: true, 17: true, 39: true}
	sent := make([][]Point, len(tracks))
	for i, p := range tracks {
		sent[i] = slices.Clone(p)
		if shuffled[i] {
			for range 20 {
				a, b := rng.IntN(len(p)), rng.IntN(len(p))
				sent[i][a], sent[i][b] = sent[i][b], sent[i][a]
			}
			slices.SortStableFunc(tracks[i], func(a, b Point) int { return int(a.At - b.At) })
		}
	}
	for row := range 500 {
		for i, p := range sent {
			q := p[row]
			at := time.UnixMicro(q.At).In(time.FixedZone("", 3600*(i%20-10)))
			w.Write([]string{strconv.FormatFloat(q.Lat, 'f', -1, 64), fmt.Sprintf("苏F%05d, \"%d\"", i, i), "", strconv.FormatFloat(q.Lon, 'f', -1, 64), at.Format(time.RFC3339Nano)})
		}
	}
	w.Flush()
	for name, open := range map[string]func() (io.ReadCloser, error){
		"whole": reader(raw.Bytes()),
		"bytes by one": func() (io.ReadCloser, error) {
			return io.NopCloser(iotest.OneByteReader(bytes.NewReader(raw.Bytes()))), nil
		},
		"in halves": func() (io.ReadCloser, error) {
			return io.NopCloser(iotest.HalfReader(bytes.NewReader(raw.Bytes()))), nil
		},
	} {
		got, err := ready(t, s).Table(open, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Objects) != len(tracks) || got.Points != 500*len(tracks) || got.Unsorted != len(shuffled) || got.Stays == 0 || got.Gaps == 0 {
			t.Fatalf("%s: %d objects, %d points, %d unsorted, %d stays, %d gaps", name, len(got.Objects), got.Points, got.Unsorted, got.Stays, got.Gaps)
		}
		for i, o := range got.Objects {
			var stays []Event
			gaps := 0
			for _, e := range sortedPlain(s, sent[i]) {
				if e.Kind == Stay {
					stays = append(stays, e)
				} else {
					gaps++
				}
			}
			if !slices.Equal(o.Stays, stays) || o.Gaps != gaps || !strings.HasPrefix(o.ID, fmt.Sprintf("苏F%05d", i)) {
				t.Errorf("%s: object %s has %d stays and %d gaps, want %d and %d", name, o.ID, len(o.Stays), o.Gaps, len(stays), gaps)
			}
		}
	}
}

func sortedPlain(s Settings, points []Point) []Event {
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b Point) int { return int(a.At - b.At) })
	return plain(s, points)
}

func TestTableTellsBrokenReadersFromBrokenRows(t *testing.T) {
	broken := errors.New("the disk is gone")
	r := ready(t, usual)
	_, err := r.Table(func() (io.ReadCloser, error) { return io.NopCloser(iotest.ErrReader(broken)), nil }, nil, nil)
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	_, err = r.Table(func() (io.ReadCloser, error) { return nil, broken }, nil, nil)
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	_, err = r.Table(reader([]byte("id,time,lat,lon\n\xff,2026-11-23,1,1")), nil, nil)
	if city.KindOf(err) != city.KindInvalid {
		t.Errorf("an id that is no text: %v", err)
	}
	var read []int64
	if _, err := r.Table(reader([]byte("id,time,lat,lon\n1,2026-11-23,1,1")), nil, func(n int64) { read = append(read, n) }); err != nil || !slices.Equal(read, []int64{32}) {
		t.Errorf("progress %v, %v", read, err)
	}
}

func TestNumbersAreThoseOfStrconv(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 200_000 {
		s := strconv.FormatFloat((rng.Float64()-0.5)*math.Pow(10, float64(rng.IntN(8)-3)), "fge"[rng.IntN(3)], rng.IntN(20)-1, 64)
		want, _ := strconv.ParseFloat(s, 64)
		if got, ok := number([]byte(s)); !ok || got != want {
			t.Fatalf("%s: %v %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "-", ".", "+.", "1..2", "inf", "NaN", "0x10", "1_0", "1,5", "1e999", "--1", "1-", " 1"} {
		if f, ok := number([]byte(s)); ok {
			t.Errorf("%q is %v", s, f)
		}
	}
	for s, want := range map[string]float64{"5.": 5, ".5": 0.5, "+1": 1, "-0": 0, "116.31879200000000000001": 116.318792, "1e2": 100} {
		if f, ok := number([]byte(s)); !ok || f != want {
			t.Errorf("%q is %v %v", s, f, ok)
		}
	}
}

func TestMomentsOfTables(t *testing.T) {
	var c clock
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC).UnixMicro()
	for s, want := range map[string]int64{
		"2026-11-23T10:00:00Z": at, "2026-11-23T18:00:00+08:00": at, "2026-11-23 18:00:00+0800": at, "2026-11-23T18:00:00+08": at,
		"2026-11-23 10:00:00": at, "2026-11-23T10:00:00.25Z": at + 250_000, "2026-11-23T10:00:00.1234567": at + 123_456, "2026-11-23T10:00Z": at,
		"20261123T100000Z": at, "2026-11-23": at - 10*hour, "2026-11-23T02:00:00-0800": at, "2026-11-23 10:00:00 +00:00": at, "2026-11-23t10:00:00z": at,
		"1969-12-31T23:59:59.5Z": -500_000,
	} {
		if got, ok := c.read([]byte(s)); !ok || got != want {
			t.Errorf("%s: %v %v, want %v", s, time.UnixMicro(got).UTC(), ok, time.UnixMicro(want).UTC())
		}
	}
	for _, s := range []string{"", "x", "2026-02-30T10:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T10:60:00Z", "2026-11-23T10:00:60Z", "2026-11-23T10:00:00.Z",
		"2026-11-23T10:00:00+8", "2026-11-23T10:00:00+08:0", "2026-11-23T10:00:00+08:000", "2026-11-23T10:00:00 ", "2026-11-23T10:00:00ZZ", "2026-11-2310:00:00Z", "1764244800"} {
		if got, ok := c.read([]byte(s)); ok {
			t.Errorf("%q is %v", s, time.UnixMicro(got).UTC())
		}
	}
}

// Whatever the bytes, a table is read or refused with a sentence that names a line
// or a column.
func FuzzTable(f *testing.F) {
	f.Add([]byte("id,time,lat,lon\n1,2026-11-23T10:00:00Z,32,120\n1,2026-11-23T10:10:00Z,33,120\n"))
	f.Add([]byte("\ufefflon;lat;time;id\r\n\"1\";2;2026-11-23;\"a\"\"\"\r\n1;2;2026-11-22;\"a\"\"\""))
	f.Add([]byte("id,time,lat,lon\n\"1"))
	r := ready(f, usual)
	f.Fuzz(func(t *testing.T, raw []byte) {
		found, err := r.Table(reader(raw), nil, nil)
		var known *city.Error
		switch {
		case err == nil:
			points := 0
			for _, o := range found.Objects {
				points += o.Points
			}
			if points != found.Points || points > bytes.Count(raw, []byte("\n")) {
				t.Errorf("%d points, %d of them of objects", found.Points, points)
			}
		case !errors.As(err, &known) || !strings.HasPrefix(known.Message.Key, "track.table."):
			t.Error(err)
		}
	})
}
