package pack

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"

	"yiwang/city"
	"yiwang/directory"
	"yiwang/geo"
	"yiwang/geo/osm"
)

// RoadReport says what came of importing roads.
type RoadReport struct {
	Roads  int
	Metres float64
	Named  int // roads that have a name
	osm.Left
	File string // the file written, within the pack
}

// ImportRoads reads the roads of an OpenStreetMap file (XML or PBF, perhaps packed
// with gzip) into the pack at dir, in place of those that stand there; waters stay.
// Roads over 60 km from every place of the city are left out. Nothing of the pack
// changes unless everything could be read and the city could read it.
func ImportRoads(ctx context.Context, file, dir string, progress func(done, total int64)) (RoadReport, error) {
	rep := RoadReport{File: roadsFile}
	root, err := openPack(dir)
	if err != nil {
		return rep, err
	}
	defer root.Close()
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return rep, city.Invalid("cli.import.no_file", "file", file)
	}
	places, err := placesOf(root.FS())
	if err != nil {
		return rep, err
	}
	o := osm.Options{}
	if len(places) > 0 {
		o.Inside = func(p geo.Point) bool {
			return slices.ContainsFunc(places, func(c geo.Point) bool { return geo.Distance(c, p) <= geo.FurthestRoad })
		}
	}
	passes := int64(0)
	if progress != nil {
		o.Progress = func(n int64) { progress((passes-1)*info.Size()+n, 2*info.Size()) }
	}
	roads, left, err := osm.Read(ctx, func() (io.ReadCloser, error) {
		passes++
		return os.Open(file)
	}, o)
	rep.Left = left
	if err != nil {
		return rep, err
	}
	if err := keepWaters(root.FS(), roads); err != nil {
		return rep, err
	}
	b, err := roads.Write()
	if err != nil {
		return rep, err
	}
	if _, faults := geo.ReadRoads(b, places); len(faults) > 0 {
		return rep, city.Invalid("pack.roads_not_taken", "fault", faults[0].Message)
	}
	if err := ctx.Err(); err != nil {
		return rep, err
	}
	if err := errors.Join(writeAside(root, roadsFile, b), root.Rename(aside(roadsFile), roadsFile)); err != nil {
		return rep, err
	}
	rep.Roads = len(roads.Roads)
	for _, r := range roads.Roads {
		if !r.Name.IsZero() {
			rep.Named++
		}
		for i := 1; i < len(r.Line); i++ {
			rep.Metres += geo.Distance(r.Line[i-1], r.Line[i])
		}
	}
	return rep, nil
}

// openPack opens the folder of a city.
func openPack(dir string) (*os.Root, error) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return nil, city.Invalid("pack.no_folder", "dir", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if _, err := root.Stat("city.yaml"); err != nil {
		root.Close()
		return nil, city.Invalid("pack.no_city", "dir", dir)
	}
	return root, nil
}

// placesOf are the places that the city's regions lie at.
func placesOf(fsys fs.FS) ([]geo.Point, error) {
	var found faults
	d := readDocument(fsys, "regions.yaml", &found)
	var r directory.RegionDef
	if d != nil {
		d.decode(&r)
	}
	if len(found.list) > 0 {
		return nil, city.Invalid("pack.import_over_faults", "fault", found.list[0].String())
	}
	return middles(r, nil), nil
}

// keepWaters takes over the waters of the map that stands in the pack.
func keepWaters(fsys fs.FS, roads *geo.Roads) error {
	b, err := readFile(fsys, roadsFile, geo.MostRoadBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	old, faults := geo.ReadRoads(b, nil)
	if len(faults) > 0 {
		return city.Invalid("pack.import_over_faults", "fault", Fault{roadsFile, faults[0].Line, faults[0].Message}.String())
	}
	roads.Waters = old.Waters
	return nil
}
