// Package fleet is the room of watched vehicles and of dangerous goods that has
// the database. Registers keeps what is on record: versions of records, changed
// and imported by those who may, and handed out as a register.Book of a day. What
// is pure stands in rooms of its own beside it.
package fleet
