// Package xmlpull reads large XML files one element at a time, in the manner of a pull parser.
//
// A file is a root element with many small records. Reader walks through it with Record, Child, Next and Skip. The
// window bounds memory (256 KiB, 1 MiB for a single tag) for any file, and Config.MaxRecord bounds a record in bytes
// of XML. Positions are bytes and lines of the decompressed file.
//
// All input, including skipped elements, must be well-formed XML 1.0 in UTF-8: tags balance, attributes are quoted
// and unique, references name a character, there are no illegal characters and nothing follows the root. Entities
// other than the five of XML and numeric characters are errors, and so is a document type with its own definitions
// (an "XML bomb" needs one). The reader is laxer than the specification in three points: names may contain any
// letter, digit or mark beyond ASCII, namespaces are not resolved, and processing instructions, comments and external
// DTDs are skipped.
//
// A violation is a *SyntaxError. After it, Resume continues at the next record; errors of the underlying reader are
// final.
package xmlpull
