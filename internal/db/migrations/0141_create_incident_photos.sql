-- +goose Up
-- Pictures of a matter: of its reports, and of those who deal with it. The bytes
-- lie sealed in the blob store, under the key named here. round counts how often
-- the work had begun when it was taken.
CREATE TABLE incident_photos (
  id      BYTEA NOT NULL PRIMARY KEY,
  case_id BYTEA NOT NULL,
  report  BYTEA,
  once    TEXT,
  role    TEXT NOT NULL,
  round   BIGINT NOT NULL,
  at      BIGINT NOT NULL,
  key_id  BYTEA NOT NULL
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX incident_photos_case ON incident_photos (case_id, at);
CREATE UNIQUE INDEX incident_photos_once ON incident_photos (once) WHERE once IS NOT NULL;
