//go:build !cgo

package largepages

// Serve does nothing: without cgo there are no plugins that allocate.
func Serve() {}

// Release does nothing.
func Release() {}
