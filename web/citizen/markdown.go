package citizen

import (
	"bytes"
	"context"
	"io"

	"github.com/a-h/templ"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Markdown is a text of the pack as markup; nil for no text. HTML in it and
// addresses that run scripts don't come through. Headings begin at the second
// level, since the page has its own first.
func Markdown(source string) templ.Component {
	if source == "" {
		return nil
	}
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b bytes.Buffer
		if err := markdown.Convert([]byte(source), &b); err != nil {
			return err
		}
		_, err := b.WriteTo(w)
		return err
	})
}

var markdown = goldmark.New(
	goldmark.WithExtensions(extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute))),
	goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(secondLevel{}, 100))),
)

// secondLevel turns headings of the first level into such of the second.
type secondLevel struct{}

func (secondLevel) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok && h.Level == 1 {
			h.Level = 2
		}
	}
}
