// Command answer is a small stand-in for a server in the harness's own tests: it
// counts in a file and answers the count.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "", "address")
	data := flag.String("data", "", "folder")
	refuse := flag.Bool("refuse", false, "end at once")
	flag.Parse()
	if *refuse {
		log.Fatal("refusing to start")
	}
	f, err := os.OpenFile(filepath.Join(*data, "count"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	born := time.Now()
	http.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		if time.Since(born) < 100*time.Millisecond {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/count", func(w http.ResponseWriter, r *http.Request) {
		if _, err := f.WriteString("."); err != nil {
			log.Fatal(err)
		}
		s, err := f.Stat()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Fprint(w, s.Size())
	})
	go func() { log.Fatal(http.ListenAndServe(*listen, nil)) }()
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	<-term
	log.Print("stopping as asked")
}
