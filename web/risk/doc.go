// Package risk is the part of the desk that shows how dangerous communities are: a
// list and a map in five colours, and for each community what its number is made of,
// down to the records behind it.
package risk
