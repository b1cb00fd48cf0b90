-- +goose Up
-- How dangerous each community is, day by day: the index from 0 to 100 and, as JSON,
-- what it is made of. Days are the city's, as 2026-03-09.
CREATE TABLE fleet_risks (
  region TEXT NOT NULL,
  day    TEXT NOT NULL,
  score  BIGINT NOT NULL,
  at     BIGINT NOT NULL,
  body   TEXT NOT NULL,
  PRIMARY KEY (region, day)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX fleet_risks_day ON fleet_risks (day);
-- How long vehicles with dangerous goods were in a community on a day. The row
-- without a region says when the day was summed up.
CREATE TABLE fleet_passing (
  day     TEXT NOT NULL,
  region  TEXT NOT NULL,
  seconds BIGINT NOT NULL,
  at      BIGINT NOT NULL,
  PRIMARY KEY (day, region)
) /*sqlite WITHOUT ROWID*/;
