// Package shards keeps tokenised documents on disk: ids in sentences in documents, with random access.
//
// A set of shards is a directory with a manifest and shard files, divided into the splits train and heldout. The
// manifest (Header) says what the shards were made from and how, so that whoever reads them can compare instead of
// trusting. The directory appears whole or not at all. docs/shards.md describes every byte.
//
// Positions are numbers of tokens from the start of a split, over all its files. Every 64 KiB of a file carry a CRC-32C
// that is checked when they are first read; Open checks sizes, trailers and indexes, at a cost that does not depend on
// the number of tokens. Memory is about one byte per document.
package shards
