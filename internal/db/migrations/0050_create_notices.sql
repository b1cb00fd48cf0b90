-- +goose Up
-- What somebody was told. Derived from the journal; the texts are made at reading.
CREATE TABLE notices (
  id        BYTEA NOT NULL PRIMARY KEY,
  recipient TEXT NOT NULL,
  region    TEXT NOT NULL,
  at        BIGINT NOT NULL,
  tx        BIGINT NOT NULL,
  event     BIGINT NOT NULL,
  type      TEXT NOT NULL,
  subject   TEXT NOT NULL,
  body      TEXT NOT NULL,
  data      TEXT NOT NULL,
  key_id    BYTEA,
  sealed    BYTEA
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX notices_recipient ON notices (recipient, at, id);
CREATE INDEX notices_subject ON notices (subject, at);

-- What people did with their notices; a rebuild leaves it alone.
CREATE TABLE notice_reads (
  account BYTEA NOT NULL,
  notice  BYTEA NOT NULL,
  at      BIGINT NOT NULL,
  PRIMARY KEY (account, notice)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX notice_reads_notice ON notice_reads (notice);

CREATE TABLE notice_marks (
  account   BYTEA NOT NULL,
  recipient TEXT NOT NULL,
  tx        BIGINT NOT NULL,
  event     BIGINT NOT NULL,
  at        BIGINT NOT NULL,
  PRIMARY KEY (account, recipient)
) /*sqlite WITHOUT ROWID*/;

-- The outbox: messages to carry to channels outside; a rebuild leaves it alone.
CREATE TABLE notice_messages (
  notice  BYTEA NOT NULL,
  channel TEXT NOT NULL,
  state   TEXT NOT NULL,
  tries   BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  done_at BIGINT NOT NULL,
  fault   TEXT NOT NULL,
  PRIMARY KEY (notice, channel)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX notice_messages_due ON notice_messages (next_at) WHERE state = 'waiting';

-- The last event that messages were written for.
CREATE TABLE notice_progress (
  name  TEXT NOT NULL PRIMARY KEY,
  tx    BIGINT NOT NULL,
  event BIGINT NOT NULL
);
