package app_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"yiwang/app"
	"yiwang/city"
	"yiwang/identity"
	"yiwang/internal/db"
	"yiwang/notify"
)

// sensors is a place with a door for sensors and a token for them.
func sensors(t *testing.T) (p *place, address, token string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p = newPlace(t, "", func(o *app.Options) { o.MQTT = l })
	id, _ := p.person(city.Officer, "gateway", "ecology-environment.inspector")
	p.in(func(ctx context.Context, tx *db.Tx) error {
		account, ok, err := p.app.Identity.AccountOf(ctx, tx, id, city.Officer)
		if err != nil || !ok {
			return fmt.Errorf("no account: %v", err)
		}
		token, _, err = p.app.Identity.CreateTokenFor(ctx, tx, program, account.ID,
			identity.NewToken{Name: "sensors", Scopes: []string{"reading.send"}, Expires: time.Now().AddDate(0, 1, 0)})
		return err
	})
	return p, "tcp://" + l.Addr().String(), token
}

func dial(address, user, password string, version uint) (paho.Client, error) {
	c := paho.NewClient(paho.NewClientOptions().AddBroker(address).SetClientID("client of " + user).SetUsername(user).SetPassword(password).
		SetProtocolVersion(version).SetConnectTimeout(time.Minute).SetAutoReconnect(false).SetConnectRetry(false))
	token := c.Connect()
	if !token.WaitTimeout(time.Minute) {
		return nil, fmt.Errorf("no answer")
	}
	return c, token.Error()
}

// publish waits for the acknowledgement, which comes when the reading was taken.
func publish(c paho.Client, topic, payload string) bool {
	return c.Publish(topic, 1, false, payload).WaitTimeout(time.Minute)
}

// A client that nobody here wrote sends readings until an alert stands.
func TestSensorsOverMQTT(t *testing.T) {
	p, address, token := sensors(t)
	device, err := dial(address, "water-laodukou", token, 4)
	p.ok(err)
	defer device.Disconnect(0)
	if !publish(device, "city/water/water-laodukou", `{"at":"2020-01-01T00:00:00Z","values":{"level":31}}`) {
		t.Fatal("no acknowledgement")
	}
	states, err := p.app.Sensors.States(context.Background(), program)
	p.ok(err)
	for _, s := range states {
		if s.Device.ID == "water-laodukou" && (s.Values["level"] != 31 || !s.ClockOff || len(s.Open) != 1 || time.Since(s.Last) > time.Minute) {
			t.Errorf("%+v", s)
		}
	}
	gateway, err := dial(address, "gateway", token, 4)
	p.ok(err)
	defer gateway.Disconnect(0)
	for range 5 {
		if !publish(gateway, "city/noise/noise-binjianglu", `what?`) {
			t.Error("nonsense was not acknowledged")
		}
	}
	states, err = p.app.Sensors.States(context.Background(), program)
	p.ok(err)
	for _, s := range states {
		if bad := s.Device.ID == "noise-binjianglu"; bad == s.Quarantined.IsZero() {
			t.Errorf("%s in quarantine since %v", s.Device.ID, s.Quarantined)
		}
	}
	_, watch := p.person(city.Officer, "watch", "operations-center.clerk")
	known, err := p.app.Identity.Actor(context.Background(), watch)
	p.ok(err)
	p.ok(p.app.Journal.CatchUp(context.Background()))
	var page notify.Page
	p.ok(p.app.DB.View(context.Background(), func(ctx context.Context, tx *db.Tx) (err error) {
		page, err = p.app.Notices.List(ctx, tx, known.Actor, "", 10)
		return err
	}))
	if len(page.Items) != 1 || page.Items[0].Tone != notify.Alarm || !strings.Contains(page.Items[0].Text.In(city.English), "“Binjianglu noise meter”") {
		t.Errorf("the watch officer is told once: %+v", page.Items)
	}
}

func TestSensorsThatAreNotLetIn(t *testing.T) {
	p, address, token := sensors(t)
	for user, password := range map[string]string{"gateway": "demo", "": "", "water-laodukou": token + "x", "resident": p.signIn("resident")} {
		if c, err := dial(address, user, password, 4); err == nil {
			c.Disconnect(0)
			t.Errorf("%q with %.8q was let in", user, password)
		}
	}
	last := func(device string) time.Time {
		states, err := p.app.Sensors.States(context.Background(), program)
		p.ok(err)
		for _, s := range states {
			if s.Device.ID == device {
				return s.Last
			}
		}
		t.Fatalf("no device %s", device)
		return time.Time{}
	}
	for _, topic := range []string{"city/water/water-daoxiang", "city/air/water-laodukou", "city/water/nothing", "$SYS/broker/uptime", "city/water"} {
		c, err := dial(address, "water-laodukou", token, 4)
		p.ok(err)
		publish := c.Publish(topic, 0, true, `{"values":{"level":1}}`)
		publish.WaitTimeout(time.Second)
		heard := make(chan struct{}, 1)
		c.Subscribe("#", 0, func(paho.Client, paho.Message) { heard <- struct{}{} }).WaitTimeout(time.Second)
		select {
		case <-heard:
			t.Error("a device hears others")
		case <-time.After(50 * time.Millisecond):
		}
		c.Disconnect(0)
	}
	if !last("water-daoxiang").IsZero() || !last("water-laodukou").IsZero() {
		t.Error("a device spoke for another one")
	}
	// Bytes that are no MQTT, and a packet beyond every bound.
	for _, raw := range []string{"GET / HTTP/1.1\r\n\r\n", "\x10\xff\xff\xff\x7f", "\x00\x00", "\x10\x10\x00\x04MQTT\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		conn, err := net.Dial("tcp", address[len("tcp://"):])
		p.ok(err)
		_, err = conn.Write([]byte(raw))
		p.ok(err)
		conn.Close()
	}
	c, err := dial(address, "water-laodukou", token, 4)
	p.ok(err)
	defer c.Disconnect(0)
	if !publish(c, "city/water/water-laodukou", `{"values":{"level":1}}`) || last("water-laodukou").IsZero() {
		t.Error("the door no longer works")
	}
}
