// Package app puts the program together. It is the only place that knows
// everyone: it reads the city, opens the database, builds each package with what
// it needs, and starts and stops them in order.
package app

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"yiwang/access"
	"yiwang/alert"
	"yiwang/algorithm"
	"yiwang/api/mqtt"
	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/grant"
	"yiwang/credential/pass"
	"yiwang/credential/trustlist"
	"yiwang/directory"
	"yiwang/fleet"
	"yiwang/fleet/gateway"
	"yiwang/fleet/history"
	"yiwang/fleet/intercept"
	"yiwang/identity"
	"yiwang/incident"
	"yiwang/internal/db"
	"yiwang/journal"
	"yiwang/notify"
	"yiwang/pack"
	"yiwang/scorecard"
	"yiwang/search"
	"yiwang/serviceitem"
	"yiwang/tlog"
	"yiwang/web"
	records "yiwang/web/fleet"
)

// Options say which city to run and where its data lie. City and Data are
// needed; zero values of the rest are right for one machine.
type Options struct {
	City     string         // folder of the city pack
	CityFS   fs.FS          // the pack itself, in place of City
	Data     string         // data folder: database, keys, uploads
	Database string         // postgres://… in place of the SQLite file in Data
	Origin   string         // how people reach the program, "https://city.example"
	MQTT     net.Listener   // for sensors; nil: none. It is closed with the program
	JT808    net.Listener   // for vehicle terminals; nil: none. It is closed with the program
	Crowd    int            // connections of terminals from one address; 0: what gateway.Limits says
	Proxies  []netip.Prefix // in front of the program, whose X-Forwarded-For is believed
	Clock    city.Clock
	// Code and Name are the city's towards others, in place of the pack's: for a
	// second city of one pack, which couldn't be told from the first.
	Code     city.RegionCode
	Name     city.Text
	Since    time.Time // when the city's records begin, if before the first run: licences may be that old
	Existing bool      // only where a city is already: nothing is made or migrated
	Demo     bool      // a made-up city: says so on every page, takes the password "demo"
	Log      *slog.Logger
	Env      func(string) string // for secrets of channels; nil is the process's environment
	MaxPages int                 // bounds the SQLite file in pages of 4 KiB; tests use it as a full disk
}

// App is a program put together. Its parts are exported for the faces and for
// the demonstration, which does nothing that a face could not.
type App struct {
	Options
	Pack        *pack.City
	DB          *db.DB
	Journal     *journal.Journal
	Access      *access.Access
	Directory   *directory.Directory
	Identity    *identity.Identity
	Cases       *casework.Engine
	Algorithms  *algorithm.Register
	Credentials *credential.Registry
	Trust       *trustlist.Book // whose licences are believed beside the city's own
	Passes      *pass.Service
	Grants      *grant.Service
	Items       *serviceitem.Service
	Alerts      *alert.Board
	Sensors     *alert.Watch
	Incidents   *incident.Service  // nil where the city takes no reports
	Reach       *intercept.Service // nil where the city has no map of its roads
	Registers   *fleet.Registers   // of dangerous goods and watched vehicles
	Tracks      *history.Log       // nil where the city watches no vehicles
	Vehicles    *fleet.Monitor     // nil with Tracks
	Risks       *fleet.Index       // nil where the city has no formula of risk
	Notices     *notify.Notify
	Scores      *scorecard.Scorecard
	Search      *search.Index
	PublicLog   *tlog.Log     // nil beside a city that is served
	Witness     *tlog.Witness // of other cities' logs; nil where none is watched
	Site        *web.Site

	outside   outside
	abroad    abroad
	records   *records.Pages
	handler   http.Handler
	broker    *mqtt.Broker
	terminals *gateway.Gateway
	ready     bool
	closing   chan struct{} // closed when the last requests are waited for
	close     sync.Once
	stop      context.CancelFunc
	work      sync.WaitGroup
	mu        sync.Mutex
}

// PackFaults is returned by New when the city pack has faults.
type PackFaults []pack.Fault

func (f PackFaults) Error() string {
	lines := make([]string, len(f))
	for i, x := range f {
		lines[i] = x.String()
	}
	return strings.Join(lines, "\n")
}

