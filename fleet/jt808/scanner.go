package jt808

import (
	"bytes"
	"errors"
	"io"
)

// Scanner cuts a stream into frames. Every byte 7e ends what stands before it and
// may begin what follows, so that after anything lost or added the next whole
// frame is found again. What stands between two delimiters without being a frame
// is given out like one, for Frame.Decode to refuse. It holds at most two frames.
type Scanner struct {
	r          io.Reader
	buf        []byte // buf[start:end] is unread
	start, end int
	seen       int // of the unread, so many bytes after the first hold no delimiter

	open    bool   // the first unread byte is a delimiter
	sample  []byte // how skipped bytes began
	skipped int    // bytes skipped and not yet told
	why     Reason // for what is skipped
}

// NewScanner reads frames from r. It buffers 512 bytes, more for longer frames.
func NewScanner(r io.Reader) *Scanner { return &Scanner{r: r, buf: make([]byte, 512), why: Garbage} }

// Next gives the next frame with its delimiters, valid until the next call.
// An *Error with Garbage, Half or Oversize tells of bytes that were left out;
// Next goes on after it. Any other error is the reader's. After one that is a
// timeout Next may be called again, and nothing is lost; after any other it comes
// back for ever.
func (s *Scanner) Next() ([]byte, error) {
	for reads := 0; ; {
		if wire, err := s.cut(); wire != nil || err != nil {
			return wire, err
		}
		s.makeRoom()
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if n > 0 {
			// An error that came with bytes comes again without them.
			reads = 0
			continue
		}
		if err == nil {
			if reads++; reads < 100 {
				continue
			}
			return nil, io.ErrNoProgress
		}
		var t interface{ Timeout() bool }
		if errors.As(err, &t) && t.Timeout() {
			return nil, err
		}
		if e := s.leftover(); e != nil {
			return nil, e
		}
		return nil, err
	}
}

// cut takes the next frame or refusal out of what is buffered; nil, nil where
// more bytes are needed.
func (s *Scanner) cut() ([]byte, error) {
	if !s.open {
		unread := s.buf[s.start:s.end]
		i := bytes.IndexByte(unread, delimiter)
		if i < 0 {
			s.skip(len(unread), s.why)
			return nil, nil
		}
		s.skip(i, s.why)
		s.open, s.seen = true, 0
		if e := s.told(); e != nil {
			return nil, e
		}
	}
	for s.end-s.start > 1 && s.buf[s.start+1] == delimiter {
		s.start++
		s.seen = 0
	}
	from := s.start + 1 + s.seen
	if i := bytes.IndexByte(s.buf[min(from, s.end):s.end], delimiter); i >= 0 && from+i-s.start < MaxWire {
		end := from + i
		wire := s.buf[s.start : end+1]
		s.start, s.seen = end, 0
		return wire, nil
	}
	s.seen = max(s.end-s.start-1, 0)
	if s.end-s.start < MaxWire {
		return nil, nil
	}
	s.open = false
	s.skip(1, Oversize)
	return s.cut()
}

// skip leaves out n bytes for that reason.
func (s *Scanner) skip(n int, why Reason) {
	if room := MaxSample - len(s.sample); room > 0 {
		s.sample = append(s.sample, s.buf[s.start:s.start+min(n, room)]...)
	}
	s.skipped += n
	s.start += n
	s.why = why
}

// told is the refusal of what was skipped, if anything was.
func (s *Scanner) told() error {
	e := &Error{Reason: s.why, Sample: s.sample, Size: s.skipped}
	s.sample, s.skipped, s.why = nil, 0, Garbage
	if e.Size == 0 {
		return nil
	}
	return e
}

// leftover is the refusal of what the end of the stream cut off.
func (s *Scanner) leftover() error {
	if s.open && s.end-s.start > 1 {
		s.skip(s.end-s.start, Half)
	}
	s.open = false
	s.start = s.end
	return s.told()
}

// makeRoom moves what is unread to the front, and grows the buffer when it is
// full.
func (s *Scanner) makeRoom() {
	if s.start == s.end {
		s.start, s.end = 0, 0
		return
	}
	if s.end < len(s.buf) {
		return
	}
	if s.start > 0 {
		s.end = copy(s.buf, s.buf[s.start:s.end])
		s.start = 0
		return
	}
	s.buf = append(s.buf, make([]byte, len(s.buf))...)
}
