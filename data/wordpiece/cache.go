package wordpiece

import "math/bits"

const (
	maxKey   = 16 // bytes of the longest word that is cached
	maxIDs   = 3  // pieces of a word that is cached
	cacheLog = 14 // log2 of the number of sets
)

// key is a word of at most maxKey bytes as in the text, padded with NUL. A trailing NUL is harmless: the tokenizer
// removes it from words.
type key struct{ lo, hi uint64 }

// entry is a word with its pieces; n is 0 if it is unused.
type entry struct {
	key key
	n   int32
	ids [maxIDs]int32
}

// cache remembers the pieces of words. It is two-way set-associative, like a processor's: a word can be in two
// places, on one line of 64 bytes, and a new word replaces the older of the two. Its size is fixed at 1 MiB,
// and it needs no maintenance.
type cache struct{ sets [][2]entry }

func newCache() cache { return cache{make([][2]entry, 1<<cacheLog)} }

func (c cache) set(k key) *[2]entry {
	const odd, even = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93 // odd constants with well-mixed bits
	h := (k.lo ^ bits.RotateLeft64(k.hi*even, 32)) * odd
	return &c.sets[h>>(64-cacheLog)&uint64(len(c.sets)-1)]
}

// find returns the entry of k, or nil.
func (c cache) find(k key) *entry {
	set := c.set(k)
	if set[0].key == k && set[0].n > 0 {
		return &set[0]
	}
	if set[1].key == k && set[1].n > 0 {
		return &set[1]
	}
	return nil
}

// put stores ids for k, unless they are too many or none.
func (c cache) put(k key, ids []int32) {
	if len(ids) == 0 || len(ids) > maxIDs {
		return
	}
	set := c.set(k)
	set[1] = set[0]
	set[0] = entry{key: k, n: int32(len(ids))}
	copy(set[0].ids[:], ids)
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// notAlphanumeric sets the highest bit of every byte of x that is not an ASCII letter or digit, and clears all
// others. The sums carry into the highest bit of a byte, and no further, when the lower seven reach a bound.
func notAlphanumeric(x uint64) uint64 {
	low := x &^ highs
	folded := low | 0x20*ones
	letters := (folded + (0x80-'a')*ones) &^ (folded + (0x7f-'z')*ones)
	digits := (low + (0x80-'0')*ones) &^ (low + (0x7f-'9')*ones)
	return (^(letters | digits) | x) & highs
}

// loadKey returns the first maxKey, or fewer, of the ASCII letters and digits that text[i:] starts with as a key, and
// their number.
func loadKey(text string, i int) (k key, n int) {
	x := load(text, i)
	if stop := notAlphanumeric(x); stop != 0 {
		return key{lo: x & (stop&-stop>>7 - 1)}, bits.TrailingZeros64(stop) / 8
	}
	y := load(text, i+8)
	if stop := notAlphanumeric(y); stop != 0 {
		return key{lo: x, hi: y & (stop&-stop>>7 - 1)}, 8 + bits.TrailingZeros64(stop)/8
	}
	return key{x, y}, maxKey
}

// keyOf returns the key of w, which has at most maxKey bytes.
func keyOf(w string) key { return key{load(w, 0), load(w, 8)} }

// load returns the eight bytes of s from i on, the first one lowest, padded with NUL.
func load(s string, i int) uint64 {
	if i+8 <= len(s) {
		s = s[i : i+8]
		return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	}
	var x uint64
	for j := min(len(s), i+8) - 1; j >= i; j-- {
		x = x<<8 | uint64(s[j])
	}
	return x
}
