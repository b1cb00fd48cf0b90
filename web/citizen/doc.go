// Package citizen is what residents and firms see: finding and reading about
// services, applying, following their matters, their licences, who looked at
// their data, and checking a licence of somebody else.
//
// Each page is a component over a plain struct that stands beside it. The struct
// says everything the page shows; a handler fills it and renders the page, which
// asks nobody else. Names, summaries and sentences of the pack are city.Text,
// sentences of ours city.Message, what people typed plain strings.
package citizen
