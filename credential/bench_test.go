package credential

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"
)

// BenchmarkVerify shows what a whole check costs beside the bare signature check
// of the crypto package, both in one run: the last line of each algorithm is the
// share of the time that is unavoidable.
func BenchmarkVerify(b *testing.B) {
	for _, a := range Algorithms {
		s := testSigner(b, a)
		trust := trusting(b, s)
		addList(b, trust, s, day, 1, ListInvalid)
		code := encode(b, s, testClaims())
		m, err := parseMessage(unpack(b, code))
		if err != nil {
			b.Fatal(err)
		}
		bare := bareCheck(b, s.(*fileKey), m.appendSigned(nil))
		b.Run(string(a), func(b *testing.B) {
			b.ReportAllocs()
			// Medians: on a shared machine a few checks wait for others' work.
			var whole, sig []time.Duration
			for b.Loop() {
				t0 := time.Now()
				r := Verify(code, trust, day)
				t1 := time.Now()
				ok := bare()
				t2 := time.Now()
				if !r.Valid || !ok {
					b.Fatal(r)
				}
				whole, sig = append(whole, t1.Sub(t0)), append(sig, t2.Sub(t1))
			}
			slices.Sort(whole)
			slices.Sort(sig)
			w, x := whole[len(whole)/2], sig[len(sig)/2]
			b.ReportMetric(float64(w.Nanoseconds()), "ns/check")
			b.ReportMetric(float64(x.Nanoseconds()), "ns/bare")
			b.ReportMetric(100*float64(x)/float64(w), "%bare/check")
		})
	}
}

func bareCheck(b *testing.B, k *fileKey, msg []byte) func() bool {
	sig, err := k.Sign(context.Background(), msg)
	if err != nil {
		b.Fatal(err)
	}
	der := signatureDER(nil, sig)
	switch pub := k.cert.PublicKey.(type) {
	case ed25519.PublicKey:
		return func() bool { return ed25519.Verify(pub, msg, sig) }
	case *ecdsa.PublicKey:
		if k.alg == SM2 {
			return func() bool { return sm2.VerifyASN1WithSM2(pub, nil, msg, der) }
		}
		return func() bool { sum := sha256.Sum256(msg); return ecdsa.VerifyASN1(pub, sum[:], der) }
	}
	b.Fatal(k.alg)
	return nil
}

func BenchmarkOpen(b *testing.B) {
	s := testSigner(b, EdDSA)
	code := encode(b, s, testClaims())
	o := openers.New().(*opener)
	b.ReportAllocs()
	for b.Loop() {
		m, err := o.open(code)
		if err != nil {
			b.Fatal(err)
		}
		if _, ok := parseClaims(m.payload); !ok {
			b.Fatal(m)
		}
	}
}
