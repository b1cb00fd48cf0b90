-- +goose Up
-- A sign-in of a person, as resident or as officer. login_digest finds it by what
-- is typed; the login itself, names of devices and keys lie in sealed.
CREATE TABLE accounts (
  id           BYTEA NOT NULL PRIMARY KEY,
  kind         TEXT NOT NULL,
  person       BYTEA NOT NULL,
  status       TEXT NOT NULL,
  login_digest BYTEA,
  password     TEXT NOT NULL,
  created      BIGINT NOT NULL,
  changed      BIGINT NOT NULL,
  key_id       BYTEA NOT NULL,
  sealed       BYTEA NOT NULL
);
CREATE UNIQUE INDEX accounts_login ON accounts (login_digest) WHERE login_digest IS NOT NULL;
CREATE UNIQUE INDEX accounts_person ON accounts (person, kind);

CREATE TABLE passkeys (
  id         BYTEA NOT NULL PRIMARY KEY,
  account    BYTEA NOT NULL,
  credential BYTEA NOT NULL,
  version    BIGINT NOT NULL,
  created    BIGINT NOT NULL,
  used       BIGINT NOT NULL,
  sealed     BYTEA NOT NULL
);
CREATE UNIQUE INDEX passkeys_credential ON passkeys (credential);
CREATE INDEX passkeys_account ON passkeys (account);

-- Challenges that were answered, until they would have run out by themselves.
CREATE TABLE used_challenges (
  digest  BYTEA NOT NULL PRIMARY KEY,
  expires BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;

CREATE TABLE sessions (
  id         BYTEA NOT NULL PRIMARY KEY,
  digest     BYTEA NOT NULL,
  account    BYTEA NOT NULL,
  method     TEXT NOT NULL,
  channel    TEXT NOT NULL,
  assurance  BIGINT NOT NULL,
  created    BIGINT NOT NULL,
  seen       BIGINT NOT NULL,
  expires    BIGINT NOT NULL,
  delegation BYTEA,
  firm       BYTEA,
  sealed     BYTEA NOT NULL
);
CREATE UNIQUE INDEX sessions_digest ON sessions (digest);
CREATE INDEX sessions_account ON sessions (account);

CREATE TABLE api_tokens (
  id         BYTEA NOT NULL PRIMARY KEY,
  digest     BYTEA NOT NULL,
  account    BYTEA NOT NULL,
  scopes     TEXT NOT NULL,
  created    BIGINT NOT NULL,
  used       BIGINT NOT NULL,
  expires    BIGINT NOT NULL,
  delegation BYTEA,
  firm       BYTEA,
  sealed     BYTEA NOT NULL
);
CREATE UNIQUE INDEX api_tokens_digest ON api_tokens (digest);
CREATE INDEX api_tokens_account ON api_tokens (account);

CREATE TABLE activation_codes (
  digest  BYTEA NOT NULL PRIMARY KEY,
  account BYTEA NOT NULL,
  expires BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;
CREATE INDEX activation_codes_account ON activation_codes (account);

-- Tries that failed, by account or address (both hashed under a key).
CREATE TABLE attempts (
  subject  BYTEA NOT NULL PRIMARY KEY,
  failures BIGINT NOT NULL,
  last_at  BIGINT NOT NULL,
  until_at BIGINT NOT NULL
) /*sqlite WITHOUT ROWID*/;

CREATE TABLE delegations (
  id       BYTEA NOT NULL PRIMARY KEY,
  giver    BYTEA NOT NULL,
  taker    BYTEA NOT NULL,
  items    TEXT NOT NULL,
  given    BIGINT NOT NULL,
  until_at BIGINT NOT NULL,
  accepted BIGINT NOT NULL,
  ended    BIGINT NOT NULL,
  ended_by TEXT NOT NULL
);
CREATE INDEX delegations_giver ON delegations (giver);
CREATE INDEX delegations_taker ON delegations (taker);
