package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"yiwang/credential/paper"
	"yiwang/tlog"
)

// What is no code is not valid (1); what can't be asked for is bad usage (2), in
// one line that names it.
func TestVerifyExitCodes(t *testing.T) {
	dir := t.TempDir()
	large, empty := filepath.Join(dir, "large"), filepath.Join(dir, "empty")
	ok(t, os.WriteFile(large, make([]byte, maxCode+1), 0o600))
	ok(t, os.WriteFile(empty, nil, 0o600))
	for _, tt := range []struct {
		args []string
		code int
	}{
		{[]string{"hello"}, exitFound},
		{[]string{""}, exitFound},
		{[]string{"YW1:ABC"}, exitFound},
		{[]string{strings.Repeat("9", 100_000)}, exitFound},
		{[]string{large}, exitFound},
		{[]string{empty}, exitFound},
		{[]string{"hello", "--trust", dir}, exitFound},
		{[]string{"hello", "--trust", filepath.Join(dir, "none")}, exitUsage},
		{[]string{"hello", "--trust", large}, exitUsage},
		{[]string{dir}, exitUsage},
		{[]string{"hello", "--at", "yesterday"}, exitUsage},
		{[]string{"hello", "--unknown"}, exitUsage},
		{nil, exitUsage},
	} {
		s := yiwang(t, append([]string{"verify"}, tt.args...)...)
		if s.code != tt.code || tt.code == exitUsage && strings.Contains(s.err, "stat .") {
			t.Errorf("verify %.60q: exit %d, want %d: %s%s", tt.args, s.code, tt.code, s.out, s.err)
		}
	}
	if s := yiwang(t, "check", filepath.Join(dir, "none")); s.code != exitUsage || strings.Count(s.err, "\n") != 1 || !strings.Contains(s.err, "none") {
		t.Errorf("check of nothing: %+v", s)
	}
	if s := yiwang(t, "check", dir); s.code != exitFound {
		t.Errorf("check of a folder that is no pack: %+v", s)
	}
}

// A picture is read like text; one without a code isn't valid, and says so.
func TestVerifyPictures(t *testing.T) {
	dir := t.TempDir()
	draw := func(name, text string) string {
		b, err := paper.QRPNG(text, 4)
		ok(t, err)
		name = filepath.Join(dir, name)
		ok(t, os.WriteFile(name, b, 0o600))
		return name
	}
	number := "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F"
	broken := filepath.Join(dir, "broken.png")
	ok(t, os.WriteFile(broken, []byte("\x89PNG\r\n\x1a\n"), 0o600))
	for _, c := range []struct{ file, reason string }{
		{draw("number.png", number), "number_only"},
		{draw("code.png", "HC1:ABC"), "damaged"},
		{draw("small.png", "HC1:ABC\n"), "qr_mode"},
		{broken, "no_qr_code"},
	} {
		if s := yiwang(t, "verify", c.file, "--json"); s.code != exitFound || !strings.Contains(s.out, `"reason":"`+c.reason+`"`) {
			t.Errorf("%s: exit %d, %s%s", c.file, s.code, s.out, s.err)
		}
	}
}

func TestMomentReadsISO8601(t *testing.T) {
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-11-27T20:00:00+08:00": noon, "2026-11-27T20:00+08:00": noon, "2026-11-27T20:00:00+0800": noon, "2026-11-27T20:00:00+08": noon,
		"2026-11-27T12:00:00Z": noon, "2026-11-27T12:00Z": noon, "20261127T120000Z": noon, "20261127T2000+0800": noon,
		"2026-11-27T12:00:00": noon, "2026-11-27T12:00": noon, "2026-11-27 12:00": noon, "20261127T120000": noon,
		"2026-11-27T12:00:00.5Z": noon.Add(500 * time.Millisecond), "2026-11-27": noon.Add(-12 * time.Hour), "20261127": noon.Add(-12 * time.Hour),
	} {
		if got, err := moment(text); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "now", "2026-13-01", "2026-02-30", "27.11.2026", "1764244800", "2026-11-27T25:00"} {
		if got, err := moment(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// receiptOf is the receipt of a statement in a log of one entry.
func receiptOf(t *testing.T, key *tlog.Key, s tlog.Statement) []byte {
	t.Helper()
	text, err := json.Marshal(s)
	ok(t, err)
	open, err := tlog.ParseDisclosure(append(make([]byte, 32), text...))
	ok(t, err)
	entry := open.Commitment()
	root := rfc6962.DefaultHasher.HashLeaf(entry[:])
	checkpoint, err := note.Sign(&note.Note{Text: key.Name() + "\n1\n" + base64.StdEncoding.EncodeToString(root) + "\n"}, key)
	ok(t, err)
	return proof.TLogProof{Checkpoint: checkpoint, ExtraData: open.Bytes()}.Marshal()
}

// A receipt needs the log's key in the trust folder, whatever else lies there.
func TestVerifyReceipt(t *testing.T) {
	dir := t.TempDir()
	key, err := tlog.NewKey("city.example/log")
	ok(t, err)
	receipt, false1 := filepath.Join(dir, "receipt.tlog-proof"), filepath.Join(dir, "false.tlog-proof")
	text := receiptOf(t, key, tlog.Statement{Type: "case.opened", Subject: "JH-2026-000001-7", At: time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC)})
	ok(t, os.WriteFile(receipt, text, 0o600))
	ok(t, os.WriteFile(false1, []byte(strings.Replace(string(text), "index 0", "index 1", 1)), 0o600))
	trust := filepath.Join(dir, "trust")
	ok(t, os.Mkdir(trust, 0o700))
	ok(t, os.WriteFile(filepath.Join(trust, "neighbours.txt"), []byte("# our neighbour\n"+key.Public+"\n"), 0o600))
	s := yiwang(t, "verify", receipt, "--trust", trust, "--at", "2026-11-28")
	if s.code != exitFound || !strings.Contains(s.out, "JH-2026-000001-7") || s.err != "" {
		t.Errorf("a receipt: %+v", s)
	}
	for typ, want := range map[string]string{"credential.revoked": "A licence was revoked", "data.used": "Somebody's data was used", "consent.given": "A person agreed",
		"algorithm.published": "The wording of a rule", "scorecard.published": "The figures of a month", "unheard.of": "An entry of the log"} {
		named := receiptOf(t, key, tlog.Statement{Type: typ, Subject: "x", At: time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC)})
		if s := yiwang(t, "verify", string(named), "--trust", trust, "--at", "2026-11-28T02:00:30Z"); s.code != 0 || !strings.Contains(s.out, want) {
			t.Errorf("%s: %+v", typ, s)
		}
	}
	if s := yiwang(t, "verify", receipt, "--trust", trust, "--at", "2026-11-28T02:00:30Z", "--json"); s.code != 0 || !strings.Contains(s.out, `"valid":true,"kind":"receipt","reason":"ok"`) {
		t.Errorf("for programs: %+v", s)
	}
	if s := yiwang(t, "verify", false1, "--trust", trust); s.code != exitFound {
		t.Errorf("a false one: %+v", s)
	}
	if s := yiwang(t, "verify", receipt); s.code != exitFound {
		t.Errorf("without a key: %+v", s)
	}
}
