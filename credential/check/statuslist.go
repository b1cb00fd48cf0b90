package check

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"yiwang/city"
	"yiwang/internal/cborscan"
)

// ListStatus is what a status list says of one licence, with the values of the
// token status list (IETF).
type ListStatus byte

const (
	ListValid     ListStatus = 0
	ListInvalid   ListStatus = 1 // revoked, cancelled, lapsed: for good
	ListSuspended ListStatus = 2
	listReserved  ListStatus = 3 // left to applications by the standard, as are all above; never written by us
)

const (
	// ListLen is how many licences one list of ours holds: so many that asking
	// for a list doesn't tell which licence somebody checks.
	ListLen = 131072
	// maxListLen bounds the lists of others.
	maxListLen = 1 << 24
	listBits   = 2

	listType         = "application/" + StatusListCWT
	maxListTokenLen  = 4 << 20
	maxStatusListURI = 512
)

// StatusBits are the entries of a status list, two bits each, the first entry in
// the lowest bits of the first byte.
type StatusBits []byte

// NewStatusBits are n entries, all valid; n is rounded up to a multiple of 4.
func NewStatusBits(n int) StatusBits { return make(StatusBits, (n+3)/4) }

// Len is the number of entries.
func (s StatusBits) Len() int { return len(s) * 4 }

// At is entry i, which must exist.
func (s StatusBits) At(i int) ListStatus { return ListStatus(s[i/4]>>(i%4*2)) & 3 }

// Set changes entry i, which must exist.
func (s StatusBits) Set(i int, v ListStatus) {
	shift := i % 4 * 2
	s[i/4] = s[i/4]&^(3<<shift) | byte(v&3)<<shift
}

func (s StatusBits) pack() []byte {
	var packed bytes.Buffer
	z := must(zlib.NewWriterLevel(&packed, zlib.BestCompression))
	z.Write(s) // writing to memory can't fail
	z.Close()
	return packed.Bytes()
}

// StatusList is a snapshot of the states of many licences, signed by their
// issuer.
type StatusList struct {
	URI      string
	Statuses StatusBits
	SignedAt time.Time
	Expires  time.Time     // a reader must have a newer one by then; zero means no bound
	TTL      time.Duration // a reader should fetch a newer one after so long; zero means unsaid
	Key      *Key          // who signed it; nil before ParseStatusList found out
	Source   string        // the file it came from
}

type wireList struct {
	URI     string     `cbor:"2,keyasint,omitempty"`
	Expires int64      `cbor:"4,keyasint,omitempty"`
	Signed  int64      `cbor:"6,keyasint,omitempty"`
	TTL     int64      `cbor:"65534,keyasint,omitempty"`
	List    wireBitmap `cbor:"65533,keyasint,omitempty"`
}

type wireBitmap struct {
	Bits int    `cbor:"bits"`
	List []byte `cbor:"lst"`
}

// EncodeStatusList signs a list as a status list token (CWT).
func EncodeStatusList(ctx context.Context, s Signer, l StatusList) ([]byte, error) {
	if err := l.publishable(); err != nil {
		return nil, err
	}
	w := wireList{URI: l.URI, Signed: l.SignedAt.Unix(), TTL: int64(l.TTL / time.Second),
		List: wireBitmap{listBits, l.Statuses.pack()}}
	if !l.Expires.IsZero() {
		w.Expires = l.Expires.Unix()
	}
	payload, err := encMode.Marshal(w)
	if err != nil {
		return nil, err
	}
	return signMessage(ctx, s, listType, payload)
}

var errListSigner = errors.New("no trusted key signed it")

// ParseStatusList reads a status list token and checks its signature against the
// keys in trust. The error says what is wrong: "credential.list.malformed" or
// "credential.list.untrusted".
func ParseStatusList(token []byte, trust *Trust) (*StatusList, error) {
	l, err := parseStatusList(token, trust)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, errListSigner):
		e := city.Invalid("credential.list.untrusted")
		e.Err = err
		return nil, e
	}
	e := city.Invalid("credential.list.malformed")
	e.Err = err
	return nil, e
}

