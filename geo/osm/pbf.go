package osm

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds of the PBF format (wiki.openstreetmap.org/wiki/PBF_Format).
const (
	longestHead = 64 << 10
	longestBlob = 32 << 20
	nano        = 1e-9
)

var errPBF = errors.New("this is no PBF, or it is damaged")

// features are those of a file that this reader understands.
var features = map[string]bool{"OsmSchema-V0.6": true, "DenseNodes": true, "HistoricalInformation": true}

// fields tells the fields of a message; v of numbers, b of bytes.
func fields(b []byte, each func(n protowire.Number, v uint64, b []byte) error) error {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errPBF
		}
		b = b[n:]
		var v uint64
		var body []byte
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			body, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, kind, b)
		}
		if n < 0 {
			return errPBF
		}
		b = b[n:]
		if err := each(num, v, body); err != nil {
			return err
		}
	}
	return nil
}

// numbers reads a packed row of varints into what was read before.
func numbers(into []uint64, b []byte) ([]uint64, error) {
	for len(b) > 0 {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return into, errPBF
		}
		into = append(into, v)
		b = b[n:]
	}
	return into, nil
}

// scanPBF tells each node and way of a PBF file.
func scanPBF(r io.Reader, each func(*element) error) error {
	var head [4]byte
	blk := &block{e: &element{tags: map[string]string{}}}
	for first := true; ; first = false {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			if errors.Is(err, io.EOF) && !first {
				return nil
			}
			return errPBF
		}
		kind, size, err := blobHead(r, binary.BigEndian.Uint32(head[:]))
		if err != nil {
			return err
		}
		raw := make([]byte, size)
		if _, err := io.ReadFull(r, raw); err != nil {
			return errPBF
		}
		data, err := unpack(raw)
		if err != nil {
			return err
		}
		switch {
		case kind == "OSMHeader":
			err = understood(data)
		case first:
			err = errPBF
		case kind == "OSMData":
			err = blk.read(data, each)
		}
		if err != nil {
			return err
		}
	}
}

func blobHead(r io.Reader, length uint32) (kind string, size uint64, err error) {
	if length > longestHead {
		return "", 0, errPBF
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", 0, errPBF
	}
	err = fields(b, func(n protowire.Number, v uint64, b []byte) error {
		switch n {
		case 1:
			kind = string(b)
		case 3:
			size = v
		}
		return nil
	})
	if err != nil || size > longestBlob {
		return "", 0, errPBF
	}
	return kind, size, nil
}

// unpack gives what a blob holds, plain or deflated.
func unpack(blob []byte) ([]byte, error) {
	var plain, packed []byte
	kind := protowire.Number(0)
	err := fields(blob, func(n protowire.Number, _ uint64, b []byte) error {
		switch {
		case n == 1:
			plain, kind = b, n
		case n == 3:
			packed, kind = b, n
		case n > 3 && b != nil:
			kind = n
		}
		return nil
	})
	switch {
	case err != nil || len(plain) > longestBlob:
		return nil, errPBF
	case kind == 1:
		return plain, nil
	case kind != 3:
		return nil, fmt.Errorf("blobs are packed in a way that is not known here (field %d)", kind)
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, errPBF
	}
	data, err := io.ReadAll(io.LimitReader(z, longestBlob+1))
	if err != nil || len(data) > longestBlob {
		return nil, errPBF
	}
	return data, nil
}

// understood refuses a file that demands more of its reader than this one can.
func understood(header []byte) error {
	return fields(header, func(n protowire.Number, _ uint64, b []byte) error {
		if n == 4 && !features[string(b)] {
			return fmt.Errorf("the file needs %.40q", b)
		}
		return nil
	})
}

// block is a PrimitiveBlock being read.
type block struct {
	e           *element
	strings     [][]byte
	granularity int64
	lat, lon    int64
	row         [4][]uint64
}

