-- +goose Up
CREATE TABLE kind_versions (
  kind       TEXT NOT NULL,
  version    BIGINT NOT NULL,
  digest     TEXT NOT NULL,
  definition TEXT NOT NULL,
  since      BIGINT NOT NULL,
  PRIMARY KEY (kind, version)
);

CREATE TABLE counters (
  name TEXT NOT NULL PRIMARY KEY,
  next BIGINT NOT NULL
);

-- One current row a case; state is the fold over its actions.
CREATE TABLE cases (
  id           BYTEA NOT NULL PRIMARY KEY,
  number       TEXT NOT NULL,
  kind         TEXT NOT NULL,
  kind_version BIGINT NOT NULL,
  item         TEXT NOT NULL,
  seq          BIGINT NOT NULL,
  open         BIGINT NOT NULL,
  stage        TEXT NOT NULL,
  body         TEXT NOT NULL,
  post         TEXT NOT NULL,
  assignee     BYTEA,
  region       TEXT NOT NULL,
  due          BIGINT NOT NULL,
  alarm        BIGINT NOT NULL,
  applicant    BYTEA,
  firm         BYTEA,
  opened_at    BIGINT NOT NULL,
  closed_at    BIGINT NOT NULL,
  parent       BYTEA,
  key_id       BYTEA NOT NULL,
  title        BYTEA,
  state        TEXT NOT NULL
) /*sqlite WITHOUT ROWID*/;
CREATE UNIQUE INDEX cases_number ON cases (number);
CREATE INDEX cases_inbox ON cases (post, due) WHERE open = 1;
CREATE INDEX cases_assignee ON cases (assignee, due) WHERE open = 1 AND assignee IS NOT NULL;
CREATE INDEX cases_alarm ON cases (alarm) WHERE open = 1 AND alarm > 0;
CREATE INDEX cases_applicant ON cases (applicant, opened_at) WHERE applicant IS NOT NULL;
CREATE INDEX cases_firm ON cases (firm, opened_at) WHERE firm IS NOT NULL;
CREATE INDEX cases_parent ON cases (parent) WHERE parent IS NOT NULL;

-- Open tasks of stages that several posts work on; the first stands in cases.
CREATE TABLE case_tasks (
  case_id  BYTEA NOT NULL,
  task     TEXT NOT NULL,
  post     TEXT NOT NULL,
  assignee BYTEA,
  due      BIGINT NOT NULL,
  PRIMARY KEY (case_id, task)
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX case_tasks_inbox ON case_tasks (post, due);
CREATE INDEX case_tasks_assignee ON case_tasks (assignee, due) WHERE assignee IS NOT NULL;

CREATE TABLE case_actions (
  case_id BYTEA NOT NULL,
  seq     BIGINT NOT NULL,
  at      BIGINT NOT NULL,
  action  TEXT NOT NULL,
  data    TEXT NOT NULL,
  sealed  BYTEA,
  idem    TEXT,
  PRIMARY KEY (case_id, seq)
) /*sqlite WITHOUT ROWID*/;
CREATE UNIQUE INDEX case_actions_idem ON case_actions (idem) WHERE idem IS NOT NULL;
