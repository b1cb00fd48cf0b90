package tlog

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"yiwang/city"
)

// Statement is what an entry of the log stands for: codes, times and numbers of one
// event of the journal, never a name or a text that somebody wrote.
type Statement struct {
	Type    string          `json:"type"`             // of the event, such as "case.opened"
	Subject string          `json:"subject"`          // the number or id of what it happened to
	At      time.Time       `json:"at"`               // when, to the microsecond
	Body    city.BodyID     `json:"body,omitempty"`   // the office that acted
	Facts   json.RawMessage `json:"facts,omitempty"`  // what anybody may see of it, and some codes; of very many their SHA-256
	Sealed  []byte          `json:"sealed,omitempty"` // SHA-256 over salt and personal values that lie in the journal
}

// Bounds of what a receipt may carry, in bytes.
const (
	saltLen      = 32
	maxStatement = 32 << 10
	maxFacts     = 24 << 10 // beyond it a statement has only the facts' SHA-256
)

// Disclosure is what opens an entry: the salt, and the statement byte by byte.
type Disclosure struct {
	salt [saltLen]byte
	text []byte
}

// disclose makes the statement's text and a salt for it.
func disclose(s Statement) (Disclosure, error) {
	var d Disclosure
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return d, err
	}
	d.text = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(d.text) > maxStatement {
		return d, fmt.Errorf("tlog: a statement about %s has %d bytes, at most %d are allowed", s.Subject, len(d.text), maxStatement)
	}
	_, _ = rand.Read(d.salt[:])
	return d, nil
}

// commitLabel keeps a commitment from being taken for a hash of something else.
const commitLabel = "yiwang statement v1\n"

// Commitment is the entry of the log: SHA-256 over a label, the salt and the
// statement. Without the salt it can't be guessed from the statement.
func (d Disclosure) Commitment() [sha256.Size]byte {
	h := sha256.New()
	h.Write([]byte(commitLabel))
	h.Write(d.salt[:])
	h.Write(d.text)
	return [sha256.Size]byte(h.Sum(nil))
}

// Statement reads the statement. It is as hostile as whoever handed it over until
// its commitment was found in a log.
func (d Disclosure) Statement() (s Statement, err error) {
	dec := json.NewDecoder(bytes.NewReader(d.text))
	if err = dec.Decode(&s); err == nil && dec.More() {
		err = errors.New("something follows the statement")
	}
	if err == nil && (s.Type == "" || s.At.IsZero()) {
		err = errors.New("the statement lacks its type or its time")
	}
	return s, err
}

// Bytes are the salt followed by the statement.
func (d Disclosure) Bytes() []byte { return append(d.salt[:], d.text...) }

// ParseDisclosure is the inverse of Bytes.
func ParseDisclosure(b []byte) (Disclosure, error) {
	var d Disclosure
	if len(b) <= saltLen || len(b) > saltLen+maxStatement {
		return d, fmt.Errorf("a disclosure has %d bytes", len(b))
	}
	copy(d.salt[:], b)
	d.text = bytes.Clone(b[saltLen:])
	return d, nil
}

// Said is the key of the catalogue's sentence for a sort of statement: its own, or
// that of its noun.
func Said(typ string) string {
	noun, _, _ := strings.Cut(typ, ".")
	for _, name := range []string{typ, noun} {
		if _, ok := city.LookupText("tlog.said." + name); ok {
			return "tlog.said." + name
		}
	}
	return "tlog.said.other"
}
