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
	"yiwang/credential/hcert"
	"yiwang/credential/scan"
	"yiwang/credential/trustlist"
	"yiwang/tlog"
)

type verifyCmd struct {
	Text  string `arg:"" help:"The code, number or receipt itself, or a file that holds it: text, or a picture of a QR code (PNG, JPEG)."`
	Trust string `help:"Folder of what is trusted: X.509 certificates (PEM, DER), JWK sets, signed trust lists (with the keys of their anchors in a folder anchors), status lists, keys of public logs and their witnesses." type:"path"`
	At    string `help:"The moment to check for, ISO 8601; without a zone UTC. Default: now."`
	JSON  bool   `name:"json" help:"One JSON object for programs."`
}

// maxCode is how much of a file is read: no code is longer, and no picture larger.
const maxCode = scan.MostBytes + 1

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
	trust, logs := credential.NewTrust(), tlog.Keys{}
	if c.Trust != "" {
		var faults []credential.TrustFault
		var taken map[string]bool
		if logs, taken, err = tlog.LoadKeys(os.DirFS(c.Trust)); err != nil {
			return exit{exitUsage, city.Say(e.lang, "cli.verify.trust", "dir", c.Trust)}
		}
		lists, err := trustlist.Load(os.DirFS(c.Trust), at)
		if err != nil {
			return exit{exitUsage, city.Say(e.lang, "cli.verify.trust", "dir", c.Trust)}
		}
		trust, faults, err = credential.LoadTrust(os.DirFS(c.Trust), func(t *credential.Trust) { err = lists.AddTo(t) })
		if err != nil {
			return exit{exitUsage, city.Say(e.lang, "cli.verify.trust", "dir", c.Trust)}
		}
		logs.Add(lists.Logs()...)
		for _, f := range lists.Faults {
			fmt.Fprintln(e.err, f.Error())
		}
		for _, f := range faults {
			if !taken[f.File] && !lists.Taken[f.File] {
				fmt.Fprintln(e.err, f.Error())
			}
		}
	}
	if scan.IsPicture([]byte(text)) {
		switch text, err = scan.Read([]byte(text)); {
		case errors.Is(err, scan.ErrMode):
			return c.credential(e, credential.Result{Reason: credential.ReasonQRMode})
		case err != nil:
			return c.credential(e, credential.Result{Reason: credential.ReasonNoQRCode})
		}
	}
	if tlog.LooksLikeReceipt(text) {
		return c.receipt(e, tlog.Verify(text, logs, at))
	}
	return c.credential(e, credential.Verify(text, trust, at))
}

// credential says what the check of anything else found.
func (c *verifyCmd) credential(e *env, r credential.Result) error {
	return c.answer(e, r, r.Valid, func() { say(e, r) })
}

// receipt says what the check of a receipt found.
func (c *verifyCmd) receipt(e *env, r tlog.Checked) error {
	return c.answer(e, r, r.Valid, func() {
		fmt.Fprintln(e.out, r.Reason.Say(e.lang))
		if s := r.Statement; s != nil {
			fmt.Fprintf(e.out, "  %s (%s)  %s  %s\n", city.Say(e.lang, tlog.Said(s.Type)), s.Type, s.Subject, s.At.Format(time.RFC3339))
			if len(s.Facts) > 0 {
				fmt.Fprintf(e.out, "  %s\n", s.Facts)
			}
			fmt.Fprintln(e.out, city.Say(e.lang, "cli.verify.receipt.place", "log", r.Log, "n", r.Index+1, "of", r.Size))
		}
		for _, w := range r.Witnesses {
			fmt.Fprintln(e.out, city.Say(e.lang, "cli.verify.receipt.witness", "name", w.Name, "time", w.At.Format(time.RFC3339)))
		}
	})
}

// answer writes the result for a program or for people, and gives the exit code.
func (c *verifyCmd) answer(e *env, r any, valid bool, forPeople func()) error {
	if !c.JSON {
		forPeople()
	} else {
		enc := json.NewEncoder(e.out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	if !valid {
		return exit{code: exitFound}
	}
	return nil
}

func say(e *env, r credential.Result) {
	fmt.Fprintln(e.out, r.Why().In(e.lang))
	if h := r.Health; h != nil {
		sayHealth(e, h)
	}
	if cl := r.Claims; cl != nil {
		fmt.Fprintf(e.out, "  %s  %s\n  %s\n", cl.Name.In(e.lang), cl.Number, cl.Issuer.In(e.lang))
		if g := cl.Grant; g != nil {
			for _, f := range g.Shown {
				fmt.Fprintf(e.out, "  %s  %s\n", f.Name, f.Value)
			}
		}
	}
	if p := r.Pass; p != nil {
		fmt.Fprintf(e.out, "  %s  %s  %s\n  %s\n", p.Purpose, p.State, p.Holder, p.Expires.Format(time.RFC3339))
	}
	if r.Signer != nil {
		fmt.Fprintf(e.out, "  %s (%s)\n", r.Signer.Name, r.Signer.Algorithm)
		if r.Signer.Region != "" {
			fmt.Fprintln(e.out, "  "+city.Say(e.lang, "citizen.verify.region.by", "name", r.Signer.RegionName, "code", r.Signer.Region, "at", r.TrustAt))
		}
	}
	for _, w := range r.Warnings {
		fmt.Fprintln(e.out, "  "+r.Say(w).In(e.lang))
	}
}

// sayHealth tells a health certificate in a line or two.
func sayHealth(e *env, h *hcert.Certificate) {
	fmt.Fprintf(e.out, "  %s %s  %s\n", h.Name.Given, h.Name.Family, h.Born)
	for _, v := range h.Vaccinations {
		fmt.Fprintf(e.out, "  %s  %s  %s\n", v.ProductName(), city.Say(e.lang, "citizen.health.dose.of", "n", v.Dose, "of", v.Doses), v.Day)
	}
	for _, t := range h.Tests {
		result := t.Result
		if known, ok := city.LookupText("citizen.health.result." + t.Result); ok {
			result = known.In(e.lang)
		}
		fmt.Fprintf(e.out, "  %s  %s\n", result, t.Sampled)
	}
	for _, r := range h.Recoveries {
		fmt.Fprintf(e.out, "  %s\n", city.Say(e.lang, "citizen.health.days.of", "from", r.From, "until", r.Until))
	}
	for _, f := range h.Findings {
		fmt.Fprintf(e.out, "  %s\n", f)
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
