// Package pack reads a city: a folder of YAML files that say which regions,
// bodies, posts, licences, rules, forms, kinds of case and items the city has.
//
// Load reads everything, checks everything, and either gives a City that can be
// used as it is or lists every fault with its file and line. The packages that
// own a definition say what is wrong with it by itself; this one knows where in
// which file it stands, and what one file may expect of another.
//
// A pack may come from strangers. It is read inside its folder only, file by file
// within bounds, as UTF-8; YAML is taken without aliases, tags and doubled keys,
// and a key that nobody reads is a fault.
package pack
