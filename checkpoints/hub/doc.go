// Package hub downloads published models from huggingface.co, or any server that speaks its protocol, into the cache of
// Python's huggingface_hub, so that neither program downloads files that the other already has.
//
//	CACHE/models--OWNER--NAME/refs/REVISION              the commit that a branch or tag stood for
//	                         /blobs/HASH                 contents, by SHA-256 (large files) or git's blob hash
//	                         /blobs/HASH.incomplete      what has arrived so far
//	                         /snapshots/COMMIT/FILE      links to blobs
//	CACHE/.locks/models--OWNER--NAME/HASH.lock           held while a blob arrives
//
// A revision is resolved to a commit once, and everything is fetched at that commit. Every file is checked against the
// size and hash in the listing before it gets its name; a transfer that breaks off continues where it stopped, in the
// same call or a later one. The token is sent to the endpoint only, never to the target of a redirect. Names and hashes
// from the server are validated before they become paths.
//
// The client is our own: go-huggingface's, version 0.4.3, reports success when the connection breaks off within a file,
// checks no hash, starts from the beginning each time, names blobs by the storage server's ETag after a redirect, and
// resolves no revision offline.
//
// Only model files that package checkpoints reads are fetched: settings, vocabulary, and weights in one container.
package hub
