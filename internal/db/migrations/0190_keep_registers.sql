-- +goose Up
-- What is on record about dangerous goods and watched vehicles: every version of
-- every record. since and until are days, '' where there is no bound; day is that
-- of a transport sheet, '' for other records.
CREATE TABLE fleet_records (
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    version BIGINT NOT NULL,
    since   TEXT NOT NULL,
    until   TEXT NOT NULL,
    day     TEXT NOT NULL,
    changed BIGINT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (kind, id, version)
);
CREATE INDEX fleet_records_day ON fleet_records (day);

-- How often something changed, by which every node learns that it has to look again.
CREATE TABLE fleet_generations (
    name TEXT PRIMARY KEY,
    n    BIGINT NOT NULL
);
