-- +goose Up
-- Whom the city believes beside itself: the keys of those who say which regions there
-- are, every signed list that was taken, and what became of asking for newer ones.
CREATE TABLE trust_anchors (
  id   TEXT   NOT NULL PRIMARY KEY,
  key  BYTEA  NOT NULL,
  name TEXT   NOT NULL,
  at   BIGINT NOT NULL
);
-- "owner" is the anchor of a list of regions, the region of a list of issuers.
CREATE TABLE trust_lists (
  sort     TEXT   NOT NULL,
  owner    TEXT   NOT NULL,
  sequence BIGINT NOT NULL,
  raw      BYTEA  NOT NULL,
  taken_at BIGINT NOT NULL,
  source   TEXT   NOT NULL,
  PRIMARY KEY (sort, owner, sequence)
);
-- 0 is never. A region that was dropped here is believed nothing until one of its
-- lists is taken anew.
CREATE TABLE trust_regions (
  code          TEXT   NOT NULL PRIMARY KEY,
  dropped_at    BIGINT NOT NULL,
  tried_at      BIGINT NOT NULL,
  good_at       BIGINT NOT NULL,
  failing_since BIGINT NOT NULL,
  fault         TEXT   NOT NULL
);
-- The status lists of other regions as they were last had; empty: not yet.
CREATE TABLE trust_statuses (
  uri           TEXT   NOT NULL PRIMARY KEY,
  region        TEXT   NOT NULL,
  token         BYTEA  NOT NULL,
  good_at       BIGINT NOT NULL,
  failing_since BIGINT NOT NULL,
  tried_at      BIGINT NOT NULL
);
-- The city's own lists, and its keys that sign no more.
CREATE TABLE trust_own (
  sequence BIGINT NOT NULL PRIMARY KEY,
  issued   BIGINT NOT NULL,
  content  TEXT   NOT NULL,
  raw      BYTEA  NOT NULL
);
CREATE TABLE trust_withdrawn (
  key_id      TEXT   NOT NULL PRIMARY KEY,
  retired     BIGINT NOT NULL,
  compromised BIGINT NOT NULL
);
-- Moves with everything that a check rests on, so that each node sees it.
CREATE TABLE trust_version (
  one BIGINT NOT NULL PRIMARY KEY,
  n   BIGINT NOT NULL
);