// New reads the city, opens and migrates the database and builds every part.
// Nothing runs before Start. On an error nothing stays open.
func New(ctx context.Context, o Options) (a *App, err error) {
	if o.Clock == nil {
		o.Clock = city.WallClock{}
	}
	if o.Env == nil {
		o.Env = os.Getenv
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Origin == "" {
		o.Origin = "http://localhost:8080"
	}
	a = &App{Options: o, closing: make(chan struct{})}
	var faults []pack.Fault
	a.Pack, faults = o.pack()
	if len(faults) > 0 {
		return nil, PackFaults(faults)
	}
	if a.Code == "" {
		a.Code = a.Pack.Site.Code
	}
	if !a.Name.IsZero() {
		a.Pack.Site.Name = a.Name
	}
	if o.Existing {
		if err := (Place{o.Data, o.Database}).stands(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return nil, err
	}
	if err := a.openDatabase(ctx); err != nil {
		return nil, err
	}
	store := a.DB
	defer func() {
		if err != nil {
			store.Close()
		}
	}()
	build := func() error { return a.build(ctx) }
	if a.Existing { // beside a city that is served, and makes nothing
		err = build()
	} else {
		err = a.DB.Alone(ctx, build)
	}
	if err != nil {
		return nil, err
	}
	return a, a.faces(ctx)
}

func (a *App) openDatabase(ctx context.Context) error {
	p := Place{a.Data, a.Database}
	d, err := db.Open(ctx, p.url(), db.Options{MaxPages: a.MaxPages, Beside: a.Existing})
	if err != nil {
		return err
	}
	if a.Existing {
		var have int64
		if have, err = d.Version(ctx); err == nil && have != db.Newest() {
			err = city.Conflict("cli.place.version", "have", have, "know", db.Newest())
		}
	} else if err = d.Migrate(ctx); err == nil && a.City != "" {
		err = p.noteCity(a.City)
	}
	if err != nil {
		d.Close()
		return err
	}
	a.DB = d
	return nil
}

// vault is opened with the key that everything personal lies under. It is made
// once, for an empty database, which holds something sealed from then on; a
// database that holds sealed records without its key, or with another, is an error
// and not a reason to make one.
func (a *App) vault(ctx context.Context) (v *journal.Vault, err error) {
	empty, fits := false, true
	err = a.DB.View(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		empty, err = journal.Empty(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	key, err := journal.LoadMaster(masterFile(a.Data), empty && !a.Existing)
	if err != nil {
		return nil, err
	}
	if v, err = journal.NewVault(key); err != nil || empty && a.Existing {
		return v, err
	}
	err = a.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if empty {
			_, err = v.NewKey(ctx, tx, city.PersonID{})
			return err
		}
		fits, err = v.Fits(ctx, tx)
		return err
	})
	if err == nil && !fits {
		err = fmt.Errorf("the master key %s is not the one of this database: every process that serves it needs the same data folder, or the same keys and files in its own", masterFile(a.Data))
	}
	return v, err
}

func (a *App) build(ctx context.Context) error {
	p := a.Pack
	vault, err := a.vault(ctx)
	if err != nil {
		return err
	}
	a.Journal = journal.New(a.DB, vault)
	if a.Access, err = access.New(p.Policies); err != nil {
		return err
	}
	if err := a.domain(ctx); err != nil {
		return err
	}
	if !a.Existing { // what is opened for a piece of work sends nothing
		s, err := channelSettings(a.Data, p.Site.Channels, a.Demo)
		if err != nil {
			return err
		}
		if a.outside, err = openChannels(a.Data, s, a.Env, a.Clock); err != nil {
			return err
		}
	}
	if !a.Existing {
		if err := a.watchVehicles(); err != nil {
			return err
		}
		a.watchRisk()
	}
	a.followers()
	if a.Existing {
		return nil
	}
	return a.publicLog()
}

// domain builds what has state and a clock.
func (a *App) domain(ctx context.Context) (err error) {
	p := a.Pack
	if a.Directory, err = directory.New(directory.Options{DB: a.DB, Access: a.Access, Journal: a.Journal, Clock: a.Clock,
		Calendar: p.Calendar, Regions: p.Regions, Bodies: p.Bodies}); err != nil {
		return err
	}
	if a.Registers, err = fleet.New(ctx, fleet.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock, Directory: a.Directory,
		Zone: p.Zone}); err != nil {
		return err
	}
	if a.Identity, err = identity.New(identity.Options{DB: a.DB, Access: a.Access, Journal: a.Journal, Directory: a.Directory,
		Clock: a.Clock, AnyPassword: a.Demo, Passkeys: a.passkeySite()}); err != nil {
		return err
	}
	if a.Algorithms, err = algorithm.New(ctx, algorithm.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock,
		Calendar: p.Calendar, Rules: p.Rules}); err != nil {
		return err
	}
	if a.Credentials, err = credential.New(ctx, credential.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock,
		Zone: p.Zone, City: string(a.Code), Name: p.Site.Name, Mark: p.Site.Mark.Text, Types: p.Credentials, Issuers: a.issuers(),
		Keys: signingKeys(a.Data), KeysFrom: a.Since, ListURL: a.Origin + "/credentials/status/", Origin: a.Origin, CheckURL: a.Origin + "/verify",
		Regions: a.regionName, Press: a.press(), Health: (&healthSigners{dir: filepath.Join(a.Data, healthFolder), log: a.Log}).Trust}); err != nil {
		return err
	}
	if err := a.trustBook(); err != nil {
		return err
	}
	blobs, err := serviceitem.OpenBlobs(filepath.Join(a.Data, "blobs"))
	if err != nil {
		return err
	}
	if a.Items, err = serviceitem.New(serviceitem.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock,
		Calendar: p.Calendar, Directory: a.Directory, Rules: a.Algorithms, Licences: a.Credentials,
		Blobs: blobs, Items: p.Items, Forms: p.Forms, Listed: p.Listed, Files: p.Files,
		Hotline: p.Site.Hotline, BadRatings: p.Site.BadRatings, PersonOf: a.personOf}); err != nil {
		return err
	}
	a.Reach = intercept.New(intercept.Options{Access: a.Access, Directory: a.Directory, Clock: a.Clock, Calendar: p.Calendar, Zone: p.Zone,
		Roads: p.Roads, Speeds: p.Speeds, Settings: p.Site.Interception})
	a.Alerts = alert.NewBoard(alert.BoardOptions{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock, Zone: p.Zone,
		Detection: p.Detection, Sensors: p.Sensors})
	effects, composed := a.Items.Effects(), []string(nil)
	a.Passes = pass.New(pass.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock, Zone: p.Zone, Directory: a.Directory, Licences: a.Credentials,
		Purposes: p.Passes, Lends: a.lends, Press: a.press(), City: p.Site.Name, Check: a.Origin + "/verify"})
	a.Grants = grant.New(grant.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Licences: a.Credentials, Clock: a.Clock, Zone: p.Zone})
	maps.Copy(effects, a.Passes.Effects())
	for _, x := range p.Passes {
		a.Credentials.Trust().AddPurpose(string(a.Code), x.ID, credential.PassTerms{Ends: x.Over(p.Zone)})
	}
	if p.Site.Incidents.Kind != "" {
		a.Incidents = incident.New(incident.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock, Directory: a.Directory,
			Groups: p.Groups, Settings: p.Site.Incidents, Blobs: blobs, Alerts: a.Alerts})
		about, ok := p.Algorithm(incident.ClassifierID)
		if !ok {
			return fmt.Errorf("the pack describes no %s", incident.ClassifierID) // pack.Load asks for it
		}
		if err := a.Algorithms.Add(a.Incidents.Registered(*about)); err != nil {
			return err
		}
		if err := a.registerDetectors(); err != nil {
			return err
		}
		maps.Copy(effects, a.Incidents.Effects())
		composed = a.Incidents.Composed()
	}
	if err := a.registerRisk(); err != nil {
		return err
	}
	if a.Cases, err = casework.New(ctx, casework.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock,
		Calendar: p.Calendar, Prefix: p.Site.NumberPrefix, Kinds: p.Kinds, Effects: effects, Superior: a.Directory.Superior, Composed: composed}); err != nil {
		return err
	}
	if a.Incidents != nil {
		if err := a.Incidents.Bind(a.Cases); err != nil {
			return err
		}
	}
	if err := a.Items.Bind(a.Cases); err != nil {
		return err
	}
	a.Passes.Bind(a.Cases)
	a.Sensors, err = alert.New(ctx, alert.Options{DB: a.DB, Journal: a.Journal, Access: a.Access, Clock: a.Clock, Definition: p.Sensors, Board: a.Alerts})
	return err
}

