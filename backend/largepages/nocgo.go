//go:build !cgo

package largepages

// Serve does nothing: without cgo there are no plugins, whose memory this is about.
func Serve() {}

// Release does nothing.
func Release() {}
