package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"yiwang/city"
	"yiwang/credential"
)

type verifyCmd struct {
	Text  string `arg:"" help:"The code or number itself, or a file that holds it."`
	Trust string `help:"Folder of what is trusted: X.509 certificates (PEM, DER), JWK sets, status lists." type:"path"`
	At    string `help:"The moment to check for, ISO 8601; without a zone UTC. Default: now."`
	JSON  bool   `name:"json" help:"One JSON object for programs."`
}

// maxCode is how much of a file is read: no code is that long.
const maxCode = 1 << 20

func (c *verifyCmd) Run(e *env) error {
	text, err := textOrFile(c.Text)
	if err != nil {
		return exit{exitUsage, city.Say(e.lang, "cli.verify.file", "file", c.Text)}
	}
	at := time.Now()
	if c.At != "" {
		if at, err = moment(c.At); err != nil {
			return exit{exitUsage, city.Say(e.lang, "cli.verify.at", "text", c.At)}
		}
	}
	trust := credential.NewTrust()
	if c.Trust != "" {
		var faults []credential.TrustFault
		trust, faults, err = credential.LoadTrust(os.DirFS(c.Trust))
		if err != nil {
			return exit{exitUsage, city.Say(e.lang, "cli.verify.trust", "dir", c.Trust)}
		}
		for _, f := range faults {
			fmt.Fprintln(e.err, f.Error())
		}
	}
	r := credential.Verify(text, trust, at)
	if c.JSON {
		enc := json.NewEncoder(e.out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r); err != nil {
			return err
		}
	} else {
		say(e, r)
	}
	if !r.Valid {
		return exit{code: exitFound}
	}
	return nil
}

func say(e *env, r credential.Result) {
	fmt.Fprintln(e.out, r.Reason.Say(e.lang))
	if cl := r.Claims; cl != nil {
		fmt.Fprintf(e.out, "  %s  %s\n  %s\n", cl.Name.In(e.lang), cl.Number, cl.Issuer.In(e.lang))
	}
	if r.Signer != nil {
		fmt.Fprintf(e.out, "  %s (%s)\n", r.Signer.Name, r.Signer.Algorithm)
	}
	for _, w := range r.Warnings {
		fmt.Fprintln(e.out, "  "+w.Say(e.lang))
	}
}

// textOrFile reads a file where one of that name stands, and takes the argument
// itself otherwise.
func textOrFile(arg string) (string, error) {
	if len(arg) > 4096 {
		return arg, nil
	}
	f, err := os.Open(arg)
	if errors.Is(err, fs.ErrNotExist) || err != nil && !errors.Is(err, fs.ErrPermission) {
		return arg, nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxCode))
	return string(raw), err
}

// moment reads ISO 8601, in its extended and its basic form.
func moment(s string) (time.Time, error) {
	for _, day := range []string{"2006-01-02", "20060102"} {
		for _, hour := range []string{"T15:04:05", "T15:04", "T150405", "T1504", " 15:04:05", " 15:04"} {
			for _, zone := range []string{"Z07:00", "Z0700", "Z07", ""} {
				if t, err := time.ParseInLocation(day+hour+zone, s, time.UTC); err == nil {
					return t, nil
				}
			}
		}
		if t, err := time.ParseInLocation(day, s, time.UTC); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("not a moment: %q", s)
}
