package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/web"
)

// How often the picture is looked at, how long one stream lasts before the browser
// asks anew (and is asked who it is), and how many there may be.
const (
	pictureEvery = 3 * time.Second
	streamFor    = 15 * time.Minute
	writeWithin  = 20 * time.Second
	mostStreams  = 300
)

// stream writes server-sent events (HTML Living Standard, 9.2) and leaves out what
// hasn't changed since it was last sent.
type stream struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	sent map[string]string
}

func newStream(w http.ResponseWriter) *stream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy before us must not gather events
	return &stream{w: w, rc: http.NewResponseController(w), sent: map[string]string{}}
}

// put sends an event when it says something new.
func (s *stream) put(event, data string) error {
	if old, ok := s.sent[event]; ok && old == data {
		return nil
	}
	s.sent[event] = data
	return s.write(event, data)
}

func (s *stream) write(event, data string) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: %s\n", event)
	for line := range strings.SplitSeq(data, "\n") {
		fmt.Fprintf(&b, "data: %s\n", line)
	}
	b.WriteByte('\n')
	if _, err := s.w.Write(b.Bytes()); err != nil {
		return err
	}
	return s.rc.Flush()
}

// How soon after a commit alerts go out, so that several are one picture, and how
// soon it is said that something has happened.
const (
	alertIn = 100 * time.Millisecond
	stirIn  = time.Second
)

// live streams what changes on the page, until the reader goes, the program stops or
// the time of a stream is over: the picture every few seconds, vehicles every second,
// alerts as soon as they are committed, and that something has happened, for what the
// page asks for itself.
func (p *Pages) live(w http.ResponseWriter, r *http.Request, actor city.Actor) error {
	if p.streams.Add(1) > mostStreams {
		p.streams.Add(-1)
		return &city.Error{Kind: city.KindUnavailable, Message: city.Message{Key: "command.full"}}
	}
	defer p.streams.Add(-1)
	ctx := r.Context()
	t := themeOf(r.URL.Query().Get("theme"))
	s := newStream(w)
	err := p.run(ctx, s, actor, t)
	if err != nil && ctx.Err() == nil {
		slog.WarnContext(ctx, "the command centre's stream ended", "err", err)
	}
	return nil // its head is sent, so no page can follow; the browser asks anew
}

func (p *Pages) run(ctx context.Context, s *stream, actor city.Actor, t Theme) error {
	end := time.NewTimer(streamFor)
	defer end.Stop()
	picture, moves := time.NewTicker(pictureEvery), time.NewTicker(moveEvery)
	defer picture.Stop()
	defer moves.Stop()
	happened, forget := p.Journal.Watch()
	defer forget()
	var changed <-chan struct{}
	if p.Board != nil {
		var done func()
		changed, done = p.Board.Changes()
		defer done()
	}
	var alertsDue, stirDue <-chan time.Time
	var tick uint64
	vehicles := p.seesVehicles(actor)
	err := p.update(ctx, s, actor, t)
	for first := true; err == nil; first = false {
		if first && vehicles {
			tick, err = p.sendMoved(ctx, s, actor, tick)
			if err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-p.Closing:
			return nil
		case <-end.C:
			return nil
		case <-picture.C:
			err = p.update(ctx, s, actor, t)
		case <-moves.C:
			if vehicles {
				tick, err = p.sendMoved(ctx, s, actor, tick)
			}
			if err == nil { // of another process there is no signal
				err = p.sendAlerts(ctx, s, actor, t)
			}
		case <-changed:
			if alertsDue == nil {
				alertsDue = time.After(alertIn)
			}
		case <-alertsDue:
			alertsDue = nil
			err = p.sendAlerts(ctx, s, actor, t)
		case <-happened:
			if stirDue == nil {
				stirDue = time.After(stirIn)
			}
		case <-stirDue:
			stirDue = nil
			err = s.write("stir", "{}")
		}
	}
	return err
}

