-- +goose Up
-- Items with their forms as they stood when somebody applied.
CREATE TABLE item_versions (
  item       TEXT NOT NULL,
  digest     TEXT NOT NULL,
  definition TEXT NOT NULL,
  since      BIGINT NOT NULL,
  PRIMARY KEY (item, digest)
);

CREATE TABLE drafts (
  id         BYTEA NOT NULL PRIMARY KEY,
  owner      BYTEA,
  counter    TEXT NOT NULL,
  applicant  BYTEA,
  firm       BYTEA,
  item       TEXT NOT NULL,
  step       TEXT NOT NULL,
  version    BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  case_no    TEXT NOT NULL,
  key_id     BYTEA NOT NULL,
  sealed     BYTEA
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX drafts_owner ON drafts (owner, changed_at) WHERE owner IS NOT NULL;
CREATE INDEX drafts_expires ON drafts (expires_at);

-- What was applied for and by which form; the case itself lies in cases.
CREATE TABLE applications (
  case_no   TEXT NOT NULL PRIMARY KEY,
  case_id   BYTEA NOT NULL,
  item      TEXT NOT NULL,
  digest    TEXT NOT NULL,
  channel   TEXT NOT NULL,
  filed_at  BIGINT NOT NULL,
  once      TEXT
) /*sqlite WITHOUT ROWID*/;
CREATE UNIQUE INDEX applications_once ON applications (once) WHERE once IS NOT NULL;

-- Uploaded files; their bytes lie in the blob store, sealed.
CREATE TABLE uploads (
  id         BYTEA NOT NULL PRIMARY KEY,
  owner      BYTEA,
  counter    TEXT NOT NULL,
  applicant  BYTEA,
  firm       BYTEA,
  item       TEXT NOT NULL,
  draft      BYTEA,
  case_no    TEXT NOT NULL,
  media      TEXT NOT NULL,
  size       BIGINT NOT NULL,
  ready      BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  key_id     BYTEA NOT NULL,
  sealed     BYTEA NOT NULL
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX uploads_draft ON uploads (draft) WHERE draft IS NOT NULL;
CREATE INDEX uploads_case ON uploads (case_no) WHERE case_no <> '';
CREATE INDEX uploads_owner ON uploads (owner) WHERE case_no = '';
CREATE INDEX uploads_expires ON uploads (expires_at) WHERE case_no = '';

-- One rating a case. active = 0 is a rating that nobody gave (an imported default).
CREATE TABLE ratings (
  case_no   TEXT NOT NULL PRIMARY KEY,
  item      TEXT NOT NULL,
  body      TEXT NOT NULL,
  channel   TEXT NOT NULL,
  level     BIGINT NOT NULL,
  active    BIGINT NOT NULL,
  at        BIGINT NOT NULL,
  follow_up TEXT NOT NULL,
  set_aside BIGINT NOT NULL,
  key_id    BYTEA NOT NULL,
  sealed    BYTEA
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX ratings_item ON ratings (item, at);
CREATE INDEX ratings_body ON ratings (body, at);
CREATE INDEX ratings_follow_up ON ratings (follow_up) WHERE follow_up <> '';

CREATE TABLE item_counters (
  name TEXT NOT NULL PRIMARY KEY,
  next BIGINT NOT NULL
);
