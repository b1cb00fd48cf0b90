package jt808

import (
	"bytes"
	"testing"
	"time"

	peer "github.com/cuteLittleDevil/go-jt808/protocol/jt808"
	peermodel "github.com/cuteLittleDevil/go-jt808/protocol/model"
	"pgregory.net/rapid"
)

// An independent codec of the same standard: what it writes is read here, and what
// is written here it reads, value for value.

// peerMessage is what the other codec's messages have in common.
type peerMessage interface {
	Parse(*peer.JTMessage) error
	Encode() []byte
}

// overThere lets the other codec read a frame.
func overThere(t *rapid.T, wire []byte) *peer.JTMessage {
	j := peer.NewJTMessage()
	if err := j.Decode(bytes.Clone(wire)); err != nil {
		t.Fatalf("the other codec refuses %x: %v", wire, err)
	}
	return j
}

// fromThere lets it write a body under that header, which it has read before.
func fromThere(t *rapid.T, h Header, body []byte) []byte {
	var f Frame
	f.Header = h
	like, err := f.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	j := overThere(t, like)
	j.Header.ReplyID, j.Header.PlatformSerialNumber = uint16(h.ID), h.Serial
	packets := j.Header.EncodePackets(body)
	if len(packets) != 1 {
		t.Fatalf("%d frames for %d bytes", len(packets), len(body))
	}
	return packets[0]
}

// bothWays sends m to the other codec, and what that read back here.
func bothWays(t *rapid.T, h Header, m Message, there peerMessage) {
	wire, n, err := Encode(nil, h, m)
	if err != nil || n != 1 {
		t.Fatalf("%+v: %d %v", m, n, err)
	}
	j := overThere(t, wire)
	if got := ID(j.Header.ID); got != m.ID() || j.Header.SerialNumber != h.Serial || (j.Header.ProtocolVersion == 3) != h.V2019 || j.Header.TerminalPhoneNo != h.Phone.String() && h.Phone != (Phone{}) {
		t.Fatalf("header: %+v, want %+v", j.Header, h)
	}
	if err := there.Parse(j); err != nil {
		t.Fatalf("the other codec refuses %+v in %x: %v", m, wire, err)
	}
	h.ID = m.ID()
	back := fromThere(t, h, there.Encode())
	if !bytes.Equal(back, wire) {
		t.Fatalf("%+v as %x\ncame back as %x", m, wire, back)
	}
	if _, _, err := Decode(back); err != nil {
		t.Fatal(err)
	}
}

func peerHeader(t *rapid.T) Header {
	h := Header{V2019: rapid.Bool().Draw(t, "v2019"), Serial: anyWord(t, "serial")}
	if h.V2019 {
		h.Version = 1
	}
	digits := 12
	if h.V2019 {
		digits = 20
	}
	p, err := ParsePhone(rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), digits, digits, digits).Draw(t, "phone"))
	if err != nil {
		t.Fatal(err)
	}
	h.Phone = p
	return h
}

// ascii is a text both codecs treat as its bytes.
func ascii(t *rapid.T, name string, least, most int) GBK {
	return GBK(rapid.StringOfN(rapid.RuneFrom([]rune("AZ09-~}")), least, most, most).Draw(t, name))
}

func peerPosition(t *rapid.T) Position {
	return Position{
		Alarm: Alarm(rapid.Uint32().Draw(t, "alarm")), Status: Status(rapid.Uint32().Draw(t, "status")) &^ (StatusSouth | StatusWest),
		Lat: rapid.Int64Range(0, 90_000_000).Draw(t, "lat"), Lon: rapid.Int64Range(0, 180_000_000).Draw(t, "lon"),
		Altitude: anyWord(t, "altitude"), Speed: anyWord(t, "speed"), Course: anyWord(t, "course"), Time: anyTime(t, china),
	}
}

func samePosition(t *rapid.T, p Position, there peermodel.T0x0200LocationItem) {
	if there.AlarmSign != uint32(p.Alarm) || there.StatusSign != uint32(p.Status) || int64(there.Latitude) != p.Lat || int64(there.Longitude) != p.Lon ||
		there.Altitude != p.Altitude || there.Speed != p.Speed || there.Direction != p.Course || there.DateTime != p.Time.In(Zone).Format(time.DateTime) {
		t.Fatalf("%+v, there %+v", p, there)
	}
	// It reads the two bits of the load in the other order.
	d := there.StatusSignDetails
	if d.ACC != (p.Status&StatusACC != 0) || d.Location != (p.Status&StatusFixed != 0) || d.DriverDoor != (p.Status&StatusDoor4 != 0) || d.Cargo != [4]uint8{0, 2, 1, 3}[p.Status.Load()] || d.UseBD != (p.Status&StatusBeiDou != 0) {
		t.Fatalf("status %v, there %+v", p.Status.Names(true), d)
	}
	a := there.AlarmSignDetails
	if a.EmergencyAlarm != (p.Alarm&AlarmSOS != 0) || a.LineDeviation != (p.Alarm&AlarmOffRoute != 0) || a.LaneOpeningAlarm != (p.Alarm&AlarmIllegalDoor != 0) || a.DrivingTimeout != (p.Alarm&AlarmDailyDriving != 0) {
		t.Fatalf("alarm %v, there %+v", p.Alarm.Names(true), a)
	}
}

