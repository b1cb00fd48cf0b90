package osm

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	peer "github.com/paulmach/osm"
	"github.com/paulmach/osm/osmpbf"
	"github.com/paulmach/osm/osmxml"
	"google.golang.org/protobuf/encoding/protowire"

	"yiwang/city"
	"yiwang/geo"
)

func bytesOf(b []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

// small draws five nodes on a line and what else the test wants; ways begin with
// tags such as "highway=primary,oneway=yes".
func small(nodes []string, ways ...string) []byte {
	var b strings.Builder
	b.WriteString("<?xml version='1.0'?>\n<osm version=\"0.6\"><bounds minlat=\"0\"/>\n")
	tags := func(list string) {
		for _, t := range strings.Split(list, ",") {
			if k, v, ok := strings.Cut(t, "="); ok {
				fmt.Fprintf(&b, `<tag k="%s" v="%s"/>`, k, v)
			}
		}
	}
	for i, n := range nodes {
		place, rest, _ := strings.Cut(n, ";")
		lat, lon, _ := strings.Cut(place, " ")
		fmt.Fprintf(&b, `<node id="%d" lat="%s" lon="%s">`, i+1, lat, lon)
		tags(rest)
		b.WriteString("</node>\n")
	}
	for i, w := range ways {
		refs, rest, _ := strings.Cut(w, ";")
		fmt.Fprintf(&b, `<way id="%d">`, 100+i)
		for _, r := range strings.Fields(refs) {
			fmt.Fprintf(&b, `<nd ref="%s"/>`, r)
		}
		tags(rest)
		b.WriteString("</way>\n")
	}
	b.WriteString(`<relation id="1"><member type="way" ref="100" role=""/><tag k="highway" v="primary"/></relation></osm>`)
	return []byte(b.String())
}

var line = []string{"31.9 121.00", "31.9 121.01", "31.9 121.02", "31.9 121.03", "31.9 121.04"}

func read(t *testing.T, b []byte) (*geo.Roads, Left) {
	t.Helper()
	r, left, err := Read(context.Background(), bytesOf(b), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r, left
}

func TestTags(t *testing.T) {
	for _, c := range []struct{ tags, want string }{
		{"highway=primary,name=人民路,name:en=Renmin Road", "primary 人民路/Renmin Road 1>5"},
		{"highway=motorway", "motorway / 1>5 oneway"},
		{"highway=motorway,oneway=no", "motorway / 1>5"},
		{"highway=trunk_link,ref=G15", "primary G15/G15 1>5"},
		{"highway=tertiary,oneway=-1", "secondary / 5>1 oneway"},
		{"highway=residential,junction=roundabout", "residential / 1>5 oneway"},
		{"highway=residential,junction=roundabout,oneway=no", "residential / 1>5"},
		{"highway=service,oneway=yes,oneway:motor_vehicle=no", "residential / 1>5"},
		{"highway=secondary,maxspeed=50", "secondary / 1>5 50"},
		{"highway=secondary,maxspeed=30 mph", "secondary / 1>5 48"},
		{"highway=secondary,maxspeed=40 km/h,bridge=viaduct", "secondary / 1>5 40 bridge"},
		{"highway=secondary,maxspeed=999", "secondary / 1>5"},
		{"highway=secondary,maxspeed=walk,bridge=no", "secondary / 1>5"},
		{"highway=service,access=private,motor_vehicle=yes", "residential / 1>5"},
		{"highway=service,access=destination", "residential / 1>5"},
		{"highway=service,access=private", "closed"},
		{"highway=service,access=yes,motor_vehicle=no", "closed"},
		{"highway=residential,vehicle=no", "closed"},
		{"highway=footway", "none"},
		{"highway=service,area=yes", "none"},
		{"railway=rail", "none"},
	} {
		r, left, err := Read(context.Background(), bytesOf(small(line, "1 2 3 4 5;"+c.tags)), Options{})
		got := "none"
		switch {
		case left.Closed > 0:
			got = "closed"
		case err == nil:
			road := r.Roads[0]
			got = fmt.Sprintf("%s %s/%s %.0f>%.0f", road.Class, road.Name.ZhHans, road.Name.En, (road.Line[0].Lon-121)*100+1, (road.Line[len(road.Line)-1].Lon-121)*100+1)
			if road.Oneway {
				got += " oneway"
			}
			if road.Limit > 0 {
				got += fmt.Sprint(" ", road.Limit)
			}
			if road.Bridge {
				got += " bridge"
			}
		}
		if got != c.want {
			t.Errorf("%s: %s", c.tags, got)
		}
		if (err != nil) != (c.want == "closed" || c.want == "none") {
			t.Errorf("%s: %v", c.tags, err)
		}
	}
}

// lines writes the roads as rows of the nodes' numbers.
func lines(r *geo.Roads) string {
	var all []string
	for _, road := range r.Roads {
		text := road.ID + ":"
		for _, p := range road.Line {
			text += fmt.Sprintf(" %.7f,%.7f", p.Lat-31, p.Lon-121)
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

func TestWhatBars(t *testing.T) {
	at := func(n int, tags string) []string {
		nodes := slices.Clone(line)
		nodes[n-1] += ";" + tags
		return nodes
	}
	whole := "w100: 0.9000000,0.0000000 0.9000000,0.0100000 0.9000000,0.0200000"
	split := "w100: 0.9000000,0.0000000 0.9000001,0.0100000; w100.2: 0.9000002,0.0100000 0.9000000,0.0200000"
	for tags, want := range map[string]string{
		"highway=crossing": whole, "barrier=gate": whole, "barrier=lift_gate": whole, "barrier=bollard,motor_vehicle=yes": whole,
		"barrier=bollard": split, "barrier=gate,access=private": split, "barrier=block": split,
	} {
		r, _ := read(t, small(at(2, tags), "1 2 3;highway=primary"))
		if got := lines(r); got != want {
			t.Errorf("%s: %s", tags, got)
		}
	}
	// two roads through one bollard: nobody gets from any end to any other
	r, _ := read(t, small(at(2, "barrier=bollard"), "1 2 3;highway=primary", "4 2 5;highway=primary"))
	seen := map[geo.Point]bool{}
	for _, road := range r.Roads {
		for _, p := range road.Line {
			if seen[p] {
				t.Errorf("%v is shared: %s", p, lines(r))
			}
			seen[p] = true
		}
	}
	if len(r.Roads) != 4 {
		t.Errorf("%d roads", len(r.Roads))
	}
}

func TestEdges(t *testing.T) {
	// what the file leaves out splits a road; a road without two points is none
	r, left := read(t, small(line, "1 2 99 3 4;highway=primary", "99 5;highway=primary", "1 5;highway=path", "2 2 3;highway=primary"))
	if got := lines(r); got != "w100: 0.9000000,0.0000000 0.9000000,0.0100000; w100.2: 0.9000000,0.0200000 0.9000000,0.0300000; w103: 0.9000000,0.0100000 0.9000000,0.0200000" || left != (Left{Cut: 1}) {
		t.Errorf("%s %+v", got, left)
	}
	// two nodes at one place are two places: a bridge over a road meets it nowhere
	r, _ = read(t, small([]string{"31.9 121", "31.9 121.01", "31.9 121.01", "31.9 121.02"}, "1 2;highway=primary", "3 4;highway=primary"))
	if r.Roads[0].Line[1] == r.Roads[1].Line[0] || geo.Distance(r.Roads[0].Line[1], r.Roads[1].Line[0]) > 0.05 {
		t.Error(lines(r))
	}
	// elsewhere
	r, left, err := Read(context.Background(), bytesOf(small(line, "1 2;highway=primary", "4 5;highway=primary")), Options{Inside: func(p geo.Point) bool { return p.Lon < 121.02 }})
	if err != nil || len(r.Roads) != 1 || left.Outside != 1 {
		t.Errorf("%v %+v", err, left)
	}
	// packed, with a mark in front, and read to its end
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(append([]byte("\xef\xbb\xbf\n"), small(line, "1 2;highway=primary")...))
	w.Close()
	told := int64(0)
	if _, _, err := Read(context.Background(), bytesOf(z.Bytes()), Options{Progress: func(n int64) { told = n }}); err != nil || told != int64(z.Len()) {
		t.Errorf("%v, %d of %d bytes", err, told, z.Len())
	}
}

func TestHostileFiles(t *testing.T) {
	good := small(line, "1 2 3;highway=primary")
	pbf := pbfOf(t, good, true)
	for name, b := range map[string][]byte{
		"empty": nil, "text": []byte("hello"), "other xml": []byte("<html><osm/></html>"), "cut": good[:len(good)/2], "unclosed": []byte("<osm>"),
		"no number": []byte(`<osm><node lat="1" lon="2"/></osm>`), "no place": []byte(`<osm><node id="1" lat="x" lon="2"/></osm>`),
		"nowhere": small([]string{"99 121", "31 121"}, "1 2;highway=primary"), "no ref": small(line, "x;highway=primary"),
		"many refs": small(line, strings.Repeat("1 2 ", mostRefs)+";highway=primary"),
		"endless":   append([]byte("<osm><node id='"), bytes.Repeat([]byte("1"), 3*longestPart)...),
		"gzip":      []byte("\x1f\x8b\x00"), "cut pbf": pbf[:len(pbf)-5], "long head": {0xff, 0xff, 0xff, 0xff}, "no head": pbf[4+len("x"):],
		"nothing in it": small(line),
	} {
		_, _, err := Read(context.Background(), bytesOf(b), Options{})
		var e *city.Error
		if !errors.As(err, &e) || e.Kind != city.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Read(ctx, bytesOf(good), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	r := &bounded{ctx: context.Background(), r: strings.NewReader(strings.Repeat("a", 5000)), left: 4096}
	var e *city.Error
	if _, err := io.ReadAll(r); !errors.As(err, &e) || e.Kind != city.KindTooLarge {
		t.Errorf("%v", err)
	}
	blob := protowire.AppendTag(nil, 3, protowire.BytesType)
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(make([]byte, longestBlob+1))
	w.Close()
	if _, err := unpack(protowire.AppendBytes(blob, z.Bytes())); err == nil {
		t.Error("a blob without end was unpacked")
	}
	if understood(protowire.AppendBytes(protowire.AppendTag(nil, 4, protowire.BytesType), []byte("LocationsOnWays"))) == nil {
		t.Error("what is not understood was taken")
	}
}

// pbfOf writes a file's nodes and ways as PBF, nodes dense or each by itself.
func pbfOf(t testing.TB, xml []byte, dense bool) []byte {
	t.Helper()
	number := func(b []byte, n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
	}
	message := func(b []byte, n protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
	}
	zig := protowire.EncodeZigZag
	var out []byte
	put := func(kind string, data []byte) {
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		w.Write(data)
		w.Close()
		blob := message(number(nil, 2, uint64(len(data))), 3, z.Bytes())
		head := number(message(nil, 1, []byte(kind)), 3, uint64(len(blob)))
		out = binary.BigEndian.AppendUint32(out, uint32(len(head)))
		out = append(append(out, head...), blob...)
	}
	put("OSMHeader", message(message(nil, 4, []byte("OsmSchema-V0.6")), 4, []byte("DenseNodes")))
	texts, table := map[string]uint64{"": 0}, message(nil, 1, nil)
	text := func(s string) uint64 {
		if _, ok := texts[s]; !ok {
			texts[s] = uint64(len(texts))
			table = message(table, 1, []byte(s))
		}
		return texts[s]
	}
	var group, ids, lats, lons, pairs []byte
	var id, lat, lon int64
	grid := func(v float64) int64 { return int64(math.Round(v * 1e7)) }
	err := scanXML(bytes.NewReader(xml), func(e *element) error {
		var keys, values []byte
		var names []string
		for k := range e.tags {
			names = append(names, k)
		}
		slices.Sort(names)
		for _, k := range names {
			keys, values = protowire.AppendVarint(keys, text(k)), protowire.AppendVarint(values, text(e.tags[k]))
			if !e.way && dense {
				pairs = protowire.AppendVarint(protowire.AppendVarint(pairs, text(k)), text(e.tags[k]))
			}
		}
		switch {
		case e.way:
			var refs []byte
			last := int64(0)
			for _, r := range e.refs {
				refs = protowire.AppendVarint(refs, zig(r-last))
				last = r
			}
			group = message(group, 3, message(message(message(number(nil, 1, uint64(e.id)), 2, keys), 3, values), 8, refs))
		case dense:
			pairs = append(pairs, 0)
			ids = protowire.AppendVarint(ids, zig(e.id-id))
			lats = protowire.AppendVarint(lats, zig(grid(e.lat)-lat))
			lons = protowire.AppendVarint(lons, zig(grid(e.lon)-lon))
			id, lat, lon = e.id, grid(e.lat), grid(e.lon)
		default:
			n := number(nil, 1, zig(e.id))
			n = message(message(n, 2, keys), 3, values)
			group = message(group, 1, number(number(n, 8, zig(grid(e.lat))), 9, zig(grid(e.lon))))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if dense {
		group = append(message(nil, 2, message(message(message(message(nil, 1, ids), 8, lats), 9, lons), 10, pairs)), group...)
	}
	put("OSMData", message(message(nil, 1, table), 2, group))
	return out
}

// monaco is a small country's map, unpacked.
func monaco(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../../../shared/data/osm/monaco.osm.gz")
	if errors.Is(err, os.ErrNotExist) && os.Getenv("YIWANG_REQUIRE_SHARED") != "1" {
		t.Skip("the shared data is not here: ../shared/data/osm/monaco.osm.gz")
	}
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return b
}

// The library that everybody uses reads the same nodes and ways from the same
// bytes, from XML and from PBF.
func TestTheUsualLibraryReadsTheSame(t *testing.T) {
	xml := monaco(t)
	pbf := pbfOf(t, xml, true)
	theirs := func(s peer.Scanner) map[string]string {
		defer s.Close()
		all := map[string]string{}
		for s.Scan() {
			switch o := s.Object().(type) {
			case *peer.Node:
				all[fmt.Sprint("node ", o.ID)] = fmt.Sprintf("%.7f %.7f %v", o.Lat, o.Lon, o.Tags.Map())
			case *peer.Way:
				all[fmt.Sprint("way ", o.ID)] = fmt.Sprint(o.Nodes.NodeIDs(), o.Tags.Map())
			}
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		return all
	}
	ours := func(scan func(io.Reader, func(*element) error) error, b []byte) map[string]string {
		all := map[string]string{}
		if err := scan(bytes.NewReader(b), func(e *element) error {
			if e.way {
				all[fmt.Sprint("way ", e.id)] = fmt.Sprint(e.refs, e.tags)
			} else {
				all[fmt.Sprint("node ", e.id)] = fmt.Sprintf("%.7f %.7f %v", e.lat, e.lon, e.tags)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	same := func(what string, a, b map[string]string) {
		if len(a) < 13_000 || len(a) != len(b) {
			t.Errorf("%s: %d and %d", what, len(a), len(b))
		}
		for k, v := range a {
			if b[k] != v {
				t.Fatalf("%s: %s is %q and %q", what, k, v, b[k])
			}
		}
	}
	ctx := context.Background()
	of := ours(scanXML, xml)
	same("XML", of, theirs(osmxml.New(ctx, bytes.NewReader(xml))))
	same("PBF", ours(scanPBF, pbf), theirs(osmpbf.New(ctx, bytes.NewReader(pbf), 1)))
	same("both", of, ours(scanPBF, pbf))
	same("single nodes", of, ours(scanPBF, pbfOf(t, xml, false)))
}

// A truck in Monaco: the network holds together, no junction is reached faster than
// the crow flies, and none that a longer time reaches earlier.
func TestMonaco(t *testing.T) {
	xml := monaco(t)
	r, left := read(t, xml)
	again, leftAgain := read(t, pbfOf(t, xml, true))
	if lines(r) != lines(again) || left != leftAgain {
		t.Error("XML and PBF give two networks")
	}
	b, err := r.Write()
	if err != nil {
		t.Fatal(err)
	}
	if written, faults := geo.ReadRoads(b, []geo.Point{{Lat: 43.74, Lon: 7.42}}); len(faults) > 0 || lines(written) != lines(r) {
		t.Errorf("what is written can't be read: %v", faults)
	}
	g := geo.NewGraph(r)
	nodes, edges := g.Size()
	t.Logf("%d roads, %d nodes, %d edges, left out %+v", len(r.Roads), nodes, edges, left)
	oneway := 0
	for _, road := range r.Roads {
		if road.Oneway {
			oneway++
		}
	}
	if len(r.Roads) < 400 || oneway < 200 || left.Closed < 5 || nodes < 500 {
		t.Errorf("%d roads, %d one-way, %d closed, %d nodes", len(r.Roads), oneway, left.Closed, nodes)
	}
	pace := geo.Pace{80, 60, 50, 30}
	spot, ok := g.Snap(geo.Point{Lat: 43.7384, Lon: 7.4246}, -1) // in the middle of the town
	if !ok {
		t.Fatal("no road")
	}
	far := g.Reach(spot, pace, time.Hour)
	if len(far.Junctions) < nodes/3 {
		t.Errorf("%d junctions of %d nodes are reached in an hour", len(far.Junctions), nodes)
	}
	for _, j := range far.Junctions {
		crow := geo.Distance(spot.At, j.At) / (80 / 3.6)
		if j.After.Seconds() < crow-0.01 {
			t.Errorf("%v is reached in %s and is %.1f s away as the crow flies", j.At, j.After, crow)
		}
	}
	short := g.Reach(spot, pace, 2*time.Minute)
	if len(short.Junctions) == 0 || len(short.Junctions) >= len(far.Junctions) || short.Metres >= far.Metres {
		t.Errorf("%d junctions and %.0f m in two minutes, %d and %.0f m in an hour", len(short.Junctions), short.Metres, len(far.Junctions), far.Metres)
	}
	for i, j := range short.Junctions {
		if far.Junctions[i].At != j.At || far.Junctions[i].After != j.After {
			t.Fatalf("junction %d is another in an hour", i)
		}
	}
	if area := short.Outline(); len(area) != 1 || !area[0].Contains(spot.At) {
		t.Errorf("%d outlines", len(area))
	}
}

func FuzzRead(f *testing.F) {
	good := small(append(slices.Clone(line), "31.9 121.05;barrier=bollard"), "1 2 6 3;highway=primary,oneway=-1", "3 4 5;highway=service,access=private")
	f.Add(good)
	f.Add(pbfOf(f, good, true))
	f.Add(pbfOf(f, good, false))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, _, err := Read(context.Background(), bytesOf(b), Options{})
		if err != nil {
			return
		}
		raw, err := r.Write()
		if err != nil {
			t.Fatal(err)
		}
		if g := geo.NewGraph(r); g != nil {
			if s, ok := g.Snap(r.Roads[0].Line[0], 0); ok {
				g.Reach(s, geo.Pace{80, 60, 50, 30}, time.Minute).Outline()
			}
		}
		if again, faults := geo.ReadRoads(raw, nil); len(faults) == 0 && lines(again) != lines(r) {
			t.Error("what was written is read as something else")
		}
	})
}

// The inside of a block without its packing, where a fuzzer gets further.
func FuzzBlock(f *testing.F) {
	for _, dense := range []bool{false, true} {
		b := pbfOf(f, small(line, "1 2;highway=primary"), dense)
		skip := 4 + int(binary.BigEndian.Uint32(b))
		_, size, _ := blobHead(bytes.NewReader(b[4:]), binary.BigEndian.Uint32(b))
		b = b[skip+int(size):]
		_, size, err := blobHead(bytes.NewReader(b[4:]), binary.BigEndian.Uint32(b))
		if err != nil {
			f.Fatal(err)
		}
		data, err := unpack(b[len(b)-int(size):])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k := &block{e: &element{tags: map[string]string{}}}
		_ = k.read(b, func(e *element) error {
			if len(e.refs) > mostRefs || len(e.tags) > mostTags {
				t.Error("an element beyond all bounds")
			}
			return nil
		})
	})
}
