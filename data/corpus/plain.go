package corpus

import (
	"bytes"
	"fmt"
	"io"
)

// plainReader returns a function that reads plain text one document at a time: lines up to a blank one.
func plainReader(lines *lines) func() (Document, error) {
	var block []byte
	return func() (Document, error) {
		block = block[:0]
		for {
			line, err := lines.next()
			if err == io.EOF && len(block) > 0 {
				return plainDocument(block), nil
			}
			if err != nil {
				return Document{}, err
			}
			line = bytes.TrimSpace(line)
			if len(line) == 0 && len(block) > 0 {
				return plainDocument(block), nil
			}
			if len(block)+len(line) > MaxLine {
				return Document{}, fmt.Errorf("more than %d MiB without a blank line; separate documents by blank lines", MaxLine>>20)
			}
			if len(block) > 0 {
				block = append(block, '\n')
			}
			block = append(block, line...)
		}
	}
}

func plainDocument(block []byte) Document {
	return Document{Sections: []Section{{Part: Text, Text: string(block)}}}
}
