package tlog

import (
	"bytes"
	"testing"
	"testing/fstest"
	"time"
)

// What stands behind a receipt's proof is bytes of whoever hands it over.
func FuzzDisclosure(f *testing.F) {
	d, err := disclose(Statement{Type: "case.opened", Subject: "JH-2026-000001-7", At: time.Date(2026, 11, 28, 2, 0, 0, 0, time.UTC)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(d.Bytes())
	f.Add(bytes.Repeat([]byte{0}, saltLen+1))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDisclosure(b)
		if err != nil {
			return
		}
		if !bytes.Equal(d.Bytes(), b) {
			t.Errorf("%x became %x", b, d.Bytes())
		}
		if s, err := d.Statement(); err == nil && (s.Type == "" || s.At.IsZero() || Said(s.Type) == "") {
			t.Errorf("%+v", s)
		}
	})
}

// Key files and checkpoints come from other cities.
func FuzzKeys(f *testing.F) {
	key, err := NewKey("city.example/log")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("# ours\n"+key.Public+"\n", []byte("city.example/log\n1\nAAAA\n\n— city.example/log AAAA\n"))
	f.Add("x+y+z", []byte("\n\n"))
	f.Fuzz(func(t *testing.T, text string, checkpoint []byte) {
		keys, taken, err := LoadKeys(fstest.MapFS{"keys.txt": {Data: []byte(text)}})
		if err != nil || taken["keys.txt"] != (len(keys.Logs)+len(keys.Witnesses) > 0) {
			t.Errorf("%v %v %+v", err, taken, keys)
		}
		if cp, _, reason := keys.open(checkpoint); (reason == ReasonOK) != (cp != nil) {
			t.Errorf("%s, and %+v", reason, cp)
		}
	})
}
