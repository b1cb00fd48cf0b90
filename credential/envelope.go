package credential

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/adler32"
	"io"
	"strings"
	"sync"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"
)

// A code is, from the outside in: a prefix, base45, zlib, COSE_Sign1 (RFC 9052),
// a CWT claims set (RFC 8392). It is the envelope of the HC1 profile under a
// prefix of our own.
const codePrefix = "YW1:"

// Bounds on what strangers hand us. A QR code of the largest kind holds 4,296
// such characters; the longest honest code is about 1,000.
const (
	maxCodeLen    = 8 << 10
	maxMessageLen = 16 << 10
)

var encMode = must(cbor.EncOptions{Sort: cbor.SortCoreDeterministic}.EncMode())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var errEnvelope = errors.New("not a signed message")

// message is a COSE_Sign1 message taken apart, nothing in it proved yet.
type message struct {
	protected string
	payload   string
	signature []byte
	alg       cose.Algorithm
	kid       string
	typ       string
}

// Header parameters of COSE that we read.
const (
	headerAlg  = 1
	headerCrit = 2
	headerKid  = 4
	headerTyp  = 16
)

// parseMessage reads a COSE_Sign1 message, with or without the tags of COSE and
// CWT. The algorithm must be protected; the key id may stand in either header,
// the protected one wins. Critical headers that we'd have to understand are
// refused, as is anything after the message.
func parseMessage(b []byte) (message, error) {
	r := reader{s: string(b)}
	r.s = strings.TrimPrefix(r.s, "\xd8\x3d") // CWT
	r.s = strings.TrimPrefix(r.s, "\xd2")     // COSE_Sign1
	if r.items(cborArray) != 4 {
		return message{}, errEnvelope
	}
	m := message{protected: r.bytes()}
	var unprotectedKid string
	r.fields(func(key int64) bool {
		if key == headerKid {
			unprotectedKid = r.bytes()
		}
		return key == headerKid
	})
	m.payload, m.signature = r.bytes(), []byte(r.bytes())
	p := reader{s: m.protected}
	p.fields(func(key int64) bool {
		switch key {
		case headerAlg:
			m.alg = cose.Algorithm(p.integer())
		case headerKid:
			m.kid = p.bytes()
		case headerTyp:
			m.typ = p.text()
		case headerCrit:
			p.fail()
		default:
			return false
		}
		return true
	})
	if !r.end() || !p.end() {
		return message{}, errEnvelope
	}
	if m.kid == "" {
		m.kid = unprotectedKid
	}
	return m, nil
}

// appendSigned appends what the signature is over: the Sig_structure of RFC 9052.
func (m *message) appendSigned(dst []byte) []byte {
	dst = append(dst, "\x84\x6aSignature1"...)
	dst = appendByteString(dst, m.protected)
	dst = append(dst, 0x40) // no external data
	return appendByteString(dst, m.payload)
}

func appendByteString(dst []byte, b string) []byte {
	switch n := len(b); {
	case n < 24:
		dst = append(dst, 0x40|byte(n))
	case n < 1<<8:
		dst = append(dst, 0x58, byte(n))
	case n < 1<<16:
		dst = append(dst, 0x59, byte(n>>8), byte(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0x5a), uint32(n))
	}
	return append(dst, b...)
}

// signMessage makes a tagged COSE_Sign1 message.
func signMessage(ctx context.Context, s Signer, typ string, payload []byte) ([]byte, error) {
	m := cose.NewSign1Message()
	m.Payload = payload
	m.Headers.Protected.SetAlgorithm(s.Algorithm().cose())
	kid := s.KeyID()
	m.Headers.Protected[cose.HeaderLabelKeyID] = kid[:]
	if typ != "" {
		m.Headers.Protected[int64(16)] = typ
	}
	if err := m.Sign(nil, nil, coseSigner{ctx, s}); err != nil {
		return nil, fmt.Errorf("signing with key %s: %w", kid, err)
	}
	return m.MarshalCBOR()
}

