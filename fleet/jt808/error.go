package jt808

import (
	"errors"
	"fmt"

	"yiwang/city"
)

// Reason says why bytes were refused. The list is closed: programs read it and
// metrics count by it.
type Reason string

const (
	Garbage      Reason = "garbage"   // bytes outside any frame
	Half         Reason = "half"      // the stream ended within a frame
	Oversize     Reason = "oversize"  // longer than any frame, or than the limits allow
	BadDelimiter Reason = "delimiter" // does not stand between two bytes 7e, or has a third within
	BadEscape    Reason = "escape"    // 7d followed by something else than 01 or 02
	BadChecksum  Reason = "checksum"  // the XOR over header and body is another
	BadHeader    Reason = "header"    // too short for a header
	BadPart      Reason = "part"      // a part's number is 0 or above the number of parts
	BadLength    Reason = "length"    // the header tells another length of the body
	BadBody      Reason = "body"      // the body is too short or too long for its message
	BadBCD       Reason = "bcd"       // a digit above 9
	BadTime      Reason = "time"      // a date or time that no calendar has
	BadText      Reason = "text"      // not GBK, or not to be written in it
	BadField     Reason = "field"     // encoding: a value does not fit its field
	NotHex       Reason = "hex"       // a quoted frame that is not hexadecimal
)

// Reasons lists every Reason, for whoever counts them.
func Reasons() []Reason {
	return []Reason{Garbage, Half, Oversize, BadDelimiter, BadEscape, BadChecksum, BadHeader, BadPart, BadLength,
		BadBody, BadBCD, BadTime, BadText, BadField, NotHex}
}

// Say explains the reason to a person.
func (r Reason) Say(l city.Lang) string { return city.Say(l, "jt808.reason."+string(r)) }

// Error is a refusal.
type Error struct {
	Reason Reason
	ID     ID     // of the message, where its header could be read
	Sample []byte // the scanner's: how the refused bytes begin, at most MaxSample
	Size   int    // the scanner's: how many bytes were refused
}

// MaxSample is how many refused bytes an error shows.
const MaxSample = 64

func (e *Error) Error() string {
	if e.ID != 0 {
		return fmt.Sprintf("jt808: %s in message %s", e.Reason, e.ID)
	}
	return "jt808: " + string(e.Reason)
}

// ReasonOf is the reason of a refusal, and "" for any other error and for nil.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

func refuse(r Reason) error { return &Error{Reason: r} }
