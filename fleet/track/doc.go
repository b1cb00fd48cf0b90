// Package track is the one core of trajectories: what a row of positions says of
// where something stood, drove, rested and was silent. Streaming and batch share
// it and give the same answers. It is pure: no clock, no files, no database; the
// same points give the same events anywhere.
//
// A Rule holds the thresholds, compiled once and shared by everyone. Rule.Batch
// reads a whole track column by column; Stays is the same as a state of some 200
// bytes that is fed point by point. Neither judges its points: Filter says which
// are noise, and why.
//
// # What a stay is
//
// Points of one object stand in time order. The anchor is the first. A point at
// the distance or further from the anchor breaks the run; if that was the time or
// longer after the anchor, the run was a stay from the anchor's time to the
// breaking point's, placed at the unweighted mean of the distinct coordinates
// among its points without the breaking one, which is the new anchor. A silence
// longer than the gap ends the run without a stay, and the point after it is the
// new anchor. Distances are haversine on geo.Earth. This is trackintel's sliding
// method with include_last=False.
//
// # What is kept, and for how long
//
// A run that goes on for days needs no more than its anchor, its last point, two
// sums and the distinct coordinates among its points. The last grow with the run,
// so Settings.Keep bounds them for those who watch a fleet: past it the times stay
// exact, the place rests on the first so many, and the event says so by Whole
// being false; Rule.Settle mends it from the kept points. With Keep 0 nothing is
// left out, and a vehicle parked for a week at 10 s may hold some 60,000
// coordinates of 16 bytes.
package track