func (k *block) read(b []byte, each func(*element) error) error {
	k.strings, k.granularity, k.lat, k.lon = k.strings[:0], 100, 0, 0
	err := fields(b, func(n protowire.Number, v uint64, b []byte) error { // what groups need may stand behind them
		switch n {
		case 1:
			return fields(b, func(n protowire.Number, _ uint64, b []byte) error {
				if n == 1 {
					k.strings = append(k.strings, b)
				}
				return nil
			})
		case 17:
			k.granularity = int64(int32(v))
		case 19:
			k.lat = int64(v)
		case 20:
			k.lon = int64(v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return fields(b, func(n protowire.Number, _ uint64, b []byte) error {
		if n != 2 {
			return nil
		}
		return fields(b, func(n protowire.Number, _ uint64, b []byte) error {
			switch n {
			case 1:
				return k.node(b, each)
			case 2:
				return k.dense(b, each)
			case 3:
				return k.way(b, each)
			}
			return nil
		})
	})
}

func (k *block) text(i uint64) (string, error) {
	if i >= uint64(len(k.strings)) {
		return "", errPBF
	}
	return string(k.strings[i]), nil
}

func (k *block) tag(key, value uint64) error {
	name, err := k.text(key)
	if err != nil {
		return err
	}
	v, err := k.text(value)
	if err != nil {
		return err
	}
	return k.e.tag(name, v)
}

// place makes degrees of what is stored.
func (k *block) place(lat, lon int64) {
	k.e.lat = nano * float64(k.lat+k.granularity*lat)
	k.e.lon = nano * float64(k.lon+k.granularity*lon)
}

// rows empties the rows of numbers that a message is read into.
func (k *block) rows() {
	for i := range k.row {
		k.row[i] = k.row[i][:0]
	}
}

// gather reads packed fields into rows, by the field's number.
func (k *block) gather(into map[protowire.Number]int, n protowire.Number, v uint64, b []byte) (err error) {
	i, ok := into[n]
	switch {
	case !ok:
	case b == nil: // a single number, not packed
		k.row[i] = append(k.row[i], v)
	default:
		k.row[i], err = numbers(k.row[i], b)
	}
	return err
}

var (
	nodeRows  = map[protowire.Number]int{2: 0, 3: 1}
	denseRows = map[protowire.Number]int{1: 0, 8: 1, 9: 2, 10: 3}
	wayRows   = map[protowire.Number]int{2: 0, 3: 1, 8: 2}
)

func (k *block) node(b []byte, each func(*element) error) error {
	k.e.clear(false)
	k.rows()
	var lat, lon int64
	err := fields(b, func(n protowire.Number, v uint64, b []byte) error {
		switch n {
		case 1:
			k.e.id = protowire.DecodeZigZag(v)
		case 8:
			lat = protowire.DecodeZigZag(v)
		case 9:
			lon = protowire.DecodeZigZag(v)
		}
		return k.gather(nodeRows, n, v, b)
	})
	if err != nil {
		return err
	}
	if err := k.tags(k.row[0], k.row[1]); err != nil {
		return err
	}
	k.place(lat, lon)
	return each(k.e)
}

func (k *block) tags(keys, values []uint64) error {
	if len(keys) != len(values) {
		return errPBF
	}
	for i := range keys {
		if err := k.tag(keys[i], values[i]); err != nil {
			return err
		}
	}
	return nil
}

// dense reads many nodes: each number is the difference to the one before, tags are
// pairs of strings with a zero after each node's.
func (k *block) dense(b []byte, each func(*element) error) error {
	k.rows()
	err := fields(b, func(n protowire.Number, v uint64, b []byte) error { return k.gather(denseRows, n, v, b) })
	if err != nil {
		return err
	}
	ids, lats, lons, pairs := k.row[0], k.row[1], k.row[2], k.row[3]
	if len(lats) != len(ids) || len(lons) != len(ids) {
		return errPBF
	}
	var id, lat, lon int64
	for i := range ids {
		id += protowire.DecodeZigZag(ids[i])
		lat += protowire.DecodeZigZag(lats[i])
		lon += protowire.DecodeZigZag(lons[i])
		k.e.clear(false)
		k.e.id = id
		k.place(lat, lon)
		for len(pairs) > 0 {
			if pairs[0] == 0 {
				pairs = pairs[1:]
				break
			}
			if len(pairs) < 2 {
				return errPBF
			}
			if err := k.tag(pairs[0], pairs[1]); err != nil {
				return err
			}
			pairs = pairs[2:]
		}
		if err := each(k.e); err != nil {
			return err
		}
	}
	return nil
}

func (k *block) way(b []byte, each func(*element) error) error {
	k.e.clear(true)
	k.rows()
	err := fields(b, func(n protowire.Number, v uint64, b []byte) error {
		if n == 1 {
			k.e.id = int64(v)
		}
		return k.gather(wayRows, n, v, b)
	})
	if err != nil {
		return err
	}
	if err := k.tags(k.row[0], k.row[1]); err != nil {
		return err
	}
	ref := int64(0)
	for _, d := range k.row[2] {
		ref += protowire.DecodeZigZag(d)
		if err := k.e.add(ref); err != nil {
			return err
		}
	}
	return each(k.e)
}
