package jt808

import (
	"bytes"
	"encoding/hex"
	"io"
	"strings"
	"time"

	"yiwang/city"
)

// View is a frame as JSON shows it: what its header says and its message in
// everyday units, or why it was refused.
type View struct {
	ID         *ID      `json:"msg_id,omitempty"`
	Name       string   `json:"message,omitempty"`
	Phone      string   `json:"phone,omitempty"` // all digits, as carried
	V2019      *bool    `json:"v2019,omitempty"`
	Version    uint8    `json:"version,omitempty"`
	Serial     *uint16  `json:"serial,omitempty"`
	Encryption uint8    `json:"encryption,omitempty"`
	Reserved   bool     `json:"reserved,omitempty"`
	Part       *PartOf  `json:"part,omitempty"`
	Body       any      `json:"body,omitempty"`
	Whole      any      `json:"whole,omitempty"`     // with the part that completed it
	Unescaped  bool     `json:"unescaped,omitempty"` // the frame was quoted without escapes
	Error      *Refusal `json:"error,omitempty"`
	Frame      Hex      `json:"frame,omitempty"` // of a refused one, at most MaxWire bytes
}

// PartOf says which part of a message a frame is.
type PartOf struct {
	Index uint16 `json:"index"`
	Total uint16 `json:"total"`
}

// Refusal is why a frame, or its body, was refused.
type Refusal struct {
	Reason Reason `json:"reason"`
	Text   string `json:"text"`
}

// Quotes reads frames that somebody quoted in hexadecimal, and puts parts
// together on the way.
type Quotes struct {
	lang  city.Lang
	parts *Reassembler
}

// NewQuotes explains refusals in that language.
func NewQuotes(l city.Lang) *Quotes { return &Quotes{l, NewReassembler(Limits{})} }

// MaxQuote is how many characters of a quotation are read.
const MaxQuote = 1 << 18

// Read shows the frame that the text quotes, or the frames, if several stand
// behind one another. White space is left out. A frame may also be quoted without
// its escapes: it is taken so where checksum and length prove it. A refused text
// gives one refusal.
func (q *Quotes) Read(text string) []View {
	if len(text) > MaxQuote {
		return []View{q.refused(Oversize, nil)}
	}
	raw, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return []View{q.refused(NotHex, nil)}
	}
	var f Frame
	err = f.Decode(raw)
	if err == nil {
		return []View{q.View(&f)}
	}
	if f.DecodeQuoted(raw) == nil {
		v := q.View(&f)
		v.Unescaped = true
		return []View{v}
	}
	if ReasonOf(err) == BadDelimiter || ReasonOf(err) == Oversize {
		if list := q.stream(raw); list != nil {
			return list
		}
	}
	return []View{q.refused(ReasonOf(err), raw)}
}

// stream reads the bytes as a connection's; nil where no frame is among them.
func (q *Quotes) stream(raw []byte) []View {
	var list []View
	found := false
	in := NewScanner(bytes.NewReader(raw))
	for {
		wire, err := in.Next()
		if err == io.EOF {
			break
		}
		var f Frame
		if err == nil {
			if err = f.Decode(bytes.Clone(wire)); err == nil {
				found = true
				list = append(list, q.View(&f))
				continue
			}
			list = append(list, q.refused(ReasonOf(err), wire))
			continue
		}
		if e, ok := err.(*Error); ok {
			list = append(list, q.refused(e.Reason, e.Sample))
		}
	}
	if !found {
		return nil
	}
	return list
}

func (q *Quotes) refused(why Reason, raw []byte) View {
	return View{Error: q.refusal(why), Frame: bytes.Clone(raw[:min(len(raw), MaxWire)])}
}

func (q *Quotes) refusal(why Reason) *Refusal { return &Refusal{why, why.Say(q.lang)} }

// View shows a frame that was read, and lies in it.
func (q *Quotes) View(f *Frame) View {
	h := f.Header
	v := View{
		ID: &h.ID, Name: h.ID.Name(), Phone: h.PhoneDigits(), V2019: &h.V2019, Version: h.Version, Serial: &h.Serial,
		Encryption: h.Encryption, Reserved: h.Reserved,
	}
	if h.Total > 0 {
		v.Part = &PartOf{h.Index, h.Total}
	}
	m, err := f.Message()
	if err != nil {
		v.Error, v.Body = q.refusal(ReasonOf(err)), rawView{f.Body}
		return v
	}
	v.Body = Describe(m, h.V2019)
	whole, err := q.parts.Add(f, time.Time{})
	switch {
	case err != nil:
		v.Error = q.refusal(ReasonOf(err))
	case whole != nil && whole != f:
		if m, err = whole.Message(); err != nil {
			v.Error = q.refusal(ReasonOf(err))
		} else {
			v.Whole = Describe(m, h.V2019)
		}
	}
	return v
}

