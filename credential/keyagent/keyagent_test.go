package keyagent

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"yiwang/city"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func reason(t *testing.T, err error, want string) {
	t.Helper()
	var e *city.Error
	if !errors.As(err, &e) || e.Message.Key != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// openSSH starts OpenSSH's own agent, which ends with the test.
func openSSH(t *testing.T) (socket string, stop func()) {
	t.Helper()
	path, err := exec.LookPath("ssh-agent")
	if err != nil {
		if os.Getenv("YIWANG_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip("ssh-agent (openssh-client) isn't here")
	}
	dir, err := os.MkdirTemp("", "agent") // paths of sockets are short
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	cmd := exec.Command(path, "-D", "-a", socket)
	must(t, cmd.Start())
	stop = sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	t.Cleanup(stop)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			return socket, stop
		}
		if time.Now().After(deadline) {
			t.Fatal("ssh-agent doesn't answer")
		}
	}
}

// add gives the agent a key by OpenSSH's own ssh-add.
func add(t *testing.T, socket string, key crypto.PrivateKey) (fingerprint string) {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "licences")
	must(t, err)
	file := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	sshAdd(t, socket, file)
	s, err := ssh.NewSignerFromKey(key)
	must(t, err)
	return ssh.FingerprintSHA256(s.PublicKey())
}

func sshAdd(t *testing.T, socket string, args ...string) {
	t.Helper()
	cmd := exec.Command("ssh-add", args...)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket, "SSH_ASKPASS_REQUIRE=never")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v\n%s", err, out)
	}
}

func newEd() ed25519.PrivateKey {
	_, k, _ := ed25519.GenerateKey(rand.Reader)
	return k
}

func newEC(c elliptic.Curve) *ecdsa.PrivateKey {
	k, _ := ecdsa.GenerateKey(c, rand.Reader)
	return k
}

