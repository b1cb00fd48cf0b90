package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"yiwang/credential"
	"yiwang/credential/scan"
)

// dccFile is a file of the Union's test data for health certificates.
type dccFile struct {
	Text    string `json:"PREFIX"`
	Picture []byte `json:"2DCODE"`
	Context struct {
		Certificate string `json:"CERTIFICATE"`
		Clock       string `json:"VALIDATIONCLOCK"`
	} `json:"TESTCTX"`
	Expected map[string]bool `json:"EXPECTEDRESULTS"`

	name string // below the folder of the data
}

// dccReasons are the flags that decide whether a code is good, each with what the
// checker answers where it is false. The others are about the issuer's side, or
// about the schema, which decides nothing.
var dccReasons = map[string][]credential.Reason{
	"EXPECTEDPICTUREDECODE":   {credential.ReasonNotACode, credential.ReasonNoQRCode},
	"EXPECTEDUNPREFIX":        {credential.ReasonNotACode},
	"EXPECTEDB45DECODE":       {credential.ReasonDamaged},
	"EXPECTEDCOMPRESSION":     {credential.ReasonDamaged},
	"EXPECTEDDECODE":          {credential.ReasonDamaged, credential.ReasonUnsupported},
	"EXPECTEDVERIFY":          {credential.ReasonUnknownSigner, credential.ReasonBadSignature, credential.ReasonWrongAlgorithm, credential.ReasonDamaged},
	"EXPECTEDKEYUSAGE":        {credential.ReasonNotEntitled},
	"EXPECTEDEXPIRATIONCHECK": {credential.ReasonExpired, credential.ReasonNotYetValid},
}

// dccException is a fault of the test data that is proved.
type dccException struct {
	File   string
	Reason credential.Reason // what the checker answers, and rightly
	Proof  string

	used bool
}

type dccExceptions struct{ Codes, Pictures []dccException }

func dccKnown(t *testing.T, own bool) (x dccExceptions) {
	t.Helper()
	if own {
		raw, err := os.ReadFile(filepath.Join("testdata", "dcc-exceptions.yaml"))
		ok(t, err)
		ok(t, yaml.Unmarshal(raw, &x))
	}
	return x
}

// exceptionFor finds the exception for a file, and notes that it was asked for.
func exceptionFor(list []dccException, name string) *dccException {
	for i := range list {
		if filepath.FromSlash(list[i].File) == name {
			list[i].used = true
			return &list[i]
		}
	}
	return nil
}

func allUsed(t *testing.T, list []dccException) {
	t.Helper()
	for _, x := range list {
		if !x.used || x.Proof == "" {
			t.Errorf("the exception for %s is about nothing, or proves nothing", x.File)
		}
	}
}

// dccData is the folder of the test data; YIWANG_DCC names another one of the same
// shape, for which no exceptions are known.
func dccData(t *testing.T) (dir string, own bool) {
	t.Helper()
	if dir = os.Getenv("YIWANG_DCC"); dir != "" {
		return dir, false
	}
	dir = filepath.Join("..", "..", "..", "shared", "data", "dcc")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the outside test data are not here: %v", err)
	}
	return dir, true
}

func dccFiles(t *testing.T, dir string) (files []dccFile, pictures []string) {
	t.Helper()
	ok(t, filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		switch strings.ToLower(filepath.Ext(name)) {
		case ".png", ".jpg", ".jpeg":
			pictures = append(pictures, name)
		case ".json":
			raw, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			var f dccFile
			raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
			if !bytes.Contains(raw, []byte(`"EXPECTEDRESULTS"`)) {
				return nil
			}
			if err := json.Unmarshal(raw, &f); err != nil {
				t.Errorf("%s: %v", name, err)
				return nil
			}
			f.name, _ = filepath.Rel(dir, name)
			files = append(files, f)
		}
		return nil
	}))
	return files, pictures
}

// What the command answers to a file's code, with the file's certificate in the
// trust folder and at the file's time.
func (f *dccFile) verify(t *testing.T, text string) (code int, r credential.Result) {
	t.Helper()
	dir := t.TempDir()
	der, err := base64.StdEncoding.DecodeString(f.Context.Certificate)
	if err != nil || len(der) == 0 {
		t.Fatalf("%s has no certificate: %v", f.name, err)
	}
	ok(t, os.WriteFile(filepath.Join(dir, "signer.der"), der, 0o600))
	args := []string{"verify", text, "--trust", dir, "--json"}
	at := time.Now()
	if f.Context.Clock != "" {
		if at, err = moment(f.Context.Clock); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		args = append(args, "--at", f.Context.Clock)
	}
	s := yiwang(t, args...)
	if err := json.Unmarshal([]byte(s.out), &r); err != nil {
		t.Fatalf("%s: exit %d, %s%s", f.name, s.code, s.out, s.err)
	}
	if s.err != "" {
		t.Errorf("%s: %s", f.name, s.err)
	}
	if text == f.Text {
		trust := credential.NewTrust()
		ok(t, trust.AddCertificate("signer", der))
		if v := credential.Verify(f.Text, trust, at); v.Valid != r.Valid || v.Reason != r.Reason || !slices.Equal(v.Warnings, r.Warnings) {
			t.Errorf("%s: the command says %s, Verify says %s", f.name, r.Reason, v.Reason)
		}
	}
	return s.code, r
}

