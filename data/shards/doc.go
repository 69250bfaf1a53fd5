// Package shards stores tokenised documents on disk with random access. A document is a list of sentences, a sentence a
// list of ids.
//
// A set of shards is a directory with a manifest and shard files, divided into the splits train and heldout. The
// manifest (Header) records the input and settings of the shards, so that readers can check them. The directory appears
// whole or not at all. docs/shards.md describes every byte.
//
// Positions count tokens from the start of a split, over all its files. Every block of 64 KiB of a file has a CRC-32C,
// which is checked when the block is first read. Open checks sizes, trailers and indexes; its cost does not depend on
// the number of tokens. Memory is about one byte per document.
package shards
