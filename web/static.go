package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// bundleFiles is what bundle/build.sh makes of third-party code, or only a
// placeholder.
//
//go:embed bundle/dist
var bundleFiles embed.FS

const staticPrefix = "/static/"

// asset is one file as served: its bytes and the same in gzip.
type asset struct {
	body, zipped []byte // zipped is nil where it would save nothing, body where only the other exists
	ctype, tag   string
}

// assets are all files under /static/, each at its own name and at a name that
// carries a hash of its content and may be kept for ever. Read-only once made.
type assets struct {
	files  map[string]*asset // by both names
	hashed map[string]string // plain name -> address with the hash
}

// loadAssets joins the stylesheet from its parts, adds the city's colours and
// takes in the third-party bundle where it was built.
func loadAssets(palette string) (*assets, error) {
	a := &assets{files: map[string]*asset{}, hashed: map[string]string{}}
	parts, err := fs.Glob(staticFiles, "static/css/*.css")
	if err != nil {
		return nil, err
	}
	var css bytes.Buffer
	for _, p := range parts { // Glob sorts; the names begin with their order
		b, err := staticFiles.ReadFile(p)
		if err != nil {
			return nil, err
		}
		css.Write(b)
		if strings.HasSuffix(p, "tokens.css") {
			css.WriteString(palette)
		}
	}
	a.add("yiwang.css", css.Bytes())
	if err := a.addAll(staticFiles, "static", func(p string) bool { return !strings.HasPrefix(p, "css/") }); err != nil {
		return nil, err
	}
	if err := a.addAll(bundleFiles, "bundle/dist", func(p string) bool { return !strings.HasSuffix(p, ".txt") }); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *assets) addAll(fsys fs.FS, root string, take func(string) bool) error {
	return fs.WalkDir(fsys, root, func(p string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(p, root+"/")
		if err != nil || d.IsDir() || !take(name) {
			return err
		}
		b, err := fs.ReadFile(fsys, p)
		if err == nil {
			a.add(name, b)
		}
		return err
	})
}

func (a *assets) add(name string, body []byte) {
	if plain, packed := strings.CutSuffix(name, ".gz"); packed {
		a.addPacked(plain, body)
		return
	}
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	f := &asset{body: body, tag: hex.EncodeToString(sum[:6]), ctype: mime.TypeByExtension(ext)}
	switch ext {
	case ".svg":
		f.ctype = "image/svg+xml"
	case ".js":
		f.ctype = "text/javascript; charset=utf-8"
	case ".css":
		f.ctype = "text/css; charset=utf-8"
	}
	var z bytes.Buffer
	zw, _ := gzip.NewWriterLevel(&z, gzip.BestCompression) // the level is a valid one
	if _, err := zw.Write(body); err == nil && zw.Close() == nil && z.Len() < len(body)*9/10 {
		f.zipped = z.Bytes()
	}
	a.file(name, f)
}

// addPacked takes a file that is large and was packed when the program was built.
// There is no other form of it: every reader that runs it unpacks it.
func (a *assets) addPacked(name string, body []byte) {
	sum := sha256.Sum256(body)
	f := &asset{zipped: body, tag: hex.EncodeToString(sum[:6]), ctype: mime.TypeByExtension(path.Ext(name))}
	if path.Ext(name) == ".wasm" {
		f.ctype = "application/wasm"
	}
	a.file(name, f)
}

func (a *assets) file(name string, f *asset) {
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "." + f.tag + ext
	a.files[name], a.files[hashed] = f, f
	a.hashed[name] = staticPrefix + hashed
}

// url is the address of a file, with its hash; "" if there is none.
func (a *assets) url(name string) string { return a.hashed[name] }

// Static serves /static/: mount it at "GET /static/".
func (s *Site) Static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, staticPrefix)
		f, ok := s.assets.files[name]
		if !ok {
			http.Error(w, "404", http.StatusNotFound)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.ctype)
		h.Set("Vary", "Accept-Encoding")
		etag := fmt.Sprintf("%q", f.tag)
		if _, plain := s.assets.hashed[name]; plain {
			h.Set("Cache-Control", "no-cache")
		} else {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		body := f.body
		if f.zipped != nil && (f.body == nil || acceptsGzip(r.Header.Get("Accept-Encoding"))) {
			h.Set("Content-Encoding", "gzip")
			etag = fmt.Sprintf("%q", f.tag+"-gz")
			body = f.zipped
		}
		h.Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Length", fmt.Sprint(len(body)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // a reader that has gone away is no fault
		}
	})
}

func acceptsGzip(header string) bool {
	for _, part := range strings.Split(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == "gzip" || name == "*" {
			q := strings.ReplaceAll(params, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

// asset is the address of a static file for a page.
func (v *View) asset(name string) string { return v.site.assets.url(name) }

// Asset is the address of a file under /static/, with the hash of what is in it; ""
// if there is none.
func (v *View) Asset(name string) string { return v.asset(name) }

// Bundled reports whether third-party scripts were built in; pages that need
// them show their tables otherwise and say why.
func (v *View) Bundled(name string) bool { return v.site.assets.url(name) != "" }

// BundleReady reports whether the fetched scripts were built into the program.
func BundleReady() bool {
	_, err := fs.Stat(bundleFiles, "bundle/dist/htmx.js")
	return err == nil
}

// Fonts are the fonts for PDF files, where the bundle fetched them; the folder
// may be empty.
func Fonts() fs.FS {
	sub, err := fs.Sub(bundleFiles, "bundle/dist/fonts")
	if err != nil {
		panic(err) // the name is well-formed
	}
	return sub
}
