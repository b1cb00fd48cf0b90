-- +goose Up
-- What was published of a month, once and for good: the sums as they stood, who did
-- it in which post, and when.
CREATE TABLE scorecard_published (
  month  BIGINT NOT NULL PRIMARY KEY,
  at     BIGINT NOT NULL,
  post   TEXT NOT NULL,
  sums   TEXT NOT NULL
);

-- Late and held are reckoned by whoever had the case: everything is counted anew.
DELETE FROM scorecard_cases;
DELETE FROM scorecard_cells;
DELETE FROM followers WHERE name = 'scorecard';
