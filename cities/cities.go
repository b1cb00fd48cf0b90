// Package cities carries the demonstration city in the program, so that
// `yiwang demo` needs no folder.
package cities

import (
	"embed"
	"io/fs"
)

//go:embed all:jianghai
var packs embed.FS

// Jianghai is the pack of 江海市, a made-up city.
func Jianghai() fs.FS {
	f, err := fs.Sub(packs, "jianghai")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return f
}
