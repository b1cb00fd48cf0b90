// Package geo knows places: distances, polygons, and which of many things are
// near. Coordinates are WGS-84 degrees; GCJ-02, which maps in China are drawn in,
// is converted at the edges. Of files it reads maps only.
package geo