// OpenSSH's agent signs, with both kinds of key, what others check as ours.
func TestOpenSSHSigns(t *testing.T) {
	socket, stop := openSSH(t)
	ed, ec := newEd(), newEC(elliptic.P256())
	edPrint, ecPrint := add(t, socket, ed), add(t, socket, ec)
	message := []byte("a licence")
	sum := sha256.Sum256(message)

	one, err := Find(t.Context(), socket, edPrint)
	must(t, err)
	sig, err := one.Sign(t.Context(), message)
	if err != nil || !ed25519.Verify(ed.Public().(ed25519.PublicKey), message, sig) {
		t.Fatalf("%x, %v", sig, err)
	}
	two, err := Find(t.Context(), socket, ecPrint)
	must(t, err)
	for range 40 { // r or s begins with zeros once in a while
		sig, err = two.Sign(t.Context(), message)
		if err != nil || len(sig) != 64 || !ecdsa.Verify(&ec.PublicKey, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
			t.Fatalf("%x, %v", sig, err)
		}
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := one.Sign(t.Context(), message); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()

	// A key that was taken away, an agent that was locked, one that is gone.
	sshAdd(t, socket, "-D")
	_, err = one.Sign(t.Context(), message)
	reason(t, err, NoKey)
	_, err = Find(t.Context(), socket, edPrint)
	reason(t, err, NoKey)
	add(t, socket, ed)
	must(t, one.Probe(t.Context()))
	stop()
	_, err = one.Sign(t.Context(), message)
	reason(t, err, Gone)
	_, err = Find(t.Context(), socket, edPrint)
	reason(t, err, Gone)
}

func TestKeysOfTheWrongKind(t *testing.T) {
	socket, _ := openSSH(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	for _, k := range []crypto.PrivateKey{rsaKey, newEC(elliptic.P384())} {
		_, err := Find(t.Context(), socket, add(t, socket, k))
		reason(t, err, WrongType)
	}
	_, err = At(socket, newEC(elliptic.P384()).Public())
	reason(t, err, WrongType)
	_, err = At("agent.sock", newEd().Public())
	reason(t, err, Gone)
}

// agentOf serves an agent of the test's own at a socket.
func agentOf(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent")
	must(t, err)
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	must(t, err)
	must(t, os.Chmod(socket, 0o600))
	t.Cleanup(func() { l.Close(); os.RemoveAll(dir) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return socket
}

// liar answers with what change makes of a signature.
type liar struct {
	agent.Agent
	change func(s *ssh.Signature, data []byte) (*ssh.Signature, error)
}

func (l liar) Sign(key ssh.PublicKey, data []byte) (*ssh.Signature, error) {
	s, err := l.Agent.Sign(key, data)
	if err != nil {
		return nil, err
	}
	return l.change(s, data)
}

func TestAgentsThatLieOrKeepSilent(t *testing.T) {
	ed, ec := newEd(), newEC(elliptic.P256())
	ring := agent.NewKeyring()
	must(t, ring.Add(agent.AddedKey{PrivateKey: ed}))
	must(t, ring.Add(agent.AddedKey{PrivateKey: ec}))
	other, err := ssh.NewSignerFromKey(newEd())
	must(t, err)
	same := func(s *ssh.Signature, _ []byte) (*ssh.Signature, error) { return s, nil }
	cases := map[string]struct {
		change func(*ssh.Signature, []byte) (*ssh.Signature, error)
		want   string
	}{
		"honest":        {same, ""},
		"another key's": {func(_ *ssh.Signature, d []byte) (*ssh.Signature, error) { return other.Sign(rand.Reader, d) }, Lies},
		"a flipped bit": {func(s *ssh.Signature, _ []byte) (*ssh.Signature, error) { s.Blob[len(s.Blob)-1] ^= 1; return s, nil }, Lies},
		"cut short": {func(s *ssh.Signature, _ []byte) (*ssh.Signature, error) {
			s.Blob = s.Blob[:len(s.Blob)/2]
			return s, nil
		}, Lies},
		"other format": {func(s *ssh.Signature, _ []byte) (*ssh.Signature, error) { s.Format = "ssh-rsa"; return s, nil }, Lies},
		"empty":        {func(s *ssh.Signature, _ []byte) (*ssh.Signature, error) { return &ssh.Signature{}, nil }, Lies},
		"won't":        {func(*ssh.Signature, []byte) (*ssh.Signature, error) { return nil, errors.New("no finger") }, Refused},
	}
	for name, c := range cases {
		socket := agentOf(t, func(conn net.Conn) { defer conn.Close(); _ = agent.ServeAgent(liar{ring, c.change}, conn) })
		for _, public := range []crypto.PublicKey{ed.Public(), ec.Public()} {
			k, err := At(socket, public)
			must(t, err)
			sig, err := k.Sign(t.Context(), []byte("m"))
			if c.want == "" {
				if err != nil || len(sig) != 64 {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if reason(t, err, c.want); sig != nil {
				t.Errorf("%s: a signature went out", name)
			}
		}
	}

	hold := make(chan struct{})
	defer close(hold)
	asked := make(chan struct{}, 8)
	socket := agentOf(t, func(conn net.Conn) { asked <- struct{}{}; <-hold; conn.Close() })
	k, err := At(socket, ed.Public())
	must(t, err)
	k.patience = 30 * time.Millisecond
	_, err = k.Sign(t.Context(), []byte("m"))
	reason(t, err, Silent)
	<-asked
	_, err = k.Sign(t.Context(), []byte("m"))
	if reason(t, err, Silent); len(asked) != 0 {
		t.Error("an agent that kept us waiting was asked again at once")
	}
	hung := agentOf(t, func(conn net.Conn) { conn.Close() })
	k, err = At(hung, ed.Public())
	must(t, err)
	_, err = k.Sign(t.Context(), []byte("m"))
	reason(t, err, Gone)

	open := agentOf(t, func(conn net.Conn) { conn.Close() })
	must(t, os.Chmod(open, 0o666))
	k, err = At(open, ed.Public())
	must(t, err)
	_, err = k.Sign(t.Context(), []byte("m"))
	reason(t, err, Open)
}

// Whatever bytes an agent answers with, no signature goes out and nothing panics.
func FuzzAnswer(f *testing.F) {
	ed := newEd()
	f.Add([]byte{0, 0, 0, 1, 5})
	f.Add([]byte{0, 0, 0, 5, 14, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 9, 14, 0, 0, 0, 4, 0, 0, 0, 9})
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, answer []byte) {
		dir, err := os.MkdirTemp("", "agent")
		must(t, err)
		defer os.RemoveAll(dir)
		socket := filepath.Join(dir, "s")
		l, err := net.Listen("unix", socket)
		must(t, err)
		must(t, os.Chmod(socket, 0o600))
		defer l.Close()
		go func() {
			if c, err := l.Accept(); err == nil {
				_, _ = io.ReadAtLeast(c, make([]byte, 4096), 5)
				_, _ = c.Write(answer)
				_ = c.Close()
			}
		}()
		k, err := At(socket, ed.Public())
		must(t, err)
		if sig, err := k.Sign(context.Background(), []byte("m")); err == nil {
			t.Fatalf("took %x for a signature", sig)
		}
	})
}
