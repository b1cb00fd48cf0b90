-- +goose Up
-- What sensors found. Readings themselves are kept nowhere.
CREATE TABLE alerts (
  id          BYTEA NOT NULL PRIMARY KEY,
  rule        TEXT NOT NULL,
  device      TEXT NOT NULL,
  thousandths BIGINT NOT NULL,
  raised      BIGINT NOT NULL,
  cleared     BIGINT NOT NULL,
  case_number TEXT NOT NULL
) /*sqlite WITHOUT ROWID*/;
CREATE UNIQUE INDEX alerts_open ON alerts (rule, device) WHERE cleared = 0;
CREATE INDEX alerts_unfiled ON alerts (raised, id) WHERE case_number = '';

-- Devices that need a person's eye: in quarantine, or with a wrong clock.
CREATE TABLE alert_devices (
  device      TEXT NOT NULL PRIMARY KEY,
  quarantined BIGINT NOT NULL,
  reason      TEXT NOT NULL,
  clock_off   BIGINT NOT NULL,
  changed     BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;
