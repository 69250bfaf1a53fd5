// Package preparation turns files of documents into shards: sentences are found, taken apart into pieces of a
// vocabulary, and a part of the documents is held out.
//
// The bytes of the shards depend on the files, their order and the settings, and on nothing else: neither on the number
// of workers nor on the time anything takes. Memory does not grow with the files.
package preparation
