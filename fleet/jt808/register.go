package jt808

import "encoding/binary"

// Register asks for admission (终端注册). Its fields have other lengths in each
// edition of the standard; in bytes, 2011, 2013, 2019: Maker 5, 5, 11; Model 8,
// 20, 30; Terminal 7, 7, 30.
type Register struct {
	Province uint16 `json:"province"`        // 省域: first two digits of the division code
	City     uint16 `json:"city"`            // 市县域: its last four
	Maker    GBK    `json:"maker"`           // 制造商
	Model    GBK    `json:"model"`           // 终端型号
	Terminal GBK    `json:"terminal"`        // 终端 ID
	Colour   uint8  `json:"colour"`          // of the plate: 0 none, 1 blue, 2 yellow, 3 black, 4 white, 5 green, 9 another
	Plate    GBK    `json:"plate"`           // the plate; the VIN where Colour is 0
	V2011    bool   `json:"v2011,omitempty"` // the body is laid out as in 2011, told by its length
}

// registerSizes are the lengths of Maker, Model and Terminal.
func registerSizes(v2011, v2019 bool) [3]int {
	switch {
	case v2019:
		return [3]int{11, 30, 30}
	case v2011:
		return [3]int{5, 8, 7}
	}
	return [3]int{5, 20, 7}
}

// fixed is how long a registration is without the plate.
func fixed(sizes [3]int) int { return 4 + sizes[0] + sizes[1] + sizes[2] + 1 }

func (Register) ID() ID { return IDRegister }

func readRegister(b []byte, v2019 bool) (Message, Reason) {
	m := Register{V2011: !v2019 && len(b) < fixed(registerSizes(false, false))}
	sizes := registerSizes(m.V2011, v2019)
	if len(b) < fixed(sizes) {
		return nil, BadBody
	}
	m.Province, m.City = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	b = b[4:]
	for i, to := range []*GBK{&m.Maker, &m.Model, &m.Terminal} {
		*to = field(b[:sizes[i]])
		b = b[sizes[i]:]
	}
	m.Colour, m.Plate = b[0], GBK(b[1:])
	return m, ""
}

func (m Register) append(dst []byte, v2019 bool) ([]byte, error) {
	sizes := registerSizes(m.V2011, v2019)
	if m.V2011 && (v2019 || fixed(sizes)+len(m.Plate) >= fixed(registerSizes(false, false))) {
		return nil, &Error{Reason: BadField, ID: IDRegister}
	}
	dst = binary.BigEndian.AppendUint16(dst, m.Province)
	dst = binary.BigEndian.AppendUint16(dst, m.City)
	for i, g := range []GBK{m.Maker, m.Model, m.Terminal} {
		var err error
		if dst, err = appendField(dst, g, sizes[i]); err != nil {
			return nil, &Error{Reason: BadField, ID: IDRegister}
		}
	}
	return append(append(dst, m.Colour), m.Plate...), nil
}

// What a registration can be answered.
const (
	Registered        uint8 = 0
	VehicleRegistered uint8 = 1 // by another terminal
	NoSuchVehicle     uint8 = 2
	TerminalTaken     uint8 = 3 // by another vehicle
	NoSuchTerminal    uint8 = 4
)

// RegisterReply answers a registration.
type RegisterReply struct {
	Serial uint16 `json:"reply_to"` // serial of the registration
	Result uint8  `json:"result"`
	Code   GBK    `json:"code,omitempty"` // what the terminal authenticates with from now on; with Registered only
}

func (RegisterReply) ID() ID { return IDRegisterReply }

func (m RegisterReply) append(dst []byte, _ bool) ([]byte, error) {
	dst = append(binary.BigEndian.AppendUint16(dst, m.Serial), m.Result)
	return append(dst, m.Code...), nil
}

// Authenticate is the first message of every connection (终端鉴权).
type Authenticate struct {
	Code     GBK `json:"code"`
	IMEI     GBK `json:"imei,omitempty"`     // 2019 only, 15 bytes
	Software GBK `json:"software,omitempty"` // 2019 only, 20 bytes

	// Odd says that in the form of 2019 something else follows the code than the
	// standard's 35 bytes; that is Rest, and IMEI and Software are empty.
	Odd  bool `json:"odd,omitempty"`
	Rest Hex  `json:"rest,omitempty"`
}

const (
	imeiSize     = 15
	softwareSize = 20
)

func (Authenticate) ID() ID { return IDAuthenticate }

func readAuthenticate(b []byte, v2019 bool) (Message, Reason) {
	if !v2019 {
		return Authenticate{Code: GBK(b)}, ""
	}
	if len(b) < 1 || len(b) < 1+int(b[0]) {
		return nil, BadBody
	}
	n := 1 + int(b[0])
	m := Authenticate{Code: GBK(b[1:n])}
	switch b = b[n:]; len(b) {
	case imeiSize + softwareSize:
		m.IMEI, m.Software = field(b[:imeiSize]), field(b[imeiSize:])
	case 0:
		m.Odd = true
	default:
		m.Odd, m.Rest = true, Hex(b)
	}
	return m, ""
}

