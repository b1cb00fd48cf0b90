// Package risk says how dangerous a community is on a day, as a number from 0 to 100:
// hazard × exposure × what control leaves open. It is arithmetic over what is on
// record of places, and knows no persons; officers count as points without names. The
// formula is data of the city. The same records give the same number, whenever it is
// computed.
//
// A component (hazard, exposure, control) is the weighted mean of its parts. A part is
// an amount, in its own unit, brought to between 0 and 1: an amount of its half counts
// one half, and no amount counts more than 1. A part that nothing is known of is left
// out, and the others weigh more.
package risk
