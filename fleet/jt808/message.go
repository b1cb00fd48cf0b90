package jt808

import (
	"encoding/binary"
	"time"
)

// Message is the body of a message as a value. The kinds are the types of this
// package that have ID.
type Message interface {
	ID() ID
	append(dst []byte, v2019 bool) ([]byte, error)
}

// Message reads the body. A part, an encrypted body and a kind this package
// doesn't know come as Raw. The message lies in the frame's body.
func (f *Frame) Message() (Message, error) {
	m, why := f.read()
	if why != "" {
		return nil, &Error{Reason: why, ID: f.ID}
	}
	return m, nil
}

// opaque tells that the body alone can't be understood.
func (h Header) opaque() bool { return h.Encryption != 0 || h.Total > 1 }

func (f *Frame) read() (Message, Reason) {
	if f.opaque() {
		return Raw{f.Header.ID, f.Body}, ""
	}
	b := f.Body
	switch f.Header.ID {
	case IDHeartbeat, IDLogout, IDTimeQuery, IDAttributesQuery, IDPositionQuery:
		return Signal{f.Header.ID, Hex(b)}, ""
	case IDTerminalReply, IDPlatformReply:
		if len(b) != 5 {
			return nil, BadBody
		}
		return Reply{f.Header.ID == IDPlatformReply, binary.BigEndian.Uint16(b), ID(binary.BigEndian.Uint16(b[2:])), Result(b[4])}, ""
	case IDRegister:
		return readRegister(b, f.V2019)
	case IDRegisterReply:
		if len(b) < 3 {
			return nil, BadBody
		}
		return RegisterReply{binary.BigEndian.Uint16(b), b[2], GBK(b[3:])}, ""
	case IDAuthenticate:
		return readAuthenticate(b, f.V2019)
	case IDAttributes:
		return readAttributes(b, f.V2019)
	case IDPosition:
		return asMessage(readPosition(b))
	case IDPositionReply:
		if len(b) < 2 {
			return nil, BadBody
		}
		p, why := readPosition(b[2:])
		return PositionReply{binary.BigEndian.Uint16(b), p}, why
	case IDBatch:
		return readBatch(b)
	case IDPassUp, IDPassDown:
		if len(b) < 1 {
			return nil, BadBody
		}
		return Passthrough{f.Header.ID == IDPassDown, b[0], Hex(b[1:])}, ""
	case IDResendUp, IDResendDown:
		return readResend(b, f.V2019, f.Header.ID == IDResendDown)
	case IDTimeReply:
		if len(b) != 6 {
			return nil, BadBody
		}
		t, why := readTime(b, 0)
		return TimeReply{t}, why
	case IDText:
		return readText(b, f.V2019)
	}
	return Raw{f.Header.ID, f.Body}, ""
}

// Raw is a message that is kept as it came.
type Raw struct {
	Kind ID
	Body Hex
}

func (m Raw) ID() ID                                    { return m.Kind }
func (m Raw) append(dst []byte, _ bool) ([]byte, error) { return append(dst, m.Body...), nil }

// Signal is a message that says all by its kind: IDHeartbeat, IDLogout,
// IDTimeQuery, IDAttributesQuery, IDPositionQuery. What a terminal adds against
// the standard is kept.
type Signal struct {
	Kind  ID
	Extra Hex
}

func (m Signal) ID() ID                                    { return m.Kind }
func (m Signal) append(dst []byte, _ bool) ([]byte, error) { return append(dst, m.Extra...), nil }

// Result is how a message was received.
type Result uint8

const (
	Done        Result = 0
	Failed      Result = 1
	Wrong       Result = 2 // 消息有误
	Unsupported Result = 3
	AlarmHeard  Result = 4 // 报警处理确认, by the platform only
)

// Reply is the general reply of a terminal (0x0001) or the platform (0x8001).
type Reply struct {
	Platform bool   `json:"-"`
	Serial   uint16 `json:"reply_to"` // serial of the message replied to
	To       ID     `json:"reply_id"` // its kind
	Result   Result `json:"result"`
}

func (m Reply) ID() ID {
	if m.Platform {
		return IDPlatformReply
	}
	return IDTerminalReply
}

func (m Reply) append(dst []byte, _ bool) ([]byte, error) {
	dst = binary.BigEndian.AppendUint16(dst, m.Serial)
	dst = binary.BigEndian.AppendUint16(dst, uint16(m.To))
	return append(dst, byte(m.Result)), nil
}

// PositionReply is the answer to IDPositionQuery.
type PositionReply struct {
	Serial uint16 // of the query
	Position
}

func (PositionReply) ID() ID { return IDPositionReply }

func (m PositionReply) append(dst []byte, v2019 bool) ([]byte, error) {
	return m.Position.append(binary.BigEndian.AppendUint16(dst, m.Serial), v2019)
}

func asMessage(p Position, why Reason) (Message, Reason) { return p, why }

func readPosition(b []byte) (p Position, why Reason) {
	why = ReasonOf(p.Decode(b))
	return p, why
}

// Batch is several positions at once (定位数据批量上传). They may be days old.
type Batch struct {
	Kind    uint8 // 0 ordinary, 1 from where there was no network (盲区补报)
	Records []Record
}

// Record is a position of a batch. One that can't be read does not spoil the
// others: it has a Reason, and Raw holds its bytes.
type Record struct {
	Position
	Reason Reason
	Raw    Hex
}

func (Batch) ID() ID { return IDBatch }

