package app

import (
	"net/http/httptest"
	"net/netip"
	"testing"
)

// Nobody chooses the address that tries are counted by: without a proxy of ours the
// connection tells, behind one what it appended, and nothing before that.
func TestAddressCannotBeChosen(t *testing.T) {
	ours := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, tt := range []struct {
		proxies []netip.Prefix
		remote  string
		said    []string
		want    string
	}{
		{nil, "203.0.113.9:4711", nil, "203.0.113.9"},
		{nil, "203.0.113.9:4711", []string{"198.51.100.1"}, "203.0.113.9"},
		{nil, "[2001:db8::1]:4711", []string{"198.51.100.1"}, "2001:db8::1"},
		{ours, "203.0.113.9:4711", []string{"198.51.100.1"}, "203.0.113.9"},
		{ours, "10.0.0.1:4711", nil, "10.0.0.1"},
		{ours, "10.0.0.1:4711", []string{"203.0.113.9"}, "203.0.113.9"},
		{ours, "10.0.0.1:4711", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		{ours, "10.0.0.1:4711", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		{ours, "10.0.0.1:4711", []string{"198.51.100.1, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
		{ours, "[::1]:4711", []string{"198.51.100.1, nonsense"}, "::1"},
		{ours, "10.0.0.1:4711", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{ours, "10.0.0.1:4711", []string{"10.0.0.3"}, "10.0.0.3"},
	} {
		a := &App{Options: Options{Proxies: tt.proxies}}
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.remote
		for _, s := range tt.said {
			r.Header.Add("X-Forwarded-For", s)
		}
		if got := a.address(r); got != tt.want {
			t.Errorf("%s says %q: %s, want %s", tt.remote, tt.said, got, tt.want)
		}
	}
}
