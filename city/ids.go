package city

import (
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ID is a UUID version 7 whose type says what it identifies: an ID of a person
// can't be passed where the ID of a case is meant. The zero ID means "none".
type ID[T any] [16]byte

type (
	caseTag       struct{}
	personTag     struct{}
	firmTag       struct{}
	accountTag    struct{}
	credentialTag struct{}
	delegationTag struct{}
	blobTag       struct{}
	eventTag      struct{}
	runTag        struct{}
	draftTag      struct{}
	noticeTag     struct{}
	alertTag      struct{}
	silenceTag    struct{}
	reportTag     struct{}
	grantTag      struct{}
)

type (
	// CaseID identifies a case of any kind. People see its number instead.
	CaseID = ID[caseTag]
	// PersonID identifies a natural person in the directory.
	PersonID = ID[personTag]
	// FirmID identifies a firm or another organisation that applies for things.
	FirmID = ID[firmTag]
	// AccountID identifies a sign-in, of a resident or of an officer.
	AccountID = ID[accountTag]
	// CredentialID identifies an issued licence.
	CredentialID = ID[credentialTag]
	// DelegationID identifies a leave that one person gave another to act.
	DelegationID = ID[delegationTag]
	// BlobID identifies an uploaded file.
	BlobID = ID[blobTag]
	// EventID identifies an event of the journal.
	EventID = ID[eventTag]
	// RunID identifies one run of an automated rule.
	RunID = ID[runTag]
	// DraftID identifies an application that was begun and not yet sent.
	DraftID = ID[draftTag]
	// NoticeID identifies one notice to one recipient.
	NoticeID = ID[noticeTag]
	// AlertID identifies something that a watcher found.
	AlertID = ID[alertTag]
	// SilenceID identifies a time in which alerts of a sort are held back.
	SilenceID = ID[silenceTag]
	// GrantID identifies what a holder lets a licence be used for.
	GrantID = ID[grantTag]
	// ReportID identifies what one person reported of an incident.
	ReportID = ID[reportTag]
)

// NewID makes a fresh identifier; later ones sort after earlier ones.
func NewID[T any]() ID[T] { return ID[T](uuid.Must(uuid.NewV7())) }

// NewCaseID and its siblings make fresh identifiers of their type.
func NewCaseID() CaseID             { return NewID[caseTag]() }
func NewPersonID() PersonID         { return NewID[personTag]() }
func NewFirmID() FirmID             { return NewID[firmTag]() }
func NewAccountID() AccountID       { return NewID[accountTag]() }
func NewCredentialID() CredentialID { return NewID[credentialTag]() }
func NewDelegationID() DelegationID { return NewID[delegationTag]() }
func NewBlobID() BlobID             { return NewID[blobTag]() }
func NewEventID() EventID           { return NewID[eventTag]() }
func NewRunID() RunID               { return NewID[runTag]() }
func NewDraftID() DraftID           { return NewID[draftTag]() }
func NewGrantID() GrantID           { return NewID[grantTag]() }
func NewNoticeID() NoticeID         { return NewID[noticeTag]() }
func NewReportID() ReportID         { return NewID[reportTag]() }
func NewAlertID() AlertID           { return NewID[alertTag]() }
func NewSilenceID() SilenceID       { return NewID[silenceTag]() }

// ParseID reads the 36-character text form.
func ParseID[T any](s string) (ID[T], error) {
	u, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return ID[T]{}, fmt.Errorf("not an identifier: %q", s)
	}
	return ID[T](u), nil
}

// Floor sorts before every ID that was made later than d before this one, and
// after those made earlier, to the millisecond.
func (id ID[T]) Floor(d time.Duration) ID[T] {
	var made [8]byte
	copy(made[2:], id[:6])
	ms := int64(binary.BigEndian.Uint64(made[:])) - d.Milliseconds()
	binary.BigEndian.PutUint64(made[:], uint64(max(ms, 0)))
	var floor ID[T]
	copy(floor[:6], made[2:])
	return floor
}

// IsZero reports whether the ID means "none".
func (id ID[T]) IsZero() bool { return id == ID[T]{} }

// String gives the 36-character form, or "" for none.
func (id ID[T]) String() string {
	if id.IsZero() {
		return ""
	}
	return uuid.UUID(id).String()
}

// Value stores the 16 bytes, or NULL for none.
func (id ID[T]) Value() (driver.Value, error) {
	if id.IsZero() {
		return nil, nil
	}
	return append([]byte(nil), id[:]...), nil
}

// Scan reads what Value stored.
func (id *ID[T]) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*id = ID[T]{}
	case []byte:
		if len(v) != 16 {
			return fmt.Errorf("identifier of %d bytes: %s", len(v), hex.EncodeToString(v))
		}
		copy(id[:], v)
	default:
		return fmt.Errorf("identifier stored as %T", src)
	}
	return nil
}

// MarshalJSON writes the text form; none is "".
func (id ID[T]) MarshalJSON() ([]byte, error) { return json.Marshal(id.String()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (id *ID[T]) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s == "" {
		*id = ID[T]{}
		return nil
	}
	parsed, err := ParseID[T](s)
	*id = parsed
	return err
}

// Names that a city pack gives: short words in lower case, unique in the city.
type (
	// BodyID names a public body, such as "market-regulation".
	BodyID string
	// PostID names a post of a body, such as "market-regulation.approver".
	PostID string
	// RegionCode is the division code: 4 digits city, 6 district, 9 street, 12 community.
	RegionCode string
	// KindID names a kind of case.
	KindID string
	// ItemCode names a service item.
	ItemCode string
	// RuleID names an automated rule.
	RuleID string
	// FormID names a form.
	FormID string
	// CredentialType names a licence type.
	CredentialType string
)
