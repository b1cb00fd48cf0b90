package city

import "crypto/rand"

// ReadableLetters lack what is misread: I, L, O, U, 0 and 1.
const ReadableLetters = "ABCDEFGHJKMNPQRSTVWXYZ23456789"

// NewReadable makes n random letters to be read aloud and typed from paper, 4.9
// bits each.
func NewReadable(n int) string {
	out := make([]byte, 0, n)
	for one := make([]byte, 1); len(out) < n; {
		_, _ = rand.Read(one)
		if int(one[0]) >= 256/len(ReadableLetters)*len(ReadableLetters) {
			continue // or the first letters would come more often
		}
		out = append(out, ReadableLetters[int(one[0])%len(ReadableLetters)])
	}
	return string(out)
}
