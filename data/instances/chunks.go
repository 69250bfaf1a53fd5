package instances

// chunk is the part of a document that one instance uses, in tokens from the document's start.
type chunk struct {
	a0, a1  int // segment A
	b1      int // segment B is [a1, b1), unless it is random
	random  bool
	targetB int // target length of a random segment B
}

// chunks cuts the sentences of one document into instances.
type chunks struct {
	lengths []int32 // tokens of each sentence
	stream  stream
	room    int // maximum number of tokens of an instance
	target  int // target number of tokens of an instance
	i       int // the next sentence
	at      int // the next token
	used    int // used tokens of the next sentence, if it is longer than room
}

// start begins a document.
func (c *Config) start(lengths []int32, k uint64) chunks {
	it := chunks{lengths: lengths, stream: stream(k), room: c.room()}
	it.target = it.room
	if it.stream.chance(c.ShortRate) {
		it.target = min(it.room, 2+it.stream.below(it.room-1))
	}
	return it
}

// nextPair returns the next pair of segments.
func (it *chunks) nextPair() (chunk, bool) {
	n := len(it.lengths)
	if it.i >= n {
		return chunk{}, false
	}
	first, total := it.i, 0
	for it.i < n && total < it.target {
		total += int(it.lengths[it.i])
		it.i++
	}
	count, inA := it.i-first, 1
	if count >= 2 {
		inA = 1 + it.stream.below(count-1)
	}
	c := chunk{a0: it.at, a1: it.at, b1: it.at + total}
	for _, n := range it.lengths[first : first+inA] {
		c.a1 += int(n)
	}
	c.random = count == 1 || it.stream.chance(0.5)
	it.at = c.b1
	if c.random {
		c.targetB = it.target - (c.a1 - c.a0)
		it.i, it.at = first+inA, c.a1
	}
	return c, true
}

// nextSegment returns the next segment for instances without pairs.
func (it *chunks) nextSegment() (chunk, bool) {
	if it.i >= len(it.lengths) {
		return chunk{}, false
	}
	left := int(it.lengths[it.i]) - it.used
	if left > it.room {
		c := chunk{a0: it.at, a1: it.at + it.room}
		it.at, it.used = c.a1, it.used+it.room
		return c, true
	}
	c := chunk{a0: it.at, a1: it.at + left}
	for it.i++; it.i < len(it.lengths) && c.a1-c.a0+int(it.lengths[it.i]) <= it.target; it.i++ {
		c.a1 += int(it.lengths[it.i])
	}
	it.at, it.used = c.a1, 0
	return c, true
}

// next returns the next chunk of either kind.
func (c *Config) next(it *chunks) (chunk, bool) {
	if c.NSP {
		return it.nextPair()
	}
	return it.nextSegment()
}
