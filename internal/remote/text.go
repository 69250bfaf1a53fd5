package remote

import (
	"strings"
	"unicode"
)

// maxText is the maximum number of bytes of a server's message that are printed.
const maxText = 500

// Text is a server's message in one line that is safe to print: control characters, which a terminal would interpret,
// become spaces, and long messages are cut.
func Text(message string) string {
	message = strings.ToValidUTF8(message, "\uFFFD")
	message = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, message)
	message = strings.Join(strings.Fields(message), " ")
	if len(message) > maxText {
		message = strings.ToValidUTF8(message[:maxText], "") + " ..."
	}
	return message
}
