package open311_test

import (
	"path/filepath"
	"testing"

	"yiwang/internal/story"
)

// The whole conversation of a client, in both formats.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) { story.Play(t, newDoor(&paperDesk{}), f, nil) })
	}
}
