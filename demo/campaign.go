package demo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"yiwang/alert"
	"yiwang/city"
	"yiwang/demo/nantong"
	"yiwang/directory"
	"yiwang/fleet"
	"yiwang/fleet/detect"
	"yiwang/fleet/history"
	"yiwang/fleet/register"
	"yiwang/geo"
	"yiwang/internal/db"
)

// The campaign is eight months in which programs watched a large fleet. Its registers
// end with it, so that what happens today hangs on nothing of it. What is hidden there is the table that Nantong
// published; detectors look for it as they do at real vehicles, and inspectors look at
// what they find.

// campaignFile is data/campaign.yaml.
type campaignFile struct {
	First   [][2]string                 `yaml:"first"`
	Second  [][2]string                 `yaml:"second"`
	Plate   string                      `yaml:"plate"` // what plates begin with
	Firm    string                      `yaml:"firm"`
	Kind    string                      `yaml:"kind"`
	Address string                      `yaml:"address"`
	Sites   map[register.Link]city.Text `yaml:"sites"`
	Things  map[string]city.Text        `yaml:"things"`
	Rules   map[string]struct {
		So   int            `yaml:"so"` // of a hundred
		What string         `yaml:"what"`
		Why  map[string]int `yaml:"why"` // by weight
	} `yaml:"rules"`
	Notes   map[string][]string `yaml:"notes"`   // by finding
	Reasons map[string][]string `yaml:"reasons"` // by why it isn't so
}

const (
	streamCampaign uint64 = 1 << 44
	ownPrefix             = "yj-"
	quietEnd              = 7      // days from the last sampled day to when the city was made
	firstCarrier          = 30_000 // number of the first firm; those of the register and of residents lie below
	trackBatch            = 5_000
)

// names calls the things of the campaign; firms are numbered as they come.
type campaignNames struct {
	f        *campaignFile
	district string
}

func (n campaignNames) word(i int) (zh, en string) {
	a, b := n.f.First[i%len(n.f.First)], n.f.Second[(i/len(n.f.First))%len(n.f.Second)]
	return a[0] + b[0], a[1] + b[1]
}

func (n campaignNames) Vehicle(i int) register.VehicleID {
	return register.VehicleID(fmt.Sprintf("%s%05d", n.f.Plate, 10_000+i*37%90_000))
}

func (n campaignNames) Firm(i int) (register.USCC, string) {
	zh, _ := n.word(i)
	return register.USCC(city.NewUSCC("91", n.district, firstCarrier+i)), strings.ReplaceAll(n.f.Firm, "{name}", zh)
}

func (n campaignNames) Site(firm int, _ string, link register.Link) city.Text {
	zh, en := n.word(firm)
	t := n.f.Sites[link]
	return city.Text{ZhHans: strings.ReplaceAll(t.ZhHans, "{name}", zh), En: strings.ReplaceAll(t.En, "{name}", en)}
}

func (n campaignNames) Thing(id string) city.Text {
	sort, number, _ := strings.Cut(strings.TrimPrefix(id, ownPrefix), "-")
	t := n.f.Things[sort]
	if t.IsZero() {
		return city.Text{ZhHans: id, En: id}
	}
	return city.Text{ZhHans: strings.ReplaceAll(t.ZhHans, "{n}", number), En: strings.ReplaceAll(t.En, "{n}", number)}
}

// matter is one thing that the detectors noticed, as often as they did.
type matter struct {
	rule, key string
	told      []alert.Finding // in the order of time
	last      detect.Finding
	planted   *nantong.Planted // nil where nothing was hidden
}

// Campaign makes the campaign, or what an earlier call left of it; a city without
// rules of detection has none. Each matter comes whole, up to its end, in one
// transaction. It comes after Cast and before Live.
func (d *Demo) Campaign(ctx context.Context, progress func(done, total int)) error {
	p := d.now
	if p.Alerts == nil || p.Incidents == nil || p.Registers == nil || p.Vehicles == nil || p.Tracks == nil || p.Pack.Roads == nil || d.Size.Campaign.Vehicles == 0 || !d.watches() {
		return nil
	}
	town := d.campaignTown()
	days := town.Days()
	first := d.campaignDay()
	end := first.AddDays(days[len(days)-1] + 1).In(p.Pack.Zone)
	done, err := d.noticed(ctx, end.AddDate(0, 0, 1))
	if err != nil || done >= len(town.Planted) {
		return err
	}
	all, err := d.look(ctx, town)
	if err != nil {
		return err
	}
	if err := d.register(ctx, town, all, city.DateOf(end).AddDays(1)); err != nil {
		return err
	}
	until := p.Clock.Now().In(p.Pack.Zone)
	for i, m := range all {
		if err := d.inspect(ctx, i, m, until); err != nil {
			return fmt.Errorf("demo: what was noticed, %s %s: %w%s", m.rule, m.key, err, fieldsOf(err))
		}
		if progress != nil {
			progress(i+1, len(all))
		}
		if i%8 == 0 {
			if err := breathe(ctx, time.Millisecond); err != nil {
				return err
			}
		}
	}
	return d.drove(ctx, town, all)
}

// watches reports whether the city has the rules that the campaign is about.
func (d *Demo) watches() bool {
	for rule := range d.words.Campaign.Rules {
		if _, ok := d.now.Alerts.Detector(rule); !ok {
			return false
		}
	}
	return true
}

// campaignDay is the first sampled day.
func (d *Demo) campaignDay() city.Date {
	size := d.Size.Campaign
	return city.DateOf(d.began).AddDays(d.Size.Days - quietEnd - (size.Months-1)*30 - size.Days)
}

