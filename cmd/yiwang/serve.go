package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"time"

	"yiwang/app"
	"yiwang/cities"
	"yiwang/city"
	"yiwang/demo"
)

type serveCmd struct {
	City     string         `required:"" help:"The city's folder." type:"path"`
	Data     string         `default:"data" help:"Data folder: database, keys, uploads." type:"path"`
	Database string         `help:"postgres://… in place of the SQLite file in the data folder." env:"YIWANG_DATABASE"`
	Listen   string         `default:"localhost:8080" help:"Address to listen on."`
	Origin   string         `help:"How people reach the program, such as https://city.example; default http and the address."`
	MQTT     string         `name:"mqtt" placeholder:"ADDR" help:"Address to listen on for sensors, such as :1883; default is not to."`
	JT808    string         `name:"jt808" placeholder:"ADDR" help:"Address to listen on for vehicle terminals (JT/T 808), such as :7611; default is not to."`
	Crowd    int            `name:"jt808-per-address" default:"2000" placeholder:"N" help:"Connections of vehicle terminals that one address may have open."`
	Proxy    []netip.Prefix `help:"Networks of the proxies in front, such as 127.0.0.1/32: their X-Forwarded-For says who asks."`
}

func (c *serveCmd) Run(e *env) error {
	l, origin, err := listen(c.Listen, c.Origin)
	if err != nil {
		return exit{exitUsage, err.Error()}
	}
	defer l.Close()
	sensors, err := listenDevices(c.MQTT)
	if err != nil {
		return exit{exitUsage, err.Error()}
	}
	terminals, err := listenDevices(c.JT808)
	if err != nil {
		return exit{exitUsage, err.Error()}
	}
	if c.Crowd < 1 {
		return exit{exitUsage, city.Say(e.lang, "cli.serve.crowd")}
	}
	a, err := app.New(e.ctx, app.Options{City: c.City, Data: c.Data, Database: c.Database, Origin: origin, MQTT: sensors, JT808: terminals, Crowd: c.Crowd, Proxies: c.Proxy})
	if err != nil {
		return e.packFaults(err)
	}
	if err := a.Start(e.ctx); err != nil {
		return errors.Join(err, a.Stop())
	}
	e.say("cli.serve.ready", "name", a.Pack.Site.Name, "url", origin)
	err = a.Serve(e.ctx, l)
	return errors.Join(err, a.Stop())
}

type demoCmd struct {
	Listen    string `default:"localhost:8080" help:"Address to listen on."`
	Data      string `help:"Data folder, kept; default is a temporary one, removed at the end." type:"path"`
	City      string `help:"Another city's folder; default is Jianghai, which travels in the program." type:"path"`
	Database  string `help:"postgres://… in place of the SQLite file." env:"YIWANG_DATABASE"`
	MQTT      string `name:"mqtt" placeholder:"ADDR" help:"Address to listen on for sensors, such as localhost:1883; default is not to."`
	JT808     string `name:"jt808" placeholder:"ADDR" help:"Address to listen on for vehicle terminals (JT/T 808), such as localhost:7611; default is not to."`
	Neighbour string `placeholder:"URL" help:"Another demonstration on this machine, such as http://localhost:8080: the two recognise each other's licences and watch each other's logs."`
	Seed      int64  `default:"1" help:"Same seed, same city."`
	Quiet     bool   `help:"No made-up life: only the sign-ins and their papers."`
}

