package shards

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	"github.com/subbert/subbert/data/staging"
)

// shardBytes is the size of ids in bytes at which a file is full.
const shardBytes = 256 << 20

// Document is a tokenised document to write.
type Document struct {
	Lengths   []int32 // tokens of each sentence, none zero
	IDs       []int32 // ids of all sentences
	Unknown   int     // number of ids that are [UNK]
	Words     int     // words of its text
	TextBytes int     // bytes of its text
}

// Counts returns the counts of d.
func (d *Document) Counts() Counts {
	return Counts{Documents: 1, Sentences: int64(len(d.Lengths)), Tokens: int64(len(d.IDs)), Unknown: int64(d.Unknown),
		Words: int64(d.Words), TextBytes: int64(d.TextBytes)}
}

// Writer makes a set of shards. The same documents in the same order give the same bytes. It is not safe for concurrent use.
type Writer struct {
	header Header
	dir    *staging.Dir
	splits map[string]*splitWriter
	limit  int64 // bytes of ids in a file
}

// Create starts a set of shards in dir, which must be empty or not exist. h holds the settings of the shards; Create
// fills in Format, Version and IDBits, and Commit the inputs and splits. The caller must call Discard at the end.
func Create(dir string, h Header) (*Writer, error) {
	if h.Vocabulary.Size < 1 || h.Vocabulary.Size > maxVocabulary || h.Vocabulary.Hash == "" {
		return nil, errors.New("shards: the vocabulary is missing, or larger than ids allow")
	}
	staged, err := staging.New(dir)
	if err != nil {
		return nil, fmt.Errorf("shards: %w", err)
	}
	h.Format, h.Version, h.IDBits = formatName, formatVersion, IDBits(h.Vocabulary.Size)
	w := &Writer{header: h, dir: staged, limit: shardBytes, splits: make(map[string]*splitWriter)}
	for _, name := range []string{Train, HeldOut} {
		w.splits[name] = &splitWriter{w: w, name: name}
	}
	return w, nil
}

// Add appends d to a split, Train or HeldOut.
func (w *Writer) Add(split string, d *Document) error {
	s, ok := w.splits[split]
	if !ok {
		return fmt.Errorf("shards: no split %q, want %s or %s", split, Train, HeldOut)
	}
	if err := w.header.Vocabulary.Check(d); err != nil {
		return fmt.Errorf("shards: %s: document %d: %w", split, s.counts.Documents, err)
	}
	if err := s.add(d); err != nil {
		return fmt.Errorf("shards: %s: %w", split, err)
	}
	return nil
}

// Commit finishes the files, records inputs in the manifest and makes the directory appear.
func (w *Writer) Commit(inputs []Input) (Header, error) {
	w.header.Inputs = inputs
	w.header.Splits = make(map[string]Split)
	for name, s := range w.splits {
		if err := s.finish(); err != nil {
			return Header{}, fmt.Errorf("shards: %s: %w", name, err)
		}
		w.header.Splits[name] = Split{Counts: s.counts, Shards: append([]Shard{}, s.shards...)}
	}
	manifest, err := json.MarshalIndent(w.header, "", "  ")
	if err != nil {
		return Header{}, err
	}
	if err := w.dir.WriteFile(manifestName, append(manifest, '\n')); err != nil {
		return Header{}, fmt.Errorf("shards: %w", err)
	}
	if err := w.dir.Commit(); err != nil {
		return Header{}, fmt.Errorf("shards: %w", err)
	}
	return w.header, nil
}

// Discard removes the written files, unless Commit succeeded before.
func (w *Writer) Discard() error {
	for _, s := range w.splits {
		if s.file != nil {
			s.file.Close() // about to be removed
		}
	}
	return w.dir.Discard()
}

// splitWriter writes the files of one split, one after the other.
type splitWriter struct {
	w      *Writer
	name   string
	counts Counts
	shards []Shard

	file    *os.File
	buffer  *bufio.Writer
	sums    *summer
	trailer trailer // trailer of the current file
	lengths []byte
	groups  []byte
	scratch []byte

	pending     uint64 // bits of ids that do not fill a byte
	pendingBits uint
}

