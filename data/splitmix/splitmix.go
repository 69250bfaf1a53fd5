// Package splitmix is the mixing function of Steele, Lea and Flood's SplitMix64, which orders documents and draws
// instances. Shards and runs are repeatable only because its numbers never change.
package splitmix

// Golden is the increment of SplitMix64's state, 2^64 divided by the golden ratio.
const Golden = 0x9e3779b97f4a7c15

// Mix is a permutation of the 64-bit numbers in which each input bit affects all output bits.
func Mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