func (a *App) personOf(ctx context.Context, tx *db.Tx, id city.AccountID) (city.PersonID, error) {
	account, err := a.Identity.ReadAccount(ctx, tx, city.SystemActor("app"), id)
	return account.Person, err
}

func (a *App) issuers() map[city.BodyID]credential.Issuer {
	m := map[city.BodyID]credential.Issuer{}
	for _, b := range a.Pack.Bodies {
		m[b.ID] = credential.Issuer{Code: b.USCC, Name: b.Name}
	}
	return m
}

func (a *App) regionName(c city.RegionCode) city.Text {
	if r, ok := a.Directory.Region(c); ok {
		return r.Name
	}
	return city.Text{ZhHans: string(c), En: string(c)}
}

// passkeySite is nil for an address that browsers refuse passkeys for.
func (a *App) passkeySite() *identity.Site {
	host := strings.TrimPrefix(strings.TrimPrefix(a.Origin, "https://"), "http://")
	host, _, _ = strings.Cut(host, ":")
	host, _, _ = strings.Cut(host, "/")
	if host == "" || strings.Trim(host, "0123456789.") == "" {
		return nil
	}
	return &identity.Site{ID: host, Name: a.Pack.Site.Name.In(city.Chinese), Origins: []string{a.Origin}}
}

