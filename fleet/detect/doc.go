// Package detect notices what the law forbids in how regulated vehicles move and in
// what the registers say. It is pure: positions and a register.Book go in, findings
// come out, with what they rest on; whoever calls it reads no plan and asks nobody.
//
// There are three places where something is noticed. A Vehicle is what is remembered
// of one vehicle and sees what it does by itself: where it may not be, off its route,
// at night, without rest, too fast, switched off. A Memory holds the stays of all and
// sees what repeats or meets: plants that should stand still, places that nobody
// registered, tankers that fill others, waste that goes elsewhere, private vehicles
// that carry for others. Check reads a book and sees records that contradict each
// other.
//
// A finding has a Key: the same matter noticed again has the same one, also when a
// late batch lets a vehicle's track be read anew. What is found is said once for each
// time it is noticed; that it becomes one alert is for whoever keeps alerts.
package detect