func (c *demoCmd) Run(e *env) (err error) {
	slog.SetDefault(slog.New(slog.NewTextHandler(e.err, &slog.HandlerOptions{Level: slog.LevelWarn})))
	l, origin, err := listen(c.Listen, "")
	if err != nil {
		return exit{exitUsage, err.Error()}
	}
	defer l.Close()
	sensors, err := listenDevices(c.MQTT)
	if err != nil {
		return exit{exitUsage, err.Error()}
	}
	terminals, err := listenDevices(c.JT808)
	if err != nil {
		return exit{exitUsage, err.Error()}
	}
	data := c.Data
	if data == "" {
		if data, err = os.MkdirTemp("", "yiwang-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(data)
	}
	var pack fs.FS
	if c.City == "" {
		pack = cities.Jianghai()
	}
	o := app.Options{City: c.City, CityFS: pack, Data: data, Database: c.Database, Origin: origin, MQTT: sensors, JT808: terminals, Demo: true,
		Since: demo.Began(time.Now()).AddDate(0, 0, -1)} // the papers that people hold are older than the program
	a, err := c.open(e, o)
	if err != nil {
		return e.packFaults(err)
	}
	defer func() { err = errors.Join(err, a.Stop()) }()
	d, err := c.cast(e.ctx, a)
	if err != nil {
		return err
	}
	if err := a.Start(e.ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx, l) }()
	e.say("cli.demo.ready", "name", a.Pack.Site.Name, "url", origin)
	e.say("cli.demo.sign_ins")
	for _, s := range d.SignIns() {
		fmt.Fprintf(e.out, "  %-12s %s\n", s.Login, s.About.In(e.lang))
	}
	if c.Neighbour != "" {
		m, err := a.Neighbour(ctx, c.Neighbour)
		if err != nil {
			fmt.Fprintln(e.err, city.Say(e.lang, "cli.demo.neighbour.failed"))
			e.report(err)
		} else {
			e.say("cli.demo.neighbour", "name", m.Name)
		}
	}
	if !c.Quiet {
		driven := make(chan struct{})
		go func() {
			defer close(driven)
			if err := d.Drive(ctx); err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "the made-up traffic stands still", "err", err)
			}
		}()
		lived := make(chan bool, 1)
		past := func(ctx context.Context, progress func(done, total int)) error {
			if err := d.Populate(ctx, progress); err != nil {
				return err
			}
			defer debug.FreeOSMemory() // of what only the past needed
			return d.Campaign(ctx, progress)
		}
		go func() { lived <- e.live(ctx, past, d.Live) }()
		defer func() {
			cancel()
			<-driven
			if !<-lived && err == nil {
				err = exit{code: exitFound} // it was said when it happened
			}
		}()
	}
	return <-served
}

// open opens the city; under another code and name where the neighbour is of the same
// pack.
func (c *demoCmd) open(e *env, o app.Options) (*app.App, error) {
	if c.Neighbour != "" {
		code, err := app.CodeAt(e.ctx, c.Neighbour)
		if err != nil {
			return nil, err
		}
		own, err := o.PackCode()
		if err != nil {
			return nil, err
		}
		if code == own {
			o.Code, o.Name = app.TwinOf(code)
		}
	}
	return app.New(e.ctx, o)
}

// cast puts the people of the sign-ins in place, before the first page.
func (c *demoCmd) cast(ctx context.Context, a *app.App) (*demo.Demo, error) {
	past := city.NewSetClock(time.Now())
	then, err := a.Twin(ctx, past)
	if err != nil {
		return nil, err
	}
	d, err := demo.New(parts(a), parts(then), past, c.Seed)
	if err != nil {
		return nil, err
	}
	return d, d.Cast(ctx)
}

func parts(a *app.App) demo.Parts {
	return demo.Parts{Pack: a.Pack, DB: a.DB, Journal: a.Journal, Directory: a.Directory, Identity: a.Identity, Cases: a.Cases,
		Items: a.Items, Credentials: a.Credentials, Algorithms: a.Algorithms, Incidents: a.Incidents, Registers: a.Registers, Vehicles: a.Vehicles, Tracks: a.Tracks, Alerts: a.Alerts, Clock: a.Clock}
}

// live fills in three months of history behind a progress line, then keeps the
// city moving, also where the history broke off. What goes wrong is said at once;
// the answer is whether nothing did.
func (e *env) live(ctx context.Context, history func(context.Context, func(done, total int)) error, present func(context.Context) error) bool {
	last, open := time.Time{}, false
	err := history(ctx, func(done, total int) {
		if e.terminal && (time.Since(last) > 100*time.Millisecond || done == total) {
			last, open = time.Now(), done != total
			fmt.Fprintf(e.err, "\r%s%s", city.Say(e.lang, "cli.demo.history"), bar(done, total))
			if done == total {
				fmt.Fprintln(e.err)
			}
		}
	})
	well := true
	said := func(key string, err error) {
		if err == nil || ctx.Err() != nil {
			return
		}
		if open {
			fmt.Fprintln(e.err)
			open = false
		}
		well = false
		fmt.Fprintln(e.err, city.Say(e.lang, key))
		e.report(err)
	}
	said("cli.demo.history_failed", err)
	said("cli.demo.present_failed", present(ctx))
	return well
}

func listen(addr, origin string) (net.Listener, string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, "", err
	}
	if origin == "" {
		host, _, _ := net.SplitHostPort(addr)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		if host == "" || host == "127.0.0.1" || host == "::1" || host == "0.0.0.0" {
			host = "localhost" // passkeys refuse bare addresses
		}
		origin = "http://" + net.JoinHostPort(host, port)
	}
	return l, origin, nil
}

func listenDevices(addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	return net.Listen("tcp", addr)
}

func (e *env) packFaults(err error) error {
	var f app.PackFaults
	if !errors.As(err, &f) {
		return err
	}
	for _, x := range f {
		fmt.Fprintln(e.err, x.In(e.lang))
	}
	return exit{code: exitUsage}
}
