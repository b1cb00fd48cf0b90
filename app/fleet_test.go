package app_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"yiwang/alert"
	"yiwang/app"
	"yiwang/city"
	"yiwang/fleet/detect"
	"yiwang/fleet/jt808"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
)

// terminal speaks JT/T 808 for one vehicle.
type terminal struct {
	*testing.T
	conn   net.Conn
	in     *jt808.Scanner
	phone  string
	serial uint16
}

func (x *terminal) says(m jt808.Message) jt808.Message {
	x.Helper()
	phone, err := jt808.ParsePhone(x.phone)
	if err != nil {
		x.Fatal(err)
	}
	head := jt808.Header{Phone: phone, Serial: x.serial}
	x.serial++
	raw, _, err := jt808.Encode(nil, head, m)
	if err == nil {
		_, err = x.conn.Write(raw)
	}
	if err == nil {
		err = x.conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
	}
	if err != nil {
		x.Fatal(err)
	}
	wire, err := x.in.Next()
	if err != nil {
		x.Fatal(err)
	}
	var f jt808.Frame
	if err := f.Decode(wire); err != nil {
		x.Fatal(err)
	}
	answer, err := f.Message()
	if err != nil {
		x.Fatal(err)
	}
	return answer
}

// A truck's terminal tells where it is; it leaves the route that was declared; the
// rule says so, and somebody has a task.
func TestFromTheTerminalToATask(t *testing.T) {
	for name, url := range map[string]string{"sqlite": "", "postgres": dbtest.MigratedURL(t)} {
		t.Run(name, func(t *testing.T) { fromTheTerminal(t, url) })
	}
}

func fromTheTerminal(t *testing.T, url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, url, func(o *app.Options) { o.JT808 = l })
	book := p.app.Registers.Book()
	var truck *register.Vehicle
	var route *register.Route
	for _, v := range book.Vehicles() {
		if rs := book.RoutesOf(v.ID); v.Use == register.UseHazmat && v.Terminal != "" && len(rs) > 0 {
			truck, route = v, rs[0]
			break
		}
	}
	if truck == nil {
		t.Fatal("no truck of the pack has a terminal and a route")
	}
	conn, err := net.Dial("tcp", l.Addr().String())
	p.ok(err)
	t.Cleanup(func() { _ = conn.Close() })
	x := &terminal{T: t, conn: conn, in: jt808.NewScanner(conn), phone: truck.Terminal}
	reply, ok := x.says(jt808.Register{Colour: 2}).(jt808.RegisterReply)
	if !ok || len(reply.Code) == 0 {
		t.Fatalf("%+v", reply)
	}
	x.says(jt808.Authenticate{Code: reply.Code})
	at := time.Now().Add(-40 * time.Minute).Truncate(time.Second)
	place, toward := route.Line[0], 0.0
	for toward = 0; toward < 360; toward += 30 { // whichever way leads off every route
		if r, far := book.OffRoute(truck.ID, geo.Move(place, toward, 6000)); r != nil && far > 3000 {
			break
		}
	}
	for i := range 80 {
		where := geo.Move(place, toward, float64(i)*100)
		pos := jt808.Position{Time: at.Add(time.Duration(i) * 20 * time.Second), Lat: int64(where.Lat * 1e6), Lon: int64(where.Lon * 1e6), Speed: 180, Status: 3}
		if r, ok := x.says(pos).(jt808.Reply); !ok || r.Result != jt808.Done {
			t.Fatalf("position %d: %+v", i, r)
		}
	}
	var found []alert.Alert
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		p.in(func(ctx context.Context, tx *db.Tx) error {
			page, err := p.app.Alerts.List(ctx, tx, program, alert.Query{Rule: detect.OffRoute})
			found = page.Alerts
			return err
		})
		if len(found) > 0 && found[0].Case != "" {
			break
		}
	}
	if len(found) != 1 || found[0].Subject != "vehicle:"+string(truck.ID) || found[0].Case == "" {
		t.Fatalf("%+v", found)
	}
	c := p.ask(http.MethodGet, "/api/v1/algorithms/"+detect.OffRoute, nil)
	if c.status != http.StatusOK || !strings.Contains(string(c.body), "off_route") {
		t.Errorf("the rule isn't in the register: %d", c.status)
	}
	live, _, err := p.app.Vehicles.Live(t.Context(), city.SystemActor("test"), 0)
	if err != nil || len(live) != 1 || live[0].Vehicle != string(truck.ID) {
		t.Errorf("%v %+v", err, live)
	}
}
