package jt808

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"yiwang/city"
)

func shown(t *testing.T, q *Quotes, text string) []string {
	t.Helper()
	var list []string
	for _, v := range q.Read(text) {
		out, err := json.Marshal(v)
		ok(t, err)
		list = append(list, string(out))
	}
	return list
}

func wireOf(t *testing.T, h Header, m Message) string {
	t.Helper()
	wire, _, err := Encode(nil, h, m)
	ok(t, err)
	return hex.EncodeToString(wire)
}

// What each message looks like as JSON.
func TestView(t *testing.T) {
	h := Header{Phone: phone(t, "13912345678"), Serial: 5}
	h19 := h
	h19.V2019, h19.Version = true, 1
	at := time.Date(2026, 11, 28, 1, 2, 3, 0, time.UTC)
	var e Extras
	e.Mileage, e.Fuel, e.Recorder, e.Confirm, e.Cabin = 12345, 405, 612, 9, -18
	for i := range e.Tyres {
		e.Tyres[i] = 0xff
	}
	e.Tyres[0], e.Tyres[2] = 200, 201
	e.Overspeed, e.Crossing, e.Section = Place{3, 70}, Crossing{Place{1, 71}, 1}, SectionTime{72, 600, 1}
	e.Signals, e.IO, e.AD0, e.AD1, e.Radio, e.Satellites = 1<<4|1<<20, 2, 3, 4, 28, 14
	for id, size := range itemSizes {
		if size > 0 {
			e.Set(ItemID(id))
		}
	}
	e.Other, e.Rest = []Item{{0xeb, Hex{1, 2}}}, Hex{9}
	items, err := e.Append(nil)
	ok(t, err)
	full := Position{
		Alarm: AlarmSOS | AlarmTyrePressure, Status: StatusACC | StatusFixed | StatusSouth | StatusLoad | StatusMoving | 1<<30,
		Lat: -31_230_416, Lon: 121_000_001, Altitude: 12, Speed: 583, Course: 271, Time: at, Items: items,
	}
	bare := Position{Time: at}
	const zero = `"lat":0,"lon":0,"altitude_m":0,"speed_kmh":0,"course":0,"alarm":[],"alarm_bits":"00000000","status":[],"status_bits":"00000000","load":0,"items":{}`
	for _, tt := range []struct {
		h    Header
		m    Message
		body string
	}{
		{h, Signal{IDHeartbeat, nil}, `{}`},
		{h, Signal{IDHeartbeat, Hex{1}}, `{"raw":"01"}`},
		{h, Raw{0x0801, Hex{1, 0x7e}}, `{"raw":"017e"}`},
		{h, Reply{false, 7, IDText, Done}, `{"reply_to":7,"reply_id":"8300","result":0}`},
		{h, Register{Province: 31, City: 115, Maker: "70111", Model: "M", Terminal: "T1", Colour: 2, Plate: "\xbb\xa6A12345"}, `{"province":31,"city":115,"maker":"70111","model":"M","terminal":"T1","colour":2,"plate":"` + "\u6caa" + `A12345"}`},
		{h, Register{Plate: "\xff\xff"}, `{"province":0,"city":0,"maker":"","model":"","terminal":"","colour":0,"plate":{"hex":"ffff"}}`},
		{h, RegisterReply{3, NoSuchVehicle, ""}, `{"reply_to":3,"result":2}`},
		{h19, Authenticate{Code: "c", IMEI: "8600", Software: "1.0"}, `{"code":"c","imei":"8600","software":"1.0"}`},
		{h19, Authenticate{Code: "c", Odd: true, Rest: Hex{8}}, `{"code":"c","odd":true,"rest":"08"}`},
		{h, Attributes{Type: 2, ICCID: [10]byte{0x89, 0x86}, Hardware: "h", Firmware: "f", GNSS: 3}, `{"type":2,"maker":"","model":"","terminal":"","hardware":"h","firmware":"f","gnss":3,"network":0,"iccid":"89860000000000000000"}`},
		{h19, full, `{"time":"2026-11-28T09:02:03+08:00","lat":-31.230416,"lon":121.000001,"altitude_m":12,"speed_kmh":58.3,"course":271,` +
			`"alarm":["sos","tyre_pressure"],"alarm_bits":"00010001","status":["acc","fixed","south","moving","bit_30"],"status_bits":"40400307","load":3,` +
			`"items":{"analog":[3,4],"cabin_c":-18,"confirm_id":9,"crossing":{"kind":1,"id":71,"direction":1},"fuel_l":40.5,"io":2,"mileage_km":1234.5,"overspeed":{"kind":3,"id":70},` +
			`"recorder_speed_kmh":61.2,"satellites":14,"section_time":{"section":72,"seconds":600,"result":1},"signal_strength":28,"signals":["brake","bit_20"],"tyres_pa":[200,null,201]},` +
			`"vendor":[{"id":"eb","value":"0102"}],"rest":"09"}`},
		{h, bare, `{"time":"2026-11-28T09:02:03+08:00",` + zero + `}`},
		{h, PositionReply{6, bare}, `{"reply_to":6,"time":"2026-11-28T09:02:03+08:00",` + zero + `}`},
		{h, Batch{1, []Record{{Position: bare}, {Reason: BadBody, Raw: Hex{1}}}}, `{"kind":1,"records":[{"time":"2026-11-28T09:02:03+08:00",` + zero + `},{"refused":"body","raw":"01"}]}`},
		{h, Passthrough{true, 0x41, Hex{1}}, `{"kind":65,"content":"01"}`},
		{h, Resend{true, 9, []uint16{2, 3}}, `{"serial":9,"parts":[2,3]}`},
		{h19, TimeReply{at}, `{"time":"2026-11-28T01:02:03Z"}`},
		{h19, Text{TextSpeak, 1, "\xc4\xe3"}, `{"flags":8,"kind":1,"text":"` + "\u4f60" + `"}`},
	} {
		id := tt.m.ID()
		name := ""
		if id.Name() != "" {
			name = `,"message":"` + id.Name() + `"`
		}
		want := `{"msg_id":"` + id.String() + `"` + name + `,"phone":"013912345678","v2019":false,"serial":5,"body":` + tt.body + `}`
		if tt.h.V2019 {
			want = `{"msg_id":"` + id.String() + `"` + name + `,"phone":"00000000013912345678","v2019":true,"version":1,"serial":5,"body":` + tt.body + `}`
		}
		if got := shown(t, NewQuotes(city.English), wireOf(t, tt.h, tt.m)); len(got) != 1 || got[0] != want {
			t.Errorf("%+v\nis %s\nwant %s", tt.m, got, want)
		}
	}
	// A bit of 2019 means nothing in a frame of 2013.
	if got := full.Alarm.Names(false); strings.Join(got, " ") != "sos bit_16" {
		t.Errorf("alarm of 2013: %q", got)
	}
	if got := full.Status.Names(false); strings.Join(got, " ") != "acc fixed south bit_22 bit_30" {
		t.Errorf("status of 2013: %q", got)
	}
}

