-- +goose Up
-- Who left a telephone number is called back when the matter is over: from when on,
-- 0 when there is nothing to ask, and how often nobody answered.
ALTER TABLE incident_reports ADD COLUMN phone BIGINT NOT NULL DEFAULT 0;
ALTER TABLE incident_reports ADD COLUMN call_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE incident_reports ADD COLUMN calls BIGINT NOT NULL DEFAULT 0;
CREATE INDEX incident_reports_call ON incident_reports (call_at, id) WHERE call_at > 0;

-- What was reported without a point is found by its community.
CREATE INDEX incidents_placeless ON incidents (class, region) WHERE open = 1 AND lat = 0;
