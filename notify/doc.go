// Package notify knows who was told what, by which channel, when, and whether it
// arrived. It follows the journal: an event that is addressed To somebody becomes
// a notice in the recipient's box, and for matters that can't wait a message by
// the channels outside (text message, e-mail), written into an outbox that a
// worker carries out and retries. A notice keeps codes only; its sentence is made
// at reading, in the reader's language, from the texts under "notify." and the
// names of the city pack. What is personal (a name in the sentence) lies sealed
// under the event's key and is gone with it.
//
// # Boxes
//
// A recipient names a person, a firm, a post, a body or a region. A person's box
// is the person's alone: who acts for somebody else reads their own. Officers
// read the boxes of their posts and body, as far as their regions reach; each
// officer has read what that officer has read.
//
// Who reported something may have no account. Their recipient is the report
// (journal.Recipient.Reporter); nobody opens that box, its notices go out by text
// message or mail, to where Options.Contacts finds that report's reporter when the
// message is sent. Destroying the report's key thus ends the messages, too.
//
// # What events must say
//
// Data is a JSON object. Keys that an event type lacks are left out of its
// sentence. Times are RFC 3339 or microseconds, dates 2006-01-02.
//
//	case.opened, case.<action>
//	    number, item, kind, from (stage before), stage ("end" when closed), body,
//	    due, answer_by (supplement), procedure (special_procedure), result
//	    (when closed)
//	credential.issued, .suspended, .restored, .revoked
//	    number, name {zh-Hans, en}, type, body, until
//	delegation.given, .accepted, .ended
//	    giver, taker (person ids), until; Sealed {"notice": {"giver", "taker"}}
//	    with their names, so that each reads who the other is
//	firm.agent_set, firm.agent_ended        until
//	officer.appointed, officer.dismissed    post
//	account.locked, .unlocked, .activated, .code_issued, .recovered,
//	password.changed, passkey.added, passkey.removed, token.created
//	person.changed                          nothing
//	incident.reported, .dispatched, .merged, .answered, .reopened
//	    number (of the case that goes on), item (the class), body, due
//
// Whom a case's event tells follows from it: the applicant of what moves the
// matter, a post when the case comes to it (from differs from stage) or when it
// is answered, urged or late. Posts hear nothing of what they do themselves.
//
// A type that nobody wrote a sentence for is no notice, and is logged once; those
// of quiet (a look at data has a page of its own) are none on purpose.
//
// # Rebuilding
//
// A notice's identifier follows from event and recipient, so what was read stays
// read after a rebuild. Messages are written only for events beyond the furthest
// one ever handled, and not for events older than Options.Stale: rebuilding and
// filling in history send nothing.
package notify
