package wallet

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"yiwang/access"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/sdjwt"
	"yiwang/internal/db"
)

// Nonce gives a challenge for the proof of a wallet's key. It is no secret, tied
// to nobody, and good for five minutes; nothing is kept.
func (d *Desk) Nonce() (string, error) {
	secret, err := random()
	if err != nil {
		return "", err
	}
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(d.o.Clock.Now().Add(nonceLife).Unix()))
	head := secret + base64.RawURLEncoding.EncodeToString(at[:])
	return head + base64.RawURLEncoding.EncodeToString(d.digest("nonce", head)[:16]), nil
}

// headLen is the length of a nonce without its seal: 16 and 8 bytes as base64.
const headLen = 22 + 11

func (d *Desk) nonceHolds(nonce string) bool {
	if len(nonce) <= headLen {
		return false
	}
	head, seal := nonce[:headLen], nonce[headLen:]
	if !hmac.Equal([]byte(seal), []byte(base64.RawURLEncoding.EncodeToString(d.digest("nonce", head)[:16]))) {
		return false
	}
	at, err := base64.RawURLEncoding.DecodeString(head[22:])
	return err == nil && d.o.Clock.Now().Unix() < int64(binary.BigEndian.Uint64(at))
}

// CredentialRequest asks for the credential of an offer.
type CredentialRequest struct {
	Configuration string `json:"credential_configuration_id"`
	Identifier    string `json:"credential_identifier"`
	Proofs        struct {
		JWT []string `json:"jwt"`
	} `json:"proofs"`
	// Proof is how drafts before 1.0 sent one.
	Proof struct {
		Type string `json:"proof_type"`
		JWT  string `json:"jwt"`
	} `json:"proof"`
}

// proofType is the typ of the proof of a wallet's key, and proofLife how old one
// may be.
const (
	proofType = "openid4vci-proof+jwt"
	proofLife = 5 * time.Minute
)

// provenKey is the key that the request proves.
func (d *Desk) provenKey(q CredentialRequest) (map[string]any, error) {
	proofs := q.Proofs.JWT
	if q.Proof.JWT != "" {
		proofs = append(proofs, q.Proof.JWT)
	}
	if len(proofs) != 1 {
		return nil, &Refusal{InvalidProof, "one proof of type jwt is needed"}
	}
	j, err := sdjwt.ParseJWT(proofs[0])
	if err != nil {
		return nil, &Refusal{InvalidProof, err.Error()}
	}
	var jwk map[string]any
	if j.Header.Typ != proofType || len(j.Header.JWK) == 0 || json.Unmarshal(j.Header.JWK, &jwk) != nil {
		return nil, &Refusal{InvalidProof, "typ " + proofType + " and the key as jwk are needed"}
	}
	if !credential.Proves(jwk, j) {
		return nil, &Refusal{InvalidProof, "the signature isn't the key's"}
	}
	now := d.o.Clock.Now()
	made, err := sdjwt.Time(j.Claims, "iat")
	switch {
	case sdjwt.Text(j.Claims, "aud") != d.o.Licences.Origin():
		return nil, &Refusal{InvalidProof, "aud"}
	case err != nil || made.Before(now.Add(-proofLife)) || made.After(now.Add(time.Minute)):
		return nil, &Refusal{InvalidProof, "iat"}
	case !d.nonceHolds(sdjwt.Text(j.Claims, "nonce")):
		return nil, &Refusal{InvalidNonce, ""}
	}
	// Only what makes the key is taken over.
	key, err := credential.ReadJWK(jwk)
	if err != nil {
		return nil, &Refusal{InvalidProof, err.Error()}
	}
	public, err := key.JWK()
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(public)
	if err != nil {
		return nil, err
	}
	jwk = nil
	return jwk, errors.Join(json.Unmarshal(raw, &jwk))
}

// Give hands the licence of an offer to the wallet that has its token, bound to
// the key that the wallet proves, once. It acts with the leave of the holder who
// made the offer, and asks again whether they may.
func (d *Desk) Give(ctx context.Context, token string, q CredentialRequest) (string, error) {
	if token == "" {
		return "", &Refusal{InvalidToken, ""}
	}
	jwk, proofFault := d.provenKey(q)
	now := d.o.Clock.Now()
	digest := d.digest("token", token)
	var out string
	err := d.o.DB.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		s, err := offerByToken(ctx, tx, digest)
		if errors.Is(err, db.ErrNoRows) {
			return &Refusal{InvalidToken, ""}
		}
		if err != nil {
			return err
		}
		c, err := d.o.Licences.Get(ctx, tx, s.holder(), s.number)
		if err != nil {
			return asRefusal(err)
		}
		kind := q.Configuration
		if kind == "" {
			kind = q.Identifier
		}
		switch {
		case s.fetched || !now.Before(s.tokenUntil):
			return &Refusal{InvalidToken, ""}
		case kind != string(c.Type):
			return &Refusal{UnknownConfiguration, ""}
		case proofFault != nil:
			return proofFault
		}
		vc, err := d.o.Licences.VC(ctx, tx, c, jwk)
		if err != nil {
			return asRefusal(err)
		}
		if mine, err := fetchOffer(ctx, tx, digest, now); err != nil || !mine {
			return errors.Join(err, &Refusal{InvalidToken, ""})
		}
		out = vc.String()
		by := city.SystemActor("wallet")
		err = access.RecordUse(ctx, tx, d.o.Journal, by, access.Use{Person: c.Holder.Person, At: now, Purpose: "purpose.wallet",
			Fields: []string{"licence:" + string(c.Type)}})
		if err != nil {
			return err
		}
		return d.o.Journal.Append(ctx, tx, d.event(now, "credential.given", by, &c))
	})
	return out, err
}
