package tlog

import (
	"errors"
	"io"
	"io/fs"
	"strings"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// Bounds on a trust folder, which may have come from anywhere.
const (
	maxKeyFile  = 64 << 10
	maxKeyFiles = 10_000
	maxDepth    = 4
)

// LoadKeys reads the keys of logs and witnesses from a folder of what is trusted:
// files with a verifier key a line (C2SP signed-note; Ed25519 for a log, cosignature
// for a witness), blank lines and lines that begin with #. It leaves every other
// file alone and says which ones it took.
func LoadKeys(dir fs.FS) (keys Keys, taken map[string]bool, err error) {
	taken = map[string]bool{}
	files := 0
	err = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil:
			return nil
		case d.IsDir():
			if name != "." && (strings.HasPrefix(d.Name(), ".") || strings.Count(name, "/") >= maxDepth) {
				return fs.SkipDir
			}
			return nil
		case strings.HasPrefix(d.Name(), "."):
			return nil
		}
		if files++; files > maxKeyFiles {
			return fs.SkipAll
		}
		f, err := dir.Open(name)
		if err != nil {
			return nil // whoever reads the other keys says so
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
		if err == nil && len(text) <= maxKeyFile && keys.add(string(text)) == nil {
			taken[name] = true
		}
		return nil
	})
	return keys, taken, err
}

// Add takes further verifier keys; what is none is left out.
func (k *Keys) Add(keys ...string) {
	for _, text := range keys {
		_ = k.add(text)
	}
}

var errNoKeys = errors.New("tlog: no verifier keys")

// add takes all keys of a text, or none.
func (k *Keys) add(text string) error {
	var logs, witnesses []note.Verifier
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if v, err := note.NewVerifier(line); err == nil {
			logs = append(logs, v)
			continue
		}
		v, err := fnote.NewVerifierForCosignatureV1(line)
		if err != nil {
			return errNoKeys
		}
		witnesses = append(witnesses, v)
	}
	if len(logs)+len(witnesses) == 0 {
		return errNoKeys
	}
	k.Logs, k.Witnesses = append(k.Logs, logs...), append(k.Witnesses, witnesses...)
	return nil
}
