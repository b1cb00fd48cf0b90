-- +goose Up
-- Accounts that shall have no part in an open case; no inbox of theirs lists it.
CREATE TABLE case_barred (
  account BYTEA NOT NULL,
  case_id BYTEA NOT NULL,
  PRIMARY KEY (account, case_id)
) /*sqlite WITHOUT ROWID*/;
