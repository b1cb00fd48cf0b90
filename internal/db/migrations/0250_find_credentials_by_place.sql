-- +goose Up
-- A credential that is shown to an office may hide its number. Its place in a status
-- list finds whose it is, so that the holder sees the use.
CREATE INDEX credentials_place ON credentials (list, list_index);
