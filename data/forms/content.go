package forms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// content is the form that the first bytes of a file suggest.
type content struct {
	form Form // empty if there is only white space
	sure bool // the form is certain, not a guess
}

// contentOf determines the content of a file from its first bytes, head. The error names a kind of file that
// is not text.
func contentOf(head []byte) (content, error) {
	if err := IsText(head); err != nil {
		return content{}, err
	}
	head = bytes.TrimPrefix(head, []byte("\ufeff"))
	lines := firstLines(head)
	if len(lines) == 0 {
		return content{}, nil // readers report the error
	}
	switch first := bytes.TrimSpace(lines[0]); {
	case first[0] == '<' && !bytes.HasPrefix(first, []byte("<e1:")) && !bytes.HasPrefix(first, []byte("<e2:")):
		if c, isMarkup, err := markup(bytes.TrimSpace(head)); isMarkup || err != nil {
			return c, err
		}
	case first[0] == '{' || first[0] == '[':
		if c, isJSON, err := jsonContent(bytes.TrimSpace(head), lines); isJSON || err != nil {
			return c, err
		}
	case isPubTator(first):
		return content{PubTator, true}, nil
	}
	return columns(lines)
}

// IsText returns nil if head begins text, and an error that names the kind of file if not: an archive, a PDF, a Git LFS
// pointer and so on.
func IsText(head []byte) error {
	begins := func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }
	switch {
	case len(head) == 0:
		return errors.New("empty file")
	case begins("version https://git-lfs.github.com/spec/"):
		return errors.New("a Git LFS pointer, not the file it stands for; fetch that with git lfs pull")
	case begins("/annex/objects/"), begins("../.git/annex/objects/"), begins(".git/annex/objects/"):
		return errors.New("a git-annex pointer, not the file it stands for; fetch that with git annex get")
	case begins("%PDF-"):
		return errors.New("a PDF; extract its text first")
	case begins("PK\x03\x04"), begins("PK\x05\x06"):
		return errors.New("a zip archive; unpack it, or name the files in it")
	case begins("\xff\xfe"), begins("\xfe\xff"):
		return errors.New("UTF-16; convert it to UTF-8")
	case begins("\x1f\x8b"), begins("\xfd7zXZ\x00"), begins("\x28\xb5\x2f\xfd"), begins("BZh"), begins("7z\xbc\xaf\x27\x1c"), begins("Rar!"),
		len(head) > 262 && string(head[257:262]) == "ustar":
		return errors.New("an archive, or compressed twice; decompress it")
	case isBinary(head[:min(len(head), 4096)]), len(head) > 8 && head[8] == '{' && string(head[4:8]) == "\x00\x00\x00\x00": // safetensors
		return errors.New("binary data, not text")
	}
	return nil
}

// isBinary reports whether b is text neither in UTF-8 nor in an encoding of eight bits. A few NUL characters do not
// make a text binary.
func isBinary(b []byte) bool {
	control, nuls, invalid := 0, 0, 0
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		switch {
		case r == utf8.RuneError && n == 1 && utf8.FullRune(b[i:]):
			invalid++
		case r == 0:
			nuls++
		case r < ' ' && !strings.ContainsRune("\t\n\r\f\v\x1b\x1a", r):
			control++
		}
		i += n
	}
	odd := nuls + control + invalid
	return nuls*3 > len(b) || control*3 > len(b) || invalid > 0 && (odd*4 > len(b) || nuls > 0 && odd*10 > len(b))
}

// maxLines is the number of lines that are examined.
const maxLines = 50

// firstLines are the first lines of head that are not blank. A line that is cut off is left out, unless it is the only
// one.
func firstLines(head []byte) (lines [][]byte) {
	for line := range bytes.Lines(head) {
		line = bytes.TrimRight(bytes.ReplaceAll(line, []byte{0}, nil), "\r\n")
		if len(bytes.TrimSpace(line)) > 0 {
			lines = append(lines, line)
		}
		if len(lines) == maxLines {
			return lines
		}
	}
	if len(head) >= HeadBytes && len(lines) > 1 {
		return lines[:len(lines)-1]
	}
	return lines
}

// markupError says that a file is markup without a reader. It is a guess if the file only begins with text in angle
// brackets.
type markupError struct {
	what  string
	guess bool
}

func (e *markupError) Error() string { return e.what }

// markup determines the content of a text that begins with <, if it is markup.
func markup(head []byte) (_ content, isMarkup bool, _ error) {
	name, rest, declared := root(head)
	if name == "" && !declared {
		return content{}, false, nil
	}
	switch name {
	case "PubmedArticleSet", "PubmedBookArticleSet":
		return content{PubMedXML, true}, true, nil
	case "collection":
		return content{BioC, true}, true, nil
	case "corpus":
		return content{PPI, true}, true, nil
	case "document":
		if tag, _, _ := bytes.Cut(rest, []byte(">")); bytes.Contains(tag, []byte("id=")) {
			return content{DDI, true}, true, nil
		}
	case "DescriptorRecordSet":
		return content{}, true, &markupError{what: "MeSH descriptors, which go with --mesh"}
	}
	if slices.Contains([]string{"html", "head", "body", "script", "!doctype html"}, strings.ToLower(name)) {
		return content{}, true, &markupError{what: "a web page in HTML, not the file that it may be about; fetch that"}
	}
	if name == "" {
		return content{}, true, &markupError{what: fmt.Sprintf("XML without a root element in the first %d KiB", HeadBytes>>10)}
	}
	return content{}, true, &markupError{fmt.Sprintf("XML with the root element <%.40s>, want <PubmedArticleSet>, <collection>, <corpus> or <document id=...>", name), !declared}
}