// sendMoved sends where vehicles have come since a tick.
func (p *Pages) sendMoved(ctx context.Context, s *stream, actor city.Actor, tick uint64) (uint64, error) {
	data, next, err := p.moved(ctx, actor, tick)
	if err != nil || data == "" {
		return next, err
	}
	return next, s.write("vehicles", data)
}

// sendAlerts sends the alerts that wait, where they differ from those sent before.
func (p *Pages) sendAlerts(ctx context.Context, s *stream, actor city.Actor, t Theme) error {
	if p.Board == nil {
		return nil
	}
	var a Alerts
	book := p.bookFor(ctx, actor)
	err := p.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		a, err = p.alertsNow(ctx, tx, actor, book)
		return err
	})
	if err != nil {
		return err
	}
	return putAlerts(ctx, s, a, t)
}

func putAlerts(ctx context.Context, s *stream, a Alerts, t Theme) error {
	html, err := rendered(ctx, alerts(a, t))
	if err != nil {
		return err
	}
	if err := s.put("alerts", html); err != nil {
		return err
	}
	places, err := json.Marshal(alertPlaces(ctx, a))
	if err != nil {
		return err
	}
	return s.put("noticed", string(places))
}

// update sends what is new in the picture, and the moment it was made.
func (p *Pages) update(ctx context.Context, s *stream, actor city.Actor, t Theme) error {
	now, err := p.see(ctx, actor, t)
	if err != nil {
		return err
	}
	if err := putAlerts(ctx, s, now.Alerts, t); err != nil {
		return err
	}
	for event, part := range map[string]templ.Component{"signs": signs(now.Signs), "now": happening(now.Now, now.Alerts), "hours": hours(now.Hours), "sensors": sensors(listed(t, now)),
		"fleet": fleetPanel(now), "rules": rulesTable(now.Rules)} {
		html, err := rendered(ctx, part)
		if err != nil {
			return err
		}
		if err := s.put(event, html); err != nil {
			return err
		}
	}
	places, err := json.Marshal(placesOf(ctx, now))
	if err != nil {
		return err
	}
	if err := s.put("places", string(places)); err != nil {
		return err
	}
	return s.write("tick", fmt.Sprintf(`{"at":%q,"clock":%q}`, now.At.Format(time.RFC3339), clock(ctx, now.At)))
}

func rendered(ctx context.Context, c templ.Component) (string, error) {
	var b bytes.Buffer
	err := c.Render(ctx, &b)
	return b.String(), err
}

// Places are what the map draws over the ground, in GeoJSON.
type Places struct {
	Matters  collection `json:"matters"`
	Officers collection `json:"officers"`
	Sensors  collection `json:"sensors"`
}

type collection struct {
	Type     string    `json:"type"`
	Features []feature `json:"features"`
}

// placesOf gives the places of a picture, with words for those who point at them.
func placesOf(ctx context.Context, s Picture) Places {
	late := map[city.CaseNumber]bool{}
	for _, c := range s.Now {
		late[c.Number] = c.State == web.StateOverdue
	}
	var out Places
	for _, list := range []*collection{&out.Matters, &out.Officers, &out.Sensors} {
		*list = collection{Type: "FeatureCollection", Features: []feature{}}
	}
	for _, m := range s.Matters {
		out.Matters.Features = append(out.Matters.Features, feature{"Feature", map[string]any{"number": m.Number, "late": late[m.Number], "asked": m.Reports}, geometry{"Point", at(m.At)}})
	}
	for _, o := range s.Officers {
		if !o.At.IsZero() {
			out.Officers.Features = append(out.Officers.Features, feature{"Feature", map[string]any{"name": web.In(ctx, o.Post), "hands": o.Hands}, geometry{"Point", at(o.At)}})
		}
	}
	for _, d := range s.Sensors {
		if !d.At.IsZero() {
			out.Sensors.Features = append(out.Sensors.Features, feature{"Feature", map[string]any{"name": web.In(ctx, d.Name), "alarm": d.Alarm, "deaf": d.Deaf}, geometry{"Point", at(d.At)}})
		}
	}
	return out
}
