package app

import (
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"yiwang/credential"
)

// Whom the city believes about health is read again when somebody changes it, and a
// folder that isn't there believes nobody.
func TestHealthSignersAreReadAgain(t *testing.T) {
	h := &healthSigners{dir: filepath.Join(t.TempDir(), healthFolder), log: slog.New(slog.DiscardHandler)}
	keys := func() int { return len(h.Trust().Keys()) }
	if n := keys(); n != 0 {
		t.Fatalf("%d keys without a folder", n)
	}
	folder, err := credential.OpenKeys(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := folder.Create(credential.ES256, "Ministry of Health", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(h.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate()})
	if err := os.WriteFile(filepath.Join(h.dir, "at.pem"), cert, 0o600); err != nil {
		t.Fatal(err)
	}
	if n := keys(); n != 0 {
		t.Errorf("%d keys before it is time to look again", n)
	}
	h.at = h.at.Add(-healthRefresh)
	if n := keys(); n != 1 {
		t.Errorf("%d keys after it", n)
	}
	// What can't be read leaves what was read.
	if err := os.RemoveAll(h.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.at = h.at.Add(-healthRefresh)
	if n := keys(); n != 1 {
		t.Errorf("%d keys when the folder is a file", n)
	}
}
