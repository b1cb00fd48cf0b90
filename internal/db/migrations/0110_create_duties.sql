-- +goose Up
-- Who is on duty now, one row an account and post. regions are the codes covered,
-- each between commas; '' is all of the body's. The place is the last one alone, in
-- millionths of a degree (WGS-84); 0, 0 is unknown. The row goes with the shift:
-- where somebody was is kept nowhere.
CREATE TABLE duties (
  account  BYTEA NOT NULL,
  post     TEXT NOT NULL,
  person   BYTEA NOT NULL,
  regions  TEXT NOT NULL,
  since    BIGINT NOT NULL,
  until_at BIGINT NOT NULL,
  lat      BIGINT NOT NULL,
  lon      BIGINT NOT NULL,
  placed   BIGINT NOT NULL,
  PRIMARY KEY (account, post)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX duties_near ON duties (post, lat, lon, placed, until_at, since, regions, person);
CREATE INDEX duties_until ON duties (until_at);
CREATE INDEX duties_person ON duties (person);
