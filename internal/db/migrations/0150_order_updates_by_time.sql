-- +goose Up
-- What happened between two moments, in whichever case: for those outside who ask
-- what became of public matters.
CREATE INDEX case_actions_at ON case_actions (at);

-- Reports that joined a matter, which are shown among its updates.
CREATE INDEX incident_reports_joined ON incident_reports (at) WHERE joined = 1;
