-- +goose Up
-- Whose state under a purpose of pass codes isn't the ordinary one, until when, and,
-- sealed under the key, why.
CREATE TABLE pass_states (
  purpose TEXT   NOT NULL,
  person  BYTEA  NOT NULL,
  state   TEXT   NOT NULL,
  until   BIGINT NOT NULL,
  at      BIGINT NOT NULL,
  setter  BYTEA,
  key_id  BYTEA  NOT NULL,
  why     BYTEA  NOT NULL,
  contested BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (purpose, person)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX pass_states_until ON pass_states (until);
-- How often something was done under a purpose: set, looked_up, contested, corrected.
CREATE TABLE pass_counts (
  purpose TEXT   NOT NULL,
  what    TEXT   NOT NULL,
  n       BIGINT NOT NULL,
  PRIMARY KEY (purpose, what)
) /*sqlite WITHOUT ROWID*/;
-- The purposes that are over, and how much was erased then.
CREATE TABLE pass_ended (
  purpose TEXT   NOT NULL PRIMARY KEY,
  at      BIGINT NOT NULL,
  states  BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;
