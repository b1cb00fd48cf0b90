package check

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/veraison/go-cose"
	"pgregory.net/rapid"

	"yiwang/city"
	"yiwang/credential/packing"
)

func TestStatusBits(t *testing.T) {
	// The order of the standard's example for two bits: c9 44 f9 = 1,2,0,3,0,1,0,1,1,2,3,3.
	s := NewStatusBits(12)
	for i, v := range []ListStatus{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3} {
		s.Set(i, v)
	}
	if !bytes.Equal(s, []byte{0xc9, 0x44, 0xf9}) {
		t.Errorf("%x", []byte(s))
	}
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "states")
		s := NewStatusBits(len(want))
		for round := 0; round < 2; round++ { // setting twice changes nothing else
			for i, v := range want {
				s.Set(i, ListStatus(v&3))
			}
		}
		for i, v := range want {
			if s.At(i) != ListStatus(v&3) {
				t.Fatalf("entry %d is %d, want %d", i, s.At(i), v&3)
			}
		}
	})
}

func TestStatusListComesBack(t *testing.T) {
	for _, a := range Algorithms {
		s := testSigner(t, a)
		l := StatusList{URI: listURI, Statuses: NewStatusBits(ListLen), SignedAt: day, Expires: day.Add(24 * time.Hour), TTL: time.Hour}
		l.Statuses.Set(0, ListInvalid)
		l.Statuses.Set(ListLen-1, ListSuspended)
		token, err := EncodeStatusList(context.Background(), s, l)
		if err != nil {
			t.Fatal(err)
		}
		if len(token) > 1000 {
			t.Errorf("%d bytes for an almost empty list", len(token))
		}
		got, err := ParseStatusList(token, trusting(t, s))
		if err != nil {
			t.Fatal(err)
		}
		if got.URI != l.URI || !got.SignedAt.Equal(day) || got.TTL != time.Hour || !bytes.Equal(got.Statuses, l.Statuses) {
			t.Errorf("%+v", got)
		}
		for at, fresh := range map[time.Duration]bool{0: true, 59 * time.Minute: true, time.Hour: false, 25 * time.Hour: false} {
			if got.FreshAt(day.Add(at)) != fresh {
				t.Errorf("fresh after %v: %v", at, !fresh)
			}
		}
		wantError(t, "credential.list.untrusted", func() error {
			_, err := ParseStatusList(token, trusting(t, testSigner(t, a)))
			return err
		})
		token[len(token)-80] ^= 1
		wantError(t, "credential.list.untrusted", func() error { _, err := ParseStatusList(token, trusting(t, s)); return err })
	}
}

func TestBadStatusLists(t *testing.T) {
	s := testSigner(t, EdDSA)
	trust := trusting(t, s)
	good := wireList{URI: listURI, Signed: day.Unix(), List: wireBitmap{2, mustDeflate(make([]byte, 1024))}}
	for name, change := range map[string]func(*wireList){
		"three bits":        func(w *wireList) { w.List.Bits = 3 },
		"no name":           func(w *wireList) { w.URI = "" },
		"no entries":        func(w *wireList) { w.List.List = mustDeflate(nil) },
		"a bomb":            func(w *wireList) { w.List.List = mustDeflate(make([]byte, maxListLen*listBits/8+1)) },
		"no zlib":           func(w *wireList) { w.List.List = []byte("hello") },
		"cut short":         func(w *wireList) { w.List.List = w.List.List[:10] },
		"times of no clock": func(w *wireList) { w.Expires = 1 << 60 },
		"negative ttl":      func(w *wireList) { w.TTL = -5 },
	} {
		w := good
		change(&w)
		payload, err := encMode.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		token, err := signMessage(context.Background(), s, listType, payload)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseStatusList(token, trust); !isKey(err, "credential.list.malformed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	payload, err := encMode.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	untyped, err := signMessage(context.Background(), s, "", payload)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, "credential.list.malformed", func() error { _, err := ParseStatusList(untyped, trust); return err })
	wantError(t, "credential.list.malformed", func() error { _, err := ParseStatusList([]byte("hello"), trust); return err })
	wantError(t, "credential.list.malformed", func() error {
		_, err := ParseStatusList(make([]byte, maxListTokenLen+1), trust)
		return err
	})
	late := good
	late.Signed = day.AddDate(20, 0, 0).Unix() // the key is long out of use
	payload, err = encMode.Marshal(late)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signMessage(context.Background(), s, listType, payload)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, "credential.list.untrusted", func() error { _, err := ParseStatusList(token, trust); return err })
}

// The list's header says what it is, so that it can't pass for something else.
func TestStatusListIsTyped(t *testing.T) {
	s := testSigner(t, EdDSA)
	token, err := EncodeStatusList(context.Background(), s, StatusList{URI: listURI, Statuses: NewStatusBits(8), SignedAt: day})
	if err != nil {
		t.Fatal(err)
	}
	var m cose.Sign1Message
	if err := m.UnmarshalCBOR(token); err != nil {
		t.Fatal(err)
	}
	if typ := m.Headers.Protected[int64(16)]; typ != "application/statuslist+cwt" {
		t.Errorf("type %v", typ)
	}
}

func mustDeflate(b []byte) []byte {
	packed := packing.Compress(b)
	if len(b) > 0 && b[0] == 0 && len(b) > 1<<16 && len(packed) > len(b)/100 {
		panic("a bomb should be small")
	}
	return packed
}

func isKey(err error, key string) bool {
	var e *city.Error
	return errors.As(err, &e) && e.Message.Key == key
}

func wantError(t *testing.T, key string, f func() error) {
	t.Helper()
	if err := f(); !isKey(err, key) {
		t.Errorf("%v, want %s", err, key)
	}
}

// Lists of others may have other widths.
func TestStatusListsOfOtherWidths(t *testing.T) {
	for bits, plain := range map[int][]byte{1: {0b10}, 2: {0b0100}, 4: {0x10}, 8: {0, 1}} {
		if got := twoBits(plain, bits); got.At(0) != ListValid || got.At(1) != ListInvalid {
			t.Errorf("%d bits: %v", bits, got)
		}
	}
	if got := twoBits([]byte{2, 200}, 8); got.At(0) != ListSuspended || got.At(1) != listReserved {
		t.Errorf("states of the issuer's own: %v", got)
	}
}

func TestStatusListAsJWT(t *testing.T) {
	for _, a := range Algorithms {
		s := testSigner(t, a)
		l := StatusList{URI: listURI, Statuses: NewStatusBits(ListLen), SignedAt: day, Expires: day.Add(24 * time.Hour), TTL: 12 * time.Hour}
		l.Statuses.Set(70001, ListSuspended)
		token, err := EncodeStatusListJWT(t.Context(), s, l)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseStatusList(token, trusting(t, s))
		if err != nil || got.Statuses.At(70001) != ListSuspended || got.Statuses.Len() != ListLen || !got.SignedAt.Equal(day) || got.TTL != l.TTL || !got.Expires.Equal(l.Expires) {
			t.Errorf("%s: %+v, %v", a, got, err)
		}
		if _, err := ParseStatusList(token, trusting(t, testSigner(t, a))); !isKey(err, "credential.list.untrusted") {
			t.Errorf("%s: signed by a stranger: %v", a, err)
		}
		for _, bad := range []string{"eyJ", "eyJ.eyJ.eyJ", string(token[:len(token)/2])} {
			if _, err := ParseStatusList([]byte(bad), trusting(t, s)); err == nil {
				t.Errorf("%s: %.20q was taken", a, bad)
			}
		}
	}
}
