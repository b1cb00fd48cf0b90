-- +goose Up
-- Stays that rules about what repeats look back on, for as long as they do. Places
-- are millionths of a degree (WGS-84), times microseconds.
CREATE TABLE fleet_stays (
  vehicle  TEXT NOT NULL,
  start_at BIGINT NOT NULL,
  end_at   BIGINT NOT NULL,
  lat      BIGINT NOT NULL,
  lon      BIGINT NOT NULL,
  points   BIGINT NOT NULL,
  PRIMARY KEY (vehicle, start_at)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX fleet_stays_end ON fleet_stays (end_at);
-- Matters that were told, and up to which moment: a track that is read anew tells
-- nothing twice, also when the alert was settled since.
CREATE TABLE fleet_told (
  rule     TEXT NOT NULL,
  matter   TEXT NOT NULL,
  until_at BIGINT NOT NULL,
  at       BIGINT NOT NULL,
  PRIMARY KEY (rule, matter)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX fleet_told_at ON fleet_told (at);