func (s *splitWriter) add(d *Document) error {
	full := s.trailer.lengthsAt() >= s.w.limit && s.trailer.documents%groupSize == 0
	if s.file != nil && full {
		if err := s.finish(); err != nil {
			return err
		}
	}
	if s.file == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	if s.trailer.documents%groupSize == 0 {
		s.appendGroup()
	}
	s.lengths = binary.AppendUvarint(s.lengths, uint64(len(d.Lengths)))
	for _, n := range d.Lengths {
		s.lengths = binary.AppendUvarint(s.lengths, uint64(n))
	}
	s.trailer.documents++
	s.trailer.sentences += int64(len(d.Lengths))
	s.trailer.tokens += int64(len(d.IDs))
	s.counts.Add(d.Counts())
	return s.writeIDs(d.IDs)
}

func (s *splitWriter) appendGroup() {
	s.groups = binary.LittleEndian.AppendUint64(s.groups, uint64(s.trailer.tokens))
	s.groups = binary.LittleEndian.AppendUint64(s.groups, uint64(len(s.lengths)))
}

// writeIDs packs ids one after the other, starting at the lowest bit of each byte.
func (s *splitWriter) writeIDs(ids []int32) error {
	s.scratch = s.scratch[:0]
	for _, id := range ids {
		s.pending |= uint64(id) << s.pendingBits
		for s.pendingBits += uint(s.trailer.idBits); s.pendingBits >= 8; s.pendingBits -= 8 {
			s.scratch = append(s.scratch, byte(s.pending))
			s.pending >>= 8
		}
	}
	_, err := s.sums.Write(s.scratch)
	return err
}

// flushIDs writes the last, partly filled byte of ids, if any.
func (s *splitWriter) flushIDs() error {
	if s.pendingBits == 0 {
		return nil
	}
	_, err := s.sums.Write([]byte{byte(s.pending)})
	s.pending, s.pendingBits = 0, 0
	return err
}

func (s *splitWriter) begin() error {
	f, err := s.w.dir.Create(s.fileName())
	if err != nil {
		return err
	}
	s.file, s.buffer = f, bufio.NewWriterSize(f, 1<<20)
	s.sums = &summer{w: s.buffer}
	s.trailer = trailer{idBits: uint32(s.w.header.IDBits)}
	s.lengths, s.groups = s.lengths[:0], s.groups[:0]
	_, err = s.sums.Write([]byte(magic))
	return err
}

func (s *splitWriter) fileName() string { return fmt.Sprintf("%s-%05d.shard", s.name, len(s.shards)) }

// finish writes the parts after the ids and closes the file.
func (s *splitWriter) finish() error {
	if s.file == nil {
		return nil
	}
	if err := s.flushIDs(); err != nil {
		return err
	}
	s.appendGroup()
	for _, part := range [][]byte{s.lengths, s.groups} {
		if _, err := s.sums.Write(part); err != nil {
			return err
		}
	}
	var end []byte
	for _, sum := range s.sums.all() {
		end = binary.LittleEndian.AppendUint32(end, sum)
	}
	s.trailer.lengthBytes = int64(len(s.lengths))
	s.trailer.sumOfSums = crc32.Checksum(end, castagnoli)
	end = s.trailer.append(end)
	if _, err := s.buffer.Write(end); err != nil {
		return err
	}
	if err := s.buffer.Flush(); err != nil {
		return err
	}
	s.shards = append(s.shards, Shard{File: s.fileName(), Bytes: s.trailer.size(), Documents: s.trailer.documents,
		Tokens: s.trailer.tokens, CRC32C: crcOf(end)})
	f := s.file
	s.file = nil
	return staging.Seal(f)
}

// crcOf returns the checksum at the end of a trailer.
func crcOf(trailer []byte) string {
	return fmt.Sprintf("%08x", binary.LittleEndian.Uint32(trailer[len(trailer)-4:]))
}
