// Package dbtest gives tests a fresh database on every engine the program runs
// on: a file for SQLite, a schema of its own in a private PostgreSQL cluster.
package dbtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"yiwang/internal/db"
)

// Run runs the test once on every engine, each time on an empty, migrated
// database. Without PostgreSQL on the machine that half is skipped, or fails
// when YIWANG_REQUIRE_POSTGRES is set.
func Run(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite gives an empty, migrated SQLite database.
func SQLite(t testing.TB) *db.DB {
	t.Helper()
	return open(t, "sqlite:"+filepath.Join(t.TempDir(), "city.db"))
}

// Postgres gives an empty, migrated PostgreSQL database.
func Postgres(t testing.TB) *db.DB {
	t.Helper()
	return open(t, MigratedURL(t))
}

func open(t testing.TB, url string) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return d
}

// PostgresURL gives the URL of a database without a schema in the shared private
// cluster.
func PostgresURL(t testing.TB) string {
	t.Helper()
	return need(t).database(t, "template1")
}

// MigratedURL gives the URL of an empty PostgreSQL database that has this program's
// schema already, as a copy of one that was migrated once: five times faster.
func MigratedURL(t testing.TB) string {
	t.Helper()
	c := need(t)
	templateOnce.Do(func() {
		if templateErr = c.psql("postgres", "CREATE DATABASE "+template); templateErr != nil {
			return
		}
		d, err := db.Open(context.Background(), c.url(template), db.Options{})
		if err != nil {
			templateErr = err
			return
		}
		templateErr = errors.Join(d.Migrate(context.Background()), d.Close())
	})
	if templateErr != nil {
		t.Fatal(templateErr)
	}
	return c.database(t, template)
}

const template = "migrated"

var (
	templateOnce sync.Once
	templateErr  error
)

func need(t testing.TB) *Server {
	t.Helper()
	c, err := cluster()
	if err != nil {
		if os.Getenv("YIWANG_REQUIRE_POSTGRES") == "1" {
			t.Fatal(err)
		}
		t.Skipf("PostgreSQL is not tested here: %v", err)
	}
	return c
}

func (s *Server) database(t testing.TB, template string) string {
	t.Helper()
	name := "t_" + token()
	if err := s.psql("postgres", "CREATE DATABASE "+name+" TEMPLATE "+template+""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.psql("postgres", "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

// PostgresServer starts a cluster for this test alone, which may Stop and Start
// it to see what happens when the database goes away.
func PostgresServer(t testing.TB) *Server {
	t.Helper()
	s, err := start()
	if err != nil {
		if os.Getenv("YIWANG_REQUIRE_POSTGRES") == "1" {
			t.Fatal(err)
		}
		t.Skipf("PostgreSQL is not tested here: %v", err)
	}
	t.Cleanup(s.remove)
	return s
}

// Server is a private PostgreSQL cluster reached over a Unix socket.
type Server struct {
	watch    io.WriteCloser // held open while the test binary lives
	dir, bin string
	cred     *syscall.Credential
}

// URL is the address of the cluster's first database.
func (s *Server) URL() string { return s.url("postgres") }

// Stop ends the server at once, as a crash would.
func (s *Server) Stop() error {
	return s.run("pg_ctl", "-D", s.dir+"/data", "-m", "immediate", "-w", "stop")
}

// Start brings the server back. It writes without waiting for the disk: what these
// tests stop is the server, never the machine.
func (s *Server) Start() error {
	return s.run("pg_ctl", "-D", s.dir+"/data", "-l", s.dir+"/log", "-w", "-t", "60", "-o",
		fmt.Sprintf("-k %s -c listen_addresses='' -c fsync=off -c max_connections=200 -c shared_buffers=256MB", s.dir), "start")
}

func (s *Server) url(name string) string {
	return fmt.Sprintf("postgres:///%s?host=%s&user=postgres", name, s.dir)
}

var (
	clusterOnce sync.Once
	shared      *Server
	sharedErr   error
)

// cluster is the test binary's own cluster. A small watcher reads a pipe that
// closes when the test binary is gone, however it ended, and stops the server.
func cluster() (*Server, error) {
	clusterOnce.Do(func() {
		shared, sharedErr = start()
		if sharedErr != nil {
			return
		}
		watch := exec.Command("sh", "-c", fmt.Sprintf(
			"cat >/dev/null; %s/pg_ctl -D %s/data -m immediate stop; rm -rf %s", shared.bin, shared.dir, shared.dir))
		watch.SysProcAttr = &syscall.SysProcAttr{Credential: shared.cred, Setsid: true}
		if shared.watch, sharedErr = watch.StdinPipe(); sharedErr == nil {
			sharedErr = watch.Start()
		}
	})
	return shared, sharedErr
}

func start() (*Server, error) {
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if len(bins) == 0 {
		return nil, fmt.Errorf("no PostgreSQL under /usr/lib/postgresql")
	}
	s := &Server{bin: bins[len(bins)-1]}
	dir, err := os.MkdirTemp("", "yiwang-pg-")
	if err != nil {
		return nil, err
	}
	s.dir = dir
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
	}
	if err := s.run("initdb", "-D", dir+"/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := s.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

func (s *Server) remove() {
	_ = s.Stop()
	os.RemoveAll(s.dir)
}

func (s *Server) run(name string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	out, err := os.CreateTemp("", "yiwang-pg-out-") // a pipe would stay open in the server
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(said)))
	}
	return nil
}

func (s *Server) psql(database, stmt string) error {
	var err error
	for range 5 { // a template in use by a sibling is free again in a moment
		if err = s.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", s.dir, "-U", "postgres", "-d", database, "-c", stmt); err == nil {
			return nil
		}
		time.Sleep(200 * time.Millisecond)
	}
	return err
}

func token() string {
	var b [6]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