// campaignTown lies over the city's own map, on roads of its own, and not in its waters.
func (d *Demo) campaignTown() *nantong.Town {
	roads := d.now.Pack.Roads
	middle := geo.Point{Lat: (roads.Box.South+roads.Box.North)/2 + 0.02, Lon: (roads.Box.West + roads.Box.East) / 2}
	wet := func(p geo.Point) bool {
		return slices.ContainsFunc(roads.Waters, func(w geo.Water) bool { return w.Area.Contains(p) })
	}
	return nantong.New(d.seed, d.Size.Campaign, nantong.Setting{First: d.campaignDay(), Middle: middle, Prefix: ownPrefix, Wet: wet,
		Names: campaignNames{&d.words.Campaign, string(d.now.Pack.Regions.Children[0].Code)}})
}

// noticed counts the alerts of before a moment.
func (d *Demo) noticed(ctx context.Context, before time.Time) (n int, err error) {
	err = d.now.DB.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		for after := ""; ; {
			page, err := d.now.Alerts.List(ctx, tx, program, alert.Query{Until: before, Limit: 200, After: after})
			if err != nil {
				return err
			}
			n += len(page.Alerts)
			if after = page.Next; after == "" {
				return nil
			}
		}
	})
	return n, err
}

// look lets the detectors look, and puts together what is one matter, in the order of
// time.
func (d *Demo) look(ctx context.Context, town *nantong.Town) ([]*matter, error) {
	found := map[string]*matter{}
	var all []*matter
	_, err := town.Watch(ctx, d.now.Pack.Detection.Number, func(book *register.Book, fresh []detect.Finding) {
		for _, f := range fresh {
			m := found[f.Rule+" "+f.Key]
			if m == nil {
				m = &matter{rule: f.Rule, key: f.Key, last: f}
				found[f.Rule+" "+f.Key] = m
				all = append(all, m)
			}
			f.From, f.At, m.last = min(f.From, m.last.From), m.last.At, f
			for i, e := range f.Evidence { // no certificate goes by its number
				if e.Record.Kind == register.KindCertificate {
					f.Evidence[i].Record.ID = string(d.now.Registers.CertificateID(e.Record.ID))
				}
			}
			told := fleet.Told(book, f)
			if n := len(m.told); n > 0 && m.told[n-1].From.Equal(told.From) {
				m.told[n-1] = told
				continue
			}
			m.told = append(m.told, told)
		}
	})
	slices.SortStableFunc(all, func(a, b *matter) int { return a.told[0].To.Compare(b.told[0].To) })
	hit := make([]bool, len(town.Planted))
	for _, m := range all {
		for i := range town.Planted {
			if !hit[i] && town.Planted[i].Meant(m.last) {
				hit[i], m.planted = true, &town.Planted[i]
				break
			}
		}
	}
	return all, err
}

// register puts what was on record into the registers, up to a last day.
func (d *Demo) register(ctx context.Context, town *nantong.Town, all []*matter, last city.Date) error {
	named := map[register.Ref]bool{}
	for _, m := range all {
		for _, f := range m.told {
			for _, e := range f.Evidence {
				if ref, ok := register.ParseRef(e.Record); ok {
					named[ref] = true
				}
			}
		}
	}
	records := town.Records(named)
	var firms []directory.Firm
	district := d.now.Pack.Regions.Children[0].Code
	for i, f := range records.Firms {
		zh, _ := campaignNames{f: &d.words.Campaign}.word(i)
		firms = append(firms, directory.Firm{USCC: string(f.ID), Name: f.Name, Kind: d.words.Campaign.Kind, Region: district,
			Address: strings.NewReplacer("{name}", zh, "{n}", strconv.Itoa(1+i%90)).Replace(d.words.Campaign.Address), Founded: city.DateOf(d.began).AddDays(-900 - i*7)})
	}
	records.Substances = nil // those that the city has are meant
	list := records.All()
	for _, rec := range list {
		rec.End(last)
	}
	d.past.Set(d.campaignDay().In(d.now.Pack.Zone))
	for part := range slices.Chunk(list, 1000) {
		if _, err := d.then.Registers.Seed(ctx, program, firms, part); err != nil {
			return err
		}
		firms = nil
		if err := breathe(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return d.now.Registers.Reload(ctx)
}

// drove keeps where the vehicles were on the days that evidence is of, so that a day
// can be looked at; days that the city doesn't keep any more are left out.
func (d *Demo) drove(ctx context.Context, town *nantong.Town, all []*matter) error {
	first, zone := d.campaignDay(), d.now.Pack.Zone
	oldest := d.today().AddDays(-d.now.Pack.Site.Keep.Tracks)
	if d.now.Pack.Site.Keep.Tracks == 0 {
		oldest = first
	}
	wanted := map[string]map[int]bool{}
	for _, m := range all {
		for _, e := range m.told[0].Evidence {
			if id, ok := strings.CutPrefix(e.Subject, "vehicle:"); ok && e.From > 0 {
				if wanted[id] == nil {
					wanted[id] = map[int]bool{}
				}
				wanted[id][int(city.FromMicros(e.From).Sub(first.In(zone))/(24*time.Hour))] = true
			}
		}
	}
	var batch []history.Position
	for n := range town.Vehicles() {
		id := string(town.ID(n))
		for _, day := range town.Days() {
			if !wanted[id][day] || first.AddDays(day).Before(oldest) {
				continue
			}
			for _, r := range town.Day(n, day, nil) {
				batch = append(batch, history.Position{Vehicle: id, At: r.At, Received: r.Received, Lat: r.Lat, Lon: r.Lon, Speed: r.Speed, Status: 3})
			}
		}
		if len(batch) > trackBatch || n == town.Vehicles()-1 {
			if err := d.now.Tracks.Append(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return nil
}
