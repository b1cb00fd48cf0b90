package osm

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"yiwang/city"
	"yiwang/geo"
)

// Bounds of a file.
const (
	mostBytes = 16 << 30 // unpacked
	mostWays  = 400_000  // that are roads
	mostNodes = 4_000_000
)

// Left counts what was not taken, by why.
type Left struct {
	Closed  int // roads that motor vehicles may not enter
	Cut     int // roads of which the file has fewer than two points
	Outside int // roads that lie elsewhere
}

// Options say which roads are wanted.
type Options struct {
	// Inside reports whether a road that begins here belongs to the city; nil takes
	// all.
	Inside func(geo.Point) bool
	// Progress is told now and then how many bytes were read.
	Progress func(n int64)
}

// Read gives the roads of a file that motor vehicles may drive. The file is opened
// twice: first its roads are found, then where they lie. A road is split where
// something bars it, so that nobody is thought to drive through a bollard; bans on
// turning are not read.
func Read(ctx context.Context, open func() (io.ReadCloser, error), o Options) (*geo.Roads, Left, error) {
	n := &network{places: map[int64]place{}, taken: map[geo.Point]int64{}, alone: math.MinInt64 + 1<<40, o: o}
	for _, each := range []func(*element) error{n.findWay, n.findPlace} {
		if err := scan(ctx, open, o.Progress, each); err != nil {
			var known *city.Error
			if errors.As(err, &known) || ctx.Err() != nil {
				return nil, n.left, err
			}
			return nil, n.left, city.Invalid("geo.osm.unreadable", "detail", err.Error())
		}
	}
	n.build()
	if len(n.roads.Roads) == 0 {
		return nil, n.left, city.Invalid("geo.osm.none")
	}
	n.roads.Source = city.Text{ZhHans: city.Say(city.Chinese, "geo.osm.source"), En: city.Say(city.English, "geo.osm.source")}
	return &n.roads, n.left, nil
}

// scan tells the nodes and ways of a file whose kind shows in its first bytes.
func scan(ctx context.Context, open func() (io.ReadCloser, error), progress func(int64), each func(*element) error) error {
	f, err := open()
	if err != nil {
		return err
	}
	defer f.Close()
	b := bufio.NewReaderSize(&counted{r: f, progress: progress}, 1<<16)
	if head, _ := b.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return err
		}
		b = bufio.NewReaderSize(z, 1<<16)
	}
	r := &bounded{ctx: ctx, r: b, left: mostBytes}
	head, _ := b.Peek(64)
	if text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"); len(text) > 0 && text[0] == '<' {
		return scanXML(r, each)
	}
	return scanPBF(r, each)
}

type counted struct {
	r        io.Reader
	n        int64
	progress func(int64)
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	if c.progress != nil {
		c.progress(c.n)
	}
	return n, err
}

// bounded ends what unpacks without end, and what nobody waits for.
type bounded struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.left <= 0 {
		return 0, city.TooLarge("geo.osm.too_large", "gb", mostBytes>>30)
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}

// network gathers roads.
type network struct {
	o      Options
	ways   []way
	places map[int64]place // of nodes that roads need
	taken  map[geo.Point]int64
	alone  int64 // below the numbers of nodes
	roads  geo.Roads
	left   Left
}

type way struct {
	id    int64
	class geo.RoadClass
	name  city.Text
	refs  []int64

	bridge, oneway bool
	limit          int
}

type place struct {
	at            geo.Point
	known, barred bool
}

func (n *network) findWay(e *element) error {
	if !e.way {
		return nil
	}
	class := classes[e.tags["highway"]]
	if class == "" || e.tags["area"] == "yes" {
		return nil
	}
	if !enters(e.tags) {
		n.left.Closed++
		return nil
	}
	if len(n.ways) >= mostWays || len(n.places) > mostNodes {
		return city.TooLarge("geo.osm.too_many", "roads", mostWays, "points", mostNodes)
	}
	w := way{id: e.id, class: class, name: nameOf(e.tags), refs: slices.Clone(e.refs), bridge: e.tags["bridge"] != "" && e.tags["bridge"] != "no", limit: limitOf(e.tags)}
	switch direction(e.tags) {
	case 1:
		w.oneway = true
	case -1:
		w.oneway = true
		slices.Reverse(w.refs)
	}
	for _, ref := range w.refs {
		n.places[ref] = place{}
	}
	n.ways = append(n.ways, w)
	return nil
}

func (n *network) findPlace(e *element) error {
	if e.way {
		return nil
	}
	if _, needed := n.places[e.id]; !needed {
		return nil
	}
	p := geo.Point{Lat: math.Round(e.lat*1e7) / 1e7, Lon: math.Round(e.lon*1e7) / 1e7}
	if !p.Valid() {
		return fmt.Errorf("node %d lies nowhere on earth", e.id)
	}
	n.places[e.id] = place{at: n.own(p, e.id), known: true, barred: bars(e.tags)}
	return nil
}

// own gives a node a place that no other has, a centimetre aside where needed: in
// the city's file roads meet where they have a point in common.
func (n *network) own(p geo.Point, id int64) geo.Point {
	for {
		if who, ok := n.taken[p]; !ok || who == id {
			n.taken[p] = id
			return p
		}
		p.Lat = math.Round((p.Lat+1e-7)*1e7) / 1e7
		if p.Lat > 90 {
			p.Lat = -90
		}
	}
}

