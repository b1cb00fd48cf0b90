package city

// Place is a point on the ground in WGS-84 degrees, with what people call it.
type Place struct {
	Lat     float64    `json:"lat,omitempty"`
	Lon     float64    `json:"lon,omitempty"`
	Address string     `json:"address,omitempty"`
	Region  RegionCode `json:"region,omitempty"`
}

// Region is a division of the city.
type Region struct {
	Code   RegionCode
	Name   Text
	Level  RegionLevel
	Parent RegionCode // "" for the city
	// Lat and Lon are the middle of a community in WGS-84 degrees; 0 where unknown.
	Lat, Lon float64
	// Population is how many people live or work in a community; 0 where nobody has said.
	Population int
}

// RegionLevel is the rank of a region.
type RegionLevel string

const (
	LevelCity      RegionLevel = "city"
	LevelDistrict  RegionLevel = "district"
	LevelStreet    RegionLevel = "street"
	LevelCommunity RegionLevel = "community"
)
