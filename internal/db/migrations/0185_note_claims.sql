-- +goose Up
-- What models and detectors said, and what people found. Derived from the journal;
-- codes and numbers of cases only.
CREATE TABLE algorithm_claims (
  rule    TEXT NOT NULL,
  subject TEXT NOT NULL,
  month   TEXT NOT NULL,
  did     TEXT NOT NULL,
  says    TEXT NOT NULL,
  found   TEXT NOT NULL,
  why     TEXT NOT NULL,
  PRIMARY KEY (rule, subject)
) /*sqlite WITHOUT ROWID*/;
