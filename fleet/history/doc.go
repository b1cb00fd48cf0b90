// Package history keeps where vehicles were: segment files first, since they are
// quick to write and safe, then Parquet by day, since any engine can read that.
//
// An append is answered after its bytes are on the disk. Everybody who waits at
// that moment shares one sync. A segment is closed after an hour or when it is
// large; Settle turns closed ones into Parquet, sorted by vehicle and time, in a
// folder for each day (UTC) on which the positions were taken, not received: a
// batch that comes three days late lands in a further part of the right day.
//
//	segments/20261128T01-5f0c2a91.seg    being written, or not settled yet
//	day=2026-11-28/20261128T01-5f0c2a91.parquet
//
// Several processes may share the folder: each writes segments of its own and
// holds a lock on the one it writes. Whoever reads a track must have asked
// access; this package knows vehicles by name only.
package history
