// Package fleet is the part of the desk where officers look up what is on record
// of dangerous goods and of watched vehicles: sites and vehicles with their
// licences, as they stand today or stood on another day.
package fleet
