// Package algorithm is the register of what decides by itself. Every rule that
// touches a person stands in it with its purpose, owner, legal references, inputs
// and tests, and every decision leaves a run: which clause spoke, on which facts,
// from where. The person concerned reads the run whole; everybody else reads how
// often a rule granted and how often people corrected it.
package algorithm
