package credential

import (
	"context"
	"errors"

	"yiwang/city"
	"yiwang/internal/db"
)

func insertPlace(tx *db.Tx, p Place, id city.CredentialID) {
	tx.Later(`INSERT INTO credential_places (list, list_index, credential) VALUES ($1, $2, $3)`, nil, p.List, p.Index, id)
}

// closePlace closes a place for good; false when it was closed before.
func closePlace(ctx context.Context, tx *db.Tx, p Place) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE credential_places SET closed = 1 WHERE list = $1 AND list_index = $2 AND closed = 0`, p.List, p.Index)
	if err == nil && n == 1 {
		countListChange(tx, p.List)
	}
	return n == 1, err
}

func countListChange(tx *db.Tx, list int64) {
	tx.Later(`INSERT INTO credential_lists (list, changes) VALUES ($1, $2)
ON CONFLICT (list) DO UPDATE SET changes = credential_lists.changes + 1`, nil, list, 1)
}

// countPlacesChange counts the change of a licence for the lists on which places rest
// on it; its own list is counted apart.
func countPlacesChange(tx *db.Tx, id city.CredentialID, own int64) {
	tx.Later(`INSERT INTO credential_lists (list, changes) SELECT DISTINCT list, 1 FROM credential_places WHERE credential = $1 AND list <> $2
ON CONFLICT (list) DO UPDATE SET changes = credential_lists.changes + 1`, nil, id, own)
}

// placed finds the licence on which a place rests, and whether the place is closed;
// nil for a place that is none.
func placed(ctx context.Context, tx *db.Tx, p Place) (*Credential, bool, error) {
	var id city.CredentialID
	var closed int64
	err := tx.QueryRow(ctx, `SELECT credential, closed FROM credential_places WHERE list = $1 AND list_index = $2`, p.List, p.Index).Scan(&id, &closed)
	if errors.Is(err, db.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	c, err := scanCredential(tx.QueryRow(ctx, `SELECT `+columns+` FROM credentials WHERE id = $1`, id))
	return c, closed != 0, err
}

// fillPlaces sets the states of a list's places: that of the licence, or invalid once
// closed.
func fillPlaces(ctx context.Context, tx *db.Tx, list int64, bits StatusBits) error {
	rows, err := tx.Query(ctx, `SELECT p.list_index, p.closed, c.status FROM credential_places p JOIN credentials c ON c.id = p.credential
WHERE p.list = $1 AND (p.closed = 1 OR c.status <> '01')`, list)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i int
		var closed int64
		var s Status
		if err := rows.Scan(&i, &closed, &s); err != nil {
			return err
		}
		if closed == 1 {
			bits.Set(i, ListInvalid)
		} else {
			bits.Set(i, s.Bit())
		}
	}
	return rows.Err()
}