func readBatch(b []byte) (Message, Reason) {
	if len(b) < 3 {
		return nil, BadBody
	}
	n, m := int(binary.BigEndian.Uint16(b)), Batch{Kind: b[2]}
	b = b[3:]
	if n*2 > len(b) {
		return nil, BadBody
	}
	m.Records = make([]Record, 0, min(n, len(b)/(2+basic)+1))
	for range n {
		if len(b) < 2 {
			return nil, BadBody
		}
		size := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; len(b) < size {
			return nil, BadBody
		}
		var r Record
		if r.Reason = ReasonOf(r.Decode(b[:size:size])); r.Reason != "" {
			r.Raw = Hex(b[:size:size])
		}
		m.Records = append(m.Records, r)
		b = b[size:]
	}
	if len(b) > 0 {
		return nil, BadBody
	}
	return m, ""
}

func (m Batch) append(dst []byte, v2019 bool) ([]byte, error) {
	if len(m.Records) > 0xffff {
		return nil, &Error{Reason: BadField, ID: IDBatch}
	}
	dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(m.Records))), m.Kind)
	for _, r := range m.Records {
		at := len(dst)
		dst = append(dst, 0, 0)
		if r.Reason != "" {
			dst = append(dst, r.Raw...)
		} else {
			var err error
			if dst, err = r.Position.append(dst, v2019); err != nil {
				return nil, err
			}
		}
		size := len(dst) - at - 2
		if size > 0xffff {
			return nil, &Error{Reason: BadField, ID: IDBatch}
		}
		binary.BigEndian.PutUint16(dst[at:], uint16(size))
	}
	return dst, nil
}

// Passthrough is data for or from something behind the terminal (数据透传).
type Passthrough struct {
	Down    bool  `json:"-"`    // from the platform
	Kind    uint8 `json:"kind"` // 0x00 GNSS module, 0x0b IC card, 0x41 and 0x42 serial ports, 0xf0 and above the vendor's
	Content Hex   `json:"content"`
}

func (m Passthrough) ID() ID {
	if m.Down {
		return IDPassDown
	}
	return IDPassUp
}

func (m Passthrough) append(dst []byte, _ bool) ([]byte, error) {
	return append(append(dst, m.Kind), m.Content...), nil
}

// Resend asks for parts that did not arrive (补传分包请求).
type Resend struct {
	Platform bool     `json:"-"`      // the platform asks
	Serial   uint16   `json:"serial"` // of the message's first part
	Parts    []uint16 `json:"parts"`  // their numbers, from 1
}

func (m Resend) ID() ID {
	if m.Platform {
		return IDResendDown
	}
	return IDResendUp
}

// readResend reads the request; its count is a byte in 2013 and a word in 2019.
func readResend(b []byte, v2019, platform bool) (Message, Reason) {
	wide := 1
	if v2019 {
		wide = 2
	}
	if len(b) < 2+wide {
		return nil, BadBody
	}
	n := int(b[2])
	if v2019 {
		n = int(binary.BigEndian.Uint16(b[2:]))
	}
	m := Resend{Platform: platform, Serial: binary.BigEndian.Uint16(b)}
	if b = b[2+wide:]; len(b) != 2*n {
		return nil, BadBody
	}
	for ; len(b) > 0; b = b[2:] {
		m.Parts = append(m.Parts, binary.BigEndian.Uint16(b))
	}
	return m, ""
}

func (m Resend) append(dst []byte, v2019 bool) ([]byte, error) {
	n := len(m.Parts)
	dst = binary.BigEndian.AppendUint16(dst, m.Serial)
	switch {
	case v2019 && n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	case !v2019 && n <= 0xff:
		dst = append(dst, byte(n))
	default:
		return nil, &Error{Reason: BadField, ID: m.ID()}
	}
	for _, p := range m.Parts {
		dst = binary.BigEndian.AppendUint16(dst, p)
	}
	return dst, nil
}

// TimeReply tells a terminal the platform's time. Alone among the standard's
// times it goes out in UTC.
type TimeReply struct{ Time time.Time }

func (TimeReply) ID() ID { return IDTimeReply }

func (m TimeReply) append(dst []byte, _ bool) ([]byte, error) {
	dst, err := appendTime(dst, m.Time, 0)
	if err != nil {
		return nil, &Error{Reason: BadField, ID: IDTimeReply}
	}
	return dst, nil
}

// Bits of Text.Flags. The two lowest mean in 2013: bit 0 urgent. In 2019 they are
// a number: TextService, TextUrgent2019 or TextNotice.
const (
	TextUrgent     = 1 << 0 // 2013
	TextService    = 1      // 2019
	TextUrgent2019 = 2
	TextNotice     = 3
	TextDisplay    = 1 << 2 // shown on the terminal's screen
	TextSpeak      = 1 << 3 // read aloud
	TextBoard      = 1 << 4 // shown on the advertising board; 2013
	TextFault      = 1 << 5 // a fault code, not navigation
)

// Text is a text for the driver (文本信息下发), at most 1,024 bytes by the standard.
type Text struct {
	Flags uint8 `json:"flags"`
	Kind  uint8 `json:"kind,omitempty"` // 2019 only: 1 notice, 2 service
	Text  GBK   `json:"text"`
}

func (Text) ID() ID { return IDText }

func readText(b []byte, v2019 bool) (Message, Reason) {
	n := 1
	if v2019 {
		n = 2
	}
	if len(b) < n {
		return nil, BadBody
	}
	m := Text{Flags: b[0], Text: GBK(b[n:])}
	if v2019 {
		m.Kind = b[1]
	}
	return m, ""
}

func (m Text) append(dst []byte, v2019 bool) ([]byte, error) {
	if dst = append(dst, m.Flags); v2019 {
		dst = append(dst, m.Kind)
	} else if m.Kind != 0 {
		return nil, &Error{Reason: BadField, ID: IDText}
	}
	return append(dst, m.Text...), nil
}
