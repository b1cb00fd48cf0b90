package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"yiwang/city"
	"yiwang/fleet/history"
	"yiwang/fleet/jt808"
)

// take answers one frame; false ends the connection.
func (s *session) take(wire []byte, now time.Time) bool {
	if err := s.f.Decode(wire); err != nil {
		s.refuse(err, wire)
		return true
	}
	s.heard = now
	s.g.tally.frame()
	h := s.f.Header
	if why := s.stranger(h); why != "" {
		s.g.tally.trouble(why)
		if h.ID != jt808.IDTerminalReply {
			s.reply(h, jt808.Failed)
		}
		return true
	}
	if h.Encryption != 0 {
		s.g.tally.trouble(Encrypted)
		s.reply(h, jt808.Unsupported)
		return true
	}
	whole := &s.f
	if h.Total > 1 {
		if whole = s.part(now); whole == nil {
			return true
		}
	}
	if whole.ID == jt808.IDPosition { // nearly all are, and need no room of their own
		s.one[0] = jt808.Record{}
		if err := s.one[0].Decode(whole.Body); err != nil {
			s.refuse(err, wire)
			s.reply(whole.Header, jt808.Wrong)
			return true
		}
		s.record(whole.Header, s.one[:], wire)
		return true
	}
	m, err := whole.Message()
	if err != nil {
		s.refuse(err, wire)
		s.reply(whole.Header, jt808.Wrong)
		return true
	}
	return s.answer(whole.Header, m, wire)
}

func (s *session) refuse(err error, wire []byte) {
	why := jt808.ReasonOf(err)
	s.g.tally.refuse(why)
	s.sample(string(why), wire, len(wire))
}

// stranger says why the message is not this terminal's to send, if it isn't.
func (s *session) stranger(h jt808.Header) Trouble {
	switch {
	case s.known && h.Phone != s.phone:
		return OtherPhone
	case s.known || h.Total <= 1 && (h.ID == jt808.IDRegister || h.ID == jt808.IDAuthenticate || h.ID == jt808.IDTimeQuery):
		return ""
	}
	return Unauthenticated
}

func (s *session) answer(h jt808.Header, m jt808.Message, wire []byte) bool {
	switch m := m.(type) {
	case jt808.Register:
		s.register(h, m)
		return true
	case jt808.Authenticate:
		return s.authenticate(h, m)
	case jt808.Batch:
		s.record(h, m.Records, wire)
		return true
	case jt808.Reply:
		s.answered(m)
		return true
	case jt808.Signal:
		switch m.Kind {
		case jt808.IDHeartbeat:
			s.reply(h, jt808.Done)
			return true
		case jt808.IDTimeQuery:
			s.write(h, jt808.TimeReply{Time: s.g.o.Clock.Now()})
			return true
		case jt808.IDLogout:
			s.reply(h, jt808.Done)
			s.leave()
			s.began = time.Now()
			return true
		}
	}
	s.g.tally.unknown(h.ID)
	s.reply(h, jt808.Unsupported)
	return true
}

// code is what a terminal authenticates with: 80 bits that only the holder of the
// key can tell from its number.
func (g *Gateway) code(phone jt808.Phone) jt808.GBK {
	mac := hmac.New(sha256.New, g.o.Key)
	mac.Write([]byte("jt808 terminal\n"))
	mac.Write(phone[:])
	return jt808.GBK(hex.EncodeToString(mac.Sum(nil)[:10]))
}

func (s *session) register(h jt808.Header, m jt808.Register) {
	r := jt808.RegisterReply{Serial: h.Serial}
	plate, ok := s.g.o.Vehicle(h.Phone.String())
	if ok {
		r.Code = s.g.code(h.Phone)
		if text, err := m.Plate.Text(); m.Colour != 0 && (err != nil || text != plate) {
			s.g.tally.trouble(OtherPlate)
		}
	} else {
		r.Result = jt808.NoSuchVehicle
		s.g.tally.trouble(UnknownVehicle)
	}
	s.write(h, r)
}

