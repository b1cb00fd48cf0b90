package serviceitem

import (
	"context"

	"yiwang/city"
	"yiwang/internal/db"
	"yiwang/journal"
)

// eraser follows the journal: the drafts and files of somebody who was erased are
// left to Sweep, which deletes their bytes. What they said was unreadable from
// the moment their keys went.
type eraser struct{}

// Eraser is what the journal tells of people who were erased.
func (s *Service) Eraser() journal.Follower { return eraser{} }

func (eraser) Name() string { return "serviceitem" }

func (eraser) Handle(ctx context.Context, tx *db.Tx, events []journal.Recorded) error {
	for _, e := range events {
		if e.Type != "person.erased" {
			continue
		}
		var id city.PersonID
		if err := id.UnmarshalJSON([]byte(`"` + e.Subject + `"`)); err != nil {
			return err
		}
		expireAll(tx, id)
	}
	return nil
}

// Reset has nothing to forget: what was deleted stays deleted.
func (eraser) Reset(context.Context, *db.Tx) error { return nil }
