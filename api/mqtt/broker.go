// Package mqtt is the door for sensors that speak MQTT 3.1.1 or 5. A device signs
// in with its id as the user and an API token with the scope reading.send as the
// password, and publishes to city/KIND/DEVICE what alert.ReadReading reads. A
// gateway signs in under another name and may publish for every device. Whoever may
// send positions (position.record) publishes them to city/positions/VEHICLE, where
// VEHICLE is a plate or a terminal's number. Nobody
// subscribes to anything, and nothing is retained or kept for later. With QoS 1
// the acknowledgement comes when the reading was taken or refused for good; when
// the database is away there is none, and the device sends it again.
package mqtt

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"yiwang/access"
	"yiwang/alert"
	"yiwang/city"
	"yiwang/identity"
)

// Options make a broker. All are needed but Position.
type Options struct {
	Sensors  *alert.Watch
	Identity *identity.Identity
	Access   *access.Access
	// Position records what a vehicle's payload says, for whoever sent it; nil where
	// the city watches no vehicles.
	Position func(ctx context.Context, actor city.Actor, vehicle string, payload []byte) error
}

// Bounds of what clients may ask for.
const (
	mostClients = 10_000
	mostPacket  = 16 << 10 // bytes
	mostRefused = 5 * time.Second
)

// Broker listens to sensors.
type Broker struct{ server *mochi.Server }

// Serve answers on the listener until Close.
func Serve(l net.Listener, o Options) (*Broker, error) {
	c := mochi.NewDefaultServerCapabilities()
	c.MaximumClients, c.MaximumPacketSize, c.MaximumQos = mostClients, mostPacket, 1
	c.RetainAvailable, c.SharedSubAvailable, c.WildcardSubAvailable = 0, 0, 0
	c.MaximumSessionExpiryInterval, c.MaximumInflight, c.ReceiveMaximum = 0, 64, 64
	c.MaximumClientWritesPending = 64
	s := mochi.New(&mochi.Options{Capabilities: c, Logger: slog.New(slog.DiscardHandler), // what matters is logged by the door
		ClientNetReadBufferSize: 2 << 10, ClientNetWriteBufferSize: 1 << 10, SysTopicResendInterval: 1 << 30})
	if err := s.AddHook(&door{Options: o}, nil); err != nil {
		return nil, err
	}
	if err := s.AddListener(listeners.NewNet("sensors", l)); err != nil {
		return nil, err
	}
	return &Broker{s}, s.Serve()
}

// Close ends all connections.
func (b *Broker) Close() error { return b.server.Close() }

// door lets devices in and carries what they say to the watch.
type door struct {
	mochi.HookBase
	Options
	known sync.Map // *mochi.Client: client
}

type client struct {
	token    string
	device   string // the only one it speaks for; "" for a gateway
	vehicles bool   // it sends positions of vehicles, and nothing else
}

func (d *door) ID() string { return "door" }

func (d *door) Provides(b byte) bool {
	return bytes.IndexByte([]byte{mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnPublish, mochi.OnDisconnect}, b) >= 0
}

// actor finds out who bears the token, each time anew: a token that was ended
// must not go on with an open connection.
func (d *door) actor(token string, positions bool) (city.Actor, error) {
	ctx, cancel := context.WithTimeout(context.Background(), mostRefused)
	defer cancel()
	known, err := d.Identity.Actor(ctx, token)
	if err != nil {
		return city.Actor{}, err
	}
	a := known.Actor
	a.Channel = city.ChannelAPI
	if positions {
		return a, d.Access.Ask(ctx, a, "position.record", access.Resource{Type: "Fleet"})
	}
	return a, d.Access.Ask(ctx, a, "reading.send", access.Resource{Type: "Register", ID: "sensors"})
}

func (d *door) OnConnectAuthenticate(cl *mochi.Client, pk packets.Packet) bool {
	token := string(pk.Connect.Password)
	if token == "" || len(token) > 512 {
		return false
	}
	c := client{token: token}
	if _, err := d.actor(token, false); err != nil {
		if d.Position != nil {
			_, err = d.actor(token, true)
			c.vehicles = err == nil
		}
		if err != nil {
			slog.Info("a device was not let in", "client", cl.ID, "err", err)
			return false
		}
	}
	user := string(pk.Connect.Username)
	if _, _, ok := d.Sensors.Device(user); ok {
		c.device = user
	}
	d.known.Store(cl, c)
	return true
}

