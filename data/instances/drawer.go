package instances

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sort"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/subbert/subbert/data/wordpiece"
)

// Source gives random access to tokenised documents. Positions count tokens from the first token of the first document.
// Every document has at least one sentence, and every sentence at least one token. A Source is safe for concurrent use.
type Source interface {
	NumDocuments() int
	// Lengths appends to dst, for each of the documents [first, last), its number of sentences and then the number of
	// tokens of each sentence. at is the position of the first token of document first.
	Lengths(dst []int32, first, last int) (_ []int32, at int64, err error)
	// Tokens fills dst with the ids from position at on.
	Tokens(dst []int32, at int64) error
}

// Vocab is the part of a vocabulary that masking needs.
type Vocab interface {
	Size() int
	Special() wordpiece.Special
	Continues(id int32) bool // reports whether the token continues a word, as ##ing does
}

// Drawer draws instances from a source. It is immutable and safe for concurrent use.
type Drawer struct {
	source    Source
	config    Config
	special   wordpiece.Special
	continues []bool // by id
	scratch   sync.Pool
	static    struct { // counts of all draws, computed once
		sync.Mutex
		counts []int64
	}
}

// scratch holds the temporary slices for drawing one instance.
type scratch struct {
	lengths   []int32
	positions []int32
	words     []word
}

// New returns a drawer of instances from src. The ids of src belong to v.
func New(src Source, v Vocab, c Config) (*Drawer, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("instances: %w", err)
	}
	if src.NumDocuments() == 0 {
		return nil, errors.New("instances: no documents to draw from")
	}
	d := &Drawer{source: src, config: c, special: v.Special(), continues: make([]bool, v.Size())}
	for id := range d.continues {
		d.continues[id] = v.Continues(int32(id))
	}
	d.scratch.New = func() any { return new(scratch) }
	return d, nil
}

// blockDocuments is the number of documents that share a count.
const blockDocuments = 16

// Purposes of streams of random numbers.
const (
	forOrder = iota + 1
	forChunks
	forInstance
)

// Epoch is one pass over the documents, each cut into instances. It is immutable and safe for concurrent use.
type Epoch struct {
	d      *Drawer
	draw0  int     // the draw of the first count
	counts []int64 // counts[i] is the number of instances before block i, draw after draw
	order  permutation
}

// Epoch prepares epoch e, from 0. It reads the lengths of all sentences on all cores, about a second for a million
// documents. It fails with the error of ctx when ctx ends.
func (d *Drawer) Epoch(ctx context.Context, e int) (*Epoch, error) {
	if e < 0 {
		return nil, fmt.Errorf("instances: epoch %d, want at least 0", e)
	}
	ep := &Epoch{d: d, draw0: e}
	var err error
	if d.config.Static {
		ep.draw0 = 0
		ep.counts, err = d.once(ctx)
	} else {
		ep.counts, err = d.count(ctx, e, 1)
	}
	if err != nil {
		return nil, err
	}
	ep.order = newPermutation(ep.Len(), key(d.config.Seed, forOrder, uint64(e)))
	return ep, nil
}

// once counts all draws on the first call and returns the same counts later.
func (d *Drawer) once(ctx context.Context) (counts []int64, err error) {
	d.static.Lock()
	defer d.static.Unlock()
	if d.static.counts == nil {
		d.static.counts, err = d.count(ctx, 0, d.config.DuplicateFactor)
	}
	return d.static.counts, err
}

// Len returns the number of instances.
func (e *Epoch) Len() int { return int(e.counts[len(e.counts)-1]) }

// blocks returns the number of blocks of documents.
func (d *Drawer) blocks() int { return (d.source.NumDocuments() + blockDocuments - 1) / blockDocuments }

// count returns the number of instances before each block of documents, for several draws one after the other, and
// finally the number of all instances.
func (d *Drawer) count(ctx context.Context, draw, draws int) ([]int64, error) {
	blocks := d.blocks()
	counts := make([]int64, blocks*draws+1)
	var g errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		g.Go(func() error {
			s := d.scratch.Get().(*scratch)
			defer d.scratch.Put(s)
			for b := blocks * w / workers; b < blocks*(w+1)/workers; b++ {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := d.countBlock(counts[1:], b, draw, draws, s); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i := 1; i < len(counts); i++ {
		counts[i] += counts[i-1]
	}
	return counts, nil
}

func (d *Drawer) countBlock(counts []int64, block, draw, draws int, s *scratch) error {
	_, err := d.readBlock(block, s)
	if err != nil {
		return err
	}
	for k := range draws {
		chunkKey := key(d.config.Seed, forChunks, uint64(draw+k))
		n := int64(0)
		for doc, rest := block*blockDocuments, s.lengths; len(rest) > 0; doc++ {
			sentences := rest[1 : 1+rest[0]]
			rest = rest[1+rest[0]:]
			it := d.config.start(sentences, child(chunkKey, uint64(doc)))
			for _, more := d.config.next(&it); more; _, more = d.config.next(&it) {
				n++
			}
		}
		counts[k*d.blocks()+block] = n
	}
	return nil
}

// readBlock reads the lengths of a block of documents and returns the position of its first token.
func (d *Drawer) readBlock(block int, s *scratch) (at int64, err error) {
	first := block * blockDocuments
	s.lengths, at, err = d.source.Lengths(s.lengths[:0], first, min(first+blockDocuments, d.source.NumDocuments()))
	return at, err
}

// found is the place of an instance in its document.
type found struct {
	chunk
	doc int
	at  int64  // position of the document's first token
	key uint64 // seed of its random numbers
}

// find looks up instance i of the unshuffled epoch.
func (e *Epoch) find(i int64, s *scratch) (found, error) {
	d := e.d
	at := sort.Search(len(e.counts), func(b int) bool { return e.counts[b] > i }) - 1
	left := i - e.counts[at]
	draw, block := uint64(e.draw0+at/d.blocks()), at%d.blocks()
	position, err := d.readBlock(block, s)
	if err != nil {
		return found{}, err
	}
	chunkKey := key(d.config.Seed, forChunks, draw)
	for doc, rest := block*blockDocuments, s.lengths; len(rest) > 0; doc++ {
		sentences := rest[1 : 1+rest[0]]
		rest = rest[1+rest[0]:]
		it := d.config.start(sentences, child(chunkKey, uint64(doc)))
		for n := uint64(0); ; n++ {
			c, more := d.config.next(&it)
			if !more {
				break
			}
			if left == 0 {
				k := child(child(key(d.config.Seed, forInstance, draw), uint64(doc)), n)
				return found{chunk: c, doc: doc, at: position, key: k}, nil
			}
			left--
		}
		for _, n := range sentences {
			position += int64(n)
		}
	}
	return found{}, fmt.Errorf("instances: block %d has fewer instances than before; the source has changed", block)
}
