package main

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"yiwang/app"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/credential/trustlist"
)

// An operator's day with other regions' lists, on the command line.
func TestTrustCommands(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	data := filepath.Join(dir, "data")
	a, err := app.New(ctx, app.Options{City: jianghai, Data: data})
	ok(t, err)
	ok(t, a.Stop())
	key := func(use string) credential.Signer {
		t.Helper()
		f, err := credential.OpenKeys(filepath.Join(dir, use))
		ok(t, err)
		s, err := f.Create(credential.EdDSA, use, time.Now().AddDate(0, 0, -30))
		ok(t, err)
		return s
	}
	anchor, lists, issuer := key("省里"), key("江北市"), key("江北市的证照")
	name := city.Text{ZhHans: "江北市", En: "Jiangbei"}
	list := trustlist.Issuers{Head: trustlist.Head{Sequence: 1, Issued: time.Now().Add(-time.Hour), Next: time.Now().Add(time.Hour)}, Region: "9902", Name: name, ListKeys: [][]byte{lists.Certificate()},
		Keys: []trustlist.IssuerKey{{Key: issuer.Certificate(), Algorithm: credential.EdDSA, From: time.Now().AddDate(0, 0, -30), Licences: []trustlist.Licence{{Code: "11990100MB0000011X012", Name: name}}}}}
	signed := func() []byte {
		t.Helper()
		raw, err := trustlist.SignIssuers(ctx, lists, list)
		ok(t, err)
		return raw
	}
	served := signed()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if served == nil {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		_, _ = w.Write(served)
	}))
	defer srv.Close()
	regions, err := trustlist.SignRegions(ctx, anchor, trustlist.Regions{Head: trustlist.Head{Sequence: 1, Issued: time.Now(), Next: time.Now().AddDate(1, 0, 0)}, Authority: city.Text{ZhHans: "省数据局", En: "The province"},
		Regions: []trustlist.Region{{Code: "9902", Name: name, Address: srv.URL + "/trust/list", Since: time.Now().AddDate(0, 0, -30), Keys: []trustlist.ListKey{{Key: lists.Certificate(), From: time.Now().AddDate(0, 0, -30)}}}}})
	ok(t, err)
	write := func(name string, raw []byte) string {
		t.Helper()
		file := filepath.Join(dir, name)
		ok(t, os.WriteFile(file, raw, 0o600))
		return file
	}
	regionsFile, firstFile := write("regions.jws", regions), write("first.jws", served)
	anchorFile := write("anchor.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: anchor.Certificate()}))
	at := func(args ...string) []string { return append(append([]string{"trust"}, args...), "--data", data) }
	has := func(out string, all ...string) {
		t.Helper()
		for _, want := range all {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing: %s", want, out)
			}
		}
	}

	has(good(t, at("show")...), "No other region is known yet")
	refused(t, "No anchor that we know", at("import", regionsFile, "--yes")...)
	refused(t, "no signed trust list", at("import", anchorFile, "--yes")...)
	refused(t, "no file", at("import", filepath.Join(dir, "none"), "--yes")...)
	refused(t, "neither a certificate", at("import", regionsFile, "--yes", "--anchor", regionsFile)...)
	has(good(t, at("import", regionsFile, "--yes", "--anchor", anchorFile)...), "+ Jiangbei (9902) is new", "was taken")
	has(good(t, at("show")...), "its list has not come yet")
	if s := yiwang(t, at("import", firstFile)...); s.code != exitFound || !strings.Contains(s.out, "Take it?") { // nobody says yes
		t.Errorf("not asked: %+v", s)
	}
	has(good(t, at("refresh")...), "Jiangbei: took number 1", "is new and may sign 1 sort")
	has(good(t, at("import", firstFile, "--yes")...), "It is there already")
	list.Sequence, list.Keys[0].Retired, list.Issued, list.Next = 2, time.Now().AddDate(0, 0, -1), time.Now().Add(-time.Minute), time.Now().Add(-time.Second)
	served = signed()
	var imported struct {
		News    bool
		Changes []struct{ Sort, Text string }
	}
	into(t, good(t, at("import", srv.URL, "--yes", "--json")...), &imported)
	if !imported.News || len(imported.Changes) != 1 || imported.Changes[0].Sort != "changed" {
		t.Errorf("%+v", imported)
	}
	refused(t, "never replaces a newer", at("import", firstFile, "--yes")...)
	served = nil
	if s := yiwang(t, at("refresh")...); s.code != exitFound || !strings.Contains(s.out, "The last good list stays in use") {
		t.Errorf("away: %+v", s)
	}
	has(good(t, at("show")...), "a newer list was due", "no newer list can be had since", "502")
	has(good(t, at("history")...), "is retired since", "Jiangbei (9902) is new")

	export := filepath.Join(dir, "export")
	has(good(t, at("export", export)...), "yiwang verify")
	n, err := credential.NewNumber(credential.NumberParts{Type: "11990100MB0000011X012", Issuer: "11990100MB0000011X", Serial: "20260000403", Version: 1})
	ok(t, err)
	code := func(day int) string {
		t.Helper()
		made := time.Now().AddDate(0, 0, day)
		code, err := credential.Encode(ctx, issuer, credential.Claims{City: "9902", Number: n, Name: name, Issuer: name, Issued: city.DateOf(made), From: city.DateOf(made), SignedAt: made, Begins: made})
		ok(t, err)
		return code
	}
	has(good(t, "verify", code(-10), "--trust", export), "Valid", "Jiangbei (9902), by its trust list of", "past the time for a newer one")
	if s := yiwang(t, "verify", code(0), "--trust", export); s.code != exitFound || s.err != "" {
		t.Errorf("signed with a retired key: %+v", s)
	}
	refused(t, "names 9909", at("drop", "9909")...)
	has(good(t, at("drop", "9902")...), "Nothing of 9902 is believed")
	has(good(t, at("show")...), "not believed since")

	id := ""
	for _, k := range a.Credentials.Trust().Keys() {
		id = k.ID().String()
	}
	has(good(t, at("withdraw", id, "--compromised")...), id)
	refused(t, "no key", at("withdraw", "0011223344556677")...)

	// another city that has no anchor above it: by its fingerprint
	list.Region, list.Sequence, list.Next = "9903", 9, time.Now().Add(time.Hour)
	served = signed()
	if s := yiwang(t, at("meet", srv.URL)...); s.code != exitUsage || !strings.Contains(s.out, trustlist.Fingerprint(lists.Certificate())) {
		t.Errorf("met without a yes: %+v", s)
	}
	has(good(t, at("meet", srv.URL, "--yes")...), "can be checked here from now on")
	list.Region = "9901"
	served = signed()
	refused(t, "our own division code", at("meet", srv.URL, "--yes")...)
	refused(t, "no address", at("meet", "ftp://x", "--yes")...)
}
