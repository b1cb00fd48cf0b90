package notify_test

import (
	"context"
	"strings"
	"testing"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/internal/db/dbtest"
	"yiwang/journal"
	"yiwang/notify"
)

// Who reports without an account is told by the way they left, each once; who
// left none is put down as out of reach.
func TestReportersWithoutAccount(t *testing.T) {
	dbtest.Run(t, func(t *testing.T, d *db.DB) {
		w := newTown(t, d)
		ann, ben := city.NewReportID(), city.NewReportID()
		w.reporters = map[city.ReportID][]notify.Contact{ann: {{Channel: "email", Address: "ann@example.org", Lang: city.English}}}
		w.happens(journal.Event{Type: "incident.answered", Subject: "JH-2026-000001-1",
			To:   []journal.Recipient{{Reporter: ann}, {Reporter: ben}},
			Data: m{"number": "JH-2026-000001-1", "item": "court", "body": "club"}})
		for w.carry() > 0 {
		}
		if got := w.email.texts(); len(got) != 1 || !strings.Contains(got[0], "There is an answer to your report “Booking a court”, number JH-2026-000001-1.") {
			t.Errorf("%q", got)
		}
		if len(w.sms.got) != 0 || w.email.got[0].To != "ann@example.org" {
			t.Errorf("%v, %v", w.sms.got, w.email.got)
		}
		must(t, d.View(ctx, func(ctx context.Context, tx *db.Tx) error {
			all, err := w.About(ctx, tx, officer("club"), "JH-2026-000001-1", 0)
			if err != nil {
				return err
			}
			sent := map[city.ReportID]notify.State{}
			for _, told := range all {
				for _, by := range told.By {
					if by.Channel == "email" {
						sent[told.Box.Reporter] = by.State
					}
					if by.Channel == "screen" {
						t.Error("a reporter's notice is said to be on a screen")
					}
				}
			}
			if sent[ann] != notify.MessageSent || sent[ben] != notify.MessageNowhere {
				t.Errorf("%v", sent)
			}
			return nil
		}))
		for _, a := range []city.Actor{resident(), officer("club", "club.warden")} {
			if said := w.reads(a, city.Chinese); len(said) != 0 {
				t.Errorf("%s reads a reporter's notice: %q", a.Kind, said)
			}
		}
	})
}
