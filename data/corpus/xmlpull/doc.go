// Package xmlpull reads large XML files one element at a time, in the manner of a pull parser.
//
// A file is a root element with many records in it, each small. Reader walks through it with Record, Child, Next and
// Skip; memory is bounded by the window (256 KiB, 1 MiB for a single tag) whatever the file holds, and a record by
// Config.MaxRecord bytes of XML. Positions are bytes and lines of the decompressed file.
//
// Everything read, skipped elements included, is checked to be well-formed XML 1.0 in UTF-8: tags balance, attributes
// are quoted and unique, references name a character, no illegal character, nothing after the root. Entities other
// than the five of XML and characters by number are refused, and so is a document type with definitions of its own
// (an "XML bomb" needs one). What is looser than the specification: names may hold any letter, digit or mark beyond
// ASCII, namespaces are not resolved, and processing instructions, comments and external DTDs are passed over unread.
//
// A violation is a *SyntaxError. Resume goes on after it at the next record; errors of the underlying reader are final.
package xmlpull
