// Package directory knows who is who in the city: its regions, the public bodies
// with their posts and who holds them, the residents and the firms. Regions,
// bodies and posts are definitions of the city pack and lie in memory; people and
// firms lie in the database, their personal values sealed under a key of each
// person, with keyed hashes to find exactly one by citizen number, code or
// telephone. There is no list of people to browse and no search by name: whoever
// looks up a person already has the number in hand.
package directory
