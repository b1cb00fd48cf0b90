package bench

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"
	"go.yaml.in/yaml/v3"

	"yiwang/city"
	"yiwang/credential/check"
	"yiwang/credential/packing"
)

// Verify measures whole checks of codes beside the bare check of the same signature,
// in turns and in one run: licences in each algorithm that cities sign with, a health
// certificate in PS256, on one thread and on all. Then one code shown again and again,
// and a status list of ten million licences of which one in a hundred is revoked.
func Verify(ctx context.Context, o Options) error {
	dir, err := os.MkdirTemp("", "yiwang-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if !o.JSON {
		fmt.Fprintf(o.Out, "checking codes, %d processors\n", runtime.GOMAXPROCS(0))
	}
	f := &figures{o: o}
	if err := f.verify(ctx, dir); err != nil {
		return err
	}
	if o.JSON {
		return json.NewEncoder(o.Out).Encode(map[string]any{"bench": "verify", "processors": runtime.GOMAXPROCS(0), "figures": f.all})
	}
	return nil
}

const benchList = "https://bench.example/credentials/status/0"

// shown is a code with all that is needed to check it, and its signature alone.
type shown struct {
	name  string
	text  string
	trust *check.Trust
	bare  func() bool
}

func (f *figures) verify(ctx context.Context, dir string) error {
	now := time.Now()
	folder, err := check.OpenKeys(dir)
	if err != nil {
		return err
	}
	var all []shown
	for _, a := range check.Algorithms {
		s, err := folder.Create(a, "bench", now.Add(-time.Hour))
		if err != nil {
			return err
		}
		x, err := licenceOf(ctx, s, now)
		if err != nil {
			return err
		}
		all = append(all, x)
	}
	health, err := healthCode(now)
	if err != nil {
		return err
	}
	for _, x := range append(all, health) {
		for _, threads := range slices.Compact([]int{1, runtime.GOMAXPROCS(0)}) {
			whole, bare, err := x.beside(ctx, threads, f.o.Span)
			if err != nil {
				return err
			}
			on := fmt.Sprintf("%s on %d threads", x.name, threads)
			f.put(on+": a whole check", "µs", float64(whole.Nanoseconds())/1e3)
			f.put(on+": bare signature by whole check", "ratio", float64(bare)/float64(whole))
		}
	}

	cache, n, begun := check.NewCache(all[0].trust), 0, time.Now()
	for ; time.Since(begun) < f.o.Span; n++ {
		if r := cache.Verify(all[0].text, now); !r.Valid || r.StatusAt.IsZero() {
			return fmt.Errorf("shown again: %s", r.Reason)
		}
	}
	f.put("shows of one code, with its time and status each time", "/s", float64(n)/time.Since(begun).Seconds())

	const entries = 10_000_000
	l := check.StatusList{URI: benchList, Statuses: check.NewStatusBits(entries), SignedAt: now}
	dice := mrand.New(mrand.NewPCG(1, 2))
	for range entries / 100 {
		l.Statuses.Set(dice.IntN(entries), check.ListInvalid)
	}
	begun = time.Now()
	token, err := check.EncodeStatusList(ctx, folder.Signer(check.EdDSA, now), l)
	if err != nil {
		return err
	}
	f.put("signing a list of ten million", "s", time.Since(begun).Seconds())
	f.put("that list", "MB", float64(len(token))/1e6)
	return nil
}

// recorder keeps what was signed last.
type recorder struct {
	check.Signer
	message, signature []byte
}

func (r *recorder) Sign(ctx context.Context, message []byte) (sig []byte, err error) {
	sig, err = r.Signer.Sign(ctx, message)
	r.message, r.signature = slices.Clone(message), slices.Clone(sig)
	return sig, err
}

// said are the words of the licence that is checked: how long they are decides what a
// check costs.
//
//go:embed licence.yaml
var saidText []byte

