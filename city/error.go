package city

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind is the class of an error; each is a different answer to the person and
// a different status on the wire.
type Kind string

const (
	KindInvalid         Kind = "invalid"         // refused: what was sent breaks a rule (422)
	KindUnauthenticated Kind = "unauthenticated" // not signed in (401)
	KindForbidden       Kind = "forbidden"       // signed in, not allowed (403)
	KindNotFound        Kind = "not_found"       // no such thing, or none that may be seen (404)
	KindConflict        Kind = "conflict"        // somebody else was faster (409)
	KindTooLarge        Kind = "too_large"       // more bytes than accepted (413)
	KindRateLimited     Kind = "rate_limited"    // too many tries (429)
	KindUnavailable     Kind = "unavailable"     // try again soon; nothing was changed (503)
	KindInternal        Kind = "internal"        // a fault of ours (500)
)

// Message is a key of the catalogue of texts with its arguments, so that it can
// be said in the reader's language.
type Message struct {
	Key  string
	Args []any // name, value, name, value, …
}

// In says the message in the language.
func (m Message) In(l Lang) string { return Say(l, m.Key, m.Args...) }

// Field is a fault at one field of what was sent.
type Field struct {
	Name    string // dotted path, such as "answers.birth_date"
	Message Message
}

// Error is a fault that a person can be told about. Anything else that is
// returned as an error is a fault of ours: logged, and shown as "internal".
type Error struct {
	Kind       Kind
	Message    Message
	Fields     []Field
	RetryAfter time.Duration // for unavailable and rate_limited
	Err        error         // cause, for the log only
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Kind, e.Message.In(English))
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Name, f.Message.In(English))
	}
	if e.Err != nil {
		fmt.Fprintf(&b, " (%v)", e.Err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

func newError(k Kind, key string, args []any) *Error {
	return &Error{Kind: k, Message: Message{Key: key, Args: args}}
}

// Invalid, Forbidden and their siblings make an error of that kind; key names a
// text of the catalogue, args are name, value pairs.
func Invalid(key string, args ...any) *Error   { return newError(KindInvalid, key, args) }
func Forbidden(key string, args ...any) *Error { return newError(KindForbidden, key, args) }
func Unauthenticated(key string, args ...any) *Error {
	return newError(KindUnauthenticated, key, args)
}
func NotFound(key string, args ...any) *Error    { return newError(KindNotFound, key, args) }
func Conflict(key string, args ...any) *Error    { return newError(KindConflict, key, args) }
func TooLarge(key string, args ...any) *Error    { return newError(KindTooLarge, key, args) }
func RateLimited(key string, args ...any) *Error { return newError(KindRateLimited, key, args) }

// Unavailable means: nothing was changed, try again after the hint.
func Unavailable(cause error, after time.Duration) *Error {
	e := newError(KindUnavailable, "error.unavailable", nil)
	e.RetryAfter, e.Err = after, cause
	return e
}

// InvalidFields is an error that only points at fields.
func InvalidFields(fields []Field) *Error {
	e := newError(KindInvalid, "error.fields", []any{"n", len(fields)})
	e.Fields = fields
	return e
}

// KindOf classifies any error; what is no *Error is internal, nil is "".
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}
