package app_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yiwang/alert"
	"yiwang/app"
	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/history"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// tanker is a vehicle of the pack with a terminal.
func tanker(t *testing.T, a *app.App) *register.Vehicle {
	t.Helper()
	for _, v := range a.Registers.Book().Vehicles() {
		if v.Use == register.UseHazmat && v.Terminal != "" {
			return v
		}
	}
	t.Fatal("no such vehicle in the pack")
	return nil
}

func (p *place) trackOf(v *register.Vehicle, from, to time.Time) []history.Position {
	p.Helper()
	list, _, err := p.app.Vehicles.Track(context.Background(), program, v.ID, from, to, 1000)
	p.ok(err)
	return list
}

// What another system knows of a vehicle comes by the interface, a line a position.
func TestPositionsOverHTTP(t *testing.T) {
	onBoth(t, func(t *testing.T, database string) {
		p := newPlace(t, database)
		v := tanker(t, p.app)
		_, clerk := p.person(city.Officer, "positions", "transport.clerk")
		begun := time.Now().Add(-time.Hour).Truncate(time.Second)
		line := func(minute int, more string) string {
			return fmt.Sprintf(`{"vehicle":%q,"at":%q,"lat":31.95,"lon":121.1%s}`, v.ID, begun.Add(time.Duration(minute)*time.Minute).Format(time.RFC3339), more)
		}
		china := geo.ToGCJ02(geo.Point{Lat: 31.96, Lon: 121.11})
		body := strings.Join([]string{
			line(0, `,"speed":40,"course":90,"ignition":true`),
			`{"vehicle":"nobody","at":"2026-11-28T08:00:00Z","lat":31.95,"lon":121.1}`,
			"", "not json",
			fmt.Sprintf(`{"terminal":%q,"at":%q,"lat":%f,"lon":%f,"datum":"gcj02"}`, v.Terminal, begun.Add(time.Minute).Format(time.RFC3339), china.Lat, china.Lon),
			line(2, `,"datum":"bd09"`),
			`{"vehicle":"` + string(v.ID) + `","lat":31.95,"lon":121.1}`,
			`{"vehicle":"` + string(v.ID) + `","at":"2026-11-28T08:00:00Z","lat":31.95}`,
			`{"vehicle":"` + string(v.ID) + `","at":"2019-01-01T00:00:00Z","lat":31.95,"lon":121.1}`,
			line(3, `,"speed":-5`),
			line(4, `,"lat":95`),
		}, "\n")
		for range 2 { // sent again, it is no second position
			var said struct {
				Taken   int
				Refused []struct {
					Line int
					Code string
				}
			}
			p.read(p.ask("POST", "/api/v1/positions", []byte(body), bearer(clerk)...), &said)
			var refused []string
			for _, r := range said.Refused {
				refused = append(refused, fmt.Sprint(r.Line, " ", r.Code))
			}
			want := "2 fleet.sent.vehicle,4 fleet.sent.malformed,6 fleet.sent.datum,7 fleet.sent.at,8 fleet.sent.place,9 history.time,10 fleet.sent.number,11 history.nowhere"
			if got := strings.Join(refused, ","); said.Taken != 2 || got != want {
				t.Errorf("taken %d, refused %s", said.Taken, got)
			}
		}
		track := p.trackOf(v, begun.Add(-time.Minute), begun.Add(time.Hour))
		if len(track) != 2 || track[0].Speed != 40 || track[0].Status != 3 {
			t.Fatalf("the track: %+v", track)
		}
		if far := geo.Distance(geo.Point{Lat: track[1].Lat, Lon: track[1].Lon}, geo.Point{Lat: 31.96, Lon: 121.11}); far > 1 {
			t.Errorf("a Chinese map's place lies %.1f m away", far)
		}
		for who, token := range map[string]string{"a resident": p.signIn("resident"), "another officer": p.signIn("food-clerk")} {
			if a := p.ask("POST", "/api/v1/positions", []byte(line(5, "")), bearer(token)...); a.status != http.StatusForbidden {
				t.Errorf("%s sends positions: %d", who, a.status)
			}
		}
		if a := p.ask("POST", "/api/v1/positions", []byte("\n"), bearer(clerk)...); a.status != http.StatusUnprocessableEntity {
			t.Errorf("nothing at all: %d", a.status)
		}
		metrics := string(p.ask("GET", "/metrics", nil).body)
		for _, want := range []string{`yiwang_vehicle_positions_total{verdict="fine"}`, `yiwang_vehicle_findings_total`} {
			if !strings.Contains(metrics, want) {
				t.Errorf("metrics lack %s", want)
			}
		}
	})
}

