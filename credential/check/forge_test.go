package check

import (
	"context"
	"testing"

	"github.com/veraison/go-cose"

	"yiwang/credential/packing"
)

// plainOf is the message that a code carries.
func plainOf(t *testing.T, code string) []byte {
	t.Helper()
	packed, err := packing.Decode(nil, code[len(codePrefix):])
	if err != nil {
		t.Fatal(err)
	}
	plain, err := openers.New().(*opener).Inflate(packed)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte(nil), plain...)
}

// Whatever signs, no bit of a code can be turned and no end cut off.
func TestNoBitOfACodeBends(t *testing.T) {
	for _, a := range Algorithms {
		t.Run(string(a), func(t *testing.T) {
			s := testSigner(t, a)
			trust := trusting(t, s)
			plain := plainOf(t, encode(t, s, testClaims()))
			if !Verify(sealText(plain), trust, day).Valid {
				t.Fatal("the code itself is not valid")
			}
			for i := range plain {
				bit := byte(1) << (i % 8)
				plain[i] ^= bit
				if r := Verify(sealText(plain), trust, day); r.Valid {
					t.Errorf("bit %d of byte %d was turned and nobody noticed", i%8, i)
				}
				plain[i] ^= bit
			}
			for n := range plain {
				if Verify(sealText(plain[:n]), trust, day).Valid {
					t.Errorf("cut off after %d of %d bytes and valid", n, len(plain))
				}
			}
		})
	}
}

// renamed signs with one algorithm and says another.
type renamed struct {
	Signer
	says Algorithm
	kid  KeyID
}

func (r renamed) Algorithm() Algorithm { return r.says }
func (r renamed) KeyID() KeyID         { return r.kid }

// A signature counts for the key that made it and for the algorithm of that key:
// not under another's key id, and not when it says that it is of another sort.
func TestAlgorithmsAreNotConfused(t *testing.T) {
	signers := map[Algorithm]Signer{}
	for _, a := range Algorithms {
		signers[a] = testSigner(t, a)
	}
	trust := trusting(t, signers[EdDSA], signers[ES256], signers[SM2])
	payload, err := testClaims().payload()
	if err != nil {
		t.Fatal(err)
	}
	for made, s := range signers {
		for says := range signers {
			for whose, other := range signers {
				m, err := signMessage(context.Background(), renamed{s, says, other.KeyID()}, "", payload)
				if err != nil {
					t.Fatal(err)
				}
				want := ReasonBadSignature
				switch {
				case says != whose:
					want = ReasonWrongAlgorithm
				case made == says:
					want = ReasonOK
				}
				if r := Verify(sealText(m), trust, day); r.Reason != want {
					t.Errorf("made with %s, says %s, under the key of %s: %s, want %s", made, says, whose, r.Reason, want)
				}
			}
		}
	}
	// Nor by none, nor by one whose key is no secret.
	for _, alg := range []int64{0, 5, int64(cose.AlgorithmPS256), -65535} {
		kid := signers[EdDSA].KeyID()
		protected := must(encMode.Marshal(map[int64]any{1: alg, 4: kid[:]}))
		for _, sig := range [][]byte{nil, make([]byte, signatureLen), make([]byte, 32)} {
			m := must(encMode.Marshal([]any{protected, map[int64]any{}, payload, sig}))
			if r := Verify(sealText(m), trust, day); r.Valid || r.Claims != nil {
				t.Errorf("algorithm %d, %d bytes of signature: %+v", alg, len(sig), r)
			}
		}
	}
}
