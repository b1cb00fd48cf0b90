package web

// The two characters of the mark, as outlines of Noto Serif CJK SC Bold (SIL
// Open Font License 1.1) on a body of 1000.
const (
	glyphOne = "M825-538L742-422H35L45-390H941C958-390 970-395 973-406C918-458 825-538 825-538Z"
	glyphNet = "M793-680L637-710C633-655 625-593 614-530C586-564 554-599 516-635L503-627C541-570 571-502 595-434C563-294 512-150 436-39L447-31C530-104 591-196 638-292C652-238 662-186 671-144C738-67 812-206 690-420C719-503 739-585 754-657C781-659 789-667 793-680ZM536-678L379-709C375-650 368-583 357-514C322-553 278-594 224-634L213-626C265-563 305-485 337-408C311-285 270-161 210-63L221-55C290-120 343-201 383-286L412-191C480-127 538-243 434-413C463-498 483-582 497-655C524-657 533-665 536-678ZM203 46V-750H794V-53C794-38 789-29 768-29C739-29 606-38 606-38V-24C668-15 694-2 715 15C735 31 742 56 747 91C888 79 908 34 908-43V-732C929-736 943-744 950-752L838-840L784-779H212L91-829V88H110C159 88 203 60 203 46Z"
)

type markLine struct{ s, y string }

// markLines places a city's own mark in the seal: one character large, or two
// one above the other.
func markLines(mark string) []markLine {
	r := []rune(mark)
	switch len(r) {
	case 0:
		return nil
	case 1:
		return []markLine{{mark, "28.5"}}
	}
	return []markLine{{string(r[0]), "18"}, {string(r[1:]), "34.5"}}
}

func markSize(mark string) string {
	if len([]rune(mark)) == 1 {
		return "24"
	}
	return "16.5"
}
