-- +goose Up
-- A holder's licence that waits for a wallet to fetch it (OpenID4VCI). Codes and
-- tokens stand as digests. An offer is used once: token_until is set when its code
-- was turned in, fetched_at when the credential went out. Old rows are deleted.
CREATE TABLE wallet_offers (
  code        BYTEA PRIMARY KEY,
  number      TEXT NOT NULL,
  account     BYTEA NOT NULL,
  person      BYTEA,
  firm        BYTEA,
  pin         BYTEA NOT NULL,
  tries       BIGINT NOT NULL,
  made_at     BIGINT NOT NULL,
  until_at    BIGINT NOT NULL,
  token       BYTEA,
  token_until BIGINT NOT NULL,
  fetched_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX wallet_offers_token ON wallet_offers (token) WHERE token IS NOT NULL;
CREATE INDEX wallet_offers_number ON wallet_offers (number, made_at);
CREATE INDEX wallet_offers_made ON wallet_offers (made_at);
