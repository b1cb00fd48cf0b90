// Package keyagent signs with keys that lie in another process and that this one
// never reads: an agent on a Unix socket that speaks the SSH agent protocol
// (draft-ietf-sshm-ssh-agent). Behind it may lie keys in memory (ssh-add FILE), or in
// a smart card or another PKCS #11 token (ssh-add -s MODULE).
//
// An agent isn't believed: every signature is checked with the public key before it
// goes out.
package keyagent

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"yiwang/city"
)

// Reasons for which an agent gives no signature; keys of *city.Error.
const (
	Gone      = "credential.agent.gone"       // nobody answers at the socket
	Silent    = "credential.agent.silent"     // somebody takes the question and doesn't answer in time
	Open      = "credential.agent.open"       // anybody on the machine could ask it
	NoKey     = "credential.agent.no_key"     // it holds no key of that fingerprint
	WrongType = "credential.agent.wrong_type" // it does, but of a kind that licences aren't signed with
	Refused   = "credential.agent.refused"    // it won't sign: locked, or the person at the card said no
	Lies      = "credential.agent.lies"       // what it answers isn't the key's signature
)

// Patience is how long an answer may take; a card that wants a finger is to be
// touched within it.
const Patience = 5 * time.Second

// rest is how long an agent that kept us waiting isn't asked again: signing happens
// while others wait for the database.
const rest = 10 * time.Second

// Key is a key in an agent. It is safe for concurrent use, and holds no connection
// between signatures: an agent may be restarted.
type Key struct {
	socket      string
	fingerprint string
	public      crypto.PublicKey
	ssh         ssh.PublicKey
	patience    time.Duration
	silentUntil atomic.Int64 // nanoseconds since the process began
}

var began = time.Now()

// At names the key with that public half in the agent at the socket, an absolute
// path, and asks nobody. The key is Ed25519 or ECDSA on P-256.
func At(socket string, public crypto.PublicKey) (*Key, error) {
	p, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, fault(WrongType, socket, "", err)
	}
	k := &Key{socket: socket, fingerprint: ssh.FingerprintSHA256(p), public: public, ssh: p, patience: Patience}
	if !usable(public) {
		return nil, fault(WrongType, socket, k.fingerprint, nil)
	}
	if !filepath.IsAbs(socket) {
		return nil, fault(Gone, socket, k.fingerprint, errors.New("the path of the socket must be absolute"))
	}
	return k, nil
}

func usable(public crypto.PublicKey) bool {
	switch p := public.(type) {
	case ed25519.PublicKey:
		return true
	case *ecdsa.PublicKey:
		return p.Curve == elliptic.P256()
	}
	return false
}

