package instances

import "fmt"

// sampledDocuments is the maximum number of documents that Pairs counts.
const sampledDocuments = 1 << 16

// Pairs counts the pairs of the first 65,536 documents in epoch 0, and the random ones among them, in which segment B
// comes from another document. About half are random, or more if many documents have too few sentences. Without NSP
// there are no pairs.
func (d *Drawer) Pairs() (all, random int, err error) {
	if !d.config.NSP {
		return 0, 0, nil
	}
	s := d.scratch.Get().(*scratch)
	defer d.scratch.Put(s)
	chunkKey := key(d.config.Seed, forChunks, 0)
	for block := range min(d.blocks(), sampledDocuments/blockDocuments) {
		if _, err := d.readBlock(block, s); err != nil {
			return 0, 0, fmt.Errorf("instances: %w", err)
		}
		for doc, rest := block*blockDocuments, s.lengths; len(rest) > 0; doc++ {
			it := d.config.start(rest[1:1+rest[0]], child(chunkKey, uint64(doc)))
			rest = rest[1+rest[0]:]
			for c, more := d.config.next(&it); more; c, more = d.config.next(&it) {
				all++
				if c.random {
					random++
				}
			}
		}
	}
	return all, random, nil
}
