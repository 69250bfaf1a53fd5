// Package text has what all readers of text share: spans, positions counted in characters, bytes or UTF-16 units, and
// lines.
//
// A Span counts bytes of UTF-8 text, half-open. Files count other units: Offsets converts their positions to spans and
// back, and Units finds out which unit a file counts. Lines reads a file line by line and checks that it is text.
//
// NUL characters have no place in text, and some published files have them all the same. Readers keep them as long as
// positions are converted, because those count them, and leave them out of what they return: WithoutNUL.
package text
