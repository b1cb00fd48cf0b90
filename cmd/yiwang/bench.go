package main

import (
	"time"

	"yiwang/internal/bench"
)

type benchCmd struct {
	Name     string        `arg:"" enum:"cases" default:"cases" help:"Which benchmark: cases."`
	Database string        `help:"URL of an empty PostgreSQL database; default is SQLite in a temporary folder. Tables are left behind."`
	Stored   int           `default:"1000000" help:"Cases stored before the second half; 0 leaves it out."`
	Span     time.Duration `default:"5s" help:"How long each figure is measured."`
}

func (c *benchCmd) Run(e *env) error {
	return bench.Cases(e.ctx, bench.Options{Database: c.Database, Stored: c.Stored, Span: c.Span, Out: e.out, Progress: e.err})
}
