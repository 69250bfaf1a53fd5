//go:build cgo

package largepages

// void largepages_serve(void);
// void largepages_release(void);
import "C"

// Serve allocates blocks of 2 MB and more in large pages from now on. Earlier blocks remain glibc's.
func Serve() { C.largepages_serve() }

// Release returns the kept free blocks to the kernel.
func Release() { C.largepages_release() }
