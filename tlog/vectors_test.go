package tlog

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/transparency-dev/formats/log"
)

// vectors reads the published proofs, good and bad.
func vectors[T any](t *testing.T, kind string, check func(name string, v T)) {
	dir := filepath.Join("..", "..", "shared", "data", "merkle", kind)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("YIWANG_REQUIRE_SHARED") == "1" {
			t.Fatal(err)
		}
		t.Skip("the published proofs lie beside the project, and not here")
	}
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".json") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
		n++
		check(path, v)
		return nil
	})
	if err != nil || n < 50 {
		t.Errorf("%d proofs, %v", n, err)
	}
}

func TestPublishedInclusionProofs(t *testing.T) {
	type vector struct {
		LeafIdx, TreeSize uint64
		Root, LeafHash    []byte
		Proof             [][]byte
		WantErr           bool
	}
	vectors(t, "inclusion", func(name string, v vector) {
		if got := included(v.LeafIdx, v.TreeSize, v.LeafHash, v.Proof, v.Root); got == v.WantErr {
			t.Errorf("%s: included %v", name, got)
		}
	})
}

// A witness signs where the proof holds, and nowhere else.
func TestPublishedConsistencyProofs(t *testing.T) {
	type vector struct {
		Size1, Size2 uint64
		Root1, Root2 []byte
		Proof        [][]byte
		WantErr      bool
	}
	vectors(t, "consistency", func(name string, v vector) {
		if v.Size1 == 0 {
			return // whoever asks for the first time has nothing to have grown out of
		}
		refused, _ := judge(witnessRow{size: v.Size1, root: v.Root1}, v.Size1, &log.Checkpoint{Size: v.Size2, Hash: v.Root2}, v.Proof)
		if (refused != nil) != v.WantErr {
			t.Errorf("%s: refused %+v", name, refused)
		}
	})
}
