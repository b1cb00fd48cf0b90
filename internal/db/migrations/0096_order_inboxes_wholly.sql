-- +goose Up
-- Much falls due at the same moment, the end of a working day. With the case's id
-- behind the date a page is read in order, however many share it; and who looks
-- for what nobody has taken passes over nothing that somebody has.
DROP INDEX cases_inbox;
DROP INDEX cases_assignee;
DROP INDEX case_tasks_inbox;
DROP INDEX case_tasks_assignee;
CREATE INDEX cases_inbox ON cases (post, due, id) WHERE open = 1 AND assignee IS NULL;
CREATE INDEX cases_assignee ON cases (assignee, due, id) WHERE open = 1 AND assignee IS NOT NULL;
CREATE INDEX case_tasks_inbox ON case_tasks (post, due, case_id) WHERE assignee IS NULL;
CREATE INDEX case_tasks_assignee ON case_tasks (assignee, due, case_id) WHERE assignee IS NOT NULL;
