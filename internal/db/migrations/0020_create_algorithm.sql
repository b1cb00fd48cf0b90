-- +goose Up
-- Every wording a rule ever had here, so that a decision can be read and replayed
-- under the one that spoke.
CREATE TABLE algorithm_versions (
  rule       TEXT NOT NULL,
  digest     TEXT NOT NULL,
  definition TEXT NOT NULL,
  since      BIGINT NOT NULL,
  PRIMARY KEY (rule, digest)
);

CREATE TABLE algorithm_runs (
  id        BYTEA NOT NULL PRIMARY KEY,
  rule      TEXT NOT NULL,
  digest    TEXT NOT NULL,
  at        BIGINT NOT NULL,
  case_no   TEXT NOT NULL,
  applicant BYTEA,
  firm      BYTEA,
  body      TEXT NOT NULL,
  region    TEXT NOT NULL,
  outcome   TEXT NOT NULL,
  deciding  TEXT NOT NULL,
  data      TEXT NOT NULL,
  key_id    BYTEA NOT NULL,
  sealed    BYTEA NOT NULL,
  once      TEXT,
  review    TEXT NOT NULL,
  finding   TEXT NOT NULL
) /*sqlite WITHOUT ROWID*/;
CREATE UNIQUE INDEX algorithm_runs_once ON algorithm_runs (once) WHERE once IS NOT NULL;
CREATE INDEX algorithm_runs_case ON algorithm_runs (case_no);
CREATE INDEX algorithm_runs_applicant ON algorithm_runs (applicant, at) WHERE applicant IS NOT NULL;
CREATE INDEX algorithm_runs_review ON algorithm_runs (review) WHERE review <> '';

-- What anybody may know: how often, by month, never who.
CREATE TABLE algorithm_counts (
  rule  TEXT NOT NULL,
  month TEXT NOT NULL,
  what  TEXT NOT NULL,
  n     BIGINT NOT NULL,
  PRIMARY KEY (rule, month, what)
) /*sqlite WITHOUT ROWID*/;
