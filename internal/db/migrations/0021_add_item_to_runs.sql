-- +goose Up
ALTER TABLE algorithm_runs ADD COLUMN item TEXT NOT NULL DEFAULT '';
