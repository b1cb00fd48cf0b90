package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"yiwang/app"
)

// sshAgent runs OpenSSH's agent with one Ed25519 key in it.
func sshAgent(t *testing.T) (socket, fingerprint string, stop func()) {
	t.Helper()
	path, err := exec.LookPath("ssh-agent")
	if err != nil {
		if os.Getenv("YIWANG_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip("ssh-agent (openssh-client) isn't here")
	}
	dir, err := os.MkdirTemp("", "agent")
	ok(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	cmd := exec.Command(path, "-D", "-a", socket)
	ok(t, cmd.Start())
	stop = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	t.Cleanup(stop)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("unix", socket); err == nil {
			c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("ssh-agent doesn't answer")
		}
	}
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	block, err := ssh.MarshalPrivateKey(key, "")
	ok(t, err)
	file := filepath.Join(dir, "key")
	ok(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	add := exec.Command("ssh-add", file)
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v\n%s", err, out)
	}
	s, err := ssh.NewSignerFromKey(key)
	ok(t, err)
	return socket, ssh.FingerprintSHA256(s.PublicKey()), stop
}

// An operator moves the licence key into an agent, and later learns that the first
// one was stolen.
func TestKeyCommands(t *testing.T) {
	socket, fingerprint, stop := sshAgent(t)
	ctx, data := context.Background(), filepath.Join(t.TempDir(), "data")
	a, err := app.New(ctx, app.Options{City: jianghai, Data: data})
	ok(t, err)
	ok(t, a.Stop())
	at := func(args ...string) []string { return append(append([]string{"key"}, args...), "--data", data) }
	keys := func() (all []app.LicenceKey) {
		t.Helper()
		var out struct{ Keys []app.LicenceKey }
		into(t, good(t, at("show", "--json")...), &out)
		return slices.DeleteFunc(out.Keys, func(k app.LicenceKey) bool { return k.Algorithm != "EdDSA" })
	}
	first := keys()
	if len(first) != 1 || first[0].AgentSocket != "" || !first[0].Retired.IsZero() {
		t.Fatalf("%+v", first)
	}

	refused(t, "go together", at("change", "--agent", socket)...)
	refused(t, "no algorithm", at("change", "--algorithm", "RSA")...)
	refused(t, "between now and a year", at("change", "--begins=-1h")...)
	refused(t, "doesn't hold key", at("change", "--agent", socket, "--fingerprint", "SHA256:none")...)
	refused(t, "Nothing answers", at("change", "--agent", socket+"x", "--fingerprint", fingerprint)...)
	if len(keys()) != 1 {
		t.Fatal("a key that was refused was taken")
	}

	if out := good(t, at("change", "--agent", socket, "--fingerprint", fingerprint, "--begins", "25h")...); !strings.Contains(out, "hold") {
		t.Errorf("%s", out)
	}
	now := keys()
	if len(now) != 2 || now[0].AgentSocket != socket || now[0].AgentKeyName != fingerprint || !now[1].Retired.Equal(now[0].From) || now[1].ID != first[0].ID {
		t.Fatalf("%+v", now)
	}
	if out := good(t, at("show")...); !strings.Contains(out, "signs until") || !strings.Contains(out, "signs from") || !strings.Contains(out, socket) {
		t.Errorf("%s", out)
	}
	if d := doctor(t, "--data", data); d.of("signing_agent") != "ok" {
		t.Errorf("%+v", d)
	}
	stop()
	if d := doctor(t, "--data", data); d.of("signing_agent") != "fail" || d.of("signing_keys") != "ok" {
		t.Errorf("%+v", d)
	}

	// Stolen yesterday: a key in a file takes over at once, and the others hear of it.
	yesterday := time.Now().UTC().Add(-24 * time.Hour).Truncate(time.Second)
	if out := good(t, at("change", "--stolen-since", yesterday.Format(time.RFC3339))...); !strings.Contains(out, first[0].ID.String()) {
		t.Errorf("%s", out)
	}
	for _, k := range keys() {
		if stolen := k.ID == first[0].ID; stolen != k.Compromised.Equal(yesterday) {
			t.Errorf("%+v", k)
		}
	}
	refused(t, "not a moment", at("change", "--stolen-since", "soon")...)
}
