// Package algorithm is the register of what decides, suggests or notices by itself.
// Every rule that touches a person stands in it with its purpose, owner, legal
// references, inputs and tests, and every decision leaves a run: which clause spoke,
// on which facts, from where. The person concerned reads the run whole; everybody
// else reads how often a rule granted and how often people corrected it.
//
// Models, which suggest, and detectors, which notice, stand beside the rules. They
// have no clauses, so the city describes them (Description) and whoever runs them
// says what they follow from and how often they were right when they were tried
// (Described). What became of what they said is counted by a follower of the journal.
//
// # What events must say
//
// Any event may carry in its data, about its subject:
//
//	claims  [{by, did, says}]  an algorithm said something (Claim)
//	judged  [{of, is, why}]    what people found it to be (Judgement)
//
// A claim is right while the last judgement of the same subject is what it says, and
// wrong while it is something else; what nobody judged counts for neither.
package algorithm
