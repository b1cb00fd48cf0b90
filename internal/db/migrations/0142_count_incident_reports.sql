-- +goose Up
-- How many reports a matter has, so that those who join and those who close it
-- exclude each other by what they write.
ALTER TABLE incidents ADD COLUMN reports BIGINT NOT NULL DEFAULT 1;
