// Package report is what anybody sees of what goes wrong in the streets: saying
// that something is broken, following what becomes of it by number and code, and
// the list of what everybody may know. Nobody needs an account.
//
// Pages are components over plain structs, as in web/citizen. The code of a
// report never stands in an address: it is typed, or lies in a cookie that only
// these pages get.
package report
