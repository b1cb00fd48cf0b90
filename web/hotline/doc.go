// Package hotline is the screen of whoever answers 12345: a call is taken, looked up
// and ended on one page, whoever left a number is called back, and what is overdue
// stands in one list for those who have to see that it moves.
package hotline
