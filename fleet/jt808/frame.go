package jt808

import (
	"bytes"
	"encoding/binary"
)

const (
	delimiter = 0x7e
	escape    = 0x7d
)

// Frame is one frame: header and the body as it was carried, unescaped. The zero
// value is ready; used again and again it stops allocating.
type Frame struct {
	Header
	Body []byte // lies in what was decoded or in the frame, until the next Decode; nil where empty

	buf []byte
}

// Decode reads one frame with its two delimiters. After an error the frame is
// empty.
func (f *Frame) Decode(wire []byte) error {
	f.Header, f.Body = Header{}, nil
	content, err := between(wire)
	if err != nil {
		return err
	}
	if bytes.IndexByte(content, delimiter) >= 0 {
		return refuse(BadDelimiter)
	}
	if i := bytes.IndexByte(content, escape); i >= 0 {
		if f.buf, err = unescape(f.buf[:0], content, i); err != nil {
			return err
		}
		content = f.buf
	}
	return f.parse(content)
}

// DecodeQuoted reads a frame that was unescaped already, as documents quote them:
// the bytes 7e and 7d within mean themselves.
func (f *Frame) DecodeQuoted(plain []byte) error {
	f.Header, f.Body = Header{}, nil
	content, err := between(plain)
	if err != nil {
		return err
	}
	return f.parse(content)
}

func between(wire []byte) ([]byte, error) {
	n := len(wire)
	if n < 2 || wire[0] != delimiter || wire[n-1] != delimiter {
		return nil, refuse(BadDelimiter)
	}
	if n > MaxWire {
		return nil, refuse(Oversize)
	}
	return wire[1 : n-1], nil
}

// unescape appends the content, of which the first escape stands at i.
func unescape(dst, content []byte, i int) ([]byte, error) {
	for {
		dst = append(dst, content[:i]...)
		if i+1 >= len(content) {
			return dst, refuse(BadEscape)
		}
		switch content[i+1] {
		case 1:
			dst = append(dst, escape)
		case 2:
			dst = append(dst, delimiter)
		default:
			return dst, refuse(BadEscape)
		}
		content = content[i+2:]
		if i = bytes.IndexByte(content, escape); i < 0 {
			return append(dst, content...), nil
		}
	}
}

// parse reads what stands between the delimiters, unescaped.
func (f *Frame) parse(content []byte) error {
	if len(content) < minContent {
		return refuse(BadHeader)
	}
	if xor(content) != 0 {
		return refuse(BadChecksum)
	}
	length, rest, why := readHeader(content[:len(content)-1], &f.Header)
	if why == "" && length != len(rest) {
		why = BadLength
	}
	if why != "" {
		err := &Error{Reason: why, ID: f.ID}
		f.Header = Header{}
		return err
	}
	if length > 0 {
		f.Body = rest
	}
	return nil
}

// xor is the check code over the bytes; over content and check code together it
// is 0.
func xor(b []byte) byte {
	var wide uint64
	for len(b) >= 8 {
		wide ^= binary.LittleEndian.Uint64(b)
		b = b[8:]
	}
	wide ^= wide >> 32
	wide ^= wide >> 16
	sum := byte(wide) ^ byte(wide>>8)
	for _, c := range b {
		sum ^= c
	}
	return sum
}

// shortContent is room for the replies that a platform writes all the time.
const shortContent = 64

// Append writes the frame as it goes over the wire.
func (f *Frame) Append(dst []byte) ([]byte, error) {
	var plain [shortContent]byte // nearly all that is written fits
	content, err := f.Header.append(plain[:0], len(f.Body))
	if err != nil {
		return dst, err
	}
	content = append(content, f.Body...)
	content = append(content, xor(content))
	dst = append(dst, delimiter)
	for _, c := range content {
		switch c {
		case delimiter:
			dst = append(dst, escape, 2)
		case escape:
			dst = append(dst, escape, 1)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, delimiter), nil
}

// Clone is a frame of its own.
func (f *Frame) Clone() *Frame { return &Frame{Header: f.Header, Body: bytes.Clone(f.Body)} }

// Decode reads one frame and its message. Both own what they hold.
func Decode(wire []byte) (Header, Message, error) {
	var f Frame
	if err := f.Decode(bytes.Clone(wire)); err != nil {
		return Header{}, nil, err
	}
	m, err := f.Message()
	return f.Header, m, err
}

// Encode appends the frames of a message: one, or as many parts as its body
// needs, with serial numbers from h.Serial on. It says how many frames those are.
// The id in h is not read. Under a header that names encryption or one part of
// several goes only Raw, as it comes out of them.
func Encode(dst []byte, h Header, m Message) ([]byte, int, error) {
	h.ID = m.ID()
	if _, raw := m.(Raw); !raw && h.opaque() {
		return dst, 0, &Error{Reason: BadField, ID: h.ID}
	}
	body, err := m.append(nil, h.V2019)
	if err != nil {
		return dst, 0, err
	}
	f := Frame{Header: h, Body: body}
	if len(body) <= MaxBody || h.Total != 0 {
		out, err := f.Append(dst)
		if err != nil {
			return dst, 0, err
		}
		return out, 1, nil
	}
	total := (len(body) + MaxBody - 1) / MaxBody
	if total > 0xffff {
		return dst, 0, &Error{Reason: Oversize, ID: h.ID}
	}
	f.Total = uint16(total)
	out := dst
	for i := range total {
		f.Index, f.Serial = uint16(i+1), h.Serial+uint16(i)
		f.Body = body[i*MaxBody : min((i+1)*MaxBody, len(body))]
		if out, err = f.Append(out); err != nil {
			return dst, 0, err
		}
	}
	return out, total, nil
}