func (d *door) OnDisconnect(cl *mochi.Client, _ error, _ bool) { d.known.Delete(cl) }

// OnACLCheck lets a client publish to the topics of its devices and to no other.
func (d *door) OnACLCheck(cl *mochi.Client, topic string, write bool) bool {
	c, ok := d.known.Load(cl)
	if !ok || !write {
		return false
	}
	if _, ok := vehicleOf(topic); ok || c.(client).vehicles {
		return ok && c.(client).vehicles
	}
	device, ok := d.deviceOf(topic)
	return ok && (c.(client).device == "" || c.(client).device == device)
}

// vehicleOf is the vehicle whose positions a topic is for.
func vehicleOf(topic string) (string, bool) {
	v, ok := strings.CutPrefix(topic, "city/positions/")
	return v, ok && v != "" && !strings.Contains(v, "/")
}

func (d *door) deviceOf(topic string) (string, bool) {
	parts := strings.Split(topic, "/")
	if len(parts) != 3 || parts[0] != "city" {
		return "", false
	}
	dev, kind, ok := d.Sensors.Device(parts[2])
	return dev.ID, ok && kind.ID == parts[1]
}

// OnPublish gives the reading to the watch. It goes to nobody else.
func (d *door) OnPublish(cl *mochi.Client, pk packets.Packet) (packets.Packet, error) {
	c, ok := d.known.Load(cl)
	if vehicle, is := vehicleOf(pk.TopicName); ok && is {
		return d.position(cl, c.(client), vehicle, pk)
	}
	device, fits := d.deviceOf(pk.TopicName)
	if !ok || !fits {
		return pk, packets.ErrRejectPacket
	}
	r, err := alert.ReadReading(pk.Payload)
	if err == nil && r.Device != "" && r.Device != device {
		err = city.Invalid("alert.reading_malformed")
	}
	if err != nil { // as a reading of no value it counts among the absurd ones
		r.Values = nil
	}
	r.Device = device
	actor, err := d.actor(c.(client).token, false)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), mostRefused)
		defer cancel()
		_, err = d.Sensors.Observe(ctx, actor, []alert.Reading{r})
	}
	var refused *city.Error
	if errors.As(err, &refused) && refused.Kind != city.KindUnavailable { // the token is over
		cl.Stop(packets.ErrNotAuthorized)
		return pk, packets.ErrRejectPacket
	}
	if err != nil {
		slog.Warn("a reading could not be taken", "device", device, "err", err)
		return pk, packets.ErrRejectPacket
	}
	pk.FixedHeader.Retain = false
	return pk, packets.CodeSuccessIgnore
}

// position records where a vehicle was. What can't be kept for its own sake is logged
// and acknowledged, since it would be no better the next time.
func (d *door) position(cl *mochi.Client, c client, vehicle string, pk packets.Packet) (packets.Packet, error) {
	if d.Position == nil {
		return pk, packets.ErrRejectPacket
	}
	actor, err := d.actor(c.token, true)
	if err != nil {
		if k := city.KindOf(err); k != city.KindUnavailable && k != city.KindInternal { // the token is over
			cl.Stop(packets.ErrNotAuthorized)
		}
		return pk, packets.ErrRejectPacket
	}
	ctx, cancel := context.WithTimeout(context.Background(), mostRefused)
	defer cancel()
	err = d.Position(ctx, actor, vehicle, pk.Payload)
	switch city.KindOf(err) {
	case "":
	case city.KindInvalid, city.KindTooLarge, city.KindNotFound:
		slog.Info("a position is not kept", "vehicle", vehicle, "err", err)
	default:
		slog.Warn("a position could not be recorded", "vehicle", vehicle, "err", err)
		return pk, packets.ErrRejectPacket
	}
	pk.FixedHeader.Retain = false
	return pk, packets.CodeSuccessIgnore
}
