package corpus

import "strings"

// Part says which part of a publication a section belongs to.
type Part string

const (
	Abstract Part = "abstract"
	Body     Part = "body" // of a full article
	Text     Part = "text" // unknown
)

// Document is one record of a corpus. Its texts are valid UTF-8 and hold no NUL character.
type Document struct {
	ID       string // empty in plain text
	Title    string
	Sections []Section // in reading order
}

// Section is a part of a document. Its text may have several lines; a line does not continue the sentence of the line
// before it, unless that line ends with an abbreviation.
type Section struct {
	Part  Part
	Label string // the heading, such as METHODS, or empty
	Text  string
}

// Bytes is the number of bytes of text: of the title and the sections, without labels.
func (d *Document) Bytes() int {
	n := len(d.Title)
	for i := range d.Sections {
		n += len(d.Sections[i].Text)
	}
	return n
}

// dropNUL removes the NUL characters from all texts and returns their number.
func (d *Document) dropNUL() int {
	n := 0
	drop := func(s *string) {
		n += strings.Count(*s, "\x00")
		*s = strings.ReplaceAll(*s, "\x00", "")
	}
	drop(&d.ID)
	drop(&d.Title)
	for i := range d.Sections {
		drop(&d.Sections[i].Label)
		drop(&d.Sections[i].Text)
	}
	return n
}

// Texts calls yield with the title and the text of each section, in reading order. It leaves out empty texts, and
// labels, which are headings and not sentences.
func (d *Document) Texts(yield func(string) bool) {
	if d.Title != "" && !yield(d.Title) {
		return
	}
	for i := range d.Sections {
		if d.Sections[i].Text != "" && !yield(d.Sections[i].Text) {
			return
		}
	}
}
