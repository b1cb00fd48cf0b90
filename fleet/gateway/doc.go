// Package gateway is the door for vehicles' terminals: JT/T 808 over TCP.
//
// A terminal registers (0100) and gets a code, authenticates with it (0102), and
// then reports. What is acknowledged is kept: the reply to a position or a batch
// goes out when Record has returned. A terminal that got no reply sends again, so
// the same position may be recorded more than once; fleet/history tells it once.
//
// The code is an HMAC over the telephone number. The gateway keeps no state over a
// restart, and terminals need not register anew. Registering asks for nothing but
// the number of a vehicle on record, which is all the standard has; a plate that
// differs from the one on record is counted.
//
// Nothing that comes in is believed: frames, connections, pace, silence, parts and
// waiting texts are bounded by Limits, and whatever is refused is counted and, of
// frames, a few are kept for people to look at (Counts, Samples). A number that
// appears on two connections belongs to the newer one; the older one is closed.
//
// Who may send texts to drivers is for the caller to ask; the gateway sends what it
// is given.
package gateway
