-- +goose Up
-- How matters went. Derived from the journal; no name and no word of anybody.
CREATE TABLE scorecard_cases (
  number  TEXT NOT NULL PRIMARY KEY,
  month   BIGINT NOT NULL,
  sort    TEXT NOT NULL,
  body    TEXT NOT NULL,
  street  TEXT NOT NULL,
  item    TEXT NOT NULL,
  marks   BIGINT NOT NULL,
  state   TEXT NOT NULL
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX scorecard_cases_month ON scorecard_cases (sort, month, number);

-- What the cases of one month, body, street and item come to.
CREATE TABLE scorecard_cells (
  sort    TEXT NOT NULL,
  month   BIGINT NOT NULL,
  body    TEXT NOT NULL,
  street  TEXT NOT NULL,
  item    TEXT NOT NULL,
  counts  BYTEA NOT NULL,
  PRIMARY KEY (sort, month, body, street, item)
) /*sqlite WITHOUT ROWID*/;
