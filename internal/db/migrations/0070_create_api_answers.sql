-- +goose Up
-- Answers to requests with an idempotency key, for repeats within a day.
CREATE TABLE api_answers (
  name   TEXT NOT NULL PRIMARY KEY,
  digest TEXT NOT NULL,
  status BIGINT NOT NULL,
  kind   TEXT NOT NULL,
  key_id BYTEA,
  body   BYTEA NOT NULL,
  at     BIGINT NOT NULL
);
CREATE INDEX api_answers_at ON api_answers (at);
