// Package text holds the types that all readers of text share: spans, positions counted in characters, bytes or
// UTF-16 units, and lines.
//
// A Span counts bytes of UTF-8 text, half-open. Files count other units: Offsets converts their positions to spans and
// back, and Units finds out which unit a file counts. Lines reads a file line by line and checks that it is text.
//
// Some published files contain NUL characters, which do not belong in text. Positions count them, so readers keep
// them until positions are converted, and then remove them by WithoutNUL.
package text
