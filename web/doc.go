// Package web is the face of the city in a browser: the shell around every
// page, the parts pages are made of, the words of the surface, and the plumbing
// between a request and a page. It works without JavaScript and is better with
// it; nothing is loaded from outside.
//
// A handler is a func(w, r) error wrapped by Page; it calls Render with a
// component, or returns an error that Fail turns into a page. Components find
// the reader's language, mode and city in the context: ViewOf(ctx), T(ctx, key).
package web
