package instances

import (
	"math/bits"

	"github.com/subbert/subbert/data/splitmix"
)

// stream is a sequence of random numbers, Steele, Lea and Flood's SplitMix64. Its numbers are part of what makes a run
// repeatable: they never change.
type stream uint64

// key mixes numbers into one from which streams start.
func key(numbers ...uint64) uint64 {
	k := uint64(splitmix.Golden)
	for _, n := range numbers {
		k = child(k, n)
	}
	return k
}

// child is the key of the n-th thing under the one whose key is parent.
func child(parent, n uint64) uint64 { return splitmix.Mix(parent + splitmix.Mix(n+splitmix.Golden)) }

func (s *stream) next() uint64 {
	*s += splitmix.Golden
	return splitmix.Mix(uint64(*s))
}

// below returns a number from 0 to n-1. The chances differ by less than n/2^64.
func (s *stream) below(n int) int {
	hi, _ := bits.Mul64(s.next(), uint64(n))
	return int(hi)
}

// chance is true with probability p.
func (s *stream) chance(p float64) bool { return s.unit() < p }

// unit returns a number from 0 to below 1.
func (s *stream) unit() float64 { return float64(s.next()>>11) * 0x1p-53 }

// permutation orders the numbers from 0 to n-1 without a table. It is a Feistel network over a power of two that is not
// much larger; a number that falls outside goes through again (Black and Rogaway 2002, section 3).
type permutation struct {
	n           uint64
	low         uint // bits in the lower part
	highs, lows uint64
	rounds      [8]uint64
}

func newPermutation(n int, k uint64) permutation {
	size := max(10, bits.Len64(uint64(max(n, 1)-1))) // below 2^10 the parts would have too few bits to mix
	p := permutation{n: uint64(n), low: uint(size / 2)}
	p.lows = 1<<p.low - 1
	p.highs = 1<<(size-size/2) - 1
	for i := range p.rounds {
		p.rounds[i] = child(k, uint64(i))
	}
	return p
}

// at returns the place of i.
func (p *permutation) at(i int) int {
	x := uint64(i)
	for {
		high, low := x>>p.low, x&p.lows
		for r := 0; r < len(p.rounds); r += 2 {
			high ^= splitmix.Mix(low^p.rounds[r]) & p.highs
			low ^= splitmix.Mix(high^p.rounds[r+1]) & p.lows
		}
		x = high<<p.low | low
		if x < p.n {
			return int(x)
		}
	}
}
