package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"yiwang/city"
	"yiwang/credential/trustlist"
	"yiwang/internal/db"
	"yiwang/pack"
	"yiwang/tlog"
)

// Two demonstration cities on one machine: they believe each other's licences and
// watch each other's logs. Real cities meet by their operators (MeetTrust).

// demoMeetPath is where a demonstration city is told of a neighbour.
const demoMeetPath = "/trust/meet"

// TwinOf is how a second city of a pack is called, where the first is met under its
// own code.
func TwinOf(code city.RegionCode) (city.RegionCode, city.Text) {
	last := byte('2')
	if code[len(code)-1] == last {
		last = '3'
	}
	return code[:len(code)-1] + city.RegionCode(last), city.Text{ZhHans: city.Say(city.Chinese, "demo.twin"), En: city.Say(city.English, "demo.twin")}
}

// PackCode is the division code of the city pack.
func (o Options) PackCode() (city.RegionCode, error) {
	p, faults := o.pack()
	if len(faults) > 0 {
		return "", PackFaults(faults)
	}
	return p.Site.Code, nil
}

func (o Options) pack() (*pack.City, []pack.Fault) {
	if o.CityFS != nil {
		return pack.LoadFS(o.CityFS)
	}
	return pack.Load(o.City)
}

// CodeAt is the code under which a city publishes its list.
func CodeAt(ctx context.Context, address string) (city.RegionCode, error) {
	address, err := TrustAddress(address)
	if err != nil {
		return "", err
	}
	raw, err := FetchTrustList(ctx, address)
	if err != nil {
		return "", err
	}
	l, err := trustlist.Parse(raw)
	if err != nil {
		return "", err
	}
	if l.Issuers == nil {
		return "", city.Invalid("trust.list.not_its_own")
	}
	return l.Issuers.Region, nil
}

// Befriend lets a demonstration city believe another's licences, watch its log, and be
// watched by it.
func (a *App) Befriend(ctx context.Context, address string) (Meeting, error) {
	m, err := a.MeetTrust(ctx, address, func(Meeting) bool { return true })
	if err == nil {
		err = a.believe(ctx)
	}
	if err != nil || m.Log == nil || a.Witness == nil {
		return m, err
	}
	if err := a.Witness.Watch(m.Log.Key); err != nil {
		return m, err
	}
	if m.Log.WitnessKey == "" {
		return m, nil
	}
	return m, a.PublicLog.AskBy(fmt.Appendf(nil, "witness neighbour %s %s\nquorum neighbour\n", m.Log.WitnessKey, m.Log.Witness), true)
}

// Neighbour makes this demonstration city, which is being served, and the one at the
// address know each other.
func (a *App) Neighbour(ctx context.Context, address string) (Meeting, error) {
	if err := a.publishTrust(ctx); err != nil {
		return Meeting{}, err
	}
	m, err := a.Befriend(ctx, address)
	if err != nil {
		return m, err
	}
	u, err := url.Parse(m.Address)
	if err != nil {
		return m, err
	}
	u.Path = demoMeetPath
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(a.Origin))
	if err != nil {
		return m, err
	}
	res, err := abroadClient.Do(r)
	if err != nil {
		return m, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 512))
		e := city.Unavailable(nil, 0)
		e.Message = city.Message{Key: "trust.fetch", Args: []any{"address", u.String(), "why", strings.TrimSpace(string(said))}}
		return m, e
	}
	return m, nil
}

// meetDemo hears of a neighbour: another demonstration on the same machine.
func (a *App) meetDemo(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 513))
	u, parsed := url.Parse(string(raw))
	if err != nil || parsed != nil || len(raw) > 512 || !thisMachine(u.Hostname()) {
		http.Error(w, "only a demonstration on this machine", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askListFor)
	defer cancel()
	if _, err := a.Befriend(ctx, string(raw)); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func thisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ShowForgery plays what happens when a city's log lies: two small demonstration
// cities watch each other, one signs a checkpoint that contradicts what it published,
// and the other's witness catches it. told hears each step. The answer is whether the lie was caught.
func ShowForgery(ctx context.Context, cityPack fs.FS, dir string, told func(city.Message)) (caught bool, err error) {
	var cities [2]*App
	for i := range cities {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return false, err
		}
		defer l.Close()
		o := Options{CityFS: cityPack, Data: filepath.Join(dir, fmt.Sprint(i)), Origin: "http://" + l.Addr().String(), Demo: true}
		if i == 1 {
			o.Code, o.Name = TwinOf(cities[0].Code)
		}
		a, err := New(ctx, o)
		if err != nil {
			return false, err
		}
		defer a.Stop()
		if err := a.Start(ctx); err != nil {
			return false, err
		}
		go func() { _ = a.Serve(ctx, l) }()
		cities[i] = a
	}
	liar, witness := cities[0], cities[1]
	if err := liar.publishTrust(ctx); err != nil {
		return false, err
	}
	if _, err := witness.Neighbour(ctx, liar.Origin); err != nil {
		return false, err
	}
	told(city.Message{Key: "cli.forgery.met", Args: []any{"a", liar.Pack.Site.Name, "b", witness.Pack.Site.Name}})

	// what is true: a checkpoint that the witness has signed
	size := uint64(0)
	for size == 0 {
		err := witness.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			seen, err := witness.Witness.Watched(ctx, tx)
			for _, s := range seen {
				size = max(size, s.Size)
			}
			return err
		})
		if err != nil {
			return false, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	told(city.Message{Key: "cli.forgery.true", Args: []any{"n", size, "a", liar.Pack.Site.Name, "b", witness.Pack.Site.Name}})

	// the lie: the same number of entries, other contents, signed with the true key
	key, err := tlog.LoadKey(filepath.Join(liar.Data, logKey), "", false)
	if err != nil {
		return false, err
	}
	for range 10 { // the true log may grow meanwhile
		forged, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", key.Name(), size)}, key)
		if err != nil {
			return false, err
		}
		told(city.Message{Key: "cli.forgery.lie", Args: []any{"n", size, "a", liar.Pack.Site.Name}})
		body := append(fmt.Appendf(nil, "old %d\n\n", size), forged...)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, witness.Origin+"/witness/add-checkpoint", bytes.NewReader(body))
		if err != nil {
			return false, err
		}
		res, err := abroadClient.Do(r)
		if err != nil {
			return false, err
		}
		answer, err := io.ReadAll(io.LimitReader(res.Body, 512))
		res.Body.Close()
		if err != nil {
			return false, err
		}
		told(city.Message{Key: "cli.forgery.answer", Args: []any{"b", witness.Pack.Site.Name, "status", res.StatusCode}})
		var forks []tlog.Fork
		err = witness.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			forks, err = witness.Witness.Forks(ctx, tx)
			return err
		})
		if err != nil {
			return false, err
		}
		if res.StatusCode == http.StatusConflict && len(forks) > 0 {
			told(city.Message{Key: "cli.forgery.caught", Args: []any{"a", liar.Pack.Site.Name, "b", witness.Pack.Site.Name}})
			told(city.Message{Key: "cli.forgery.evidence", Args: []any{"ours", strings.TrimSpace(string(forks[0].Ours)), "theirs", strings.TrimSpace(string(forks[0].Theirs))}})
			return true, nil
		}
		if _, err := fmt.Sscan(string(answer), &size); err != nil || res.StatusCode != http.StatusConflict {
			break
		}
	}
	told(city.Message{Key: "cli.forgery.missed", Args: []any{"a", liar.Pack.Site.Name, "b", witness.Pack.Site.Name}})
	return false, nil
}