func TestQuotes(t *testing.T) {
	h := Header{Phone: phone(t, "13912345678")}
	one := wireOf(t, h, Signal{IDHeartbeat, nil})
	pass := wireOf(t, h, Passthrough{false, 1, Hex{0x7e, 0x7d, 1, 0x7e}})
	plain := strings.ReplaceAll(strings.ReplaceAll(pass, "7d02", "7e"), "7d01", "7d")
	q := NewQuotes(city.English)
	read := func(text string) string { return strings.Join(shown(t, q, text), "\n") }
	for name, tt := range map[string]struct {
		text string
		want []string // in the lines, in order
	}{
		"nothing":            {"", []string{`"reason":"delimiter"`}},
		"no hexadecimal":     {"7e0g7e", []string{`{"error":{"reason":"hex","text":"not hexadecimal"}}`}},
		"an odd digit":       {one + "7", []string{`"reason":"hex"`}},
		"spaces and capital": {" " + strings.ToUpper(one[:4]) + "\t" + one[4:] + " ", []string{`"heartbeat"`}},
		"too long":           {strings.Repeat("7e", MaxQuote), []string{`"reason":"oversize"`}},
		"escaped":            {pass, []string{`"content":"7e7d017e"}}`}},
		"unescaped":          {plain, []string{`"content":"7e7d017e"},"unescaped":true}`}},
		"two":                {one + pass, []string{`"heartbeat"`, `"passthrough"`}},
		"two and garbage":    {"ff" + one + "aabb" + one + "7e01", []string{`"reason":"garbage","text":"bytes that belong to no frame"},"frame":"ff"`, `"heartbeat"`, `"reason":"header"`, `"heartbeat"`, `"reason":"half"`}},
		"two that are none":  {"7e307e087d557e", []string{`{"error":{"reason":"delimiter","text":"a frame begins and ends with 7e and has no other 7e within"},"frame":"7e307e087d557e"}`}},
		"checksum":           {strings.Replace(one, "3912", "3913", 1), []string{`"reason":"checksum"`}},
		"a body too short":   {wireOf(t, h, Raw{IDPosition, Hex{1, 2}}), []string{`{"msg_id":"0200","message":"position","phone":"013912345678","v2019":false,"serial":0,"body":{"raw":"0102"},"error":{"reason":"body","text":`}},
		"encrypted":          {wireOf(t, Header{Encryption: 1, Reserved: true}, Raw{IDPosition, Hex{1, 2}}), []string{`"encryption":1,"reserved":true,"body":{"raw":"0102"}}`}},
	} {
		got := strings.Split(read(tt.text), "\n")
		if len(got) != len(tt.want) {
			t.Errorf("%s: %q, want %d", name, got, len(tt.want))
			continue
		}
		for i, w := range tt.want {
			if !strings.Contains(got[i], w) {
				t.Errorf("%s: %s, want %s", name, got[i], w)
			}
		}
	}
	// Parts: each as it is, the whole with the last; what can't be read is said.
	var b Batch
	for range 50 {
		b.Records = append(b.Records, Record{Position: Position{Time: time.Unix(1.8e9, 0)}})
	}
	for _, m := range []Message{b, Raw{IDBatch, make(Hex, 1500)}} {
		wire, n, err := Encode(nil, h, m)
		ok(t, err)
		views := NewQuotes(city.Chinese).Read(hex.EncodeToString(wire))
		if n != 2 || len(views) != 2 {
			t.Fatalf("%d frames, %d shown", n, len(views))
		}
		if v := views[0]; v.Part == nil || *v.Part != (PartOf{1, 2}) || v.Whole != nil || v.Error != nil {
			t.Errorf("the first part: %+v", v)
		}
		if v := views[1]; isRaw(m) != (v.Error != nil) || isRaw(m) != (v.Whole == nil) {
			t.Errorf("the last part of %T: %+v", m, v)
		}
	}
}

