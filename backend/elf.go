package backend

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// EntrySymbol is the one function that every PJRT plugin exports.
const EntrySymbol = "GetPjrtApi"

// Inspect reads the headers of a plugin without loading it. It checks that the file is a shared library for
// this machine, exports the PJRT entry point, and is as long as its own tables say. Loading a file that fails
// one of these checks can end the process.
func Inspect(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("plugin %s: no such file", path)
	case err != nil:
		return fmt.Errorf("plugin: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("plugin %s: not a regular file (%s)", path, info.Mode().Type())
	}
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("plugin %s: not a shared library, or truncated: %w", path, err)
	}
	defer f.Close() // only read
	if err := checkHeader(f); err != nil {
		return fmt.Errorf("plugin %s: %w", path, err)
	}
	if err := checkLength(f, info.Size()); err != nil {
		return fmt.Errorf("plugin %s: %w", path, err)
	}
	if err := checkSymbol(f); err != nil {
		return fmt.Errorf("plugin %s: %w", path, err)
	}
	return nil
}

// machine is the ELF machine type of this processor.
func machine() elf.Machine {
	switch runtime.GOARCH {
	case "amd64":
		return elf.EM_X86_64
	case "arm64":
		return elf.EM_AARCH64
	}
	return elf.EM_NONE
}

func checkHeader(f *elf.File) error {
	if f.Type != elf.ET_DYN {
		return fmt.Errorf("not a shared library (ELF type %s)", f.Type)
	}
	if want := machine(); f.Machine != want {
		return fmt.Errorf("built for %s, but this machine is %s", f.Machine, want)
	}
	return nil
}

// checkLength compares the file's size with the offsets that its tables contain.
func checkLength(f *elf.File, size int64) error {
	var end uint64
	for _, p := range f.Progs {
		end = max(end, p.Off+p.Filesz)
	}
	for _, s := range f.Sections {
		if s.Type != elf.SHT_NOBITS {
			end = max(end, s.Offset+s.FileSize)
		}
	}
	if uint64(size) < end {
		return fmt.Errorf("truncated: %d bytes, but its tables need %d", size, end)
	}
	return nil
}

func checkSymbol(f *elf.File) error {
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("not a PJRT plugin: no dynamic symbols: %w", err)
	}
	for _, s := range symbols {
		if s.Name == EntrySymbol && s.Section != elf.SHN_UNDEF {
			return nil
		}
	}
	return fmt.Errorf("not a PJRT plugin: does not export %s", EntrySymbol)
}

// firstLine is the first line of a message from elsewhere.
func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
