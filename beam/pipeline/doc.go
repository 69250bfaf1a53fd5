// Package pipeline selects documents and makes shards of them as Apache Beam pipelines, for corpora that are too large for one
// machine.
//
// Nothing is computed here. A pipeline hands each input file to the functions that the local commands use,
// selection.Find and Write, preparation.Spool, on whatever machine Beam chooses, and gathers what they made for
// selection.Resolve and Finish, or preparation.Shuffle, on one. The result is that of subbert data select and data
// shard byte for byte.
//
// Between the steps go small manifests, as JSON. The documents themselves go as pieces, files named by the sha256 of their
// content, through a directory beside the result, OUT.work, which all machines reach: a bucket, gs://..., or a folder that
// is mounted everywhere. A step that runs twice writes the same pieces again. The result's own manifest, card.json or
// manifest.json, is written last: a directory without one is not finished.
package pipeline
