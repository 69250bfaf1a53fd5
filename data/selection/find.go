package selection

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/pubmed"
	"github.com/subbert/subbert/data/documents"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/data/text"
)

// Found is the manifest of a searched file.
type Found struct {
	Input
	Piece string // the matching documents, as JSON lines
	Bytes int64  // of Piece
	Marks string // the marks of the documents in Piece
	Index string // for PubMed's files: pubmed.Index
}

// ToResolve are the names of the pieces that Resolve needs.
func (f *Found) ToResolve() []string {
	if f.Index == "" {
		return []string{f.Marks}
	}
	return []string{f.Marks, f.Index}
}

// mark holds the data of a document that Resolve needs.
type mark struct {
	number   uint32 // of the record in its file
	id, text [16]byte
}

const markBytes = 4 + 16 + 16

// find searches a file, unless an earlier attempt did.
func (s *selector) find(ctx context.Context, t *Task) error {
	identity, err := t.identity()
	if err != nil {
		return err
	}
	key, err := staging.Key("find", s.key, identity)
	if err != nil {
		return err
	}
	done, err := s.work.Load(key, &t.Found)
	if err != nil {
		return err
	}
	if done && s.work.Has(t.Found.Piece, t.Found.Bytes) {
		s.advance(t.Size, 0)
		return nil
	}
	if err := s.look(ctx, t); err != nil {
		return err
	}
	return s.work.Store(key, &t.Found)
}

func (s *selector) look(ctx context.Context, t *Task) error {
	f := &finder{selector: s, task: t}
	if err := f.run(ctx); err != nil {
		return errors.Join(err, f.discard())
	}
	return nil
}

// finder searches one file.
type finder struct {
	*selector
	task  *Task
	out   *textPiece
	marks *staging.Piece
	index pubmed.Index
	in    Input
	spans []text.Span
	words []byte
}

func (f *finder) run(ctx context.Context) error {
	src, err := documents.Open(f.task.file(), documents.Options{Form: f.task.Format, Strict: f.Strict, Broken: f.broken})
	if err != nil {
		return err
	}
	defer src.Close() // only read from
	f.in = Input{Name: filepath.Base(f.task.Path), Bytes: src.Size(), Format: f.task.Format}
	if f.out, err = newTextPiece(f.work); err != nil {
		return err
	}
	if f.marks, err = f.work.Create(); err != nil {
		return err
	}
	if err := f.records(ctx, src); err != nil {
		return err
	}
	sum, err := src.Sum()
	if err != nil {
		return err
	}
	f.in.SHA256, f.in.Repeated = sumOf(sum), int64(src.Repeated())
	for _, note := range src.Notes() {
		f.warn(note)
	}
	return f.seal()
}

// broken counts a skipped record and reports it.
func (f *finder) broken(err error) {
	var again *pubmed.RepeatedError
	if !errors.As(err, &again) {
		f.in.Broken++
	}
	f.Broken(err)
}

func (f *finder) records(ctx context.Context, src *documents.File) error {
	var read, text int64 // reported so far
	var seen int64
	marks := bufio.NewWriterSize(f.marks, 1<<16)
	for r, err := range src.Records() {
		if err != nil {
			return err
		}
		if err := f.record(&r, marks); err != nil {
			return err
		}
		if seen += int64(r.Document.Bytes()); seen-text > 1<<18 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			now := src.BytesRead()
			f.advance(now-read, seen-text)
			read, text = now, seen
		}
	}
	f.advance(src.Size()-read, seen-text)
	return marks.Flush()
}

