package jt808

import (
	"encoding/binary"
	"iter"
	"math"
)

// Items are the additional items of a position (位置附加信息) as carried: id,
// length, value, one behind the other.
type Items []byte

// ItemID is the kind of an additional item.
type ItemID uint8

const (
	ItemMileage     ItemID = 0x01
	ItemFuel        ItemID = 0x02
	ItemRecorder    ItemID = 0x03
	ItemConfirm     ItemID = 0x04
	ItemTyres       ItemID = 0x05 // 2019
	ItemCabin       ItemID = 0x06 // 2019
	ItemOverspeed   ItemID = 0x11
	ItemCrossing    ItemID = 0x12
	ItemSectionTime ItemID = 0x13
	ItemSignals     ItemID = 0x25
	ItemIO          ItemID = 0x2a
	ItemAnalog      ItemID = 0x2b
	ItemRadio       ItemID = 0x30
	ItemSatellites  ItemID = 0x31
)

// MarshalText writes the id in hexadecimal.
func (id ItemID) MarshalText() ([]byte, error) { return Hex{byte(id)}.MarshalText() }

// cut takes the first item.
func (it Items) cut() (id ItemID, value []byte, rest Items, ok bool) {
	if len(it) < 2 || len(it) < 2+int(it[1]) {
		return 0, nil, it, false
	}
	n := 2 + int(it[1])
	return ItemID(it[0]), it[2:n:n], it[n:], true
}

// All goes through the items in order and ends where the bytes no longer make
// one; Rest are those.
func (it Items) All() iter.Seq2[ItemID, []byte] {
	return func(yield func(ItemID, []byte) bool) {
		for {
			id, value, rest, ok := it.cut()
			if !ok || !yield(id, value) {
				return
			}
			it = rest
		}
	}
}

// Rest are the bytes behind the last item that are none; empty as a rule.
func (it Items) Rest() []byte {
	for {
		_, _, rest, ok := it.cut()
		if !ok {
			return it
		}
		it = rest
	}
}

// Find is the value of the first item of that id.
func (it Items) Find(id ItemID) ([]byte, bool) {
	for {
		i, value, rest, ok := it.cut()
		if !ok || i == id {
			return value, ok
		}
		it = rest
	}
}

// Add writes one more item behind; at most 255 bytes have room in one.
func (it Items) Add(id ItemID, value []byte) (Items, error) {
	if len(value) > 255 {
		return it, refuse(BadField)
	}
	return append(append(it, byte(id), byte(len(value))), value...), nil
}

// Extras are the additional items as values. Which were there says Has.
type Extras struct {
	has uint64 // bit n: item n was there

	Mileage    uint32    // tenths of km, as the odometer shows
	Fuel       uint16    // tenths of a litre
	Recorder   uint16    // speed by the driving recorder, tenths of km/h
	Confirm    uint16    // id of an alarm event that a person has to confirm
	Tyres      [30]uint8 // Pa as the standard has it, from front left; 255 no such tyre
	Cabin      int16     // degrees Celsius in the body
	Overspeed  Place     // where it is too fast
	Crossing   Crossing
	Section    SectionTime
	Signals    Signals
	IO         uint16 // bit 0 deep sleep, bit 1 sleep
	AD0, AD1   uint16 // analog inputs
	Radio      uint8  // strength of the mobile network's signal
	Satellites uint8

	// Other are the vendor's items, and standard ones of another length than the
	// standard's or that came twice, raw and in order.
	Other []Item
	Rest  Hex // see Items.Rest
}

// Item is an additional item nobody here understands.
type Item struct {
	ID    ItemID `json:"id"`
	Value Hex    `json:"value"`
}

// Place is an area or a route known to the terminal.
type Place struct {
	Kind uint8  `json:"kind"` // 0 none in particular, 1 circle, 2 rectangle, 3 polygon, 4 route or section
	ID   uint32 `json:"id,omitempty"`
}

// Crossing is entering or leaving an area or a route (进出区域/路线报警).
type Crossing struct {
	Place
	Direction uint8 `json:"direction"` // 0 in, 1 out
}

// SectionTime tells that a section of a route was driven too fast or too slowly
// (路段行驶时间不足/过长).
type SectionTime struct {
	Section uint32 `json:"section"`
	Seconds uint16 `json:"seconds"`
	Result  uint8  `json:"result"` // 0 too short, 1 too long
}

// Signals are lamps, brake, horn and the like (扩展车辆信号状态位).
type Signals uint32

var signalNames = [32]string{
	"low_beam", "high_beam", "right_turn", "left_turn", "brake", "reverse", "fog_lamp", "clearance_lamp",
	"horn", "air_conditioner", "neutral", "retarder", "abs", "heater", "clutch",
}

// Names lists the bits that are set.
func (s Signals) Names() []string { return names(uint32(s), 0, &signalNames) }

// Has tells whether the item was there and is one of those with a field.
func (e *Extras) Has(id ItemID) bool { return id < 64 && e.has>>id&1 != 0 }

// Set marks the item as there, for Append.
func (e *Extras) Set(id ItemID) { e.has |= 1 << id }

