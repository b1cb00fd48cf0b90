package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
