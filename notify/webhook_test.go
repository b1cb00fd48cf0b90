package notify_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"yiwang/city"
	"yiwang/notify"
)

var secret = bytes.Repeat([]byte("s"), 32)

// receiver checks signatures by the words of the documentation, not with our Sign.
type receiver struct {
	answers []int // one a call; 204 when they run out
	got     []map[string]string
	forged  int
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(q.Header.Get("Yiwang-Timestamp") + "." + string(body)))
	if q.Header.Get("Yiwang-Signature") != "v1="+hex.EncodeToString(mac.Sum(nil)) {
		r.forged++
		w.WriteHeader(http.StatusForbidden)
		return
	}
	var m map[string]string
	_ = json.Unmarshal(body, &m)
	m["header"], m["stamp"] = q.Header.Get("Yiwang-Message"), q.Header.Get("Yiwang-Timestamp")
	r.got = append(r.got, m)
	code := http.StatusNoContent
	if len(r.answers) > 0 {
		code, r.answers = r.answers[0], r.answers[1:]
	}
	if code == http.StatusFound {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(code)
}

func TestWebhook(t *testing.T) {
	clock := city.NewSetClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	r := &receiver{}
	server := httptest.NewServer(r)
	defer server.Close()
	h, err := notify.NewWebhook("webhook", server.URL+"/hook?token=abc", secret, clock)
	must(t, err)
	msg := notify.Message{ID: "n1.webhook", At: clock.Now(), To: "post:club", Lang: city.Chinese, Subject: "s", Text: "“预订球场”办完了"}
	must(t, h.Send(ctx, msg))
	if len(r.got) != 1 || r.got[0]["text"] != msg.Text || r.got[0]["header"] != msg.ID || r.got[0]["id"] != msg.ID || r.got[0]["stamp"] != "1772442000" {
		t.Fatalf("%v", r.got)
	}

	for code, final := range map[int]bool{302: true, 400: true, 404: true, 410: true, 408: false, 429: false, 500: false, 503: false} {
		r.answers = []int{code}
		if err := h.Send(ctx, msg); err == nil || errors.Is(err, notify.ErrPermanent) != final {
			t.Errorf("%d: %v", code, err)
		}
	}
	if r.forged != 0 {
		t.Errorf("%d with a wrong signature", r.forged)
	}
	wrong, err := notify.NewWebhook("webhook", server.URL, bytes.Repeat([]byte("x"), 32), clock)
	must(t, err)
	if err := wrong.Send(ctx, msg); err == nil || r.forged != 1 {
		t.Errorf("signed with another secret: %v", err)
	}
	server.Close()
	if err := h.Send(ctx, msg); err == nil || errors.Is(err, notify.ErrPermanent) || strings.Contains(err.Error(), "token") {
		t.Errorf("a receiver that is away: %v", err)
	}
}

func TestWebhookSettings(t *testing.T) {
	for _, bad := range []struct {
		url    string
		secret []byte
	}{{"http://example.org/hook", secret}, {"ftp://localhost/", secret}, {"https://u:p@example.org/", secret}, {"://", secret}, {"", secret}, {"https://example.org/", []byte("short")}} {
		if _, err := notify.NewWebhook("webhook", bad.url, bad.secret, city.WallClock{}); err == nil {
			t.Errorf("%q with %d bytes of secret was accepted", bad.url, len(bad.secret))
		}
	}
	if _, err := notify.NewWebhook("webhook", "https://example.org/hook", secret, city.WallClock{}); err != nil {
		t.Error(err)
	}
}
