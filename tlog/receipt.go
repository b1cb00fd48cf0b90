package tlog

import (
	"bytes"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	merkle "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"yiwang/city"
)

// receiptHead begins every receipt (c2sp.org/tlog-proof).
const receiptHead = "c2sp.org/tlog-proof@v1\n"

// MaxReceipt is how long a receipt may be, in bytes.
const MaxReceipt = 128 << 10

// maxPath is the longest proof that a log can need: one hash for each level.
const maxPath = 63

// LooksLikeReceipt says whether a text claims to be a receipt. Line ends and blanks
// that programs add around it don't matter.
func LooksLikeReceipt(text string) bool {
	return strings.HasPrefix(tidy(text), receiptHead)
}

func tidy(text string) string {
	if len(text) > 2*MaxReceipt {
		return text
	}
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	return strings.TrimRight(strings.TrimLeft(text, " \t\n"), " \t\n") + "\n"
}

// Reason is why the check of a receipt ended as it did. The list is closed; a
// program may rely on it, and the catalogue has a sentence for each.
type Reason string

const (
	ReasonOK            Reason = "ok"              // everything holds
	ReasonDamaged       Reason = "damaged"         // begins like a receipt and can't be read to its end
	ReasonUnknownLog    Reason = "unknown_log"     // no trusted key is of the log it names
	ReasonBadSignature  Reason = "bad_signature"   // the log has not signed this checkpoint
	ReasonNotInLog      Reason = "not_in_log"      // the proof doesn't lead from the statement to the checkpoint
	ReasonNoStatement   Reason = "no_statement"    // the receipt says nothing that could be looked for
	ReasonFewWitnesses  Reason = "few_witnesses"   // fewer trusted witnesses have signed than were asked for
	ReasonNotYetWritten Reason = "from_the_future" // its time is later than the checker's clock allows
)

// Reasons are all of them.
var Reasons = []Reason{ReasonOK, ReasonDamaged, ReasonUnknownLog, ReasonBadSignature, ReasonNotInLog, ReasonNoStatement, ReasonFewWitnesses, ReasonNotYetWritten}

// Say is the reason as a sentence.
func (r Reason) Say(l city.Lang) string { return city.Say(l, "tlog.reason."+string(r)) }

// Checked is what the check of a receipt found.
type Checked struct {
	Valid     bool        `json:"valid"`
	Kind      string      `json:"kind"` // always "receipt"
	Reason    Reason      `json:"reason"`
	Statement *Statement  `json:"statement,omitempty"` // only what a trusted log vouches for
	Log       string      `json:"log,omitempty"`       // the origin of the log
	Index     uint64      `json:"index"`
	Size      uint64      `json:"size"` // of the log at the checkpoint
	Witnesses []Witnessed `json:"witnesses"`
}

// Witnessed says which trusted witness has seen the checkpoint, and when.
type Witnessed struct {
	Name string    `json:"name"`
	At   time.Time `json:"at"`
}

// KindReceipt is the Kind of every Checked.
const KindReceipt = "receipt"

// skew is how far the log's clock may run ahead of the checker's.
const skew = 5 * time.Minute

// Verify checks a receipt with the keys, as of a moment, and with nothing else. It
// never fails: what can't be checked has a reason too.
func Verify(text string, keys Keys, at time.Time) Checked {
	r := Checked{Kind: KindReceipt, Reason: ReasonDamaged, Witnesses: []Witnessed{}}
	text = tidy(text)
	if len(text) > MaxReceipt {
		return r
	}
	var p proof.TLogProof
	if err := p.Unmarshal([]byte(text)); err != nil || len(p.Hashes) > maxPath {
		return r
	}
	cp, n, reason := keys.open(p.Checkpoint)
	if reason != ReasonOK {
		r.Reason = reason
		return r
	}
	r.Log, r.Index, r.Size = cp.Origin, p.Index, cp.Size
	d, err := ParseDisclosure(p.ExtraData)
	if err != nil {
		r.Reason = ReasonNoStatement
		return r
	}
	entry := d.Commitment()
	path := make([][]byte, len(p.Hashes))
	for i := range p.Hashes {
		path[i] = p.Hashes[i][:]
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(entry[:])
	if !included(p.Index, cp.Size, leaf, path, cp.Hash) {
		r.Reason = ReasonNotInLog
		return r
	}
	s, err := d.Statement()
	if err != nil {
		r.Reason = ReasonNoStatement
		return r
	}
	r.Statement, r.Witnesses = &s, keys.witnessed(n)
	switch {
	case s.At.After(at.Add(skew)):
		r.Reason = ReasonNotYetWritten
	case len(r.Witnesses) < keys.Quorum:
		r.Reason = ReasonFewWitnesses
	default:
		r.Reason, r.Valid = ReasonOK, true
	}
	return r
}

// included says whether the path leads from the leaf to the root (RFC 9162, 2.1.3.2).
func included(index, size uint64, leaf []byte, path [][]byte, root []byte) bool {
	return merkle.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaf, path, root) == nil
}

// Keys are the logs and witnesses that a checker trusts.
type Keys struct {
	Logs      []note.Verifier // Ed25519, by origin
	Witnesses []note.Verifier // cosignature/v1
	Quorum    int             // how many of Witnesses have to have signed; 0 is none
}

// open finds who signed a checkpoint. A note of a log that isn't trusted is another
// answer than a false signature in the name of one that is.
func (k Keys) open(checkpoint []byte) (*log.Checkpoint, *note.Note, Reason) {
	origin, _, ok := bytes.Cut(checkpoint, []byte("\n"))
	if !ok {
		return nil, nil, ReasonDamaged
	}
	reason := ReasonUnknownLog
	for _, v := range k.Logs { // a log whose key was changed stands here more than once
		if v.Name() != string(origin) {
			continue
		}
		cp, _, n, err := log.ParseCheckpoint(checkpoint, v.Name(), v, k.Witnesses...)
		if err == nil {
			return cp, n, ReasonOK
		}
		reason = ReasonBadSignature
	}
	return nil, nil, reason
}

// witnessed lists the cosignatures of trusted witnesses on a note that was opened
// with Keys, each witness once.
func (k Keys) witnessed(n *note.Note) []Witnessed {
	out := []Witnessed{}
	seen := map[string]bool{}
	for _, s := range n.Sigs {
		for _, v := range k.Witnesses {
			if v.Name() != s.Name || v.KeyHash() != s.Hash || seen[s.Name] {
				continue
			}
			if at, err := fnote.CoSigV1Timestamp(s); err == nil {
				seen[s.Name] = true
				out = append(out, Witnessed{Name: s.Name, At: at.UTC()})
			}
		}
	}
	return out
}
