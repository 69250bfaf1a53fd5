// Package bulk applies a relation model to whole archives of annotated texts: PubTator 3's BioC in XML, alone or as
// members of .tar archives, BioC in JSON, PubTator's text and JSON lines with mentions, plain or compressed.
//
// Reading, predicting and writing run at the same time. Several workers read texts, but the rows are in the order of
// the files, so they do not depend on the number of workers. Memory does not grow with the files: at most a few
// thousand pairs are held at a time.
//
// The work is divided into chunks of some thousand pairs. The rows of a finished chunk are kept in FILE.work beside the
// result (staging.Work) together with the place where the next chunk begins. If the work stops, for whatever reason,
// only the chunk in progress is lost; the next attempt continues after the last finished chunk and ends with the same
// bytes. A chunk ends with its file, because the last bit of a probability may depend on the pairs that are predicted
// together: so the rows of a file are the same alone and among others, here and on the machines of a cluster.
//
// A broken text or annotation, a broken member of an archive and a truncated file are reported, counted and skipped,
// or, with Plan.Strict, end the work. Texts that are published twice are read twice.
package bulk