// record stores a record if it matches.
func (f *finder) record(r *documents.Record, marks io.Writer) error {
	number := f.in.Records + f.in.Deletions
	if r.Citation != nil {
		f.index.Add(r.Citation)
		if r.Citation.Deleted {
			f.in.Deletions++
			return nil
		}
	}
	f.in.Records++
	if !f.wanted(r) {
		return nil
	}
	f.in.Matched++
	if f.Exclude != nil && f.excluded(&r.Document) {
		f.in.Excluded++
		return nil
	}
	if !f.shared(&r.Document) {
		f.in.NotInShare++
		return nil
	}
	if number > math.MaxUint32 {
		return fmt.Errorf("%s: more than %d records; split the file", f.task.Path, uint32(math.MaxUint32))
	}
	long, err := f.out.write(&r.Document)
	if err != nil {
		return err
	}
	if long {
		f.in.Matched--
		name := r.Document.ID
		if name == "" {
			name = fmt.Sprintf("document %d", number+1)
		}
		return f.tooLong(fmt.Errorf("%s: %s: %.1f MB of text, want at most %d MiB", f.task.Path, name, float64(r.Document.Bytes())/1e6, text.MaxLine>>20))
	}
	var b [markBytes]byte
	binary.LittleEndian.PutUint32(b[:], uint32(number))
	copy(b[4:], identityOf(&r.Document))
	copy(b[20:], textOf(&r.Document))
	_, err = marks.Write(b[:])
	return err
}

// tooLong skips a matching document that cannot be written, or ends the selection if it is strict.
func (f *finder) tooLong(err error) error {
	if f.Strict {
		return err
	}
	f.broken(err)
	return nil
}

func (f *finder) wanted(r *documents.Record) bool {
	if f.Entities != nil && !f.Entities.has(r) {
		return false
	}
	if f.Query == nil {
		return true
	}
	if r.Citation == nil {
		return f.Query.Match(&r.Document, nil)
	}
	return f.Query.Match(&r.Document, citation{r.Citation})
}

// identityOf is a hash of the identifier of d, or zero if there is none.
func identityOf(d *corpus.Document) []byte {
	if d.ID == "" {
		return make([]byte, 16)
	}
	sum := sha256.Sum256([]byte(d.ID))
	return sum[:16]
}

// textOf is a hash of the texts of d.
func textOf(d *corpus.Document) []byte {
	h := sha256.New()
	for text := range d.Texts {
		io.WriteString(h, text) // a hash.Hash never fails
		io.WriteString(h, "\n")
	}
	return h.Sum(nil)[:16]
}

// seal finishes the pieces.
func (f *finder) seal() error {
	index, err := f.index.AppendBinary(nil)
	if err != nil {
		return err
	}
	out := Found{Input: f.in}
	if out.Piece, out.Bytes, err = f.out.seal(); err != nil {
		return err
	}
	if out.Marks, err = f.marks.Seal(); err != nil {
		return err
	}
	if f.task.Format == forms.PubMedXML {
		p, err := f.work.Create()
		if err != nil {
			return err
		}
		if _, err := p.Write(index); err != nil {
			return errors.Join(err, p.Discard())
		}
		if out.Index, err = p.Seal(); err != nil {
			return err
		}
	}
	f.task.Found = out
	return nil
}

func (f *finder) discard() error {
	var err error
	if f.out != nil {
		err = f.out.discard()
	}
	if f.marks != nil {
		err = errors.Join(err, f.marks.Discard())
	}
	return err
}

// textPiece is a piece of documents as JSON lines, compressed with zstd.
type textPiece struct {
	piece  *staging.Piece
	zip    *zstd.Encoder
	buffer *bufio.Writer
}

func newTextPiece(w *staging.Work) (*textPiece, error) {
	p, err := w.Create()
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewWriter(p, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, errors.Join(err, p.Discard())
	}
	return &textPiece{piece: p, zip: z, buffer: bufio.NewWriterSize(z, 1<<16)}, nil
}

// write writes v as a line, unless that would be longer than readers accept.
func (t *textPiece) write(v json.Marshaler) (long bool, err error) {
	line, err := v.MarshalJSON()
	if err != nil || len(line) >= text.MaxLine {
		return err == nil, err
	}
	_, err = t.buffer.Write(append(line, '\n'))
	return false, err
}

func (t *textPiece) seal() (name string, bytes int64, err error) {
	if err := errors.Join(t.buffer.Flush(), t.zip.Close()); err != nil {
		return "", 0, err
	}
	name, err = t.piece.Seal()
	return name, t.piece.Size(), err
}

func (t *textPiece) discard() error {
	if t.piece == nil {
		return nil
	}
	return t.piece.Discard()
}
