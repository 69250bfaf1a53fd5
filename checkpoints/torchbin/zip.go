package torchbin

import (
	"archive/zip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/subbert/subbert/checkpoints/host"
)

const maxRecords = 1 << 16 // files in the archive, one a storage

// archive is the zip form: FOLDER/data.pkl, FOLDER/data/KEY for each storage, and a few notes.
type archive struct {
	r        io.ReaderAt
	records  map[string]record // by storage key
	mu       sync.Mutex
	verified map[string]bool
}

// record is a file of the archive, stored as it is.
type record struct {
	offset, size int64
	crc          uint32
}

// readZip opens the zip form.
func readZip(r io.ReaderAt, size int64) (any, storages, error) {
	z, err := host.OpenZip(r, size, maxRecords)
	if errors.Is(err, zip.ErrFormat) {
		err = fmt.Errorf("zip archive: %w: truncated or damaged", err)
	}
	if err != nil {
		return nil, nil, err
	}
	records, err := locateRecords(z, size)
	if err != nil {
		return nil, nil, fmt.Errorf("zip archive: %w", err)
	}
	folder, err := findFolder(records)
	if err != nil {
		return nil, nil, err
	}
	a := &archive{r: r, records: make(map[string]record), verified: make(map[string]bool)}
	for name, rec := range records {
		if key, ok := strings.CutPrefix(name, folder+"data/"); ok {
			a.records[key] = rec
		}
	}
	if err := a.checkByteOrder(records, folder); err != nil {
		return nil, nil, err
	}
	data, err := a.load(records[folder+"data.pkl"], maxPickle)
	if err != nil {
		return nil, nil, fmt.Errorf("data.pkl: %w", err)
	}
	p, err := unpickle(data)
	if err == nil && p.length != len(data) {
		err = fmt.Errorf("pickle: %d bytes follow its end", len(data)-p.length)
	}
	return p.value, a, err
}

// locateRecords finds the place of each file in the archive. It rejects compression and overlaps, by which a
// small archive could claim to be a large one.
func locateRecords(z *zip.Reader, size int64) (map[string]record, error) {
	records := make(map[string]record, len(z.File))
	var order []record
	for _, f := range z.File {
		if f.Method != zip.Store {
			return nil, fmt.Errorf("%s is compressed, want it stored as torch.save does", f.Name)
		}
		offset, err := f.DataOffset()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		if f.UncompressedSize64 != f.CompressedSize64 || f.UncompressedSize64 > uint64(size) || offset > size-int64(f.UncompressedSize64) {
			return nil, fmt.Errorf("%s: %d bytes at %d in a file of %d", f.Name, f.UncompressedSize64, offset, size)
		}
		if _, ok := records[f.Name]; ok {
			return nil, fmt.Errorf("%s appears twice", f.Name)
		}
		rec := record{offset: offset, size: int64(f.UncompressedSize64), crc: f.CRC32}
		records[f.Name] = rec
		order = append(order, rec)
	}
	slices.SortFunc(order, func(a, b record) int { return int(min(max(a.offset-b.offset, -1), 1)) })
	for i := 1; i < len(order); i++ {
		if order[i].offset < order[i-1].offset+order[i-1].size {
			return nil, fmt.Errorf("files overlap at byte %d", order[i].offset)
		}
	}
	return records, nil
}

// findFolder returns the only folder that holds data.pkl, with its slash.
func findFolder(records map[string]record) (string, error) {
	var folders []string
	for name := range records {
		if folder, ok := strings.CutSuffix(name, "data.pkl"); ok && strings.Count(folder, "/") == 1 && strings.HasSuffix(folder, "/") {
			folders = append(folders, folder)
		}
	}
	if len(folders) != 1 {
		return "", fmt.Errorf("zip archive with %d data.pkl, want one: not written by torch.save", len(folders))
	}
	return folders[0], nil
}

func (a *archive) checkByteOrder(records map[string]record, folder string) error {
	rec, ok := records[folder+"byteorder"]
	if !ok { // older versions wrote none, and ran on little-endian machines
		return nil
	}
	order, err := a.load(rec, 16)
	if err == nil && string(order) != "little" {
		err = fmt.Errorf("byte order %q, want little", order)
	}
	return err
}

// load reads a whole record.
func (a *archive) load(rec record, limit int64) ([]byte, error) {
	if rec.size > limit {
		return nil, fmt.Errorf("%d bytes, want at most %d", rec.size, limit)
	}
	data := make([]byte, rec.size)
	if err := readFull(a.r, data, rec.offset); err != nil {
		return nil, err
	}
	return data, rec.compare(crc32.ChecksumIEEE(data))
}

func (r record) compare(crc uint32) error {
	if crc != r.crc {
		return fmt.Errorf("checksum %08x, want %08x: damaged", crc, r.crc)
	}
	return nil
}

func (a *archive) section(key string, size int64) (*io.SectionReader, error) {
	rec, ok := a.records[key]
	if !ok {
		return nil, fmt.Errorf("storage %q is not in the archive", key)
	}
	if rec.size != size {
		return nil, fmt.Errorf("storage %q has %d bytes, want %d", key, rec.size, size)
	}
	return io.NewSectionReader(a.r, rec.offset, rec.size), nil
}

// verify checks a storage once.
func (a *archive) verify(key string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.verified[key] {
		return nil
	}
	rec, ok := a.records[key]
	if !ok {
		return errors.New("storage is not in the archive")
	}
	sum := crc32.NewIEEE()
	if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, io.NewSectionReader(a.r, rec.offset, rec.size), make([]byte, min(rec.size, 1<<17)+1)); err != nil {
		return err
	}
	if err := rec.compare(sum.Sum32()); err != nil {
		return fmt.Errorf("storage %q: %w", key, err)
	}
	a.verified[key] = true
	return nil
}
