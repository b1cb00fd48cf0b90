package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"yiwang/city"
)

// Webhook is a channel to a program of somebody else's: each message is a POST of
// JSON to one address, which may pass it on as it likes. Its headers are
//
//	Yiwang-Message    the message's ID, the same for every try
//	Yiwang-Timestamp  seconds since 1970, when this try was made
//	Yiwang-Signature  "v1=" and HMAC-SHA256, in hex, of timestamp, ".", and body
//
// so that a receiver can tell that it comes from here, is fresh and is no repeat.
// Any 2xx is taken for delivered; 408, 425, 429 and 5xx are tried again; the rest
// is final. Redirects are not followed.
type Webhook struct {
	name   string
	url    string
	secret []byte
	client *http.Client
	now    func() time.Time
}

// shortestSecret is the least length of a shared secret in bytes.
const shortestSecret = 16

// NewWebhook makes the channel of that name. The address is https, or http on the
// same machine.
func NewWebhook(name, address string, secret []byte, clock city.Clock) (*Webhook, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, errors.New("notify: the webhook's address can't be read") // it may hold a secret
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !near(u.Hostname())) {
		return nil, errors.New("notify: a webhook's address must be https")
	}
	if len(secret) < shortestSecret {
		return nil, fmt.Errorf("notify: a webhook's secret has at least %d bytes", shortestSecret)
	}
	return &Webhook{name: name, url: address, secret: bytes.Clone(secret), now: clock.Now, client: &http.Client{
		Timeout:       sendTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Name is the channel's name.
func (h *Webhook) Name() string { return h.name }

// Send posts the message.
func (h *Webhook) Send(ctx context.Context, m Message) error {
	body, err := json.Marshal(struct {
		ID      string    `json:"id"`
		At      time.Time `json:"at"`
		To      string    `json:"to"`
		Lang    city.Lang `json:"lang"`
		Subject string    `json:"subject"`
		Text    string    `json:"text"`
	}{m.ID, m.At, m.To, m.Lang, m.Subject, m.Text})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	stamp := strconv.FormatInt(h.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Yiwang-Message", m.ID)
	req.Header.Set("Yiwang-Timestamp", stamp)
	req.Header.Set("Yiwang-Signature", "v1="+Sign(h.secret, stamp, body))
	resp, err := h.client.Do(req)
	if err != nil {
		return unreached(err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4096) // so that the connection serves again
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return fmt.Errorf("notify: the webhook's receiver answered %d", code)
	default:
		return fmt.Errorf("%w: the webhook's receiver answered %d", ErrPermanent, code)
	}
}

// Probe asks whether the receiver can be reached, by a HEAD that carries nothing;
// any answer will do.
func (h *Webhook) Probe(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, h.url, nil)
	if err != nil {
		return errors.New("notify: the webhook's address can't be read")
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return unreached(err)
	}
	return resp.Body.Close()
}

// unreached is the error of a request without the address, which may hold a secret.
func unreached(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("notify: webhook: %w", err)
}

// Sign is the signature of a body at a time stamp, in hex.
func Sign(secret []byte, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(stamp))
	mac.Write([]byte("."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
