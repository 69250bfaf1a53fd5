// Package pipeline selects documents, makes shards of them and extracts relations from them as Apache Beam pipelines, for
// corpora that are too large for one machine.
//
// This package only distributes work. A pipeline passes each input file to the functions of the local commands,
// selection.Find and Write, preparation.Spool or bulk.Run, on machines that Beam chooses, and collects their results for
// selection.Resolve and Finish, preparation.Shuffle or extracted.Join, on one machine. The result equals that of subbert
// data select, data shard and extract byte for byte.
//
// Steps pass small manifests to each other, as JSON. The documents themselves are in pieces, files named by the sha256
// of their content, in a directory beside the result, OUT.work, that all machines can access: a bucket, gs://..., or a
// mounted folder. A step that runs twice writes the same pieces again. The result's own manifest, card.json or
// manifest.json, is written last: a directory without it is incomplete. The rows of an extraction are one file, which
// appears when it is whole.
package pipeline