// Describe is a message as JSON shows it: codes, everyday units, times with the
// standard's offset.
func Describe(m Message, v2019 bool) any {
	switch m := m.(type) {
	case Raw:
		return rawView{m.Body}
	case Signal:
		if len(m.Extra) == 0 {
			return struct{}{}
		}
		return rawView{m.Extra}
	case Position:
		return describePosition(m, v2019)
	case PositionReply:
		return struct {
			Serial uint16 `json:"reply_to"`
			positionView
		}{m.Serial, describePosition(m.Position, v2019)}
	case Batch:
		list := make([]any, len(m.Records))
		for i, r := range m.Records {
			if r.Reason != "" {
				list[i] = struct {
					Reason Reason `json:"refused"`
					Raw    Hex    `json:"raw"`
				}{r.Reason, r.Raw}
				continue
			}
			list[i] = describePosition(r.Position, v2019)
		}
		return struct {
			Kind    uint8 `json:"kind"`
			Records []any `json:"records"`
		}{m.Kind, list}
	case Attributes:
		return struct {
			Attributes
			ICCID Hex `json:"iccid"`
		}{m, m.ICCID[:]}
	case TimeReply:
		return struct {
			Time string `json:"time"`
		}{m.Time.UTC().Format(time.RFC3339)}
	}
	return m
}

type rawView struct {
	Raw Hex `json:"raw"`
}

type positionView struct {
	Time      string         `json:"time"`
	Lat       float64        `json:"lat"`
	Lon       float64        `json:"lon"`
	Altitude  uint16         `json:"altitude_m"`
	Speed     float64        `json:"speed_kmh"`
	Course    uint16         `json:"course"`
	Alarm     []string       `json:"alarm"`
	AlarmBits Hex            `json:"alarm_bits"`
	Status    []string       `json:"status"`
	StatusHex Hex            `json:"status_bits"`
	Load      uint8          `json:"load"`
	Items     map[string]any `json:"items"`
	Vendor    []Item         `json:"vendor,omitempty"`
	Rest      Hex            `json:"rest,omitempty"`
}

func describePosition(p Position, v2019 bool) positionView {
	lat, lon := p.Degrees()
	var e Extras
	p.Items.Decode(&e)
	return positionView{
		Time: p.Time.In(Zone).Format(time.RFC3339), Lat: lat, Lon: lon, Altitude: p.Altitude, Speed: float64(p.Speed) / 10, Course: p.Course,
		Alarm: p.Alarm.Names(v2019), AlarmBits: word(uint32(p.Alarm)), Status: p.Status.Names(v2019), StatusHex: word(uint32(p.Status)),
		Load: p.Status.Load(), Items: e.describe(), Vendor: e.Other, Rest: e.Rest,
	}
}

func word(v uint32) Hex { return Hex{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)} }

// describe names the standard items that were there, in everyday units.
func (e *Extras) describe() map[string]any {
	m := map[string]any{}
	put := func(id ItemID, name string, v any) {
		if e.Has(id) {
			m[name] = v
		}
	}
	put(ItemMileage, "mileage_km", float64(e.Mileage)/10)
	put(ItemFuel, "fuel_l", float64(e.Fuel)/10)
	put(ItemRecorder, "recorder_speed_kmh", float64(e.Recorder)/10)
	put(ItemConfirm, "confirm_id", e.Confirm)
	put(ItemTyres, "tyres_pa", e.tyres())
	put(ItemCabin, "cabin_c", e.Cabin)
	put(ItemOverspeed, "overspeed", e.Overspeed)
	put(ItemCrossing, "crossing", e.Crossing)
	put(ItemSectionTime, "section_time", e.Section)
	put(ItemSignals, "signals", e.Signals.Names())
	put(ItemIO, "io", e.IO)
	put(ItemAnalog, "analog", [2]uint16{e.AD0, e.AD1})
	put(ItemRadio, "signal_strength", e.Radio)
	put(ItemSatellites, "satellites", e.Satellites)
	return m
}

// tyres are the pressures by place up to the last tyre, null where there is none.
func (e *Extras) tyres() []any {
	list := []any{}
	for i, v := range e.Tyres {
		if v != 0xff {
			list = append(append(list, make([]any, i-len(list))...), v)
		}
	}
	return list
}