var tagName = regexp.MustCompile(`^<([A-Za-z_][\w.:-]*)(?:[\s/>]|$)`)

// root returns the name of the root element, the text after it, and whether a declaration says that this is XML. For a
// document type of HTML the name is that type.
func root(head []byte) (name string, rest []byte, declared bool) {
	for {
		head = bytes.TrimSpace(head)
		end := ""
		switch {
		case bytes.HasPrefix(head, []byte("<?")):
			end = "?>"
		case bytes.HasPrefix(head, []byte("<!--")):
			end = "-->"
		case len(head) > 14 && strings.EqualFold(string(head[:14]), "<!doctype html"):
			return "!doctype html", nil, true
		case bytes.HasPrefix(head, []byte("<!DOCTYPE")):
			end = ">"
			if open := bytes.IndexByte(head, '['); open >= 0 && open < bytes.IndexByte(head, '>') {
				end = "]>" // with definitions, which the reader rejects
			}
		default:
			if m := tagName.FindSubmatch(head); m != nil {
				return string(m[1]), head[len(m[1])+1:], declared
			}
			return "", nil, declared
		}
		declared = true
		i := bytes.Index(head, []byte(end))
		if i < 0 {
			return "", nil, true
		}
		head = head[i+len(end):]
	}
}

var jsonObject = regexp.MustCompile(`^\{\s*(?:["}]|$)`)

// jsonContent determines the content of a text that begins with a bracket, if it is JSON.
func jsonContent(head []byte, lines [][]byte) (_ content, isJSON bool, _ error) {
	first := bytes.TrimSpace(lines[0])
	bioc := func(key string) bool { return key == "documents" || key == "passages" || key == "PubTator3" }
	if slices.ContainsFunc(topKeys(bytes.TrimLeft(head, "[ \t\r\n")), bioc) {
		return content{BioCJSON, true}, true, nil
	}
	if !json.Valid(first) && severalLines(head, len(first)) {
		return content{}, true, errors.New("JSON over several lines; want one object a line")
	}
	if first[0] == '[' {
		return content{form: JSONL}, json.Valid(first), nil
	}
	keys := topKeys(head)
	if len(keys) == 0 {
		return content{form: JSONL}, jsonObject.Match(first) || slices.ContainsFunc(lines, json.Valid), nil
	}
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(keys, n) })
	}
	switch {
	case has("relation") && has("text"):
		return content{AIMed, true}, true, nil
	case has("mentions", "relations"):
		return content{RelationsJSONL, true}, true, nil
	}
	return content{JSONL, true}, true, nil
}

// severalLines reports whether head begins with a JSON value, or with most of one, that goes on after the first line of
// n bytes.
func severalLines(head []byte, n int) bool {
	d := json.NewDecoder(bytes.NewReader(head))
	for {
		if _, err := d.Token(); err != nil {
			return errors.Is(err, io.EOF) && d.InputOffset() > int64(n)
		}
		if d.InputOffset() > int64(n) {
			return true
		}
	}
}

// topKeys are the keys of the JSON object at the start of head, which may be cut off.
func topKeys(head []byte) (keys []string) {
	d := json.NewDecoder(bytes.NewReader(head))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		t, err := d.Token()
		key, isKey := t.(string)
		if err != nil || !isKey {
			return keys
		}
		keys = append(keys, key)
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return keys // cut off, or broken
		}
	}
	return keys
}

// isPubTator reports whether line is a title or abstract at the start of a PubTator file.
func isPubTator(line []byte) bool {
	id, rest, found := bytes.Cut(line, []byte("|"))
	return found && len(id) > 0 && !bytes.ContainsAny(id, " \t") && len(rest) > 1 && (rest[0] == 't' || rest[0] == 'a') && rest[1] == '|'
}

// marked finds the marks of mentions.
var marked = regexp.MustCompile(`@[A-Z][A-Z0-9_]*(-[A-Z][A-Z0-9_]*)?\$|\bBC6ENT[CG]\b|<e[12]:[^>\s]*>`)

// columns reports whether lines are columns, by their header or because all lines have the same number.
func columns(lines [][]byte) (content, error) {
	tabs := bytes.Count(lines[0], []byte("\t"))
	header := func(sep string) bool {
		fields := strings.Split(strings.ToLower(string(lines[0])), sep)
		named := func(f string) bool { return slices.Contains(columnNames(), strings.Trim(strings.TrimSpace(f), `"`)) }
		long := func(f string) bool { return len(f) > 40 || strings.Count(f, " ") > 2 }
		return len(fields) > 1 && slices.ContainsFunc(fields, named) && !slices.ContainsFunc(fields, long)
	}
	switch {
	case strings.HasPrefix(string(lines[0]), "PMID\tType\tConceptID"):
		return content{}, errors.New("a PubTator table; name it with --tables")
	case tabs > 0 && header("\t"):
		return content{TSV, true}, nil
	case tabs == 0 && (header(",") || header(";")) && !bytes.ContainsAny(lines[0], "@$.!?"):
		return content{CSV, true}, nil
	}
	if tabs > 0 && marked.Match(lines[0]) {
		return content{TSV, true}, nil
	}
	others := func(line []byte) bool { return bytes.Count(line, []byte("\t")) != tabs }
	inside := func(line []byte) bool { return bytes.Contains(bytes.TrimSpace(line), []byte("\t")) }
	if tabs > 0 && len(lines) > 1 && !slices.ContainsFunc(lines, others) && slices.ContainsFunc(lines, inside) {
		return content{form: TSV}, nil
	}
	return content{form: Text}, nil
}

// columnNames are the names of columns in the headers of published files.
func columnNames() []string {
	return []string{"index", "sentence", "label", "labels", "gold", "predicted", "text", "pmid", "abstract"}
}
