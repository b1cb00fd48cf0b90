-- +goose Up
-- People and firms: what is said of them lies in sealed, readable only with the
-- key; the digests find one exactly and are cleared when the person is erased.
CREATE TABLE people (
  id            BYTEA NOT NULL PRIMARY KEY,
  key_id        BYTEA NOT NULL,
  number_digest BYTEA,
  phone_digest  BYTEA,
  version       BIGINT NOT NULL,
  changed       BIGINT NOT NULL,
  erased        BIGINT NOT NULL,
  sealed        BYTEA
);
CREATE UNIQUE INDEX people_number ON people (number_digest) WHERE number_digest IS NOT NULL;
CREATE INDEX people_phone ON people (phone_digest) WHERE phone_digest IS NOT NULL;

-- relative is kind of person: (child, mother, 'parent') reads "mother is the
-- child's parent"; the other direction stands in a row of its own.
CREATE TABLE relations (
  person   BYTEA NOT NULL,
  relative BYTEA NOT NULL,
  kind     TEXT NOT NULL,
  PRIMARY KEY (person, relative, kind)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX relations_relative ON relations (relative);

CREATE TABLE firms (
  id          BYTEA NOT NULL PRIMARY KEY,
  key_id      BYTEA NOT NULL,
  uscc_digest BYTEA NOT NULL,
  version     BIGINT NOT NULL,
  changed     BIGINT NOT NULL,
  sealed      BYTEA NOT NULL
);
CREATE UNIQUE INDEX firms_uscc ON firms (uscc_digest);

CREATE TABLE firm_people (
  firm       BYTEA NOT NULL,
  person     BYTEA NOT NULL,
  role       TEXT NOT NULL,
  from_at    BIGINT NOT NULL,
  until_at   BIGINT NOT NULL,
  PRIMARY KEY (firm, person, role)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX firm_people_person ON firm_people (person);

CREATE TABLE post_holders (
  post       TEXT NOT NULL,
  person     BYTEA NOT NULL,
  region     TEXT NOT NULL,
  from_at    BIGINT NOT NULL,
  until_at   BIGINT NOT NULL,
  PRIMARY KEY (post, person, region)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX post_holders_person ON post_holders (person);