func isRaw(m Message) bool { _, raw := m.(Raw); return raw }

func TestTexts(t *testing.T) {
	for _, text := range []string{"", "Slow down", "\u6caaA12345", "\u20ac"} {
		g, err := MakeGBK(text)
		ok(t, err)
		if back, err := (g + "\x00\x00").Text(); err != nil || back != text {
			t.Errorf("%q came back as %q %v", text, back, err)
		}
	}
	for _, text := range []string{"\U0001f69a", "\xff"} {
		if g, err := MakeGBK(text); ReasonOf(err) != BadText {
			t.Errorf("%q became %q %v", text, g, err)
		}
	}
	if text, err := GBK("\xc4").Text(); ReasonOf(err) != BadText {
		t.Errorf("half a character became %q %v", text, err)
	}
	for _, r := range Reasons() {
		for _, l := range []city.Lang{city.English, city.Chinese} {
			if s := r.Say(l); s == "" || strings.Contains(s, "jt808.") {
				t.Errorf("%s in %s: %q", r, l, s)
			}
		}
	}
}

// Values that don't fit their fields are not written.
func TestEncodeRefuses(t *testing.T) {
	long := GBK(strings.Repeat("x", 256))
	for _, tt := range []struct {
		v2019 bool
		m     Message
	}{
		{false, Register{Maker: "123456"}},
		{true, Register{Maker: "123456789012"}},
		{true, Register{V2011: true}},
		{false, Register{V2011: true, Plate: "123456789012"}},
		{false, Authenticate{IMEI: "1"}},
		{false, Authenticate{Odd: true}},
		{true, Authenticate{Code: long}},
		{true, Authenticate{IMEI: "1234567890123456"}},
		{true, Authenticate{Software: "123456789012345678901"}},
		{true, Authenticate{Odd: true, Rest: make(Hex, 35)}},
		{false, Attributes{Model: "123456789012345678901"}},
		{false, Attributes{MakerOf5: true}},
		{true, Attributes{Hardware: long}},
		{true, Attributes{Firmware: long}},
		{false, Resend{Parts: make([]uint16, 256)}},
		{false, Text{Kind: 1}},
		{false, TimeReply{}},
		{false, Batch{Records: make([]Record, 1)}},
		{false, Batch{Records: make([]Record, 65536)}},
	} {
		if wire, n, err := Encode(nil, Header{V2019: tt.v2019}, tt.m); ReasonOf(err) != BadField || n != 0 || wire != nil {
			t.Errorf("%.80v was written: %d %v", tt.m, n, err)
		}
	}
	if _, _, err := Encode(nil, Header{}, Raw{1, make(Hex, 70_000_000)}); ReasonOf(err) != Oversize {
		t.Errorf("70 MB: %v", err)
	}
	for _, h := range []Header{{Encryption: 1}, {Total: 2, Index: 1}} {
		if _, _, err := Encode(nil, h, Signal{Kind: IDHeartbeat}); ReasonOf(err) != BadField {
			t.Errorf("a heartbeat under %+v: %v", h, err)
		}
	}
	if _, err := (Items{}).Add(1, make([]byte, 256)); ReasonOf(err) != BadField {
		t.Errorf("an item of 256 bytes: %v", err)
	}
	for _, e := range []Extras{{Cabin: -32768, has: 1 << ItemCabin}, {has: 1 << 7}, {Other: []Item{{1, make(Hex, 256)}}}} {
		if _, err := e.Append(nil); ReasonOf(err) != BadField {
			t.Errorf("%+v was written: %v", e, err)
		}
	}
}

