package casework

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"

	"yiwang/city"
	"yiwang/internal/db"
)

// Audit folds the actions of the newest cases anew, under the kinds they were
// opened with, and names those whose stored state is another. It reads only and
// shows nothing of what the cases are about.
func Audit(ctx context.Context, tx *db.Tx, newest int) (looked int, wrong []city.CaseNumber, err error) {
	rows, err := newestCases(ctx, tx, newest)
	if err != nil {
		return 0, nil, err
	}
	kinds := map[kindVersion]*Kind{}
	for _, row := range rows {
		v := kindVersion{row.kind, row.version}
		if kinds[v] == nil {
			raw, err := kindDefinition(ctx, tx, row.kind, row.version)
			if err != nil {
				return looked, wrong, fmt.Errorf("kind %s version %d: %w", row.kind, row.version, err)
			}
			kinds[v] = &Kind{}
			if err := json.Unmarshal([]byte(raw), kinds[v]); err != nil {
				return looked, wrong, fmt.Errorf("kind %s version %d: %w", row.kind, row.version, err)
			}
		}
		records, err := actionsOf(ctx, tx, row.id, math.MaxInt32)
		if err != nil {
			return looked, wrong, err
		}
		have, err := json.Marshal(row.state)
		if err != nil {
			return looked, wrong, err
		}
		want, err := json.Marshal(foldStored(kinds[v], records))
		if err != nil {
			return looked, wrong, err
		}
		if looked++; !bytes.Equal(have, want) {
			wrong = append(wrong, row.number)
		}
	}
	return looked, wrong, nil
}
