package main

import (
	"errors"
	"time"

	"yiwang/internal/bench"
)

type benchCmd struct {
	Name     string        `arg:"" enum:"cases,incidents,nantong,log,fleet,verify" default:"cases" help:"Which benchmark: cases, incidents, nantong, log, fleet or verify."`
	Database string        `help:"URL of an empty PostgreSQL database; default is SQLite in a temporary folder. Tables are left behind."`
	Stored   int           `default:"1000000" help:"Cases stored before the second half; 0 leaves it out."`
	Span     time.Duration `default:"5s" help:"How long each figure is measured."`
	JSON     bool          `name:"json" help:"Print one JSON object (all but cases)."`
	Seeds    int           `default:"5" help:"How many made-up cities nantong is tried on."`

	Points    int `default:"1048576" help:"Points of each track that fleet finds the stays of."`
	Vehicles  int `default:"100000" help:"Vehicles that fleet connects at one time."`
	Driving   int `default:"2000" help:"Vehicles of those that send positions while fleet measures."`
	Positions int `default:"100" help:"Positions that each of those sends."`
	Zones     int `default:"1000" help:"Zones that fleet holds each position against."`
}

func (c *benchCmd) Run(e *env) error {
	o := bench.Options{Database: c.Database, Stored: c.Stored, Span: c.Span, JSON: c.JSON, Out: e.out, Progress: e.err}
	o.Seeds = c.Seeds
	o.Fleet = bench.FleetSize{Points: c.Points, Vehicles: c.Vehicles, Driving: c.Driving, Positions: c.Positions, Zones: c.Zones}
	if c.Name == "fleet" {
		return bench.Fleet(e.ctx, o)
	}
	if c.Name == "nantong" {
		return bench.Nantong(e.ctx, o)
	}
	if c.Name == "log" {
		return bench.Log(e.ctx, o)
	}
	if c.Name == "verify" {
		return bench.Verify(e.ctx, o)
	}
	if c.Name == "incidents" {
		return bench.Incidents(e.ctx, o)
	}
	if c.JSON {
		return errors.New("bench cases prints no JSON")
	}
	return bench.Cases(e.ctx, o)
}