// apart is a place beside the given one that nothing else has.
func (n *network) apart(p geo.Point) geo.Point {
	n.alone--
	return n.own(p, n.alone)
}

// build makes roads of ways, in the order of their numbers.
func (n *network) build() {
	slices.SortFunc(n.ways, func(a, b way) int { return int(max(-1, min(1, a.id-b.id))) })
	for i, w := range n.ways {
		if i > 0 && w.id == n.ways[i-1].id {
			continue // a file of many versions
		}
		part := 0
		var line []geo.Point
		end := func() {
			if len(line) >= 2 {
				n.add(&w, part, line)
				part++
			}
			line = nil
		}
		for _, ref := range w.refs {
			p := n.places[ref]
			switch {
			case !p.known: // beyond the edge of the file
				end()
			case p.barred:
				line = append(line, n.apart(p.at)) // each road ends there by itself
				end()
				line = append(line, n.apart(p.at))
			default:
				if len(line) == 0 || line[len(line)-1] != p.at {
					line = append(line, p.at)
				}
			}
		}
		end()
		if part == 0 {
			n.left.Cut++
		}
	}
}

func (n *network) add(w *way, part int, line []geo.Point) {
	if n.o.Inside != nil && !n.o.Inside(line[0]) {
		n.left.Outside++
		return
	}
	id := "w" + strconv.FormatInt(w.id, 10)
	if part > 0 {
		id += "." + strconv.Itoa(part+1)
	}
	box := geo.BoxOf(line)
	if len(n.roads.Roads) == 0 {
		n.roads.Box = box
	}
	n.roads.Box = n.roads.Box.Extend(geo.Point{Lat: box.South, Lon: box.West}).Extend(geo.Point{Lat: box.North, Lon: box.East})
	n.roads.Roads = append(n.roads.Roads, geo.Road{ID: id, Class: w.class, Name: w.name, Bridge: w.bridge, Oneway: w.oneway, Limit: w.limit, Line: line, Box: box})
}

// classes are the kinds of highway that motor vehicles drive.
var classes = map[string]geo.RoadClass{
	"motorway": geo.Motorway, "motorway_link": geo.Motorway,
	"trunk": geo.Primary, "trunk_link": geo.Primary, "primary": geo.Primary, "primary_link": geo.Primary,
	"secondary": geo.Secondary, "secondary_link": geo.Secondary, "tertiary": geo.Secondary, "tertiary_link": geo.Secondary,
	"unclassified": geo.Residential, "residential": geo.Residential, "living_street": geo.Residential, "road": geo.Residential, "service": geo.Residential,
}

// enters reports whether motor vehicles may; the narrower word counts.
func enters(tags map[string]string) bool {
	for _, key := range []string{"motor_vehicle", "vehicle", "access"} {
		switch tags[key] {
		case "":
		case "no", "private", "agricultural", "forestry", "emergency", "military":
			return false
		default:
			return true
		}
	}
	return true
}

// barriers are those that stop motor vehicles unless it is said that they may pass.
var barriers = []string{"bollard", "block", "chain", "cycle_barrier", "debris", "fence", "full-height_turnstile", "hampshire_gate", "horse_stile", "jersey_barrier",
	"kissing_gate", "log", "motorcycle_barrier", "spikes", "stile", "turnstile", "wall", "yes"}

func bars(tags map[string]string) bool {
	barrier := tags["barrier"]
	if barrier == "" {
		return false
	}
	if tags["motor_vehicle"] != "" || tags["vehicle"] != "" || tags["access"] != "" {
		return !enters(tags)
	}
	return slices.Contains(barriers, barrier)
}

// direction is 1 for a road that is driven as it is drawn only, -1 for one that is
// driven against it, 0 for both ways.
func direction(tags map[string]string) int {
	oneway := tags["oneway"]
	for _, key := range []string{"oneway:motor_vehicle", "oneway:vehicle"} {
		if v := tags[key]; v != "" {
			oneway = v
			break
		}
	}
	switch oneway {
	case "yes", "true", "1":
		return 1
	case "-1", "reverse":
		return -1
	case "":
		if j := tags["junction"]; j == "roundabout" || j == "circular" || strings.HasPrefix(tags["highway"], "motorway") {
			return 1
		}
	}
	return 0
}

// limitOf reads km/h, or "30 mph"; words and what can't be are no limit.
func limitOf(tags map[string]string) int {
	text, factor := strings.TrimSpace(tags["maxspeed"]), 1.0
	if mph, ok := strings.CutSuffix(text, "mph"); ok {
		text, factor = mph, 1.609344
	}
	v, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(text, "km/h")))
	v = int(math.Round(float64(v) * factor))
	if err != nil || v < 1 || v > 150 {
		return 0
	}
	return v
}

const longestName = 100 // characters

// nameOf is a road's name in both languages; where a map has one, it stands for the
// other, and a road's number for a name that is missing.
func nameOf(tags map[string]string) city.Text {
	first := func(keys ...string) string {
		for _, k := range keys {
			if v := strings.Join(strings.Fields(tags[k]), " "); v != "" && utf8.ValidString(v) && utf8.RuneCountInString(v) <= longestName {
				return v
			}
		}
		return ""
	}
	return city.Text{ZhHans: first("name:zh-Hans", "name:zh", "name", "name:en", "ref"), En: first("name:en", "name", "name:zh-Hans", "name:zh", "ref")}
}