// Decode reads the items. It allocates only for those it doesn't understand,
// whose values lie in the items.
func (it Items) Decode(e *Extras) {
	*e = Extras{Other: e.Other[:0]}
	for {
		id, value, rest, ok := it.cut()
		if !ok {
			break
		}
		it = rest
		if e.Has(id) || !e.read(id, value) {
			e.Other = append(e.Other, Item{id, value})
			continue
		}
		e.has |= 1 << id
	}
	if len(it) > 0 {
		e.Rest = Hex(it)
	}
}

// read takes a standard item of standard length.
func (e *Extras) read(id ItemID, v []byte) bool {
	if id >= 64 || itemSizes[id] == 0 || len(v) != itemSizes[id] && (id != ItemOverspeed || len(v) != 1) {
		return false
	}
	switch id {
	case ItemMileage:
		e.Mileage = binary.BigEndian.Uint32(v)
	case ItemFuel:
		e.Fuel = binary.BigEndian.Uint16(v)
	case ItemRecorder:
		e.Recorder = binary.BigEndian.Uint16(v)
	case ItemConfirm:
		e.Confirm = binary.BigEndian.Uint16(v)
	case ItemTyres:
		copy(e.Tyres[:], v)
	case ItemCabin:
		// The highest bit is the sign, the others the amount.
		e.Cabin = int16(binary.BigEndian.Uint16(v) & 0x7fff)
		if v[0]&0x80 != 0 {
			e.Cabin = -e.Cabin
		}
	case ItemOverspeed:
		e.Overspeed.Kind = v[0]
		if len(v) > 1 {
			e.Overspeed.ID = binary.BigEndian.Uint32(v[1:])
		}
	case ItemCrossing:
		e.Crossing = Crossing{Place{v[0], binary.BigEndian.Uint32(v[1:])}, v[5]}
	case ItemSectionTime:
		e.Section = SectionTime{binary.BigEndian.Uint32(v), binary.BigEndian.Uint16(v[4:]), v[6]}
	case ItemSignals:
		e.Signals = Signals(binary.BigEndian.Uint32(v))
	case ItemIO:
		e.IO = binary.BigEndian.Uint16(v)
	case ItemAnalog:
		e.AD1, e.AD0 = binary.BigEndian.Uint16(v), binary.BigEndian.Uint16(v[2:])
	case ItemRadio:
		e.Radio = v[0]
	case ItemSatellites:
		e.Satellites = v[0]
	}
	return true
}

var itemSizes = [64]int{
	ItemMileage: 4, ItemFuel: 2, ItemRecorder: 2, ItemConfirm: 2, ItemTyres: 30, ItemCabin: 2, ItemOverspeed: 5,
	ItemCrossing: 6, ItemSectionTime: 7, ItemSignals: 4, ItemIO: 2, ItemAnalog: 4, ItemRadio: 1, ItemSatellites: 1,
}

// Append writes the items: those with a field by their ids, then the others.
func (e *Extras) Append(dst Items) (Items, error) {
	u16, u32 := binary.BigEndian.AppendUint16, binary.BigEndian.AppendUint32
	for id := ItemID(0); id < 64; id++ {
		if !e.Has(id) {
			continue
		}
		size := itemSizes[id]
		if size == 0 || id == ItemCabin && e.Cabin == math.MinInt16 {
			return dst, refuse(BadField)
		}
		if id == ItemOverspeed && e.Overspeed == (Place{}) {
			size = 1
		}
		dst = append(dst, byte(id), byte(size))
		switch id {
		case ItemMileage:
			dst = u32(dst, e.Mileage)
		case ItemFuel:
			dst = u16(dst, e.Fuel)
		case ItemRecorder:
			dst = u16(dst, e.Recorder)
		case ItemConfirm:
			dst = u16(dst, e.Confirm)
		case ItemTyres:
			dst = append(dst, e.Tyres[:]...)
		case ItemCabin:
			amount := uint16(e.Cabin)
			if e.Cabin < 0 {
				amount = -amount | 0x8000
			}
			dst = u16(dst, amount)
		case ItemOverspeed:
			if dst = append(dst, e.Overspeed.Kind); size > 1 {
				dst = u32(dst, e.Overspeed.ID)
			}
		case ItemCrossing:
			dst = append(u32(append(dst, e.Crossing.Kind), e.Crossing.ID), e.Crossing.Direction)
		case ItemSectionTime:
			dst = append(u16(u32(dst, e.Section.Section), e.Section.Seconds), e.Section.Result)
		case ItemSignals:
			dst = u32(dst, uint32(e.Signals))
		case ItemIO:
			dst = u16(dst, e.IO)
		case ItemAnalog:
			dst = u16(u16(dst, e.AD1), e.AD0)
		case ItemRadio:
			dst = append(dst, e.Radio)
		case ItemSatellites:
			dst = append(dst, e.Satellites)
		}
	}
	for _, o := range e.Other {
		var err error
		if dst, err = dst.Add(o.ID, o.Value); err != nil {
			return dst, err
		}
	}
	return append(dst, e.Rest...), nil
}
