package history

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"yiwang/city"
	"yiwang/geo"
)

// Position is where a vehicle was at a moment.
type Position struct {
	Vehicle  string  `parquet:"vehicle,dict"`                          // its plate as registered
	At       int64   `parquet:"at,timestamp(microsecond),delta"`       // when it was there, microseconds since 1970 UTC
	Received int64   `parquet:"received,timestamp(microsecond),delta"` // when we heard of it
	Lat      float64 `parquet:"lat"`                                   // WGS-84 degrees
	Lon      float64 `parquet:"lon"`
	Speed    float32 `parquet:"speed"`         // km/h
	Heading  uint16  `parquet:"heading"`       // degrees, 0 north, 90 east
	Altitude int16   `parquet:"altitude"`      // metres
	Status   uint32  `parquet:"status,dict"`   // bits as in JT/T 808 table 24
	Alarm    uint32  `parquet:"alarm,dict"`    // bits as in JT/T 808 table 23
	Mileage  uint32  `parquet:"mileage,delta"` // tenths of a kilometre
	Source   uint8   `parquet:"source,dict"`   // the door it came by; whoever appends numbers them
}

// Bounds of a position. A clock that is a year behind or a day ahead would spread
// one terminal over folders that nobody looks into.
const (
	longestVehicle = 64 // bytes
	mostLate       = 366 * 24 * 3600 * 1_000_000
	mostAhead      = 24 * 3600 * 1_000_000
	earliest       = 946_684_800_000_000   // 2000-01-01
	latest         = 4_102_444_800_000_000 // 2100-01-01
)

// Check tells why the position can't be kept: a vehicle without a name or with one
// over 64 bytes, a place nowhere on earth, a speed that is no number, or a time
// over a year before or a day after it was received.
func (p *Position) Check() error {
	switch {
	case p.Vehicle == "" || len(p.Vehicle) > longestVehicle || !utf8.ValidString(p.Vehicle) || strings.IndexByte(p.Vehicle, 0) >= 0:
		return city.Invalid("history.vehicle", "max", longestVehicle)
	case !(geo.Point{Lat: p.Lat, Lon: p.Lon}).Valid():
		return city.Invalid("history.nowhere")
	case math.IsNaN(float64(p.Speed)) || math.IsInf(float64(p.Speed), 0):
		return city.Invalid("history.speed")
	case p.At < earliest || p.At >= latest || p.Received < earliest || p.Received >= latest || p.At < p.Received-mostLate || p.At > p.Received+mostAhead:
		return city.Invalid("history.time")
	}
	return nil
}

// same reports whether both tell one thing: a terminal that got no answer sends
// its position again.
func (p *Position) same(o *Position) bool {
	return p.At == o.At && p.Lat == o.Lat && p.Lon == o.Lon && p.Vehicle == o.Vehicle
}

// compare orders by vehicle, time, place and when it was received.
func compare(a, b *Position) int {
	switch {
	case a.Vehicle != b.Vehicle:
		return strings.Compare(a.Vehicle, b.Vehicle)
	case a.At != b.At:
		return order(a.At < b.At)
	case a.Lat != b.Lat:
		return order(a.Lat < b.Lat)
	case a.Lon != b.Lon:
		return order(a.Lon < b.Lon)
	case a.Received != b.Received:
		return order(a.Received < b.Received)
	}
	return 0
}

func order(less bool) int {
	if less {
		return -1
	}
	return 1
}

// Bits of a record's first byte: numbers that terminals send are whole millionths
// of a degree and tenths of a km/h, and take half the room.
const (
	wholePlace = 1 << iota
	wholeSpeed
)

// put appends the position; at is the time of the one before.
func (p *Position) put(b []byte, at int64) []byte {
	lat, lon := math.Round(p.Lat*1e6), math.Round(p.Lon*1e6)
	speed := math.Round(float64(p.Speed) * 10)
	var bits byte
	if lat/1e6 == p.Lat && lon/1e6 == p.Lon {
		bits |= wholePlace
	}
	if speed >= 0 && speed <= math.MaxUint16 && float32(speed/10) == p.Speed {
		bits |= wholeSpeed
	}
	b = append(b, bits, byte(len(p.Vehicle)))
	b = append(b, p.Vehicle...)
	b = binary.AppendVarint(b, p.At-at)
	b = binary.AppendVarint(b, p.Received-p.At)
	if bits&wholePlace != 0 {
		b = binary.LittleEndian.AppendUint32(b, uint32(int32(lat)))
		b = binary.LittleEndian.AppendUint32(b, uint32(int32(lon)))
	} else {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Lat))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p.Lon))
	}
	if bits&wholeSpeed != 0 {
		b = binary.AppendUvarint(b, uint64(speed))
	} else {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(p.Speed))
	}
	b = binary.AppendUvarint(b, uint64(p.Heading))
	b = binary.AppendVarint(b, int64(p.Altitude))
	b = binary.AppendUvarint(b, uint64(p.Status))
	b = binary.AppendUvarint(b, uint64(p.Alarm))
	b = binary.AppendUvarint(b, uint64(p.Mileage))
	return append(b, p.Source)
}

// cursor takes values off a frame; after the first fault all are zero.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) bytes(n int) []byte {
	if c.bad || n > len(c.b) {
		c.bad = true
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) byte() byte {
	if v := c.bytes(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if v := c.bytes(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if v := c.bytes(8); v != nil {
		return binary.LittleEndian.Uint64(v)
	}
	return 0
}

func (c *cursor) uvarint(most uint64) uint64 {
	v, n := binary.Uvarint(c.b)
	if c.bad || n <= 0 || v > most {
		c.bad = true
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.b)
	if c.bad || n <= 0 {
		c.bad = true
		return 0
	}
	c.b = c.b[n:]
	return v
}

// take reads a position; the bytes of its vehicle are those of the frame.
func (c *cursor) take(p *Position, at int64) (vehicle []byte) {
	bits := c.byte()
	vehicle = c.bytes(int(c.byte()))
	p.At = at + c.varint()
	p.Received = p.At + c.varint()
	if bits&wholePlace != 0 {
		p.Lat, p.Lon = float64(int32(c.u32()))/1e6, float64(int32(c.u32()))/1e6
	} else {
		p.Lat, p.Lon = math.Float64frombits(c.u64()), math.Float64frombits(c.u64())
	}
	if bits&wholeSpeed != 0 {
		p.Speed = float32(float64(c.uvarint(math.MaxUint16)) / 10)
	} else {
		p.Speed = math.Float32frombits(c.u32())
	}
	p.Heading = uint16(c.uvarint(math.MaxUint16))
	altitude := c.varint()
	if altitude < math.MinInt16 || altitude > math.MaxInt16 {
		c.bad = true
	}
	p.Altitude = int16(altitude)
	p.Status = uint32(c.uvarint(math.MaxUint32))
	p.Alarm = uint32(c.uvarint(math.MaxUint32))
	p.Mileage = uint32(c.uvarint(math.MaxUint32))
	p.Source = c.byte()
	return vehicle
}

// refused says which of many it was.
func refused(i int, err error) error {
	return fmt.Errorf("position %d: %w", i, err)
}
