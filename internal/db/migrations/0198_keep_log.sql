-- +goose Up
-- What the public log vouches for, in its order. "open" holds salt and statement:
-- sealed under the key, or as they are where nobody in particular is concerned; NULL
-- where the person had been erased before. The position is the event's in the journal.
CREATE TABLE log_entries (
  seq        BIGINT NOT NULL PRIMARY KEY,
  tx         BIGINT NOT NULL,
  id         BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  type       TEXT   NOT NULL,
  subject    TEXT   NOT NULL,
  key_id     BYTEA,
  open       BYTEA,
  commitment BYTEA  NOT NULL
);
CREATE INDEX log_entries_subject ON log_entries (subject, seq);
-- The key that statements about a person lie under where their event has none.
CREATE TABLE log_keys (
  person BYTEA NOT NULL PRIMARY KEY,
  key_id BYTEA NOT NULL
);
-- The checkpoint of each other city's log that was signed here last, as its witness.
CREATE TABLE log_witnessed (
  origin     TEXT   NOT NULL PRIMARY KEY,
  size       BIGINT NOT NULL,
  root       BYTEA  NOT NULL,
  checkpoint BYTEA  NOT NULL,
  at         BIGINT NOT NULL
);
-- Two checkpoints that a log signed and that can't both be true.
CREATE TABLE log_forks (
  origin TEXT   NOT NULL,
  at     BIGINT NOT NULL,
  ours   BYTEA  NOT NULL,
  theirs BYTEA  NOT NULL,
  PRIMARY KEY (origin, at)
);