func licenceOf(ctx context.Context, s check.Signer, now time.Time) (x shown, err error) {
	n, err := check.NewNumber(check.NumberParts{Type: "11990100MB0000011X012", Issuer: "11990100MB0000011X", Serial: "20260000403", Version: 1})
	if err != nil {
		return x, err
	}
	var said map[string]city.Text
	if err := yaml.Unmarshal(saidText, &said); err != nil {
		return x, err
	}
	r := &recorder{Signer: s}
	today := city.DateOf(now)
	x.name = string(s.Algorithm())
	x.text, err = check.Encode(ctx, r, check.Claims{City: "9901", Number: n, Name: said["name"], Issuer: said["issuer"], Holder: said["holder"].ZhHans,
		Issued: today, From: today, SignedAt: now.Add(-time.Minute), Begins: now.Add(-time.Minute), Expires: now.AddDate(5, 0, 0), StatusList: benchList, StatusIndex: 70001})
	if err != nil {
		return x, err
	}
	cert, err := smx509.ParseCertificate(s.Certificate())
	if err != nil {
		return x, err
	}
	half := len(r.signature) / 2
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r.signature[:half]), new(big.Int).SetBytes(r.signature[half:])})
	if err != nil {
		return x, err
	}
	message, signature := r.message, r.signature
	switch pub := cert.PublicKey.(type) {
	case ed25519.PublicKey:
		x.bare = func() bool { return ed25519.Verify(pub, message, signature) }
	case *ecdsa.PublicKey:
		x.bare = func() bool { sum := sha256.Sum256(message); return ecdsa.VerifyASN1(pub, sum[:], der) }
		if sm2.IsSM2PublicKey(pub) {
			x.bare = func() bool { return sm2.VerifyASN1WithSM2(pub, nil, message, der) }
		}
	default:
		return x, fmt.Errorf("no bare check for %T", pub)
	}
	x.trust = check.NewTrust()
	if err := x.trust.AddCertificate("bench", s.Certificate()); err != nil {
		return x, err
	}
	list, err := check.EncodeStatusList(ctx, s, check.StatusList{URI: benchList, Statuses: check.NewStatusBits(check.ListLen), SignedAt: now.Add(-time.Minute)})
	if err != nil {
		return x, err
	}
	return x, x.trust.AddStatusList("bench", list)
}

// ministry signs health certificates with RSA, as no city does.
type ministry struct {
	key                *rsa.PrivateKey
	message, signature []byte
}

func (m *ministry) Algorithm() cose.Algorithm { return cose.AlgorithmPS256 }

func (m *ministry) Sign(random io.Reader, content []byte) (sig []byte, err error) {
	sum := sha256.Sum256(content)
	sig, err = rsa.SignPSS(random, m.key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	m.message, m.signature = slices.Clone(content), sig
	return sig, err
}

func healthCode(now time.Time) (x shown, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return x, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"bench"}}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return x, err
	}
	dose := map[string]any{"tg": "840539006", "vp": "1119349007", "mp": "EU/1/20/1528", "ma": "ORG-100030215", "dn": 2, "sd": 2,
		"dt": now.AddDate(0, -1, 0).Format(time.DateOnly), "co": "AT", "is": "Ministry of Health", "ci": "URN:UVCI:01:AT:1#B"}
	claims := map[int64]any{1: "AT", 6: now.Add(-time.Minute).Unix(), 4: now.AddDate(0, 6, 0).Unix(), -260: map[int64]any{1: map[string]any{"ver": "1.3.0", "dob": "1998-02-26",
		"nam": map[string]any{"fn": "Musterfrau", "gn": "Gabriele", "fnt": "MUSTERFRAU", "gnt": "GABRIELE"}, "v": []any{dose}}}}
	m := cose.NewSign1Message()
	if m.Payload, err = cbor.Marshal(claims); err != nil {
		return x, err
	}
	kid := sha256.Sum256(cert)
	m.Headers.Protected.SetAlgorithm(cose.AlgorithmPS256)
	m.Headers.Protected[cose.HeaderLabelKeyID] = kid[:8]
	s := &ministry{key: key}
	if err := m.Sign(rand.Reader, nil, s); err != nil {
		return x, err
	}
	plain, err := m.MarshalCBOR()
	if err != nil {
		return x, err
	}
	x.name, x.text, x.trust = "health certificate PS256", string(packing.Encode([]byte("HC1:"), packing.Compress(plain))), check.NewTrust()
	x.bare = func() bool {
		sum := sha256.Sum256(s.message)
		return rsa.VerifyPSS(&key.PublicKey, crypto.SHA256, sum[:], s.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
	}
	return x, x.trust.AddCertificate("bench", cert)
}

// beside does both checks in turns on so many threads and gives the medians: on a
// machine that others share a few checks wait for the others' work.
func (x shown) beside(ctx context.Context, threads int, span time.Duration) (whole, bare time.Duration, err error) {
	var mu sync.Mutex
	var wholes, bares []time.Duration
	var wait sync.WaitGroup
	now := time.Now()
	for range threads {
		wait.Go(func() {
			var w, b []time.Duration
			var fault error
			for fault == nil && time.Since(now) < span && ctx.Err() == nil {
				t0 := time.Now()
				r := check.Verify(x.text, x.trust, now)
				t1 := time.Now()
				ok := x.bare()
				t2 := time.Now()
				if !r.Valid || !ok {
					fault = fmt.Errorf("%s: %s, bare %t", x.name, r.Reason, ok)
				}
				w, b = append(w, t1.Sub(t0)), append(b, t2.Sub(t1))
			}
			mu.Lock()
			defer mu.Unlock()
			wholes, bares = append(wholes, w...), append(bares, b...)
			if fault != nil {
				err = fault
			}
		})
	}
	wait.Wait()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return 0, 0, err
	}
	slices.Sort(wholes)
	slices.Sort(bares)
	return wholes[len(wholes)/2], bares[len(bares)/2], nil
}
