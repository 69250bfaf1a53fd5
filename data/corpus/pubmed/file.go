package pubmed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/corpus/xmlpull"
)

// Options are the settings of a reader. The zero value is ready to use.
type Options struct {
	// Strict makes a broken or repeated record an error that ends the reading.
	Strict bool
	// Fault is called for each record that is skipped, and for each citation that occurs again in the same file.
	Fault func(Fault)
	// MaxRecord is the maximum size of a record in bytes of XML. 0 stands for 32 MiB.
	MaxRecord int64
}

// Fault is something wrong with one record of a file.
type Fault struct {
	File     string
	Position xmlpull.Position // where the record begins
	ID       ID               // zero if the fault comes before it
	Err      error            // names the position of the fault, or is a *RepeatedError
}

func (f Fault) Error() string {
	id := ""
	if f.ID.PMID != 0 {
		id = fmt.Sprintf("PMID %v: ", f.ID)
	}
	return fmt.Sprintf("%s: record at line %d (byte %d): %s%v", f.File, f.Position.Line, f.Position.Offset, id, f.Err)
}

func (f Fault) Unwrap() error { return f.Err }

// RepeatedError says that a file has the same version of a citation twice. The reader yields both; the later one
// counts.
type RepeatedError struct{ ID ID }

func (e *RepeatedError) Error() string { return "the citation occurs a second time in the file" }

// Counts counts the records read from a file.
type Counts struct {
	Bytes     int64 // of XML
	Citations int
	Deleted   int
	Broken    int // records skipped
	Repeated  int // citations that occurred before in the same file; also among Citations
}

// Open reads the records of a file. The last item is the first error, if there was one.
func Open(ctx context.Context, path string, o Options) iter.Seq2[*Citation, error] {
	return func(yield func(*Citation, error) bool) {
		f, err := OpenFile(ctx, path, o)
		if err != nil {
			yield(nil, err)
			return
		}
		for c, err := range f.Records() {
			if !yield(c, err) {
				break
			}
		}
		if err := f.Close(); err != nil {
			yield(nil, err)
		}
	}
}

// File is an open file of records. Its methods Size, BytesRead and Sum are those of stream.File.
type File struct {
	*stream.File
	reader *Reader
}

// OpenFile opens a file, plain or compressed.
func OpenFile(ctx context.Context, path string, o Options) (*File, error) {
	f, err := stream.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	return &File{File: f, reader: NewReader(f, path, o)}, nil
}

// Records reads the records from the start; it may be called once. See Reader.Records.
func (f *File) Records() iter.Seq2[*Citation, error] { return f.reader.Records() }

// Counts returns the counts so far.
func (f *File) Counts() Counts { return f.reader.Counts() }

// Reader reads the records of an XML document.
type Reader struct {
	name    string
	options Options
	x       *xmlpull.Reader
	p       parser
	seen    seen
	counts  Counts
}

// recordNames are the elements that are records of their own.
var recordNames = []string{"PubmedArticle", "PubmedBookArticle", "DeleteCitation"}

// NewReader returns a reader of the document in r; name appears in errors.
func NewReader(r io.Reader, name string, o Options) *Reader {
	x := xmlpull.New(r, xmlpull.Config{Records: recordNames, MaxRecord: o.MaxRecord})
	return &Reader{name: name, options: o, x: x, p: parser{x: x}}
}

// Counts returns the counts so far.
func (r *Reader) Counts() Counts {
	c := r.counts
	c.Bytes = r.x.Position().Offset
	return c
}

// Records reads the records in the order of the file; it may be called once. The last item is the first error, if any:
// a file that was read without an error is complete.
func (r *Reader) Records() iter.Seq2[*Citation, error] {
	return func(yield func(*Citation, error) bool) {
		if err := r.root(); err != nil {
			yield(nil, fmt.Errorf("%s: %w", r.name, err))
			return
		}
		for {
			if !r.x.Record() && r.x.Err() == nil {
				return
			}
			records, err := r.record()
			if err != nil {
				if err = r.passOver(err); err != nil {
					yield(nil, err)
					return
				}
				continue
			}
			for _, c := range records {
				if err := r.count(c); err != nil {
					yield(nil, err)
					return
				}
				if !yield(c, nil) {
					return
				}
			}
		}
	}
}

// root reads up to the root element.
func (r *Reader) root() error {
	root := r.x.Root()
	if err := r.x.Err(); err != nil {
		return err
	}
	if root != "PubmedArticleSet" && root != "PubmedBookArticleSet" {
		return fmt.Errorf("the root element is <%.40s>, want <PubmedArticleSet>; this is not a PubMed file", root)
	}
	return nil
}

// record reads the record whose start tag has been read.
func (r *Reader) record() ([]*Citation, error) {
	if err := r.x.Err(); err != nil {
		return nil, err
	}
	name := string(r.x.Name())
	r.p.id = ID{}
	if name == "DeleteCitation" {
		return r.p.deletions()
	}
	if !slices.Contains(recordNames, name) {
		r.x.Skip()
		return nil, errors.Join(r.x.Err(), fmt.Errorf("<%.40s> is not a record", name))
	}
	c, err := r.p.citation()
	return []*Citation{c}, err
}

// passOver reports the broken record and goes to the next one. It returns err if reading cannot go on.
func (r *Reader) passOver(err error) error {
	f := Fault{File: r.name, Position: r.x.RecordPosition(), ID: r.p.id, Err: err}
	if r.options.Strict {
		return f
	}
	if broken := r.x.Err(); broken != nil && !r.x.Resume() {
		return fmt.Errorf("%s: %w", r.name, r.x.Err())
	}
	r.counts.Broken++
	r.tell(f)
	return nil
}

// count counts a record that has been read.
func (r *Reader) count(c *Citation) error {
	if c.Deleted {
		r.counts.Deleted++
		return nil
	}
	r.counts.Citations++
	again, err := r.seen.add(c.ID)
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	if !again {
		return nil
	}
	f := Fault{File: r.name, Position: r.x.RecordPosition(), ID: c.ID, Err: &RepeatedError{ID: c.ID}}
	if r.options.Strict {
		return f
	}
	r.counts.Repeated++
	r.tell(f)
	return nil
}

func (r *Reader) tell(f Fault) {
	if r.options.Fault != nil {
		r.options.Fault(f)
	}
}
