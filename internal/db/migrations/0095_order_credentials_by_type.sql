-- +goose Up
-- Deciding asks for a holder's licences of one type, and opens no others.
DROP INDEX credentials_person;
DROP INDEX credentials_firm;
CREATE INDEX credentials_person ON credentials (person, type) WHERE person IS NOT NULL;
CREATE INDEX credentials_firm ON credentials (firm, type) WHERE firm IS NOT NULL;