func TestPeer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := peerHeader(t)
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			m := Reply{false, anyWord(t, "of"), ID(anyWord(t, "to")), Result(rapid.Byte().Draw(t, "result"))}
			var there peermodel.T0x0001
			bothWays(t, h, m, &there)
			if there.SerialNumber != m.Serial || there.ID != uint16(m.To) || there.Result != byte(m.Result) {
				t.Fatalf("%+v", there)
			}
		case 1:
			m := Reply{true, anyWord(t, "of"), ID(anyWord(t, "to")), Result(rapid.Byte().Draw(t, "result"))}
			var there peermodel.P0x8001
			bothWays(t, h, m, &there)
			if there.RespondSerialNumber != m.Serial || there.RespondID != uint16(m.To) || there.Result != byte(m.Result) {
				t.Fatalf("%+v", there)
			}
		case 2:
			m := Register{Province: anyWord(t, "province"), City: anyWord(t, "city"), Colour: rapid.Byte().Draw(t, "colour")}
			sizes := registerSizes(false, h.V2019)
			m.Maker, m.Model, m.Terminal = ascii(t, "maker", 0, sizes[0]), ascii(t, "model", 0, sizes[1]), ascii(t, "terminal", 0, sizes[2])
			plate := rapid.SampledFrom([]string{"\u7ca4B8888", "\u6caaA12345", "LSVAU033972123456"}).Draw(t, "plate")
			var err error
			if m.Plate, err = MakeGBK(plate); err != nil {
				t.Fatal(err)
			}
			var there peermodel.T0x0100
			bothWays(t, h, m, &there)
			if there.ProvinceID != m.Province || there.CityID != m.City || there.ManufacturerID != string(m.Maker) || there.TerminalModel != string(m.Model) ||
				there.TerminalID != string(m.Terminal) || there.PlateColor != m.Colour || there.LicensePlateNumber != plate {
				t.Fatalf("%+v, there %+v", m, there)
			}
		case 3:
			m := RegisterReply{anyWord(t, "of"), rapid.Byte().Draw(t, "result"), ascii(t, "code", 0, 30)}
			var there peermodel.P0x8100
			bothWays(t, h, m, &there)
			if there.RespondSerialNumber != m.Serial || there.Result != m.Result || there.AuthCode != string(m.Code) {
				t.Fatalf("%+v", there)
			}
		case 4:
			m := Authenticate{Code: ascii(t, "code", 1, 30)}
			if h.V2019 {
				m.IMEI, m.Software = ascii(t, "imei", 15, 15), ascii(t, "software", 0, 20)
			}
			var there peermodel.T0x0102
			bothWays(t, h, m, &there)
			if there.AuthCode != string(m.Code) || there.TerminalIMEI != string(m.IMEI) || there.SoftwareVersion != string(m.Software) {
				t.Fatalf("%+v", there)
			}
		case 5:
			m := peerPosition(t)
			var there peermodel.T0x0200
			bothWays(t, h, m, &there)
			samePosition(t, m, there.T0x0200LocationItem)
		case 6:
			m := PositionReply{anyWord(t, "of"), peerPosition(t)}
			var there peermodel.T0x0201
			bothWays(t, h, m, &there)
			samePosition(t, m.Position, there.T0x0200LocationItem)
		case 7:
			m := Batch{Kind: rapid.Uint8Range(0, 1).Draw(t, "kind")}
			for range rapid.IntRange(1, 20).Draw(t, "records") {
				m.Records = append(m.Records, Record{Position: peerPosition(t)})
			}
			var there peermodel.T0x0704
			bothWays(t, h, m, &there)
			if there.LocationType != m.Kind || len(there.Items) != len(m.Records) {
				t.Fatalf("%+v", there)
			}
			for i, r := range m.Records {
				samePosition(t, r.Position, there.Items[i].T0x0200LocationItem)
			}
		case 8:
			// The other codec knows these in the form of 2013 only.
			h.V2019, h.Version = false, 0
			copy(h.Phone[:4], make([]byte, 4))
			m := Resend{Platform: true, Serial: anyWord(t, "of"), Parts: rapid.SliceOfN(rapid.Uint16(), 0, 255).Draw(t, "parts")}
			var there peermodel.P0x8003
			bothWays(t, h, m, &there)
			if there.OriginalSerialNumber != m.Serial || int(there.AgainPackageCount) != len(m.Parts) {
				t.Fatalf("%+v", there)
			}
		case 9:
			h.V2019, h.Version = false, 0
			copy(h.Phone[:4], make([]byte, 4))
			text := rapid.SampledFrom([]string{"\u524d\u65b9\u9053\u8def\u6709\u96fe", "Slow down", "\u4f60}~\u597d"}).Draw(t, "text")
			g, err := MakeGBK(text)
			if err != nil {
				t.Fatal(err)
			}
			m := Text{Flags: rapid.Uint8Range(1, 255).Draw(t, "flags"), Text: g}
			var there peermodel.P0x8300
			bothWays(t, h, m, &there)
			if there.Flag != m.Flags || there.Text != text {
				t.Fatalf("%+v", there)
			}
		}
	})
}

