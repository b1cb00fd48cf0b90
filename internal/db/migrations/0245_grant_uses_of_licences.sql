-- +goose Up
-- A place on a status list for something that rests on a licence and has a state of
-- its own, such as a grant. Closed: it ended before the licence did.
CREATE TABLE credential_places (
  list       BIGINT NOT NULL,
  list_index BIGINT NOT NULL,
  credential BYTEA  NOT NULL,
  closed     BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (list, list_index)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX credential_places_credential ON credential_places (credential);
-- What a holder lets a licence be used for: what for, for whom and until when stand
-- sealed under the key.
CREATE TABLE grants (
  id         BYTEA  NOT NULL PRIMARY KEY,
  number     TEXT   NOT NULL,
  type       TEXT   NOT NULL,
  kind       TEXT   NOT NULL,
  person     BYTEA,
  firm       BYTEA,
  made_at    BIGINT NOT NULL,
  until_at   BIGINT NOT NULL,
  ended_at   BIGINT NOT NULL DEFAULT 0,
  list       BIGINT NOT NULL,
  list_index BIGINT NOT NULL,
  key_id     BYTEA  NOT NULL,
  sealed     BYTEA  NOT NULL
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX grants_number ON grants (number, made_at);
CREATE UNIQUE INDEX grants_place ON grants (list, list_index);
-- What the city knows of a grant's use: codes shown, copies printed, checks of offices.
-- A use is counted once for each day, body and sort.
CREATE TABLE grant_uses (
  grant_id BYTEA  NOT NULL,
  what     TEXT   NOT NULL,
  body     TEXT   NOT NULL,
  day      BIGINT NOT NULL,
  times    BIGINT NOT NULL,
  first_at BIGINT NOT NULL,
  last_at  BIGINT NOT NULL,
  PRIMARY KEY (grant_id, what, body, day)
) /*sqlite WITHOUT ROWID*/;
