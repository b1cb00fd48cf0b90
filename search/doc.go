// Package search finds things: matters, licences and whatever else events of the
// journal say is to be found (journal.Entry), and the city's service items.
//
// # Words
//
// Text is normalised (full width to half, capitals to small) and cut into words
// of letters and digits; Chinese is cut into pairs of neighbouring characters, so
// that any two characters of a name find it. Single characters and the first few
// letters of words are kept beside them. The words of an entry go into FTS5 on
// SQLite and into a tsvector with a GIN index on PostgreSQL; the cutting is ours
// on both, so both find the same. A query finds entries that have all of its
// parts; characters written together must stand together, and the last word may
// be a beginning of two letters or more. What carries the very number asked for comes first, the rest
// newest first: in an office the newest of several matters is the one meant.
//
// # Who finds what
//
// Entries carry attributes, and those that narrow most are words of the index,
// too: body, posts, applicant, firm, region. A search is narrowed by the actor's
// before anything is ranked or counted, so that nobody learns from a number of
// hits what they may not see, and each hit is then put to the policies
// (search.find), which have the last word. Policies see the entry as Entry with
// its attributes, with entry being its type and bodies and posts sets. Attribute
// names:
//
//	applicant | person    who it is about; 36-character identifier
//	firm                  the firm it is about
//	body | bodies         bodies concerned, separated by commas or spaces
//	post | posts          posts concerned, likewise
//	counter               the body whose counter received it
//	region                division code
//	item, kind, …         whatever else policies of the city read
//
// search.wide lifts the narrowing (an auditor, the program); policies still decide
// hit by hit.
//
// # Erasure
//
// Terms are personal. They reach the index from the sealed part of an event and
// stand in it readable, not hashed: hashes of names and bigrams would be guessed
// from their frequency and would cost beginnings of words. Instead each row
// refers to the key that its event was sealed under, and the database deletes the
// row with the key: an erased person is gone from the index in the very
// transaction that erases, whoever does it, and FTS5 is told to leave no words of
// deleted rows behind. What is rebuilt later finds the key gone and skips it. A
// backup need not hold the index, since it is made again from the journal.
//
// # Items
//
// Service items are public, few and read often. They lie in memory, in both
// languages, with their keywords, and forgive one slip of the pen.
package search