// Bodies that are too short or too long for their message.
func TestMessageRefuses(t *testing.T) {
	for _, tt := range []struct {
		id    ID
		v2019 bool
		body  string
		want  Reason
	}{
		{IDTerminalReply, false, "00000000", BadBody},
		{IDPlatformReply, false, "000000000000", BadBody},
		{IDRegister, false, strings.Repeat("00", 24), BadBody},
		{IDRegister, true, strings.Repeat("00", 75), BadBody},
		{IDRegisterReply, false, "0000", BadBody},
		{IDAuthenticate, true, "", BadBody},
		{IDAuthenticate, true, "0241", BadBody},
		{IDAttributes, false, strings.Repeat("00", 47), BadBody},
		{IDAttributes, true, strings.Repeat("00", 79), BadBody},
		{IDPosition, false, strings.Repeat("00", 27), BadBody},
		{IDPosition, false, strings.Repeat("00", 28), BadTime},
		{IDPositionReply, false, "00", BadBody},
		{IDPositionReply, false, strings.Repeat("00", 30), BadTime},
		{IDBatch, false, "0001", BadBody},
		{IDBatch, false, "000100", BadBody},
		{IDBatch, false, "00010000", BadBody},
		{IDBatch, false, "0001000002ff", BadBody},
		{IDBatch, false, "000000ff", BadBody},
		{IDPassUp, false, "", BadBody},
		{IDResendDown, false, "0000", BadBody},
		{IDResendDown, false, "000001", BadBody},
		{IDResendDown, true, "000000", BadBody},
		{IDResendUp, true, "00000001", BadBody},
		{IDTimeReply, false, "2611280102", BadBody},
		{IDTimeReply, false, "261131010203", BadTime},
		{IDTimeReply, false, "26112801020a", BadBCD},
		{IDText, false, "", BadBody},
		{IDText, true, "00", BadBody},
	} {
		f := Frame{Header: Header{ID: tt.id, V2019: tt.v2019}, Body: unhex(t, tt.body)}
		if m, err := f.Message(); ReasonOf(err) != tt.want || m != nil {
			t.Errorf("%s %s: %+v %v, want %s", tt.id, tt.body, m, err, tt.want)
		}
	}
	// In parts or encrypted, the same bytes are kept.
	for _, h := range []Header{{ID: IDPosition, Encryption: 1}, {ID: IDPosition, Total: 2, Index: 1}} {
		f := Frame{Header: h, Body: []byte{1}}
		if m, err := f.Message(); err != nil || !isRaw(m) {
			t.Errorf("%+v: %+v %v", h, m, err)
		}
	}
}

// One bad record does not spoil a batch.
func TestBatchKeepsItsGoodRecords(t *testing.T) {
	good := Position{Time: time.Unix(1.8e9, 0).UTC()}
	wire, _, err := Encode(nil, Header{}, Batch{0, []Record{{Position: good}, {Reason: BadTime, Raw: make(Hex, 28)}, {Position: good}}})
	ok(t, err)
	_, m, err := Decode(wire)
	ok(t, err)
	r := m.(Batch).Records
	if len(r) != 3 || r[0].Reason != "" || r[1].Reason != BadTime || len(r[1].Raw) != 28 || !r[2].Time.Equal(good.Time) {
		t.Errorf("%+v", r)
	}
}
