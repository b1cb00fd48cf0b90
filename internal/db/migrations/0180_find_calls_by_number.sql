-- +goose Up
-- Calls that came from a telephone number are found by its keyed digest. Of what was
-- reported in other ways, and by people who are known, nothing is kept to be found by.
ALTER TABLE incident_reports ADD COLUMN caller BYTEA;
CREATE INDEX incident_reports_caller ON incident_reports (caller, at, id) WHERE caller IS NOT NULL;
