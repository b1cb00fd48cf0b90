package tlog_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/mod/sumdb/note"

	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/tlog"
)

// The inspector of tessera finds nothing wrong with the log, and finds a tile that
// was changed.
func TestAnInspectorAgrees(t *testing.T) {
	w := newTown(t, dbtest.SQLite(t))
	stop := runs(w.log)
	for i := range 700 { // two whole tiles and a part
		w.update(func(ctx context.Context, tx *db.Tx) error {
			e := opened(i)
			e.At = time.Now()
			return w.j.Append(ctx, tx, e)
		})
	}
	must(t, w.j.CatchUp(context.Background()))
	w.published(700)
	stop()
	inspect := func() error {
		return fsck.New(w.key.Name(), w.key.Verifier(), client.FileFetcher{Root: w.dir}, leaves, fsck.Opts{N: 2}).Check(context.Background())
	}
	must(t, inspect())
	tile := filepath.Join(w.dir, "tile", "entries", "000")
	raw, err := os.ReadFile(tile)
	must(t, err)
	raw[100] ^= 1
	must(t, os.Chmod(tile, 0o600))
	must(t, os.WriteFile(tile, raw, 0o600))
	if inspect() == nil {
		t.Error("a changed entry was not found")
	}
}

// leaves hashes the entries of a bundle.
func leaves(bundle []byte) (hashes [][]byte, err error) {
	var b api.EntryBundle
	err = b.UnmarshalText(bundle)
	for _, e := range b.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return hashes, err
}

// peer builds a program of others that tests talk to.
func peer(t *testing.T, path string) string {
	t.Helper()
	root, err := filepath.Abs("..")
	must(t, err)
	out := filepath.Join(t.TempDir(), filepath.Base(path))
	build := exec.Command("go", "build", "-modfile", filepath.Join(root, "tools", "peers", "go.mod"), "-o", out, path)
	build.Dir = root
	if text, err := build.CombinedOutput(); err != nil {
		if os.Getenv("YIWANG_REQUIRE_PEERS") == "1" {
			t.Fatalf("%s: %v\n%s", path, err, text)
		}
		t.Skipf("%s can't be built here: %v", path, err)
	}
	return out
}

// A witness that nobody here wrote signs our checkpoints, unmodified.
func TestAStrangersWitness(t *testing.T) {
	program := peer(t, "filippo.io/torchwood/cmd/litewitness")
	w := newTown(t, dbtest.SQLite(t))
	dir := t.TempDir()

	// its key lies with an agent
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	ring := agent.NewKeyring()
	must(t, ring.Add(agent.AddedKey{PrivateKey: secret}))
	held, err := ring.List()
	must(t, err)
	socket, err := net.Listen("unix", filepath.Join(dir, "agent"))
	must(t, err)
	defer socket.Close()
	go func() {
		for {
			c, err := socket.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, c) }()
		}
	}()
	place, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := place.Addr().String()
	must(t, place.Close())

	file := filepath.Join(dir, "witness.db")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	run := exec.CommandContext(ctx, program, "-name", "stranger.example/witness", "-db", file, "-ssh-agent", socket.Addr().String(), "-listen", addr, "-key", ssh.FingerprintSHA256(held[0]))
	must(t, run.Start())
	defer func() { cancel(); _ = run.Wait() }()
	for n := 0; ; n++ {
		r, err := http.Get("http://" + addr + "/")
		if err == nil {
			r.Body.Close()
			break
		}
		if n == 1000 {
			t.Fatal("the witness doesn't listen:", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	theirs, err := db.Open(ctx, "sqlite:"+file, db.Options{Beside: true})
	must(t, err)
	must(t, theirs.Update(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO log (origin, tree_size, tree_hash) VALUES ($1, 0, $2)`, w.key.Name(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
		if err == nil {
			_, err = tx.Exec(ctx, `INSERT INTO key (origin, key) VALUES ($1, $2)`, w.key.Name(), w.key.Public)
		}
		return err
	}))
	theirs.Close()

	plain, err := note.NewEd25519VerifierKey("stranger.example/witness", secret.Public().(ed25519.PublicKey))
	must(t, err)
	w.log = w.node("witness stranger " + plain + " http://" + addr + "\nquorum stranger\n")
	stop := runs(w.log)
	defer func() { stop() }()
	for i := range 3 {
		w.happens(opened(i))
		w.published(uint64(i + 1))
	}
	text, err := w.receipt(w.about("JH-2026-000002")[0])
	must(t, err)
	keys := w.log.Keys()
	keys.Quorum = 1
	if r := tlog.Verify(string(text), keys, time.Now()); !r.Valid || len(r.Witnesses) != 1 {
		t.Errorf("the receipt: %+v", r)
	}
	if err := run.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
}