func parseStatusList(token []byte, trust *Trust) (*StatusList, error) {
	if len(token) > maxListTokenLen {
		return nil, fmt.Errorf("%d bytes are too many", len(token))
	}
	if looksLikeJWT(token) {
		return parseStatusListJWT(string(bytes.TrimSpace(token)), trust)
	}
	m, err := parseMessage(token)
	if err != nil {
		return nil, err
	}
	if m.typ != listType {
		return nil, fmt.Errorf("type %q is no status list", m.typ)
	}
	// Nothing of it is unpacked before the signature has been checked.
	key, _ := trust.signerOf(&m, nil)
	if key == nil {
		return nil, errListSigner
	}
	w, err := parseList(m.payload)
	if err != nil {
		return nil, err
	}
	return w.list(key)
}

// list unpacks the entries of a list whose signature holds.
func (w *wireList) list(key *Key) (*StatusList, error) {
	switch {
	case w.List.Bits != 1 && w.List.Bits != 2 && w.List.Bits != 4 && w.List.Bits != 8:
		return nil, fmt.Errorf("%d bits an entry", w.List.Bits)
	case w.URI == "" || len(w.URI) > maxStatusListURI:
		return nil, errors.New("it doesn't say which list it is")
	case !plausible(w.Signed) || !plausible(w.Expires) || w.TTL < 0 || w.TTL > latest:
		return nil, errors.New("times that can't be")
	}
	z, err := zlib.NewReader(bytes.NewReader(w.List.List))
	if err != nil {
		return nil, err
	}
	most := int64(maxListLen / 8 * w.List.Bits)
	plain, err := io.ReadAll(io.LimitReader(z, most+1))
	if err != nil {
		return nil, err
	}
	if len(plain) == 0 || int64(len(plain)) > most {
		return nil, fmt.Errorf("%d bytes of entries", len(plain))
	}
	l := &StatusList{URI: w.URI, Statuses: twoBits(plain, w.List.Bits), SignedAt: time.Unix(w.Signed, 0).UTC(),
		TTL: time.Duration(w.TTL) * time.Second, Key: key}
	if w.Expires != 0 {
		l.Expires = time.Unix(w.Expires, 0).UTC()
	}
	if !key.HoldsAt(l.SignedAt) {
		return nil, errListSigner
	}
	return l, nil
}

// twoBits rewrites entries of another width as ours. States that only their
// issuer understands become the one that we keep for such.
func twoBits(plain []byte, bits int) StatusBits {
	if bits == listBits {
		return plain
	}
	each := 8 / bits
	out := NewStatusBits(len(plain) * each)
	for i, b := range plain {
		for j := range each {
			v := b >> (j * bits) & (1<<bits - 1)
			out.Set(i*each+j, ListStatus(min(v, byte(listReserved))))
		}
	}
	return out
}

func parseList(payload string) (w wireList, err error) {
	r := cborscan.Of(payload)
	r.Fields(func(key int64) bool {
		switch key {
		case 2:
			w.URI = r.Text()
		case 4:
			w.Expires = r.Int()
		case 6:
			w.Signed = r.Int()
		case 65534:
			w.TTL = r.Int()
		case 65533:
			for list := r.Map(); list.Next(); {
				switch r.Text() {
				case "bits":
					w.List.Bits = int(r.Int())
				case "lst":
					w.List.List = []byte(r.Bytes())
				default:
					r.Skip()
				}
			}
		default:
			return false
		}
		return true
	})
	if !r.End() {
		return w, errors.New("its claims can't be read")
	}
	return w, nil
}

// FreshAt reports whether the snapshot may still be relied on at t.
func (l *StatusList) FreshAt(t time.Time) bool {
	if !l.Expires.IsZero() && !t.Before(l.Expires) {
		return false
	}
	return l.TTL == 0 || t.Before(l.SignedAt.Add(l.TTL))
}
