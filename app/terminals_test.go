package app_test

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/city"
	"yiwang/fleet/jt808"
)

// What terminals do wrong is seen at the desk, and a driver is told something.
func TestTerminalsAtTheDesk(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlace(t, "", func(o *app.Options) { o.JT808 = l })
	v := tanker(t, p.app)
	_, police := p.person(city.Officer, "police", "public-security.duty")
	_, carrier := p.person(city.Officer, "carrier", "transport.clerk")
	p.says(p.page(police, "/desk/terminals", nil, 200), "现在连着 0 台终端", "一样都没发错", "给司机发一句话")

	conn, err := net.Dial("tcp", l.Addr().String())
	p.ok(err)
	t.Cleanup(func() { _ = conn.Close() })
	x := &terminal{T: t, conn: conn, in: jt808.NewScanner(conn), phone: v.Terminal}
	reply, ok := x.says(jt808.Register{Colour: 2}).(jt808.RegisterReply)
	if !ok {
		t.Fatalf("%+v", reply)
	}
	x.says(jt808.Authenticate{Code: reply.Code})
	if _, err := conn.Write([]byte{0x7e, 0x02, 0x00, 0x00, 0x7e}); err != nil {
		t.Fatal(err)
	}
	x.says(jt808.Raw{Kind: 0x0f01, Body: []byte{1}})

	told := make(chan string, 1)
	go func() { // the terminal shows what comes and says so
		wire, err := x.in.Next()
		var f jt808.Frame
		if err != nil || f.Decode(wire) != nil {
			told <- ""
			return
		}
		m, _ := f.Message()
		text, _ := m.(jt808.Text)
		words, _ := text.Text.Text()
		phone, _ := jt808.ParsePhone(x.phone)
		raw, _, _ := jt808.Encode(nil, jt808.Header{Phone: phone, Serial: 99}, jt808.Reply{Serial: f.Header.Serial, To: jt808.IDText})
		_, _ = conn.Write(raw)
		told <- words
	}()
	where := p.page(police, "/desk/terminals", url.Values{"vehicle": {string(v.ID)}, "text": {"前方路口请停车接受检查"}}, 303)
	if got := <-told; got != "前方路口请停车接受检查" || !strings.HasSuffix(where, "?sent=1") {
		t.Errorf("the terminal was told %q, then %s", got, where)
	}
	p.says(p.page(police, where, nil, 200), "终端收到了", "现在连着 1 台终端", "0x0f01")
	if n := p.count(`SELECT count(*) FROM journal WHERE type LIKE 'vehicle.text%'`); n != 2 {
		t.Errorf("%d events of the text", n)
	}
	p.says(p.page(police, "/desk/terminals", url.Values{"vehicle": {"nobody"}, "text": {"x"}}, 422), "登记里没有这辆车")
	p.says(p.page(police, "/desk/terminals", url.Values{"vehicle": {string(v.ID)}, "text": {""}}, 422), "没有发成")
	p.page(carrier, "/desk/terminals", url.Values{"vehicle": {string(v.ID)}, "text": {"x"}}, 403)
	p.page(p.officer("cook", "market-regulation.clerk"), "/desk/terminals", nil, 403)
	p.ok(os.WriteFile(filepath.Join(p.app.Data, "tracks", "segments", "x.seg.damaged"), nil, 0o600))
	_, err = p.app.Tracks.Settle(t.Context())
	p.ok(err)
	p.says(p.page(police, "/desk/terminals", nil, 200), "1 个轨迹文件坏了")
	_ = conn.Close()
	for n := 0; p.app != nil && n < 500; n++ {
		if strings.Contains(p.page(police, "/desk/terminals", nil, 200), "现在连着 0 台") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.says(p.page(police, "/desk/terminals", url.Values{"vehicle": {string(v.ID)}, "text": {"x"}}, 404), "现在没有连上")
}
