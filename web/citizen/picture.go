package citizen

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"yiwang/city"
	"yiwang/credential/scan"
	"yiwang/tlog"
)

// codeIn reads the code in a file that somebody sent: a picture of a QR code, or
// its text. What it can't read is said.
func codeIn(b []byte) (code string, fault city.Message) {
	if strings.HasPrefix(http.DetectContentType(b), "text/plain") && utf8.Valid(b) && len(b) <= mostPicture {
		if tlog.LooksLikeReceipt(string(b)) {
			return cut(string(b), tlog.MaxReceipt+1), city.Message{}
		}
		return cut(string(b), longestCode), city.Message{}
	}
	code, err := scan.Read(b)
	switch {
	case err == nil:
		return code, city.Message{}
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
	return "", fault
}