// A table of yesterday is taken in and looked at by the rules: what they notice stands
// when the import returns, once, however often it is repeated.
func TestImportPositions(t *testing.T) {
	for name, database := range map[string]string{"sqlite": "", "postgres": dbtest.MigratedURL(t)} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			p := newPlace(t, database, func(o *app.Options) { o.Data = data })
			v := tanker(t, p.app)
			zone := p.app.Registers.Book().Zone("z-haitang")
			at := time.Now().In(p.app.Pack.Zone).Add(-30 * time.Hour).Truncate(time.Second)
			var rows strings.Builder
			rows.WriteString("\ufeffplate,when,lat,lon,speed\n")
			for i := range 20 {
				place := geo.Move(zone.Area.Middle(), 90, float64(i*5))
				fmt.Fprintf(&rows, "%s,%s,%f,%f,10\n", v.ID, at.Add(time.Duration(i)*30*time.Second).Format(time.DateTime), place.Lat, place.Lon)
			}
			rows.WriteString("nobody,2026-11-27 08:00:00,31.9,121.1,10\n" + string(v.ID) + ",yesterday,31.9,121.1,10\n")
			file := filepath.Join(t.TempDir(), "yesterday.csv")
			p.ok(os.WriteFile(file, []byte(rows.String()), 0o600))
			beside, err := app.New(context.Background(), app.Options{CityFS: p.app.CityFS, Data: data, Database: database, Demo: true, Existing: true})
			p.ok(err)
			defer beside.DB.Close()
			for range 2 {
				r, err := beside.Import(context.Background(), app.Table{Kind: "positions", File: file, Columns: map[string]string{"vehicle": "plate", "time": "when"}})
				p.ok(err)
				if r.Read != 22 || r.Added != 20 || r.Rejected != 2 {
					t.Errorf("%+v", r)
				}
				raw, err := os.ReadFile(r.Rejects)
				p.ok(err)
				if !strings.Contains(string(raw), "nobody") || !strings.Contains(string(raw), "yesterday") {
					t.Errorf("rejects: %s", raw)
				}
				p.in(func(ctx context.Context, tx *db.Tx) error {
					page, err := p.app.Alerts.List(ctx, tx, program, alert.Query{Rule: detect.ForbiddenZone})
					if len(page.Alerts) != 1 || page.Alerts[0].Subject != "vehicle:"+string(v.ID) {
						t.Errorf("alerts: %+v", page.Alerts)
					}
					return err
				})
			}
			if track := p.trackOf(v, at.Add(-time.Minute), at.Add(time.Hour)); len(track) != 20 {
				t.Errorf("%d positions in the track", len(track))
			}
		})
	}
}

// A client that nobody here wrote publishes where its vehicles are.
func TestPositionsOverMQTT(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, "", func(o *app.Options) { o.MQTT = l })
	v := tanker(t, p.app)
	_, clerk := p.person(city.Officer, "positions", "transport.clerk")
	_, watch := p.person(city.Officer, "watch", "ecology-environment.inspector")
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	c, err := dial("tcp://"+l.Addr().String(), "positions", clerk, 4)
	p.ok(err)
	defer c.Disconnect(0)
	for topic, payload := range map[string]string{
		"city/positions/" + string(v.ID): fmt.Sprintf(`{"at":%q,"lat":31.95,"lon":121.1,"speed":30}`, at.Format(time.RFC3339)),
		"city/positions/" + v.Terminal:   fmt.Sprintf(`{"at":%q,"lat":31.95,"lon":121.1,"vehicle":"another"}`, at.Add(time.Second).Format(time.RFC3339)),
		"city/positions/nobody":          `{"at":"2026-11-28T08:00:00Z","lat":31.95,"lon":121.1}`,
	} {
		if !publish(c, topic, payload) {
			t.Errorf("%s: no acknowledgement", topic)
		}
	}
	if track := p.trackOf(v, at.Add(-time.Minute), at.Add(time.Minute)); len(track) != 2 || track[0].Speed != 30 {
		t.Errorf("the track: %+v", track)
	}
	other, err := dial("tcp://"+l.Addr().String(), "watch", watch, 4)
	p.ok(err)
	defer other.Disconnect(0)
	publish(other, "city/positions/"+string(v.ID), fmt.Sprintf(`{"at":%q,"lat":31.95,"lon":121.1}`, at.Add(10*time.Second).Format(time.RFC3339)))
	if track := p.trackOf(v, at.Add(5*time.Second), at.Add(time.Minute)); len(track) != 0 {
		t.Errorf("a token for sensors sent a position: %+v", track)
	}
}
