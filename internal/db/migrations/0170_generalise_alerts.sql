-- +goose Up
-- What watchers found: sensors, and the detectors of vehicle monitoring. While one
-- is not settled, nothing else is raised of the same rule and matter.
ALTER TABLE alerts RENAME TO alerts_before;
DROP INDEX alerts_open;
DROP INDEX alerts_unfiled;
CREATE TABLE alerts (
  id          BYTEA NOT NULL PRIMARY KEY,
  rule        TEXT NOT NULL,
  matter      TEXT NOT NULL,
  subject     TEXT NOT NULL,
  kind        TEXT NOT NULL,
  state       TEXT NOT NULL,
  outcome     TEXT NOT NULL,
  body        TEXT NOT NULL,
  class       TEXT NOT NULL,
  region      TEXT NOT NULL,
  lat         BIGINT NOT NULL,
  lon         BIGINT NOT NULL,
  address     TEXT NOT NULL,
  words       TEXT NOT NULL,
  sure        BIGINT NOT NULL,
  times       BIGINT NOT NULL,
  raised      BIGINT NOT NULL,
  since       BIGINT NOT NULL,
  last        BIGINT NOT NULL,
  settled     BIGINT NOT NULL,
  wants_case  BIGINT NOT NULL,
  case_number TEXT NOT NULL
) /*sqlite WITHOUT ROWID*/;
INSERT INTO alerts (id, rule, matter, subject, kind, state, outcome, body, class, region, lat, lon, address, words, sure, times, raised, since, last, settled, wants_case, case_number)
SELECT id, rule, device, 'sensor:' || device, '', CASE WHEN cleared > 0 THEN 'cleared' WHEN case_number = '' THEN 'open' ELSE 'filed' END, '', '', '', '', 0, 0, '',
  '', 1000, 1, raised, raised, raised, cleared, CASE WHEN case_number = '' THEN 1 ELSE 0 END, case_number
FROM alerts_before;
CREATE UNIQUE INDEX alerts_open ON alerts (rule, matter) WHERE settled = 0;
CREATE INDEX alerts_unfiled ON alerts (raised, id) WHERE wants_case = 1;
CREATE INDEX alerts_by_matter ON alerts (rule, matter, raised, id);
CREATE INDEX alerts_by_time ON alerts (raised, id);
CREATE INDEX alerts_by_state ON alerts (state, raised, id);
CREATE INDEX alerts_by_rule ON alerts (rule, raised, id);
CREATE INDEX alerts_by_subject ON alerts (subject, raised, id);
CREATE INDEX alerts_by_case ON alerts (case_number) WHERE case_number <> '';

-- What an alert rests on, a row each time it was found; of many the first and the
-- last are kept. Codes and numbers only.
CREATE TABLE alert_evidence (
  alert BYTEA NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT NOT NULL,
  data  TEXT NOT NULL,
  PRIMARY KEY (alert, since)
) /*sqlite WITHOUT ROWID*/;
INSERT INTO alert_evidence (alert, since, until, data)
SELECT id, raised, raised, '[{"what":"reading","numbers":{"value":' || thousandths || 'e-3}}]' FROM alerts_before;
DROP TABLE alerts_before;

-- Times in which alerts of a rule, or about a subject, are held back.
CREATE TABLE alert_silences (
  id      BYTEA NOT NULL PRIMARY KEY,
  rule    TEXT NOT NULL,
  subject TEXT NOT NULL,
  begun   BIGINT NOT NULL,
  until   BIGINT NOT NULL,
  ended   BIGINT NOT NULL,
  account BYTEA,
  post    TEXT NOT NULL,
  key_id  BYTEA NOT NULL,
  sealed  BYTEA NOT NULL,
  held    BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX alert_silences_by_end ON alert_silences (until, id);