// Every file of the Union's test data is judged as it wants: flags that it has
// decide, the schema warns.
func TestHealthCertificatesOfTheUnion(t *testing.T) {
	dir, own := dccData(t)
	exceptions := dccKnown(t, own).Codes
	files, _ := dccFiles(t, dir)
	valid := 0
	for _, f := range files {
		text := f.Text
		if good, said := f.Expected["EXPECTEDPICTUREDECODE"]; said && !good {
			text = filepath.Join(t.TempDir(), "picture")
			ok(t, os.WriteFile(text, f.Picture, 0o600))
		}
		code, r := f.verify(t, text)
		if (code == 0) != r.Valid || code > exitFound {
			t.Errorf("%s: exit %d with %+v", f.name, code, r)
		}
		if r.Valid {
			valid++
		}
		want, bad := true, []credential.Reason(nil)
		for flag, reasons := range dccReasons {
			if good, said := f.Expected[flag]; said && !good {
				want, bad = false, append(bad, reasons...)
			}
		}
		asWanted := r.Valid == want && (want || slices.Contains(bad, r.Reason))
		if x := exceptionFor(exceptions, f.name); x != nil {
			if asWanted {
				t.Errorf("%s: the exception isn't needed any more", f.name)
			}
			asWanted = r.Reason == x.Reason
		}
		if !asWanted {
			t.Errorf("%s: %s %v, wanted valid %v, %v", f.name, r.Reason, r.Warnings, want, bad)
		}
		if keeps, said := f.Expected["EXPECTEDSCHEMAVALIDATION"]; said && r.Health != nil {
			if warned := slices.Contains(r.Warnings, credential.WarnSchema); warned == keeps || warned != (len(r.Health.Findings) > 0) {
				t.Errorf("%s: keeps to the schema %v, found %v", f.name, keeps, r.Health.Findings)
			}
		}
	}
	allUsed(t, exceptions)
	if own && (len(files) < 100 || valid < 75) {
		t.Errorf("%d files, %d of them valid: something is missing", len(files), valid)
	}
	t.Logf("%d files, %d valid, %d exceptions", len(files), valid, len(exceptions))
}

// The pictures of the test data hold the codes of the files beside them.
func TestPicturesOfTheUnion(t *testing.T) {
	dir, own := dccData(t)
	exceptions := dccKnown(t, own).Pictures
	files, pictures := dccFiles(t, dir)
	texts, tried := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		country, _, _ := strings.Cut(f.name, string(filepath.Separator))
		texts[country+f.Text] = true
		if _, said := f.Expected["EXPECTEDPICTUREDECODE"]; !said || len(f.Picture) == 0 {
			continue
		}
		text, err := scan.Read(f.Picture)
		want := f.Expected["EXPECTEDPICTUREDECODE"]
		if (err == nil) != want || want && text != f.Text {
			t.Errorf("%s: %v, %q", f.name, err, text)
		}
		if want && !tried[country] { // the command reads it as well
			tried[country] = true
			name := filepath.Join(t.TempDir(), "code.png")
			ok(t, os.WriteFile(name, f.Picture, 0o600))
			code, r := f.verify(t, name)
			if again, byText := f.verify(t, f.Text); code != again || r.Reason != byText.Reason {
				t.Errorf("%s: exit %d by picture, %d by text", f.name, code, again)
			}
		}
	}
	for _, p := range pictures {
		name, _ := filepath.Rel(dir, p)
		raw, err := os.ReadFile(p)
		ok(t, err)
		text, err := scan.Read(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		country, _, _ := strings.Cut(name, string(filepath.Separator))
		if known := texts[country+text]; known == (exceptionFor(exceptions, name) != nil) {
			t.Errorf("%s holds the code of a file: %v", name, known)
		}
	}
	allUsed(t, exceptions)
	if own && len(pictures) < 50 {
		t.Errorf("%d pictures: something is missing", len(pictures))
	}
}
