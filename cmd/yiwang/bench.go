package main

import (
	"errors"
	"time"

	"yiwang/internal/bench"
)

type benchCmd struct {
	Name     string        `arg:"" enum:"cases,incidents,nantong,log" default:"cases" help:"Which benchmark: cases, incidents, nantong or log."`
	Database string        `help:"URL of an empty PostgreSQL database; default is SQLite in a temporary folder. Tables are left behind."`
	Stored   int           `default:"1000000" help:"Cases stored before the second half; 0 leaves it out."`
	Span     time.Duration `default:"5s" help:"How long each figure is measured."`
	JSON     bool          `name:"json" help:"Print one JSON object (incidents, nantong, log)."`
	Seeds    int           `default:"5" help:"How many made-up cities nantong is tried on."`
}

func (c *benchCmd) Run(e *env) error {
	o := bench.Options{Database: c.Database, Stored: c.Stored, Span: c.Span, JSON: c.JSON, Out: e.out, Progress: e.err}
	o.Seeds = c.Seeds
	if c.Name == "nantong" {
		return bench.Nantong(e.ctx, o)
	}
	if c.Name == "log" {
		return bench.Log(e.ctx, o)
	}
	if c.Name == "incidents" {
		return bench.Incidents(e.ctx, o)
	}
	if c.JSON {
		return errors.New("bench cases prints no JSON")
	}
	return bench.Cases(e.ctx, o)
}
