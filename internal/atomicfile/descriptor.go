package atomicfile

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// descriptorForm matches the system's file names of the descriptors of a process.
var descriptorForm = regexp.MustCompile(`^/(?:dev|proc/(self|thread-self|\d+))/fd/(\d+)$`)

// descriptor is the number of the descriptor of this process that path names.
func descriptor(path string) (int, bool) {
	m := descriptorForm.FindStringSubmatch(filepath.Clean(path))
	if m == nil || m[1] != "" && strings.Trim(m[1], "0123456789") == "" && m[1] != strconv.Itoa(os.Getpid()) {
		return 0, false // not a descriptor, or of another process
	}
	n, err := strconv.Atoi(m[2])
	return n, err == nil
}
