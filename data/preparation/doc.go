// Package preparation turns files of documents into shards: sentences are found, taken apart into pieces of a
// vocabulary, and a part of the documents is held out.
//
// The documents come in an order that a seed chooses, whatever files they are from. That takes two passes: encoded
// documents are kept on the disk, sorted by key as many at a time as fit in memory, and then read together. What the first
// pass made of a file stays in a directory beside the result until that is whole, so that work can be stopped and started.
//
// The bytes of the shards depend on the files, their order and the settings, and on nothing else: neither on the number
// of workers nor on the time anything takes. Memory does not grow with the files.
package preparation
