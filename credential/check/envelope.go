package check

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	"yiwang/credential/packing"
	"yiwang/internal/cborscan"
)

// A code is, from the outside in: a prefix, base45, zlib, COSE_Sign1 (RFC 9052),
// a CWT claims set (RFC 8392). Health certificates of the European Union (hcert
// 1.0.8) and our own codes differ in the prefix and in what the claims are.
const (
	codePrefix   = "YW1:"
	healthPrefix = "HC1:"
	prefixLen    = 4
)

// profile is what the prefix promises.
type profile byte

const (
	profileNone profile = iota
	profileOurs
	profileHealth
)

func profileOf(text string) profile {
	switch {
	case strings.HasPrefix(text, codePrefix):
		return profileOurs
	case strings.HasPrefix(text, healthPrefix):
		return profileHealth
	}
	return profileNone
}

// allows reports whether codes of the profile may be signed so.
func (p profile) allows(a Algorithm) bool {
	if p == profileHealth {
		return a == ES256 || a == PS256
	}
	return a != ""
}

// Bounds on what strangers hand us: the most that a QR code can hold in these
// letters (version 40 at level L), and several times what the longest honest code
// unpacks to. maxTextLen leaves room for line ends on the way.
const (
	maxCodeLen    = 4296
	maxTextLen    = 8 << 10
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
	looseAlg  cose.Algorithm // as the unprotected header has it
	kid       string
	typ       string
	profile   profile
}

// Header parameters of COSE that we read.
const (
	headerAlg  = 1
	headerCrit = 2
	headerKid  = 4
	headerTyp  = 16
)

// parseMessage reads a COSE_Sign1 message, with or without the tags of COSE and
// CWT. The key id may stand in either header, the protected one wins. Critical headers that we'd have to understand are
// refused, as is anything after the message.
func parseMessage(b []byte) (message, error) {
	r := cborscan.Of(strings.TrimPrefix(strings.TrimPrefix(string(b), tagCWT), tagSign1))
	parts := r.Array()
	part := func() *cborscan.Reader {
		if !parts.Next() {
			r.Fail()
		}
		return &r
	}
	m := message{protected: part().Bytes()}
	var unprotectedKid string
	part().Fields(func(key int64) bool {
		switch {
		case key == headerKid:
			unprotectedKid = r.Bytes()
		case key == headerAlg && r.Next() <= cborscan.Negative:
			m.looseAlg = cose.Algorithm(r.Int())
		default:
			return false
		}
		return true
	})
	m.payload = part().Bytes()
	signature := part().Bytes()
	m.signature = within(b[:len(b)-len(r.Rest())], signature)
	if parts.Next() {
		r.Fail()
	}
	p, named := cborscan.Of(m.protected), false
	if m.protected == "" {
		p = cborscan.Of("\xa0") // how a header without parameters is written
	}
	p.Fields(func(key int64) bool {
		switch key {
		case headerAlg:
			if p.Next() == cborscan.TextString { // none of ours has a word for a name
				return false
			}
			m.alg = cose.Algorithm(p.Int())
		case headerKid:
			m.kid, named = p.Bytes(), true
		case headerTyp:
			m.typ = p.Text()
		case headerCrit:
			p.Fail()
		default:
			return false
		}
		return true
	})
	if !r.End() || !p.End() {
		return message{}, errEnvelope
	}
	if !named {
		m.kid = unprotectedKid
	}
	return m, nil
}

// within finds the piece that was read last at the end of b, without copying it
// unless it was written in several pieces.
func within(b []byte, piece string) []byte {
	if n := len(b) - len(piece); n >= 0 && string(b[n:]) == piece {
		return b[n:]
	}
	return []byte(piece)
}

// The tags that may stand before a message.
const (
	tagCWT   = "\xd8\x3d"
	tagSign1 = "\xd2"
)

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
	packed := packing.Compress(m)
	text := make([]byte, 0, len(codePrefix)+(len(packed)*3+1)/2)
	return string(packing.Encode(append(text, codePrefix...), packed))
}

// opener holds the buffers for opening codes, to be used again.
type opener struct {
	packed []byte
	signed []byte
	packing.Inflater
}

var openers = sync.Pool{New: func() any { return &opener{Inflater: packing.NewInflater(maxMessageLen)} }}

var errTooLong = errors.New("longer than a QR code")

// open turns text that begins like a code into the message it carries. The message
// lies in the opener's buffers.
func (o *opener) open(text string) (message, error) {
	if len(text) > maxCodeLen {
		return message{}, errTooLong
	}
	var err error
	if o.packed, err = packing.Decode(o.packed[:0], text[prefixLen:]); err != nil {
		return message{}, err
	}
	plain, err := o.Inflate(o.packed)
	if err != nil {
		return message{}, err
	}
	m, err := parseMessage(plain)
	m.profile = profileOf(text)
	if m.profile == profileHealth && m.alg == cose.AlgorithmReserved {
		// Some issuers leave it unprotected (CO19, CO20 of the Union's test list). It
		// gives nobody a choice: a key is of one algorithm.
		m.alg = m.looseAlg
	}
	return m, err
}
