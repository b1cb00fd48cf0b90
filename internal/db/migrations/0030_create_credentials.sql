-- +goose Up
CREATE TABLE credential_types (
  type       TEXT NOT NULL,
  version    BIGINT NOT NULL,
  digest     TEXT NOT NULL,
  definition TEXT NOT NULL,
  since      BIGINT NOT NULL,
  PRIMARY KEY (type, version)
);

-- Every key that ever signed here, so that a lost one is missed and old codes
-- stay checkable.
CREATE TABLE credential_keys (
  id          BYTEA NOT NULL PRIMARY KEY,
  algorithm   TEXT NOT NULL,
  certificate BYTEA NOT NULL,
  since       BIGINT NOT NULL
);

CREATE TABLE credential_counters (
  name TEXT NOT NULL PRIMARY KEY,
  next BIGINT NOT NULL
);

CREATE TABLE credentials (
  id           BYTEA NOT NULL PRIMARY KEY,
  number       TEXT NOT NULL,
  type         TEXT NOT NULL,
  type_version BIGINT NOT NULL,
  body         TEXT NOT NULL,
  person       BYTEA,
  firm         BYTEA,
  region       TEXT NOT NULL,
  case_no      TEXT NOT NULL,
  cause        TEXT NOT NULL,
  status       TEXT NOT NULL,
  seq          BIGINT NOT NULL,
  changed_at   BIGINT NOT NULL,
  issued_at    BIGINT NOT NULL,
  begins       BIGINT NOT NULL,
  expires      BIGINT NOT NULL,
  list         BIGINT NOT NULL,
  list_index   BIGINT NOT NULL,
  data         TEXT NOT NULL,
  key_id       BYTEA NOT NULL,
  sealed       BYTEA NOT NULL
) /*sqlite WITHOUT ROWID*/;
CREATE UNIQUE INDEX credentials_number ON credentials (number);
CREATE UNIQUE INDEX credentials_cause ON credentials (cause);
CREATE INDEX credentials_person ON credentials (person, issued_at) WHERE person IS NOT NULL;
CREATE INDEX credentials_firm ON credentials (firm, issued_at) WHERE firm IS NOT NULL;
CREATE INDEX credentials_case ON credentials (case_no) WHERE case_no <> '';
CREATE INDEX credentials_list ON credentials (list, list_index) WHERE status <> '01';

-- What happened to a credential after it was issued.
CREATE TABLE credential_changes (
  credential BYTEA NOT NULL,
  seq        BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  status     TEXT NOT NULL,
  cause      TEXT,
  data       TEXT NOT NULL,
  sealed     BYTEA,
  PRIMARY KEY (credential, seq)
) /*sqlite WITHOUT ROWID*/;
CREATE UNIQUE INDEX credential_changes_cause ON credential_changes (cause) WHERE cause IS NOT NULL;

-- Counts the changes of each status list, so that every node knows when its
-- signed copy is old.
CREATE TABLE credential_lists (
  list    BIGINT NOT NULL PRIMARY KEY,
  changes BIGINT NOT NULL
);
