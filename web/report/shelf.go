package report

import (
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"
)

// shelf holds photos that were sent with a form which has to be sent once more, so
// that they need not be chosen again. They lie in memory, under names that can't
// be guessed, for half an hour or until others need the room; whoever comes later
// is asked to choose them again. It is safe for concurrent use.
type shelf struct {
	mu    sync.Mutex
	held  map[string]heldPhoto
	order []string // by age, the oldest first
	bytes int
}

type heldPhoto struct {
	jpeg []byte
	at   time.Time
}

const (
	shelfBytes = 32 << 20
	shelfTime  = 30 * time.Minute
)

func newShelf() *shelf { return &shelf{held: map[string]heldPhoto{}} }

// put keeps a photo and names it.
func (s *shelf) put(jpeg []byte, now time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	id := hex.EncodeToString(b[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[id] = heldPhoto{jpeg, now}
	s.order = append(s.order, id)
	s.bytes += len(jpeg)
	for len(s.order) > 1 && (s.bytes > shelfBytes || now.Sub(s.held[s.order[0]].at) >= shelfTime) {
		s.drop(s.order[0])
		s.order = s.order[1:]
	}
	return id
}

// get finds a photo; nil when it is gone.
func (s *shelf) get(id string, now time.Time) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.held[id]
	if !ok || now.Sub(h.at) >= shelfTime {
		return nil
	}
	return h.jpeg
}

func (s *shelf) drop(id string) {
	s.bytes -= len(s.held[id].jpeg)
	delete(s.held, id)
}
