package alert

import "sync"

// wakes tells those who show alerts that something has changed.
type wakes struct {
	mu   sync.Mutex
	list map[chan struct{}]struct{}
}

// Changes gives a channel that receives after each commit of this process that
// changed an alert; several may be one signal. Call the function when done. What
// another process commits gives no signal.
func (w *wakes) Changes() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.list == nil {
		w.list = map[chan struct{}]struct{}{}
	}
	w.list[c] = struct{}{}
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.list, c)
	}
}

func (w *wakes) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.list {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