// Find asks the agent at the socket for its key of the fingerprint, as ssh-add -l
// prints it (SHA256:…), and has it sign once.
func Find(ctx context.Context, socket, fingerprint string) (*Key, error) {
	var public crypto.PublicKey
	found := false
	err := ask(ctx, socket, Patience, func(a agent.ExtendedAgent) error {
		all, err := a.List()
		if err != nil {
			return err
		}
		for _, have := range all {
			if ssh.FingerprintSHA256(have) != fingerprint {
				continue
			}
			found = true
			p, err := ssh.ParsePublicKey(have.Blob)
			if err != nil {
				return nil // a certificate, or of a kind that we don't know
			}
			if c, ok := p.(ssh.CryptoPublicKey); ok {
				public = c.CryptoPublicKey()
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, explain(err, socket, fingerprint)
	case !found:
		return nil, fault(NoKey, socket, fingerprint, nil)
	case !usable(public):
		return nil, fault(WrongType, socket, fingerprint, nil)
	}
	k, err := At(socket, public)
	if err != nil {
		return nil, err
	}
	return k, k.Probe(ctx)
}

// Socket is where the agent is asked.
func (k *Key) Socket() string { return k.socket }

// Fingerprint is the key's name, as ssh-add -l prints it.
func (k *Key) Fingerprint() string { return k.fingerprint }

// Public is the key's public half, ed25519.PublicKey or *ecdsa.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Probe reports whether the key signs at this moment. What it signs is no licence,
// token or list.
func (k *Key) Probe(ctx context.Context) error {
	_, err := k.Sign(ctx, []byte("yiwang: does this key sign?"))
	return err
}

// Sign signs the message itself: 64 bytes, for ECDSA r and s of 32 bytes each
// over its SHA-256. Its errors are of type *city.Error with one of the reasons.
func (k *Key) Sign(ctx context.Context, message []byte) ([]byte, error) {
	if time.Since(began) < time.Duration(k.silentUntil.Load()) {
		return nil, fault(Silent, k.socket, k.fingerprint, nil)
	}
	var out []byte
	err := ask(ctx, k.socket, k.patience, func(a agent.ExtendedAgent) error {
		s, err := a.Sign(k.ssh, message)
		if err != nil {
			return k.why(a, err)
		}
		out = k.checked(message, s)
		return nil
	})
	if err != nil {
		err := explain(err, k.socket, k.fingerprint)
		if err.Message.Key == Silent && ctx.Err() == nil { // the caller has not gone away
			k.silentUntil.Store(int64(time.Since(began) + rest))
		}
		return nil, err
	}
	if out == nil {
		return nil, fault(Lies, k.socket, k.fingerprint, nil)
	}
	return out, nil
}

// why tells a key that was taken away from an agent that won't sign.
func (k *Key) why(a agent.ExtendedAgent, refused error) error {
	all, err := a.List()
	if err != nil {
		return err
	}
	for _, have := range all {
		if string(have.Blob) == string(k.ssh.Marshal()) {
			return refused
		}
	}
	return fault(NoKey, k.socket, k.fingerprint, nil)
}

// checked is the signature as licences carry it; nil where it isn't the key's.
func (k *Key) checked(message []byte, s *ssh.Signature) []byte {
	if s == nil || s.Format != k.ssh.Type() || k.ssh.Verify(message, s) != nil {
		return nil
	}
	if _, ok := k.public.(ed25519.PublicKey); ok {
		return s.Blob
	}
	var rs struct{ R, S *big.Int }
	if ssh.Unmarshal(s.Blob, &rs) != nil {
		return nil
	}
	out := make([]byte, 64)
	rs.R.FillBytes(out[:32]) // within the curve's order, for the signature holds
	rs.S.FillBytes(out[32:])
	sum := sha256.Sum256(message)
	if !ecdsa.Verify(k.public.(*ecdsa.PublicKey), sum[:], rs.R, rs.S) {
		return nil
	}
	return out
}

// ask opens a connection for one conversation. An agent that talks nonsense ends it
// with an error, never with a panic.
func ask(ctx context.Context, socket string, patience time.Duration, talk func(agent.ExtendedAgent) error) error {
	info, err := os.Stat(socket)
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return syscall.ENOTSOCK
	}
	if info.Mode().Perm()&0o002 != 0 {
		return fault(Open, socket, "", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	l := &line{conn: conn}
	if err = talk(agent.NewClient(l)); err == nil {
		return nil
	}
	// Why the line was closed counts before that it was.
	return errors.Join(ctx.Err(), l.err, err)
}

// line is a connection that remembers what broke it: the client tells that in words
// only. It has no Close, so that requests go one by one.
type line struct {
	conn net.Conn
	err  error
}

func (l *line) Read(p []byte) (int, error) {
	n, err := l.conn.Read(p)
	l.note(err)
	return n, err
}

func (l *line) Write(p []byte) (int, error) {
	n, err := l.conn.Write(p)
	l.note(err)
	return n, err
}

func (l *line) note(err error) {
	if err != nil && l.err == nil {
		l.err = err
	}
}

// explain finds the reason for what went wrong in a conversation.
func explain(err error, socket, fingerprint string) *city.Error {
	var known *city.Error
	var slow net.Error
	var path *fs.PathError
	var dial *net.OpError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.As(err, &slow) && slow.Timeout():
		return fault(Silent, socket, fingerprint, err)
	case errors.As(err, &path), errors.As(err, &dial), errors.Is(err, syscall.ENOTSOCK), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return fault(Gone, socket, fingerprint, err)
	}
	return fault(Refused, socket, fingerprint, err)
}

func fault(reason, socket, fingerprint string, cause error) *city.Error {
	kind := city.KindUnavailable
	if reason == WrongType || reason == Open {
		kind = city.KindInvalid
	}
	return &city.Error{Kind: kind, RetryAfter: rest, Err: cause,
		Message: city.Message{Key: reason, Args: []any{"socket", socket, "key", fingerprint}}}
}