// Start begins the work behind the faces: followers, timers, deciding rules.
func (a *App) Start(ctx context.Context) (err error) {
	err = a.DB.Alone(ctx, func() error {
		if err := a.Algorithms.Publish(ctx, city.SystemActor("app")); err != nil {
			return err
		}
		if r := a.Pack.Registers; len(r.Records) > 0 {
			if _, err := a.Registers.Seed(ctx, city.SystemActor("app"), r.Firms, r.Records); err != nil {
				return err
			}
		}
		return a.Items.Publish(ctx, city.SystemActor("app"))
	})
	if err != nil {
		return err
	}
	if err := a.Journal.Start(ctx); err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stop = stop
	a.goes(func() { a.Cases.Run(run, 5*time.Second) })
	a.goes(func() { a.Items.Run(run) })
	a.goes(func() { a.sweep(run) })
	a.goes(func() { a.closeShifts(run) })
	if a.PublicLog != nil {
		a.goes(func() { a.PublicLog.Run(run) })
		a.goes(func() { a.watchLogs(run) })
	}
	if err := a.believe(ctx); err != nil {
		return err
	}
	a.goes(func() { a.keepTrust(run) })
	a.goes(func() {
		a.Registers.Run(run, 5*time.Second, func(err error) { a.Log.Warn("the registers could not be read again", "err", err) })
	})
	if a.Incidents != nil {
		a.goes(func() { a.fileAlerts(run) })
	}
	if a.Risks != nil {
		a.goes(func() { a.Risks.Run(run) })
	}
	if a.Vehicles != nil {
		if err := a.Registers.Reload(ctx); err != nil {
			return err
		}
		if err := a.Vehicles.Start(ctx); err != nil {
			return err
		}
		a.goes(func() { a.settle(run) })
	}
	if err := a.openTerminals(run); err != nil {
		return err
	}
	if err := a.Notices.Start(ctx); err != nil {
		return err
	}
	if a.MQTT != nil {
		if a.broker, err = mqtt.Serve(a.MQTT, mqtt.Options{Sensors: a.Sensors, Identity: a.Identity, Access: a.Access, Position: a.positionByMQTT()}); err != nil {
			return err
		}
	}
	a.mu.Lock()
	a.ready = true
	a.mu.Unlock()
	return nil
}

func (a *App) goes(f func()) {
	a.work.Add(1)
	go func() {
		defer a.work.Done()
		f()
	}()
}

// Stop ends what Start began, in reverse order, and closes the database.
func (a *App) Stop() error {
	a.mu.Lock()
	a.ready = false
	a.mu.Unlock()
	if a.broker != nil {
		if err := a.broker.Close(); err != nil {
			a.Log.Warn("the door for sensors did not close", "err", err)
		}
	}
	if a.terminals != nil {
		if err := a.terminals.Close(); err != nil {
			a.Log.Warn("the door for vehicle terminals did not close", "err", err)
		}
	}
	if a.Vehicles != nil {
		a.Vehicles.Stop()
	}
	if a.stop != nil {
		a.stop()
	}
	a.work.Wait()
	if a.Tracks != nil {
		if err := a.Tracks.Close(); err != nil {
			a.Log.Warn("what vehicles did was not closed", "err", err)
		}
	}
	a.Notices.Stop()
	a.Journal.Stop()
	if err := a.DB.Close(); err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}

// Handler serves every page and address.
func (a *App) Handler() http.Handler { return a.handler }
