package citizen

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"yiwang/city"
	"yiwang/credential/scan"
	"yiwang/tlog"
)

// picturesAtOnce is how many pictures are opened at the same time: a small file can
// open into a hundred megabytes.
const picturesAtOnce = 2

// codeIn reads the code in a file that somebody sent: a picture of a QR code, or
// its text. What it can't read is said. It waits while enough pictures are being
// opened; err is only that of ctx.
func (p *Pages) codeIn(ctx context.Context, b []byte) (code string, fault city.Message, err error) {
	if strings.HasPrefix(http.DetectContentType(b), "text/plain") && utf8.Valid(b) && len(b) <= mostPicture {
		if tlog.LooksLikeReceipt(string(b)) {
			return cut(string(b), tlog.MaxReceipt+1), city.Message{}, nil
		}
		return cut(string(b), longestCode), city.Message{}, nil
	}
	if err := p.pictures.Acquire(ctx, 1); err != nil {
		return "", city.Message{}, err
	}
	defer p.pictures.Release(1)
	code, err = scan.Read(b)
	switch {
	case err == nil:
		return code, city.Message{}, nil
	case errors.Is(err, scan.ErrTooLarge):
		fault = city.Message{Key: "web.field.file.too_large", Args: []any{"mb", mostPicture >> 20}}
	case errors.Is(err, scan.ErrKind):
		fault.Key = "citizen.verify.file.kind"
	case errors.Is(err, scan.ErrNoCode):
		fault.Key = "citizen.verify.file.no_code"
	case errors.Is(err, scan.ErrMode):
		fault.Key = "credential.reason.qr_mode"
	default:
		fault.Key = "citizen.verify.file.unreadable"
	}
	return "", fault, nil
}
