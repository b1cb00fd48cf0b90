// Package incident is what goes wrong in the streets: the classes of things that
// can be reported, and how a class is found from what people say.
package incident
