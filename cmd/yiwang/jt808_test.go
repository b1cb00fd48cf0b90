package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"yiwang/city"
	"yiwang/fleet/jt808"
)

const heartbeat = "7e000200000139123456780001337e"

// Each frame is one line on standard output; a refused one makes the exit code 2
// and stops nothing.
func TestJT808Decode(t *testing.T) {
	s := yiwang(t, "jt808", "decode", heartbeat, "7e0002007e", heartbeat)
	lines := strings.Split(strings.TrimSpace(s.out), "\n")
	if s.code != exitUsage || len(lines) != 3 || !strings.Contains(s.err, "1 of 3 frames") || strings.Count(s.err, "\n") != 1 {
		t.Fatalf("%+v", s)
	}
	var view struct {
		ID    string `json:"msg_id"`
		Phone string
		Error struct{ Reason, Text string }
	}
	into(t, lines[1], &view)
	if view.Error.Reason != "header" || view.Error.Text == "" {
		t.Errorf("%+v", view)
	}
	view.Error.Reason = ""
	into(t, lines[2], &view)
	if view.ID != "0002" || view.Phone != "013912345678" || view.Error.Reason != "" {
		t.Errorf("%+v", view)
	}
	good(t, "jt808", "decode", heartbeat)
	refused(t, "1 of 1 frame could", "jt808", "decode", "zz")
	refused(t, "unknown flag", "jt808", "decode", "--zz")
}

func decoded(in io.Reader) (code int, out, errs string) {
	var o, x bytes.Buffer
	e := &env{ctx: context.Background(), in: in, out: &o, err: &x, lang: city.English}
	code = e.report((&decodeCmd{}).Run(e))
	return code, o.String(), x.String()
}

func TestJT808DecodeFromStandardInput(t *testing.T) {
	long := strings.Repeat("7e", jt808.MaxQuote)
	code, out, errs := decoded(strings.NewReader("\n" + heartbeat + "\r\n" + long + "\n  \n" + heartbeat))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitUsage || len(lines) != 3 || !strings.Contains(lines[0], "heartbeat") || !strings.Contains(lines[1], `"reason":"oversize"`) || lines[2] != lines[0] {
		t.Errorf("%d %.300s %s", code, out, errs)
	}
	if code, out, errs := decoded(strings.NewReader(heartbeat + "\n")); code != 0 || strings.Count(out, "\n") != 1 || errs != "" {
		t.Errorf("%d %s %s", code, out, errs)
	}
	if code, out, errs := decoded(strings.NewReader(" \n")); code != exitUsage || out != "" || !strings.Contains(errs, "no frame") {
		t.Errorf("nothing: %d %s %s", code, out, errs)
	}
	if code, _, errs := decoded(iotest.ErrReader(errors.New("broken"))); code != exitUsage || !strings.Contains(errs, "broken") {
		t.Errorf("a broken input: %d %s", code, errs)
	}
}

// Every frame of real terminals gives one object: its header, or the reason.
func TestJT808DecodesRealFrames(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "jt808", "frames.jsonl"))
	if err != nil {
		if os.Getenv("YIWANG_REQUIRE_SHARED") == "1" {
			t.Fatal(err)
		}
		t.Skip("the frames of real terminals are not beside the project")
	}
	defer f.Close()
	n := 0
	for rows := bufio.NewScanner(f); rows.Scan(); {
		n++
		var row struct {
			Hex      string
			Wire     string
			ID       string `json:"msg_id"`
			Phone    string
			V2019    bool
			Checksum bool `json:"checksum_ok"`
			Length   bool `json:"body_len_ok"`
		}
		ok(t, json.Unmarshal(rows.Bytes(), &row))
		for _, text := range []string{row.Wire, row.Hex} {
			if text == "" {
				continue
			}
			s := yiwang(t, "jt808", "decode", text)
			var view struct {
				ID    string `json:"msg_id"`
				Phone string
				V2019 bool
				Body  any
				Error *struct{ Reason string }
			}
			if strings.Count(s.out, "\n") != 1 {
				t.Fatalf("line %d: %s", n, s.out)
			}
			into(t, s.out, &view)
			if !row.Checksum || !row.Length {
				if s.code != exitUsage || view.Error == nil || view.Error.Reason == "" {
					t.Errorf("line %d was taken: %s", n, s.out)
				}
				continue
			}
			if s.code != 0 || view.Error != nil || view.ID != row.ID || view.Phone != row.Phone || view.V2019 != row.V2019 || view.Body == nil {
				t.Errorf("line %d: exit %d %s", n, s.code, s.out)
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d frames", n)
	}
}
