package story

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// session is what one run of a test binary shares: the browser and the programs
// that were built.
var session struct {
	mu      sync.Mutex
	dir     string // for the browser's profile and the programs; "" before Main
	browser context.Context
	close   func()
	built   map[string]string // package to binary
}

// Main runs the tests of a package that tells stories, and clears away the
// browser and the programs they used. Its result is for os.Exit.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "yiwang-story-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "story:", err)
		return 1
	}
	session.dir, session.built = dir, map[string]string{}
	code := m.Run()
	if session.close != nil {
		session.close()
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, "story:", err)
	}
	return code
}

// findBrowser looks for Debian's Chromium and its relatives.
func findBrowser() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Available skips the test where no browser is installed, or fails it when
// YIWANG_REQUIRE_BROWSER=1.
func Available(t testing.TB) string {
	t.Helper()
	path := findBrowser()
	if path == "" {
		missing(t, "Chromium is not installed, so nobody can walk through the pages (Debian: apt-get install chromium)")
	}
	return path
}

func missing(t testing.TB, sentence string) {
	t.Helper()
	if os.Getenv("YIWANG_REQUIRE_BROWSER") == "1" {
		t.Fatal(sentence)
	}
	t.Skip(sentence)
}

// browser gives the browser of this run, started on first use.
func browser(t testing.TB) context.Context {
	t.Helper()
	path := Available(t)
	session.mu.Lock()
	defer session.mu.Unlock()
	if session.dir == "" {
		t.Fatal("TestMain has to call story.Main")
	}
	if session.browser != nil {
		return session.browser
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path),
		chromedp.UserDataDir(filepath.Join(session.dir, "profile")),
	}
	for _, flag := range []string{
		"headless", "no-sandbox", "disable-gpu", "enable-unsafe-swiftshader", "disable-quic", "no-first-run", "no-default-browser-check",
		"disable-background-networking", "disable-component-update", "disable-sync", "disable-default-apps",
		"disable-extensions", "disable-dev-shm-usage", "disable-background-timer-throttling",
		"disable-renderer-backgrounding", "disable-backgrounding-occluded-windows", "hide-scrollbars",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	if os.Getenv("YIWANG_SOAK") != "1" {
		options = append(options, chromedp.Flag("force-prefers-reduced-motion", true)) // without a graphics card, each frame of a map is work for the processor
	}
	options = append(options, chromedp.Flag("disable-features", "Translate,OptimizationHints,MediaRouter"))
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(alloc)
	if err := chromedp.Do(ctx); err != nil {
		stop()
		stopAlloc()
		t.Fatalf("the browser did not start: %v", err)
	}
	session.browser = ctx
	session.close = func() { stop(); stopAlloc() }
	return ctx
}
