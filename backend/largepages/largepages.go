//go:build cgo

package largepages

// void largepages_serve(void);
// void largepages_release(void);
import "C"

// Serve has blocks of 4 MB and more made in large pages from now on. Those made before stay glibc's.
func Serve() { C.largepages_serve() }

// Release gives the kernel the blocks that are kept for whoever asks next.
func Release() { C.largepages_release() }
