package jt808

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// ID is the kind of a message (消息ID). Those of a terminal are below 8000
// hexadecimal, those of the platform above.
type ID uint16

const (
	IDTerminalReply ID = 0x0001 // 终端通用应答
	IDHeartbeat     ID = 0x0002 // 终端心跳
	IDLogout        ID = 0x0003 // 终端注销
	IDTimeQuery     ID = 0x0004 // 查询服务器时间请求, 2019
	IDResendUp      ID = 0x0005 // 终端补传分包请求, 2019
	IDRegister      ID = 0x0100 // 终端注册
	IDAuthenticate  ID = 0x0102 // 终端鉴权
	IDAttributes    ID = 0x0107 // 查询终端属性应答
	IDPosition      ID = 0x0200 // 位置信息汇报
	IDPositionReply ID = 0x0201 // 位置信息查询应答
	IDBatch         ID = 0x0704 // 定位数据批量上传
	IDPassUp        ID = 0x0900 // 数据上行透传

	IDPlatformReply   ID = 0x8001 // 平台通用应答
	IDResendDown      ID = 0x8003 // 服务器补传分包请求
	IDTimeReply       ID = 0x8004 // 查询服务器时间应答, 2019
	IDRegisterReply   ID = 0x8100 // 终端注册应答
	IDAttributesQuery ID = 0x8107 // 查询终端属性
	IDPositionQuery   ID = 0x8201 // 位置信息查询
	IDText            ID = 0x8300 // 文本信息下发
	IDPassDown        ID = 0x8900 // 数据下行透传
)

var idNames = map[ID]string{
	IDTerminalReply: "terminal_reply", IDHeartbeat: "heartbeat", IDLogout: "logout", IDTimeQuery: "time_query",
	IDResendUp: "resend_request", IDRegister: "register", IDAuthenticate: "authenticate", IDAttributes: "attributes",
	IDPosition: "position", IDPositionReply: "position_reply", IDBatch: "batch", IDPassUp: "passthrough",
	IDPlatformReply: "platform_reply", IDResendDown: "resend_request", IDTimeReply: "time_reply",
	IDRegisterReply: "register_reply", IDAttributesQuery: "attributes_query", IDPositionQuery: "position_query",
	IDText: "text", IDPassDown: "passthrough",
}

// String is the id as documents write it, such as "0200".
func (id ID) String() string { return fmt.Sprintf("%04x", uint16(id)) }

// MarshalText writes the id like String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// Name is what the message is called, such as "position"; "" where this package
// doesn't know it.
func (id ID) Name() string { return idNames[id] }

// Phone is the number a terminal reports under, 20 digits of 4 bits, right
// aligned: the same number is equal under both headers. It should be BCD; real
// terminals put other digits in, too, so it is taken as hexadecimal.
type Phone [10]byte

// ParsePhone reads up to 20 hexadecimal digits.
func ParsePhone(s string) (Phone, error) {
	var p Phone
	if len(s) == 0 || len(s) > 2*len(p) {
		return p, refuse(BadField)
	}
	s = strings.Repeat("0", 2*len(p)-len(s)) + s
	if _, err := hex.Decode(p[:], []byte(s)); err != nil {
		return Phone{}, refuse(BadField)
	}
	return p, nil
}

// String is the number without leading zeros.
func (p Phone) String() string {
	s := strings.TrimLeft(hex.EncodeToString(p[:]), "0")
	if s == "" {
		return "0"
	}
	return s
}

// fits2013 tells whether the 2013 header has room for the number.
func (p Phone) fits2013() bool { return p[0]|p[1]|p[2]|p[3] == 0 }

// Header is what stands before a message's body.
type Header struct {
	ID         ID
	V2019      bool  // the header of 2019 (版本标识)
	Version    uint8 // 2019: the protocol version, 1 so far
	Phone      Phone
	Serial     uint16 // 消息流水号: counts frames and wraps
	Encryption uint8  // bits 10 to 12 of the attributes: 0 none, 1 RSA
	Reserved   bool   // bit 15 of the attributes

	// Total and Index say that the body is part Index (from 1) of Total; both are
	// 0 for a whole message.
	Total, Index uint16
}

// PhoneDigits is the phone as the header carries it: 12 digits in 2013, 20 in
// 2019.
func (h Header) PhoneDigits() string {
	if h.V2019 {
		return hex.EncodeToString(h.Phone[:])
	}
	return hex.EncodeToString(h.Phone[4:])
}

const (
	flagLength   = 0x03ff
	flagParts    = 0x2000
	flagV2019    = 0x4000
	flagReserved = 0x8000

	// MaxBody is the longest body of one frame in bytes.
	MaxBody = flagLength

	minContent = 13 // header of 2013 and the checksum
	maxContent = 2 + 2 + 1 + 10 + 2 + 4 + MaxBody + 1

	// MaxWire is the longest frame on the wire, each byte escaped.
	MaxWire = 2*maxContent + 2
)

// readHeader reads the header and gives the body's length and what follows the
// header. It tells nothing about the rest.
func readHeader(b []byte, h *Header) (length int, rest []byte, why Reason) {
	if len(b) < minContent-1 {
		return 0, nil, BadHeader
	}
	attr := binary.BigEndian.Uint16(b[2:])
	*h = Header{
		ID: ID(binary.BigEndian.Uint16(b)), V2019: attr&flagV2019 != 0,
		Encryption: uint8(attr >> 10 & 7), Reserved: attr&flagReserved != 0,
	}
	size, phone := 12, b[4:]
	if h.V2019 {
		if size = 17; len(b) < size {
			return 0, nil, BadHeader
		}
		h.Version = b[4]
		copy(h.Phone[:], b[5:15])
	} else {
		copy(h.Phone[4:], phone[:6])
	}
	h.Serial = binary.BigEndian.Uint16(b[size-2:])
	rest = b[size:]
	if attr&flagParts != 0 {
		if len(rest) < 4 {
			return 0, nil, BadHeader
		}
		h.Total, h.Index = binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
		if h.Index == 0 || h.Index > h.Total {
			return 0, nil, BadPart
		}
		rest = rest[4:]
	}
	return int(attr & flagLength), rest, ""
}

// append writes the header of a body of that length.
func (h Header) append(dst []byte, length int) ([]byte, error) {
	if length > MaxBody || h.Encryption > 7 || !h.V2019 && (h.Version != 0 || !h.Phone.fits2013()) {
		return nil, &Error{Reason: BadField, ID: h.ID}
	}
	attr := uint16(length) | uint16(h.Encryption)<<10
	if h.Total != 0 || h.Index != 0 {
		if h.Index == 0 || h.Index > h.Total {
			return nil, &Error{Reason: BadPart, ID: h.ID}
		}
		attr |= flagParts
	}
	if h.V2019 {
		attr |= flagV2019
	}
	if h.Reserved {
		attr |= flagReserved
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(h.ID))
	dst = binary.BigEndian.AppendUint16(dst, attr)
	if h.V2019 {
		dst = append(append(dst, h.Version), h.Phone[:]...)
	} else {
		dst = append(dst, h.Phone[4:]...)
	}
	dst = binary.BigEndian.AppendUint16(dst, h.Serial)
	if attr&flagParts != 0 {
		dst = binary.BigEndian.AppendUint16(dst, h.Total)
		dst = binary.BigEndian.AppendUint16(dst, h.Index)
	}
	return dst, nil
}
