// Package bulk applies a relation model to whole archives of annotated texts: PubTator 3's BioC in XML, alone or as members of .tar
// archives, BioC in JSON, PubTator's text and JSON lines with mentions, plain or compressed.
//
// Reading, predicting and writing go on at once. Texts are read by several workers, but count in the order of the files, so the rows
// are the same for any number of them. Memory does not grow with the files: at most a few thousand pairs are held at a time.
//
// The work is cut into chunks of some thousand pairs. The rows of a finished chunk are kept in FILE.work beside the result
// (staging.Work) together with where the next chunk begins. Whoever stops, however that is, loses the chunk in hand; the next
// attempt goes on behind the last finished chunk and ends with the same bytes. A chunk ends with its file, because the last bit of a
// probability may depend on the pairs that are predicted together: so the rows of a file are the same alone and among others, here and on
// the machines of a cluster.
//
// A broken text or annotation, a broken member of an archive and a file that is cut off are told of, counted and passed over, or end the
// work if Plan.Strict. Texts that are published twice are read twice.
package bulk