// authenticate lets the terminal in; false after too many wrong tries.
func (s *session) authenticate(h jt808.Header, m jt808.Authenticate) bool {
	if !hmac.Equal([]byte(m.Code), []byte(s.g.code(h.Phone))) {
		s.g.tally.trouble(WrongCode)
		s.wrong++
		s.reply(h, jt808.Failed)
		return s.wrong < mostWrong
	}
	if _, ok := s.g.o.Vehicle(h.Phone.String()); !ok {
		s.g.tally.trouble(UnknownVehicle)
		s.reply(h, jt808.Failed)
		return true
	}
	s.out.Lock()
	s.like = h
	s.out.Unlock()
	s.known, s.phone, s.number, s.plate = true, h.Phone, h.Phone.String(), ""
	s.g.bind(s, h.Phone)
	s.reply(h, jt808.Done)
	return true
}

// vehicle is the one that the terminal speaks for.
func (s *session) vehicle() (plate string, ok bool) {
	if s.g.o.Edition == nil {
		return s.g.o.Vehicle(s.number)
	}
	if e := s.g.o.Edition(); s.plate == "" || s.edition != e {
		s.edition = e // before Vehicle is asked: what changes meanwhile is asked for again
		if s.plate, ok = s.g.o.Vehicle(s.number); !ok {
			s.plate = ""
		}
	}
	return s.plate, s.plate != ""
}

// record keeps the positions that can be and answers when they are kept. A message
// without a good one is answered as wrong: sent again, it would be no better.
func (s *session) record(h jt808.Header, list []jt808.Record, wire []byte) {
	plate, ok := s.vehicle()
	if !ok {
		s.g.tally.trouble(UnknownVehicle)
		s.reply(h, jt808.Failed)
		return
	}
	received := city.Micros(s.g.o.Clock.Now())
	good := s.good[:0]
	if cap(good) > mostGood {
		good = nil // one large batch shall not be paid for ever
	}
	for i := range list {
		r := &list[i]
		if r.Reason != "" {
			s.g.tally.refuse(r.Reason)
			s.sample(string(r.Reason), r.Raw, len(r.Raw))
			continue
		}
		if r.Status&jt808.StatusEncrypted != 0 {
			s.g.tally.trouble(Encrypted)
			continue
		}
		p := position(plate, &r.Position, received)
		if p.Check() != nil {
			s.g.tally.trouble(Unkept)
			s.sample(string(Unkept), wire, len(wire))
			continue
		}
		good = append(good, p)
	}
	s.good = good
	if len(good) == 0 {
		s.reply(h, jt808.Wrong)
		return
	}
	err := s.g.o.Record(s.g.ctx, good)
	if s.g.failing.Swap(err != nil) != (err != nil) {
		if err != nil {
			s.g.o.Log.Error("gateway: positions can't be recorded; terminals are told to send again", "err", err)
		} else {
			s.g.o.Log.Info("gateway: positions are recorded again")
		}
	}
	if err != nil {
		s.g.tally.trouble(Unrecorded)
		s.reply(h, jt808.Failed)
		return
	}
	s.g.tally.positions(len(good))
	s.reply(h, jt808.Done)
}

// reserved are the bits of a status that JT/T 808 gives no meaning (table 24).
const reserved = 0xffc00000

// position is the report as it is kept; places are the terminal's, WGS-84.
func position(plate string, p *jt808.Position, received int64) history.Position {
	lat, lon := p.Degrees()
	out := history.Position{
		Vehicle: plate, At: city.Micros(p.Time), Received: received, Lat: lat, Lon: lon,
		Speed: float32(float64(p.Speed) / 10), Heading: p.Course,
		Altitude: int16(p.Altitude), // below the sea terminals send the complement
		Status:   uint32(p.Status) &^ reserved, Alarm: uint32(p.Alarm), Source: Source,
	}
	if v, ok := p.Items.Find(jt808.ItemMileage); ok && len(v) == 4 {
		out.Mileage = binary.BigEndian.Uint32(v)
	}
	return out
}
