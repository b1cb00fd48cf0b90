package pack

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestReadChannels(t *testing.T) {
	if s, found := ReadChannels(fstest.MapFS{}); len(found) > 0 || s.MailOn() || s.WebhookOn() {
		t.Errorf("without a file: %+v, %v", s, found)
	}
	s, found := ReadChannels(fstest.MapFS{ChannelsFile: {Data: []byte("mail: {host: mail.example, from: a@b.example}\n")}})
	if len(found) > 0 || !s.MailOn() || s.WebhookOn() || s.Mail.Host != "mail.example" {
		t.Errorf("%+v, %v", s, found)
	}
	if s, found := ReadChannels(os.DirFS("../docs")); len(found) > 0 || !s.MailOn() || !s.WebhookOn() {
		t.Errorf("the example of the documentation: %+v, %v", s, said(found))
	}
	for name, yaml := range map[string]string{"no YAML": "mail: [", "a bomb": "a: &a [x]\nmail: *a", "much": strings.Repeat("# \n", 1<<20), "no mapping": "- mail", "binary": "\x00\xff"} {
		if s, found := ReadChannels(fstest.MapFS{ChannelsFile: {Data: []byte(yaml)}}); len(found) == 0 || !strings.HasPrefix(found[0].String(), "channels.yaml:") {
			t.Errorf("%s: %+v, %v", name, s, said(found))
		}
	}
}
