// Package pass makes pass codes (一码通): a city declares a purpose in its pack, with the
// law that it rests on, the states that somebody can have under it, and the day on which
// it ends; residents show a code that says their state, on a screen or on paper, for
// themselves and for those they look after.
//
// What is kept is as little as can be: a row only for somebody whose state isn't the
// ordinary one. That a code was made or shown is kept nowhere. On the day after the
// purpose ends nothing is made any more, what was kept for it is erased, and the journal
// says so, for the public log to vouch for.
//
// Policies see these actions. On a Pass with purpose, body, post and, where somebody in
// particular is meant, person and kin (whether the actor looks after them): pass.show
// and pass.contest. On the purpose alone: pass.use. On a Pass without anything:
// pass.sweep. With purpose, body and post: pass.set and pass.count. With purpose,
// body and lookup (the posts that may): pass.look_up.
package pass
