-- +goose Up
-- What is open across all posts, by when it is due.
CREATE INDEX cases_due ON cases (due, id) WHERE open = 1;
