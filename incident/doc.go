// Package incident is what goes wrong in the streets: the classes of things that
// can be reported, how a class is found from what people say, and reports from
// the one door they come in by to the answer. Each matter is a case of the kind
// that the city names; what several people say of one matter joins its case.
package incident
