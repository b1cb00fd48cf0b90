package main

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"yiwang/city"
	"yiwang/fleet/jt808"
)

type jt808Cmd struct {
	Decode decodeCmd `cmd:"" help:"Show JT/T 808 frames, one JSON object for each; exit 2 when one is refused."`
}

type decodeCmd struct {
	Hex []string `arg:"" optional:"" help:"Frames in hexadecimal. Without any, they are read from standard input, one a line."`
}

func (c *decodeCmd) Run(e *env) error {
	quotes := jt808.NewQuotes(e.lang)
	frames, refused := 0, 0
	show := func(text string) error {
		for _, v := range quotes.Read(text) {
			frames++
			if v.Error != nil {
				refused++
			}
			if err := e.json(v); err != nil {
				return err
			}
		}
		return nil
	}
	for _, text := range c.Hex {
		if err := show(text); err != nil {
			return err
		}
	}
	if len(c.Hex) == 0 {
		if err := eachLine(e.in, show); err != nil {
			return err
		}
	}
	switch {
	case frames == 0:
		return exit{exitUsage, city.Say(e.lang, "cli.jt808.none")}
	case refused > 0:
		return exit{exitUsage, city.Say(e.lang, "cli.jt808.refused", "n", refused, "frames", frames)}
	}
	return nil
}

// eachLine gives each line that holds something to the function. Of a line longer
// than any quotation it gives enough to be refused.
func eachLine(r io.Reader, give func(string) error) error {
	in := bufio.NewReaderSize(r, jt808.MaxQuote+1)
	for {
		line, err := in.ReadSlice('\n')
		text := strings.TrimSpace(string(line))
		for errors.Is(err, bufio.ErrBufferFull) {
			text = string(line)
			_, err = in.ReadSlice('\n')
		}
		if text != "" {
			if err := give(text); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
