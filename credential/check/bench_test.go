package check

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"math/rand/v2"
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
		b.Run(string(a), beside(code, trust, day, bareCheck(b, s.(*fileKey), m.appendSigned(nil))))
	}
	for name, d := range map[string]doctor{"health-ES256": newDoctor(b, ecKey(b, elliptic.P256())), "health-PS256": newDoctor(b, rsaKey())} {
		code := d.written(dose).code()
		m, err := openers.New().(*opener).open(code)
		if err != nil {
			b.Fatal(err)
		}
		msg, sig := m.appendSigned(nil), slices.Clone(m.signature)
		bare := func() bool {
			sum := sha256.Sum256(msg)
			return rsa.VerifyPSS(&rsaKey().PublicKey, crypto.SHA256, sum[:], sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		if k, ok := d.priv.(*ecdsa.PrivateKey); ok {
			der := signatureDER(nil, sig)
			bare = func() bool { sum := sha256.Sum256(msg); return ecdsa.VerifyASN1(&k.PublicKey, sum[:], der) }
		}
		b.Run(name, beside(code, believing(b, d), day, bare))
	}
}

// beside measures the check of a code and the bare check of its signature in turns.
func beside(code string, trust *Trust, at time.Time, bare func() bool) func(*testing.B) {
	return func(b *testing.B) {
		b.ReportAllocs()
		// Medians: on a shared machine a few checks wait for others' work.
		var whole, sig []time.Duration
		for b.Loop() {
			t0 := time.Now()
			r := Verify(code, trust, at)
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

// BenchmarkStatusList says how long it takes to sign the states of ten million
// licences, of which one in a hundred is revoked, and how large the list gets.
func BenchmarkStatusList(b *testing.B) {
	const n = 10_000_000
	s := testSigner(b, EdDSA)
	l := StatusList{URI: listURI, Statuses: NewStatusBits(n), SignedAt: day}
	r := rand.New(rand.NewPCG(1, 2))
	for range n / 100 {
		l.Statuses.Set(r.IntN(n), ListInvalid)
	}
	for name, form := range map[string]func(context.Context, Signer, StatusList) ([]byte, error){"CWT": EncodeStatusList, "JWT": EncodeStatusListJWT} {
		b.Run(name, func(b *testing.B) {
			var token []byte
			var err error
			for b.Loop() {
				if token, err = form(b.Context(), s, l); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(token)), "bytes")
		})
	}
}
