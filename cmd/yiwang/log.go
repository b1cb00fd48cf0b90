package main

import (
	"log/slog"
	"os"

	"yiwang/app"
	"yiwang/cities"
	"yiwang/city"
)

type logCmd struct {
	Forgery forgeryCmd `cmd:"" help:"Two small demonstration cities, one of which lies about its log: shows how the other catches it."`
}

type forgeryCmd struct{}

func (c *forgeryCmd) Run(e *env) error {
	slog.SetDefault(slog.New(slog.NewTextHandler(e.err, &slog.HandlerOptions{Level: slog.LevelError})))
	dir, err := os.MkdirTemp("", "yiwang-forgery-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	caught, err := app.ShowForgery(e.ctx, cities.Jianghai(), dir, func(m city.Message) { e.line("%s", m.In(e.lang)) })
	if err == nil && !caught {
		return exit{code: exitFound}
	}
	return err
}
