package journal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"yiwang/journal"
)

func TestLoadMaster(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys", "master.key")

	if _, err := journal.LoadMaster(path, false); err == nil || !strings.Contains(err.Error(), "backup") {
		t.Fatalf("a lost key is never made again: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Fatal("a file appeared")
	}
	key, err := journal.LoadMaster(path, true)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if len(key) != 32 || bytes.Equal(key, make([]byte, 32)) || info.Mode().Perm() != 0o600 {
		t.Fatalf("%d bytes, mode %o", len(key), info.Mode().Perm())
	}
	for _, create := range []bool{true, false} {
		again, err := journal.LoadMaster(path, create)
		if err != nil || !bytes.Equal(again, key) {
			t.Errorf("create=%v: %v, same=%v", create, err, bytes.Equal(again, key))
		}
	}
	left, _ := os.ReadDir(filepath.Dir(path))
	if len(left) != 1 {
		t.Errorf("%d files stand where one should", len(left))
	}

	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644, 0o622, 0o610} {
		must(t, os.Chmod(path, mode))
		if _, err := journal.LoadMaster(path, true); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	must(t, os.Chmod(path, 0o400))
	if _, err := journal.LoadMaster(path, true); err != nil {
		t.Errorf("a read-only key: %v", err)
	}
	for _, n := range []int{0, 31, 33} {
		short := filepath.Join(dir, "short")
		must(t, os.WriteFile(short, make([]byte, n), 0o600))
		if _, err := journal.LoadMaster(short, true); err == nil {
			t.Errorf("%d bytes were taken for a key", n)
		}
		if b, err := os.ReadFile(short); err != nil || len(b) != n {
			t.Errorf("the file was touched: %d bytes, %v", len(b), err)
		}
	}
	if _, err := journal.LoadMaster(dir, true); err == nil {
		t.Error("a folder was taken for a key")
	}
	if _, err := journal.NewVault([]byte("short")); err == nil {
		t.Error("a short key made a vault")
	}
}

// Two programs that start at once on an empty folder never use two keys.
func TestLoadMasterTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	keys := make([][]byte, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			if k, err := journal.LoadMaster(path, true); err == nil { // the slower may be told to try again
				keys[i] = k
			}
		})
	}
	wg.Wait()
	stored, err := os.ReadFile(path)
	must(t, err)
	made := 0
	for _, k := range keys {
		if k != nil {
			made++
			if !bytes.Equal(k, stored) {
				t.Error("somebody holds a key that is not the file's")
			}
		}
	}
	if made == 0 {
		t.Error("nobody got a key")
	}
}
