package story

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Program is a process to run: by default yiwang itself, listening on a free
// port of its own and keeping its data in a folder of its own.
type Program struct {
	Package  string        // default "./cmd/yiwang"
	Args     []string      // such as {"demo", "--seed", "7"}; --listen and --data are added
	Env      []string      // beside the test's environment
	Data     string        // default: a folder that goes away with the test
	Patience time.Duration // until it must be ready; default two minutes
}

// Running is a process that answers.
type Running struct {
	URL  string
	Data string

	t    testing.TB
	p    Program
	path string // of the binary
	addr string

	mu   sync.Mutex
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process has ended
	err  error         // how it ended
	log  tail
}

// Build makes the program's binary once in a test run and gives its path.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	session.mu.Lock()
	defer session.mu.Unlock()
	if session.dir == "" {
		t.Fatal("TestMain has to call story.Main")
	}
	if path := session.built[pkg]; path != "" {
		return path
	}
	_, here, _, _ := runtime.Caller(0)
	path := filepath.Join(session.dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-o", path, pkg)
	cmd.Dir = filepath.Join(filepath.Dir(here), "..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	session.built[pkg] = path
	return path
}

// Start builds the program, starts it and waits until /readyz says yes. It is
// ended with the test.
func (p Program) Start(t testing.TB) *Running {
	t.Helper()
	if p.Package == "" {
		p.Package = "./cmd/yiwang"
	}
	if p.Patience == 0 {
		p.Patience = 2 * time.Minute
	}
	if p.Data == "" {
		p.Data = t.TempDir()
	}
	r := &Running{t: t, p: p, Data: p.Data, path: Build(t, p.Package)}
	// A port that was free a moment ago; "localhost" since passkeys refuse bare addresses.
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = fmt.Sprintf("localhost:%d", l.Addr().(*net.TCPAddr).Port)
	r.URL = "http://" + r.addr
	l.Close()
	t.Cleanup(func() {
		if r.alive() {
			if err := r.Stop(); err != nil {
				t.Errorf("%s did not stop as asked: %v", p.Package, err)
			}
		}
		if t.Failed() {
			t.Logf("the program's last words:\n%s", r.Log())
		}
	})
	r.start()
	return r
}

func (r *Running) start() {
	r.t.Helper()
	args := append(append([]string(nil), r.p.Args...), "--listen", r.addr, "--data", r.Data)
	cmd := exec.Command(r.path, args...)
	cmd.Env = append(os.Environ(), r.p.Env...)
	cmd.Stdout, cmd.Stderr = &r.log, &r.log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	gone := make(chan struct{})
	r.mu.Lock()
	r.cmd, r.gone = cmd, gone
	r.mu.Unlock()
	go func() {
		err := cmd.Wait()
		r.mu.Lock()
		r.err = err
		r.mu.Unlock()
		close(gone)
	}()
	for end := time.Now().Add(r.p.Patience); ; time.Sleep(20 * time.Millisecond) {
		select {
		case <-gone:
			r.t.Fatalf("%s %s ended before it was ready: %v\n%s", r.p.Package, strings.Join(args, " "), r.err, r.Log())
		default:
		}
		if ready(r.URL) {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("%s is not ready after %s\n%s", r.p.Package, r.p.Patience, r.Log())
		}
	}
}

func ready(base string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (r *Running) alive() bool {
	r.mu.Lock()
	gone := r.gone
	r.mu.Unlock()
	if gone == nil {
		return false
	}
	select {
	case <-gone:
		return false
	default:
		return true
	}
}

// Kill ends the process as a power cut would (kill -9) and waits until it is gone.
func (r *Running) Kill() {
	r.t.Helper()
	r.end(syscall.SIGKILL, time.Minute)
}

// Stop asks the process to end (SIGTERM) and tells how it ended; one that does
// not listen within a minute is killed, which is an error.
func (r *Running) Stop() error {
	r.t.Helper()
	if !r.end(syscall.SIGTERM, time.Minute) {
		r.end(syscall.SIGKILL, time.Minute)
		return fmt.Errorf("still running a minute after it was asked to stop")
	}
	return r.err
}

// end sends the signal to this process alone and reports whether it ended in time.
func (r *Running) end(sig syscall.Signal, within time.Duration) bool {
	if !r.alive() {
		return true
	}
	if err := r.cmd.Process.Signal(sig); err != nil && r.alive() {
		r.t.Fatalf("signal %v: %v", sig, err)
	}
	select {
	case <-r.gone:
		return true
	case <-time.After(within):
		return false
	}
}

// Restart starts the process again on the same port and data, after Kill or Stop.
func (r *Running) Restart() {
	r.t.Helper()
	if r.alive() {
		r.t.Fatal("it is still running")
	}
	r.start()
}

// Log is what the process has said lately.
func (r *Running) Log() string { return r.log.String() }

// tail keeps the end of a long output.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailSize = 64 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - tailSize; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
