package web

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"yiwang/city"
)

// State is where something stands; each has a word, a shape and a colour.
type State string

const (
	StateDraft   State = "draft"   // begun, not sent
	StateWorking State = "working" // somebody is at it
	StateWaiting State = "waiting" // it waits for the reader or for a day
	StatePaused  State = "paused"  // the clock stands still
	StateOverdue State = "overdue"
	StateDone    State = "done"    // granted, verified, closed well
	StateRefused State = "refused" // refused, revoked, invalid
	StateEnded   State = "ended"   // withdrawn or closed without a decision
)

// Tagged is a state with the word to show.
type Tagged struct {
	State State
	Word  city.Text
}

// Step is one entry of a time line, the newest first.
type Step struct {
	State State
	Title city.Text
	At    time.Time
	Where city.Text    // "网上", "窗口 3"; empty when it doesn't matter
	Text  city.Message // one sentence, may be empty
	Said  string       // words of a person, shown as they were written
	Links []Link
}

// Link leads to a page.
type Link struct {
	Text city.Text
	Href string
}

// PieceKind is what a piece of a clock was.
type PieceKind string

const (
	PieceUsed   PieceKind = "used"
	PiecePaused PieceKind = "paused"
	PieceLeft   PieceKind = "left"
	PieceOver   PieceKind = "over"
)

// Piece is a part of a clock bar, in the order it happened. Amounts are in one
// unit, whichever; the bar shows their proportion.
type Piece struct {
	Kind   PieceKind
	Amount float64
}

// Clock is the clock of a case: the promise in a sentence, the bar, and what the
// bar shows once more in words.
type Clock struct {
	Promise city.Message
	Pieces  []Piece
	Rows    []Row
	Due     time.Time // the latest answer; zero when the clock has stopped
	Paused  city.Text // why it stands still now, empty when it runs
}

// Row is a name and a value.
type Row struct {
	Name   city.Text
	Value  city.Text
	Strong bool
}

// rect is a piece placed on the bar, in per cent.
type rect struct {
	kind PieceKind
	x, w string
}

// placed spreads the pieces over the bar. Every piece that is there at all gets
// at least two per cent, so that a short pause can be seen.
func placed(pieces []Piece) []rect {
	const least = 2.0
	var sum, lifted, rest float64
	for _, p := range pieces {
		sum += max(p.Amount, 0)
	}
	if sum == 0 {
		return []rect{{PieceLeft, "0%", "100%"}}
	}
	for _, p := range pieces {
		if share := p.Amount / sum * 100; share > 0 && share < least {
			lifted += least
		} else {
			rest += max(share, 0)
		}
	}
	var out []rect
	x := 0.0
	for _, p := range pieces {
		share := p.Amount / sum * 100
		switch {
		case share <= 0:
			continue
		case share < least:
			share = least
		default:
			share *= (100 - lifted) / rest
		}
		out = append(out, rect{p.Kind, percent(x), percent(share)})
		x += share
	}
	return out
}

func percent(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) + "%" }

// Column is the head of a table.
type Column struct {
	Name   city.Text
	Number bool // aligned to the right
}

// Pages is where a list stands. Lists are cut by key, so there is only a next
// page, and the first one.
type Pages struct {
	Next  string // value of ?after= for the next page, "" on the last
	First bool   // whether this is the first page
	Shown int    // rows on this page
	Total int    // 0 when nobody counted
}

// pageHref is the address of this list after the key.
func (v *View) pageHref(after string) string { return v.Here("after", after) }

// Answered is one line of a list of answers.
type Answered struct {
	Name   city.Text
	Values []city.Text // empty says that nothing was answered
	Source city.Text   // where the city knows it from; empty for what was typed
	Change string      // address that changes it, "" when it can't be changed
}

// Confirmation is a page that asks once more before something that matters.
type Confirmation struct {
	Title   city.Text
	Text    city.Message
	Effects []city.Text // what will happen, one line each
	Action  string      // address to post to
	Do      city.Text   // the verb on the button
	Danger  bool
	Back    Link
	Hidden  url.Values
	Fields  []Field // asked beside it, such as a reason
	Others  []city.Field
}

// Levels are the five levels of a rating, best first: 1 非常满意 … 5 非常不满意.
var Levels = []int{1, 2, 3, 4, 5}

func levelKey(n int) string { return fmt.Sprintf("web.rating.%d", n) }

func stars(n int) string {
	s := ""
	for i := range 5 {
		if i < 6-n {
			s += "★"
		} else {
			s += "☆"
		}
	}
	return s
}