func (m Authenticate) append(dst []byte, v2019 bool) ([]byte, error) {
	bad := &Error{Reason: BadField, ID: IDAuthenticate}
	if !v2019 {
		if m.IMEI != "" || m.Software != "" || m.Odd {
			return nil, bad
		}
		return append(dst, m.Code...), nil
	}
	if len(m.Code) > 255 || m.Odd && len(m.Rest) == imeiSize+softwareSize {
		return nil, bad
	}
	dst = append(append(dst, byte(len(m.Code))), m.Code...)
	if m.Odd {
		return append(dst, m.Rest...), nil
	}
	dst, err := appendField(dst, m.IMEI, imeiSize)
	if err != nil {
		return nil, bad
	}
	if dst, err = appendField(dst, m.Software, softwareSize); err != nil {
		return nil, bad
	}
	return dst, nil
}

// Attributes is what a terminal says about itself (查询终端属性应答). In bytes, 2013
// and 2019: Maker 5, 11; Model 20, 30; Terminal 7, 30.
type Attributes struct {
	Type     uint16   `json:"type"` // bits: 0 passengers, 1 dangerous goods, 2 freight, 3 taxi, 6 disk recorder, 7 in parts
	Maker    GBK      `json:"maker"`
	Model    GBK      `json:"model"`
	Terminal GBK      `json:"terminal"`
	ICCID    [10]byte `json:"-"`                    // of the SIM card, BCD
	Hardware GBK      `json:"hardware"`             // version, at most 255 bytes
	Firmware GBK      `json:"firmware"`             // version, at most 255 bytes
	GNSS     uint8    `json:"gnss"`                 // bits: 0 GPS, 1 BeiDou, 2 GLONASS, 3 Galileo
	Network  uint8    `json:"network"`              // bits: 0 GPRS, 1 CDMA, 2 TD-SCDMA, 3 WCDMA, 4 CDMA2000, 5 TD-LTE, 7 another
	MakerOf5 bool     `json:"maker_of_5,omitempty"` // in the form of 2019 the maker has 5 bytes; documents differ, the body's length tells
}

func (Attributes) ID() ID { return IDAttributes }

func readAttributes(b []byte, v2019 bool) (Message, Reason) {
	if !v2019 {
		if m, ok := attributes(b, registerSizes(false, false)); ok {
			return m, ""
		}
		return nil, BadBody
	}
	if m, ok := attributes(b, registerSizes(false, true)); ok {
		return m, ""
	}
	if m, ok := attributes(b, [3]int{5, 30, 30}); ok {
		m.MakerOf5 = true
		return m, ""
	}
	return nil, BadBody
}

// attributes reads a body laid out so, if it is as long as it says itself.
func attributes(b []byte, sizes [3]int) (m Attributes, ok bool) {
	at := 2 + sizes[0] + sizes[1] + sizes[2] + len(m.ICCID)
	if len(b) < at+1 {
		return m, false
	}
	hardware := b[at+1:]
	n := int(b[at])
	if len(hardware) < n+1 {
		return m, false
	}
	firmware := hardware[n+1:]
	k := int(hardware[n])
	if len(firmware) != k+2 {
		return m, false
	}
	m.Type = binary.BigEndian.Uint16(b)
	b = b[2:]
	for i, to := range []*GBK{&m.Maker, &m.Model, &m.Terminal} {
		*to = field(b[:sizes[i]])
		b = b[sizes[i]:]
	}
	copy(m.ICCID[:], b)
	m.Hardware, m.Firmware = GBK(hardware[:n]), GBK(firmware[:k])
	m.GNSS, m.Network = firmware[k], firmware[k+1]
	return m, true
}

func (m Attributes) append(dst []byte, v2019 bool) ([]byte, error) {
	bad := &Error{Reason: BadField, ID: IDAttributes}
	sizes := registerSizes(false, v2019)
	if m.MakerOf5 {
		sizes[0] = 5
	}
	if m.MakerOf5 && !v2019 || len(m.Hardware) > 255 || len(m.Firmware) > 255 {
		return nil, bad
	}
	start := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, m.Type)
	for i, g := range []GBK{m.Maker, m.Model, m.Terminal} {
		var err error
		if dst, err = appendField(dst, g, sizes[i]); err != nil {
			return nil, bad
		}
	}
	dst = append(dst, m.ICCID[:]...)
	dst = append(append(dst, byte(len(m.Hardware))), m.Hardware...)
	dst = append(append(dst, byte(len(m.Firmware))), m.Firmware...)
	dst = append(dst, m.GNSS, m.Network)
	if _, ambiguous := attributes(dst[start:], registerSizes(false, true)); m.MakerOf5 && ambiguous {
		return nil, bad
	}
	return dst, nil
}