// Additional items as the other codec reads them.
func TestPeerItems(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyExtras(t)
		// It takes no item of another length than the standard's, and nothing behind.
		e.Rest, e.Other = nil, []Item{{0xeb, Hex{1, 2}}}
		if e.Overspeed.Kind == 0 {
			e.Overspeed.ID = 0
		}
		p := peerPosition(t)
		var err error
		if p.Items, err = e.Append(nil); err != nil {
			t.Fatal(err)
		}
		wire, _, err := Encode(nil, Header{}, p)
		if err != nil {
			t.Fatal(err)
		}
		var there peermodel.T0x0200
		if err := there.Parse(overThere(t, wire)); err != nil {
			t.Fatalf("the other codec refuses %x: %v", p.Items, err)
		}
		samePosition(t, p, there.T0x0200LocationItem)
		seen := 0
		for id, a := range there.Additions {
			seen++
			c := a.Content
			same := false
			switch ItemID(id) {
			case ItemMileage:
				same = c.Mile == e.Mileage
			case ItemFuel:
				same = c.Oil == e.Fuel
			case ItemRecorder:
				same = c.Speed == e.Recorder
			case ItemConfirm:
				same = c.ManualAlarm == e.Confirm
			case ItemTyres:
				same = bytes.Equal(c.Data, e.Tyres[:])
			case ItemCabin:
				// It leaves the sign bit in.
				same = int(c.CarTemperature&0x7fff) == max(int(e.Cabin), -int(e.Cabin)) && (e.Cabin >= 0 || c.CarTemperature&0x8000 != 0)
			case ItemOverspeed:
				// Its area is read from one byte too early.
				same = c.OverSpeedAlarm.LocationType == e.Overspeed.Kind
			case ItemCrossing:
				same = c.AreaAlarm.LocationType == e.Crossing.Kind && c.AreaAlarm.AreaID == e.Crossing.ID && c.AreaAlarm.Direction == e.Crossing.Direction
			case ItemSectionTime:
				d := c.DrivingTimeInsufficientAlarm
				same = d.RoadSectionID == e.Section.Section && d.RoadSectionDrivingTimeSecond == e.Section.Seconds && d.Result == e.Section.Result
			case ItemSignals:
				same = c.ExtendVehicleStatus.Value == uint32(e.Signals)
			case ItemIO:
				same = c.IOStatus.Value == e.IO
			case ItemAnalog:
				same = c.Analog == uint32(e.AD1)<<16|uint32(e.AD0)
			case ItemRadio:
				same = c.WIFISignalStrength == e.Radio
			case ItemSatellites:
				same = c.GNSSPositionNum == e.Satellites
			case 0xeb:
				same = bytes.Equal(c.Data, []byte{1, 2})
			}
			if !same || id != 0xeb && !e.Has(ItemID(id)) {
				t.Fatalf("item %02x: there %+v, here %+v", uint8(id), c, e)
			}
		}
		if seen != bitsSet(e.has)+1 {
			t.Fatalf("%d items there, %d here", seen, bitsSet(e.has)+1)
		}
	})
}

// The frames of real terminals that both take are read alike.
func TestPeerOnRealFrames(t *testing.T) {
	both := 0
	for _, q := range realFrames(t) {
		if q.Wire == nil {
			continue
		}
		wire := unhex(t, *q.Wire)
		j := peer.NewJTMessage()
		theirs := j.Decode(bytes.Clone(wire))
		var f Frame
		ours := f.Decode(wire)
		if (ours == nil) != (theirs == nil) {
			t.Errorf("line %d: %v here, %v there", q.line, ours, theirs)
		}
		if ours != nil {
			continue
		}
		if !bytes.Equal(j.Body, f.Body) || ID(j.Header.ID) != f.ID || j.Header.SerialNumber != f.Serial {
			t.Errorf("line %d: %+v here, %+v there", q.line, f.Header, j.Header)
		}
		var there peermodel.T0x0200
		if f.ID != IDPosition || there.Parse(j) != nil {
			continue
		}
		both++
		var p Position
		ok(t, p.Decode(f.Body))
		lat, _ := magnitude(p.Lat)
		lon, _ := magnitude(p.Lon)
		if uint64(there.Latitude) != lat || uint64(there.Longitude) != lon || there.Speed != p.Speed || there.DateTime != p.Time.In(Zone).Format(time.DateTime) {
			t.Errorf("line %d: %+v here, %+v there", q.line, p, there.T0x0200LocationItem)
		}
		var e Extras
		p.Items.Decode(&e)
		if a, has := there.Additions[0x01]; has != e.Has(ItemMileage) || has && a.Content.Mile != e.Mileage {
			t.Errorf("line %d: mileage %d here, %d there", q.line, e.Mileage, a.Content.Mile)
		}
	}
	if both < 15 {
		t.Errorf("only %d frames are read by both", both)
	}
}
