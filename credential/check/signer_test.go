package check

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestKeyFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	f, err := OpenKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Fatal("opening made the folder")
	}
	for _, a := range Algorithms {
		if f.Signer(a, day) != nil {
			t.Fatal("a key out of nothing")
		}
		first, err := f.Create(a, "江海市", day)
		if err != nil {
			t.Fatal(err)
		}
		second, err := f.Create(a, "江海市", day.Add(24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		again, err := OpenKeys(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			at   time.Time
			want Signer
		}{{day, first}, {day.Add(25 * time.Hour), second}} {
			for _, folder := range []*KeyFolder{f, again} {
				if got := folder.Signer(a, c.at); got == nil || got.KeyID() != c.want.KeyID() || !bytes.Equal(got.Certificate(), c.want.Certificate()) {
					t.Errorf("%s at %v: not the key of that day", a, c.at)
				}
			}
		}
		if s := again.Signer(a, day.Add(-time.Second)); s != nil {
			t.Error("a key signs before it begins")
		}
		if s := again.Signer(a, day.AddDate(30, 0, 0)); s != nil {
			t.Error("a key signs after its end")
		}
		if s := again.ByID(second.KeyID()); s == nil {
			t.Error("not found by its id")
		}
		trust := trusting(t, first)
		sig, err := again.ByID(first.KeyID()).Sign(context.Background(), []byte("m"))
		if err != nil || !trust.all[0].check([]byte("m"), sig) {
			t.Errorf("%s: what it signs doesn't check: %v", a, err)
		}
		if trust.all[0].check([]byte("n"), sig) || trust.all[0].check([]byte("m"), sig[:63]) || trust.all[0].check([]byte("m"), nil) {
			t.Errorf("%s: what it didn't sign checks", a)
		}
	}
	files, err := filepath.Glob(dir + "/*")
	if err != nil || len(files) != 6 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// A key that others can read, or that is damaged, stops the program with a
// sentence that names the file.
func TestKeysThatMustNotBeUsed(t *testing.T) {
	make := func() (string, string) {
		dir := filepath.Join(t.TempDir(), "keys")
		f, err := OpenKeys(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Create(EdDSA, "江海市", day); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(dir + "/*" + keyFileEnd)
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		return dir, files[0]
	}
	dir, file := make()
	for _, mode := range []os.FileMode{0o640, 0o604, 0o644, 0o660} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		_, err := OpenKeys(dir)
		if !isKey(err, "credential.key.open") || !strings.Contains(err.Error(), file) {
			t.Errorf("%o: %v", mode, err)
		}
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, other := make()
	foreign, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	split := func(b []byte) (cert, key []byte) {
		i := bytes.Index(b, []byte("-----BEGIN PRIVATE"))
		return b[:i], b[i:]
	}
	cert, key := split(whole)
	_, foreignKey := split(foreign)
	for name, body := range map[string][]byte{
		"empty": nil, "certificate alone": cert, "key alone": key, "cut": whole[:len(whole)-60],
		"another's key": append(bytes.Clone(cert), foreignKey...),
	} {
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKeys(dir); !isKey(err, "credential.key.broken") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