// coseSigner lets the library sign with our signers, SM2 among them.
type coseSigner struct {
	ctx context.Context
	s   Signer
}

func (c coseSigner) Algorithm() cose.Algorithm { return c.s.Algorithm().cose() }

func (c coseSigner) Sign(_ io.Reader, content []byte) ([]byte, error) {
	sig, err := c.s.Sign(c.ctx, content)
	if err == nil && len(sig) != signatureLen {
		err = fmt.Errorf("signature of %d bytes", len(sig))
	}
	return sig, err
}

// sealText compresses a message and writes it as text under the prefix.
func sealText(m []byte) string {
	packed := compress(m)
	text := make([]byte, 0, len(codePrefix)+(len(packed)*3+1)/2)
	return string(encodeBase45(append(text, codePrefix...), packed))
}

// packers are compressors to be used again: one has tables of a megabyte.
var packers = sync.Pool{New: func() any { return must(zlib.NewWriterLevel(nil, zlib.BestCompression)) }}

// compress makes a zlib stream. Signatures and numbers hardly shrink, and a
// reader pays for each Huffman table: what would save less than an eighth is
// stored as it is.
func compress(m []byte) []byte {
	var b bytes.Buffer
	w := packers.Get().(*zlib.Writer)
	defer packers.Put(w)
	w.Reset(&b)
	// Writing to memory can't fail.
	w.Write(m)
	w.Close()
	if len(m) > 0xffff || b.Len() < len(m)*7/8 {
		return b.Bytes()
	}
	out := make([]byte, 0, len(m)+11)
	out = append(out, 0x78, 0x01, 0x01)
	out = binary.LittleEndian.AppendUint16(out, uint16(len(m)))
	out = binary.LittleEndian.AppendUint16(out, ^uint16(len(m)))
	out = append(out, m...)
	return binary.BigEndian.AppendUint32(out, adler32.Checksum(m))
}

// opener holds the buffers for opening codes, to be used again.
type opener struct {
	packed []byte
	plain  []byte
	signed []byte
	src    bytes.Reader
	zlib   io.ReadCloser
}

var openers = sync.Pool{New: func() any {
	return &opener{plain: make([]byte, maxMessageLen+1)}
}}

// isCode reports whether the text claims to be a code of ours.
func isCode(text string) bool { return strings.HasPrefix(text, codePrefix) }

// open turns text under our prefix into the message it carries. The message lies
// in the opener's buffers.
func (o *opener) open(text string) (message, error) {
	if len(text) > maxCodeLen {
		return message{}, errEnvelope
	}
	var err error
	if o.packed, err = decodeBase45(o.packed[:0], text[len(codePrefix):]); err != nil {
		return message{}, err
	}
	plain, err := o.inflate(o.packed)
	if err != nil {
		return message{}, err
	}
	return parseMessage(plain)
}

// inflate unpacks a zlib stream of at most maxMessageLen bytes, and nothing
// behind it.
func (o *opener) inflate(b []byte) ([]byte, error) {
	o.src.Reset(b)
	var err error
	if o.zlib == nil {
		if o.zlib, err = zlib.NewReader(&o.src); err != nil {
			return nil, err
		}
	} else if err = o.zlib.(zlib.Resetter).Reset(&o.src, nil); err != nil {
		return nil, err
	}
	n := 0
	for err == nil {
		if n == len(o.plain) { // one byte more than is allowed
			return nil, fmt.Errorf("unpacks to more than %d bytes", maxMessageLen)
		}
		var k int
		k, err = o.zlib.Read(o.plain[n:])
		n += k
	}
	if err != io.EOF {
		return nil, err
	}
	if n > maxMessageLen || o.src.Len() > 0 {
		return nil, errEnvelope
	}
	return o.plain[:n], nil
}
