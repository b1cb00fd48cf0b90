package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"yiwang/city"
)

// Spool is a channel that writes each message into a file of its own, for a
// gateway that fetches them, and for a demonstration where nobody has a phone.
// A message that is sent again finds its file and is not written twice.
type Spool struct {
	name string
	dir  string
}

// NewSpool makes the channel of that name ("sms"); the folder is made when needed.
func NewSpool(name, dir string) *Spool { return &Spool{name, dir} }

// Name is the channel's name.
func (s *Spool) Name() string { return s.name }

// spooled is a message as it lies in its file.
type spooled struct {
	ID   string    `json:"id"`
	At   time.Time `json:"at"`
	To   string    `json:"to"`
	Lang city.Lang `json:"lang"`
	Text string    `json:"text"`
}

// Send writes the message, whole or not at all.
func (s *Spool) Send(_ context.Context, m Message) error {
	if m.ID == "" || strings.ContainsAny(m.ID, `/\`) || strings.HasPrefix(m.ID, ".") {
		return fmt.Errorf("%w: a message called %q", ErrPermanent, m.ID)
	}
	raw, err := json.Marshal(spooled{m.ID, m.At, m.To, m.Lang, m.Text})
	if err != nil {
		return err
	}
	day := filepath.Join(s.dir, m.At.UTC().Format("2006-01-02"))
	if err := os.MkdirAll(day, 0o700); err != nil {
		return err
	}
	path := filepath.Join(day, m.ID+".json")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.CreateTemp(day, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(append(raw, '\n')); err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Latest reads the newest messages, newest first, at most n.
func (s *Spool) Latest(n int) ([]Message, error) {
	days, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Message
	for i := len(days) - 1; i >= 0 && len(out) < n; i-- {
		files, err := filepath.Glob(filepath.Join(s.dir, days[i].Name(), "*.json"))
		if err != nil {
			return nil, err
		}
		sort.Sort(sort.Reverse(sort.StringSlice(files))) // names begin with the time
		for _, f := range files[:min(len(files), n-len(out))] {
			raw, err := os.ReadFile(f)
			if err != nil {
				return nil, err
			}
			var m spooled
			if err := json.Unmarshal(raw, &m); err != nil {
				return nil, fmt.Errorf("%s: %w", f, err)
			}
			out = append(out, Message{ID: m.ID, At: m.At, To: m.To, Lang: m.Lang, Text: m.Text})
		}
	}
	return out, nil
}
