package gateway

import (
	"context"
	"time"

	"yiwang/city"
	"yiwang/fleet/jt808"
)

const (
	mostText  = 1000 // bytes in GBK: with them a text is one frame
	mostWaits = 8    // texts to one terminal that wait for their reply
)

// Send shows and speaks a text to the driver of the vehicle with that terminal, and
// returns when the terminal has acknowledged it. The text is refused when it is
// empty, over 1,000 bytes in GBK or not to be written in it; not found is a terminal
// that is not connected; rate limited is one with 8 texts waiting. Unavailable says
// that no reply came: the text may have been shown or not.
func (g *Gateway) Send(ctx context.Context, phone, text string) error {
	t, err := jt808.MakeGBK(text)
	if err != nil {
		return city.Invalid("gateway.text_letters")
	}
	if len(t) == 0 || len(t) > mostText {
		return city.Invalid("gateway.text_length", "max", mostText)
	}
	number, err := jt808.ParsePhone(phone)
	if err != nil {
		return city.NotFound("gateway.offline")
	}
	g.mu.Lock()
	s := g.terminals[number]
	g.mu.Unlock()
	if s == nil {
		return city.NotFound("gateway.offline")
	}
	serial, reply, err := s.tell(t)
	if err != nil {
		return err
	}
	defer s.stopWaiting(serial)
	late := time.NewTimer(g.o.Limits.Answer)
	defer late.Stop()
	select {
	case r := <-reply:
		if r != jt808.Done {
			return city.Invalid("gateway.text_refused")
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.gone:
	case <-late.C:
	}
	return &city.Error{Kind: city.KindUnavailable, Message: city.Message{Key: "gateway.no_reply"}}
}

// tell sends the text and gives where its reply will come.
func (s *session) tell(t jt808.GBK) (uint16, chan jt808.Result, error) {
	s.out.Lock()
	defer s.out.Unlock()
	if len(s.waits) >= mostWaits {
		return 0, nil, city.RateLimited("gateway.busy")
	}
	m := jt808.Text{Flags: jt808.TextDisplay | jt808.TextSpeak, Text: t}
	if s.like.V2019 {
		m.Flags |= jt808.TextNotice
		m.Kind = 1
	}
	if s.waits == nil {
		s.waits = map[uint16]chan jt808.Result{}
	}
	serial, reply := s.serial, make(chan jt808.Result, 1)
	s.waits[serial] = reply
	s.writeLocked(s.like, m)
	return serial, reply, nil
}

func (s *session) stopWaiting(serial uint16) {
	s.out.Lock()
	defer s.out.Unlock()
	delete(s.waits, serial)
}

// answered takes the terminal's general reply.
func (s *session) answered(r jt808.Reply) {
	s.out.Lock()
	defer s.out.Unlock()
	if reply, ok := s.waits[r.Serial]; ok && r.To == jt808.IDText {
		delete(s.waits, r.Serial)
		reply <- r.Result
	}
}
