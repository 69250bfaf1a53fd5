package selection

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/data/text"
)

// Made is the manifest of a part.
type Made struct {
	Texts
	Piece string
	Bytes int64
}

// write writes the part of a task, unless an earlier attempt did.
func (s *selector) write(ctx context.Context, t *Task) error {
	vocabulary := ""
	if s.Tokenizer != nil {
		vocabulary = s.Tokenizer.Vocabulary
	}
	key, err := staging.Key("part", t.Found.Piece, t.Drop, s.Splitter.Name(), vocabulary)
	if err != nil {
		return err
	}
	done, err := s.work.Load(key, &t.Part)
	if err != nil {
		return err
	}
	if done && s.work.Has(t.Part.Piece, t.Part.Bytes) {
		s.advance(t.Found.Bytes, 0)
		return nil
	}
	if err := s.part(ctx, t); err != nil {
		return err
	}
	return s.work.Store(key, &t.Part)
}

func (s *selector) part(ctx context.Context, t *Task) (err error) {
	w := s.partWriter(t)
	if w.out, err = newTextPiece(s.work); err != nil {
		return err
	}
	if err := w.run(ctx); err != nil {
		return errors.Join(err, w.out.discard())
	}
	t.Part = w.part
	return nil
}

func (s *selector) partWriter(t *Task) *partWriter {
	w := &partWriter{selector: s, task: t, part: Made{Texts: newTexts()}}
	if s.Tokenizer != nil {
		w.tokens = s.Tokenizer.New()
	}
	return w
}

// partWriter writes the selected documents of one file.
type partWriter struct {
	*selector
	task   *Task
	out    *textPiece
	part   Made
	tokens Appender // or nil
	spans  []text.Span
	ids    []int32
}

func (w *partWriter) run(ctx context.Context) error {
	if w.task.kept() > 0 {
		if err := w.documents(ctx); err != nil {
			return err
		}
	}
	var err error
	w.part.Piece, w.part.Bytes, err = w.out.seal()
	return err
}

// kept is the number of matching documents that are kept.
func (t *Task) kept() int64 {
	n := t.Found.Matched - t.Found.Excluded - t.Found.NotInShare
	for _, bits := range t.Drop {
		for ; bits != 0; bits &= bits - 1 {
			n--
		}
	}
	return n
}

func (w *partWriter) documents(ctx context.Context) error {
	file, err := corpus.OpenFile(ctx, w.work.Path(w.task.Found.Piece), forms.JSONL)
	if err != nil {
		return err
	}
	defer file.Close() // only read from
	at := 0
	var read int64
	for d, err := range file.Documents() {
		if err != nil {
			return err
		}
		if w.task.Drop[at/64]>>(at%64)&1 == 0 {
			long, err := w.out.write(w.document(&d))
			if long { // because of its sentences; Find checked the rest
				_, err = w.out.write(&d)
			}
			if err != nil {
				return err
			}
		}
		if at++; at%256 == 0 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			w.advance(file.BytesRead()-read, 0)
			read = file.BytesRead()
		}
	}
	w.advance(file.Size()-read, 0)
	return nil
}

// splitDocument is a document with its sentences encoded as JSON.
type splitDocument struct {
	*corpus.Document
	sentences []byte
}

// MarshalJSON encodes the document in the form that the readers accept, with an additional key sentences.
func (d splitDocument) MarshalJSON() ([]byte, error) {
	line, err := d.Document.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if len(line) > 2 {
		line = append(line[:len(line)-1], ',')
	} else {
		line = line[:1]
	}
	return fmt.Appendf(line, `"sentences":%s}`, d.sentences), nil
}

// document finds and counts the sentences of d.
func (w *partWriter) document(d *corpus.Document) splitDocument {
	p := &w.part
	p.Selected++
	p.TextBytes += int64(d.Bytes())
	if d.Bytes() == len(d.Title) {
		p.NoAbstract++
	}
	out := []byte{'['}
	words := 0
	for section := range d.Texts {
		if len(out) > 1 {
			out = append(out, ',')
		}
		w.spans = w.Splitter.Append(w.spans[:0], section)
		out = appendSpans(out, section, w.spans)
		for _, span := range w.spans {
			n := text.CountWords(span.Of(section))
			words += n
			p.SentenceWords.add(n)
			w.count(span.Of(section))
		}
		p.Sentences += int64(len(w.spans))
	}
	p.Words += int64(words)
	p.DocumentWords.add(words)
	return splitDocument{d, append(out, ']')}
}

func (w *partWriter) count(sentence string) {
	if w.tokens == nil {
		return
	}
	w.ids = w.tokens.Append(w.ids[:0], sentence)
	w.part.Tokens += int64(len(w.ids))
	for _, id := range w.ids {
		if id == w.Tokenizer.Unknown {
			w.part.Unknown++
		}
	}
}

// appendSpans appends a list of [start,end] in characters.
func appendSpans(dst []byte, section string, spans []text.Span) []byte {
	dst = append(dst, '[')
	for start, end := range text.InCharacters(section, spans) {
		if dst[len(dst)-1] == ']' {
			dst = append(dst, ',')
		}
		dst = append(dst, '[')
		dst = append(strconv.AppendInt(dst, int64(start), 10), ',')
		dst = append(strconv.AppendInt(dst, int64(end), 10), ']')
	}
	return append(dst, ']')
}

// sampleKey separates the choice of a share from other uses of the same hash.
const sampleKey = "subbert share 1\n"

// fraction maps a document to [0, 1) by its identifier, or else its text: a larger share includes a smaller one.
func fraction(d *corpus.Document) float64 {
	h := identityOf(&corpus.Document{ID: sampleKey + d.ID})
	if d.ID == "" {
		h = textOf(d)
	}
	return float64(binary.BigEndian.Uint64(h)) / (1 << 64)
}
