package check

import (
	"bytes"
	"crypto/cipher"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/padding"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"
	"github.com/emmansun/gmsm/smx509"
)

// identity is the signer's identity that GB/T 35276 names where none was agreed.
const identity = "distid:1234567812345678"

// openssl runs the program with its input; the test is skipped where there is none
// that knows SM2.
func openssl(t *testing.T, in []byte, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Stdin = bytes.NewReader(in)
	return cmd.Output()
}

func needOpenSSL(t *testing.T) {
	t.Helper()
	if out, err := openssl(t, nil, "version"); err != nil || !bytes.HasPrefix(out, []byte("OpenSSL 3")) {
		if os.Getenv("YIWANG_REQUIRE_PEERS") == "1" {
			t.Fatalf("OpenSSL 3 is missing: %s %v", out, err)
		}
		t.Skip("OpenSSL 3 is not here to agree with")
	}
}

// OpenSSL signs what we verify, verifies what we sign, and neither takes a signature
// over something else.
func TestOpenSSLAgreesOnSM2(t *testing.T) {
	needOpenSSL(t)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(file(name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := []byte("江海市一网 licence 1.2.156.3005.2")
	write("text", text)
	write("other", append(text, '.'))

	// ours to theirs
	k, _, err := newFileKey(must(generateKey(SM2)), "Jianghai", "licences", day)
	if err != nil {
		t.Fatal(err)
	}
	write("ours.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: k.cert.RawSubjectPublicKeyInfo}))
	sig, err := k.Sign(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	write("sig", signatureDER(nil, sig))
	for name, good := range map[string]bool{"text": true, "other": false} {
		out, err := openssl(t, nil, "dgst", "-sm3", "-verify", file("ours.pem"), "-sigopt", identity, "-signature", file("sig"), file(name))
		if (err == nil) != good {
			t.Errorf("OpenSSL on our signature over %s: %s %v", name, out, err)
		}
	}

	// theirs to us
	private, err := openssl(t, nil, "genpkey", "-algorithm", "SM2")
	if err != nil {
		t.Fatal(err)
	}
	write("theirs.pem", private)
	public, err := openssl(t, private, "pkey", "-pubout")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(public)
	parsed, err := smx509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := newKey(parsed)
	if err != nil {
		t.Fatal(err)
	}
	der, err := openssl(t, nil, "dgst", "-sm3", "-sign", file("theirs.pem"), "-sigopt", identity, file("text"))
	if err != nil {
		t.Fatal(err)
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, signatureLen)
	rs.R.FillBytes(raw[:32])
	rs.S.FillBytes(raw[32:])
	if theirs.Algorithm != SM2 || !theirs.check(text, raw) || theirs.check(append(text, '.'), raw) {
		t.Errorf("%s judges OpenSSL's signature %v", theirs.Algorithm, theirs.check(text, raw))
	}
}

// SM3 and SM4 give what the standards print and what OpenSSL gives, at every length
// around a block.
func TestOpenSSLAgreesOnSM3AndSM4(t *testing.T) {
	abc := sm3.Sum([]byte("abc")) // GB/T 32905, A.1
	if got := hex.EncodeToString(abc[:]); got != "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0" {
		t.Errorf("SM3 of abc: %s", got)
	}
	key, _ := hex.DecodeString("0123456789abcdeffedcba9876543210") // GB/T 32907, A.1: key and text are the same
	block, err := sm4.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	one := make([]byte, sm4.BlockSize)
	if block.Encrypt(one, key); hex.EncodeToString(one) != "681edf34d206965e86b3e94f536e4246" {
		t.Errorf("SM4 of the standard's block: %x", one)
	}

	needOpenSSL(t)
	iv := []byte("0123456789abcdef")
	for _, n := range []int{0, 1, 15, 16, 17, 55, 56, 63, 64, 65, 1000} {
		text := []byte(strings.Repeat("一网", n/6+1))[:n]
		if out, err := openssl(t, text, "dgst", "-sm3", "-binary"); err != nil || !bytes.Equal(out, sum3(text)) {
			t.Errorf("SM3 of %d bytes: OpenSSL has %x, we have %x (%v)", n, out, sum3(text), err)
		}
		ours := padding.NewPKCS7Padding(sm4.BlockSize).Pad(bytes.Clone(text))
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(ours, ours)
		theirs, err := openssl(t, text, "enc", "-sm4-cbc", "-K", hex.EncodeToString(key), "-iv", hex.EncodeToString(iv))
		if err != nil || !bytes.Equal(ours, theirs) {
			t.Errorf("SM4-CBC of %d bytes: OpenSSL has %x, we have %x (%v)", n, theirs, ours, err)
		}
		stream := make([]byte, n)
		cipher.NewCTR(block, iv).XORKeyStream(stream, text)
		if back, err := openssl(t, stream, "enc", "-d", "-sm4-ctr", "-K", hex.EncodeToString(key), "-iv", hex.EncodeToString(iv)); err != nil || !bytes.Equal(back, text) {
			t.Errorf("SM4-CTR of %d bytes: OpenSSL reads %q (%v)", n, back, err)
		}
	}
}

func sum3(b []byte) []byte { s := sm3.Sum(b); return s[:] }
