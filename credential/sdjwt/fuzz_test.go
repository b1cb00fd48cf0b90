package sdjwt_test

import (
	"testing"

	"yiwang/credential/sdjwt"
)

// Proofs of wallets come as JWTs from anybody.
func FuzzJWT(f *testing.F) {
	f.Add("eyJhbGciOiJFZERTQSIsInR5cCI6Im9wZW5pZDR2Y2ktcHJvb2Yrand0In0.eyJub25jZSI6IngifQ.AA")
	f.Add("e30.e30.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		j, err := sdjwt.ParseJWT(text)
		known(t, err)
		if err == nil && len(j.Signed()) == 0 {
			t.Error("nothing is signed")
		}
	})
}
