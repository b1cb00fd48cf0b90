-- +goose Up
-- What was reported, one row a case. Places are in millionths of a degree (WGS-84);
-- a place that nobody gave is 0, 0.
CREATE TABLE incidents (
  case_id   BYTEA NOT NULL PRIMARY KEY,
  number    TEXT NOT NULL,
  class     TEXT NOT NULL,
  type      TEXT NOT NULL,
  lat       BIGINT NOT NULL,
  lon       BIGINT NOT NULL,
  region    TEXT NOT NULL,
  public    BIGINT NOT NULL,
  open      BIGINT NOT NULL,
  opened_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;
CREATE UNIQUE INDEX incidents_number ON incidents (number);
CREATE INDEX incidents_near ON incidents (class, lat) WHERE open = 1 AND lat <> 0;
CREATE INDEX incidents_public ON incidents (opened_at, number) WHERE public = 1;

-- What each person, sensor or table said of it. Words and contact are sealed; the
-- code is found by its digest.
CREATE TABLE incident_reports (
  id        BYTEA NOT NULL PRIMARY KEY,
  case_id   BYTEA NOT NULL,
  number    TEXT NOT NULL,
  once      TEXT,
  code      BYTEA NOT NULL,
  joined    BIGINT NOT NULL,
  channel   TEXT NOT NULL,
  source    TEXT NOT NULL,
  at        BIGINT NOT NULL,
  noticed   BIGINT NOT NULL,
  lat       BIGINT NOT NULL,
  lon       BIGINT NOT NULL,
  person    BYTEA,
  key_id    BYTEA NOT NULL,
  sealed    BYTEA NOT NULL,
  rated_at  BIGINT NOT NULL,
  rating    TEXT NOT NULL
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX incident_reports_case ON incident_reports (case_id, at);
CREATE UNIQUE INDEX incident_reports_once ON incident_reports (once) WHERE once IS NOT NULL;
CREATE UNIQUE INDEX incident_reports_code ON incident_reports (code);
