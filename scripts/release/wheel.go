package main

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/internal/versions"
)

// writeWheel writes the wheel for t (PEP 427): the program as a script, which pip puts beside python, and metadata.
func writeWheel(out, version string, t target, program string) error {
	data, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	tag, err := platformTag(t, program)
	if err != nil {
		return err
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	licence, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	info := "subbert-" + version + ".dist-info/"
	members := []member{
		{"subbert-" + version + ".data/scripts/" + t.program(), data, 0o755},
		{info + "METADATA", metadata(version, string(readme)), 0o644},
		{info + "WHEEL", fmt.Appendf(nil, "Wheel-Version: 1.0\nGenerator: subbert-release\nRoot-Is-Purelib: false\nTag: py3-none-%s\n", tag), 0o644},
		{info + "licenses/LICENSE", licence, 0o644},
	}
	var record strings.Builder
	for _, m := range members {
		sum := sha256.Sum256(m.data)
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", m.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(m.data))
	}
	fmt.Fprintf(&record, "%sRECORD,,\n", info)
	members = append(members, member{info + "RECORD", []byte(record.String()), 0o644})
	return writeZip(filepath.Join(out, fmt.Sprintf("subbert-%s-py3-none-%s.whl", version, tag)), members)
}

// platformTag is what pip calls the machines that program runs on.
func platformTag(t target, program string) (string, error) {
	switch t {
	case target{"darwin", "amd64"}:
		return "macosx_12_0_x86_64", nil // the oldest that Go supports
	case target{"darwin", "arm64"}:
		return "macosx_12_0_arm64", nil
	case target{"windows", "amd64"}:
		return "win_amd64", nil
	}
	processor, ok := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[t.goarch]
	if t.goos != "linux" || !ok {
		return "", fmt.Errorf("%s: no wheel platform tag known", t)
	}
	glibc, err := glibcOf(program)
	if err != nil {
		return "", fmt.Errorf("%s: %w", program, err)
	}
	return "manylinux_" + strings.ReplaceAll(glibc, ".", "_") + "_" + processor, nil
}

// glibcOf is the version of the GNU C library that a program needs: the newest of those that its symbols name, and 2.17 at
// least, which is the oldest that pip has a name for.
func glibcOf(program string) (string, error) {
	f, err := elf.Open(program)
	if err != nil {
		return "", err
	}
	defer f.Close()
	symbols, err := f.ImportedSymbols()
	if err != nil {
		return "", err
	}
	newest := "2.17"
	for _, s := range symbols {
		if v, ok := strings.CutPrefix(s.Version, "GLIBC_"); ok && versions.Compare(v, newest) > 0 {
			newest = v
		}
	}
	return newest, nil
}

// metadata describes the package: with an extra for each kind of plugin, which depends on the packages that
// subbert backend install fetches.
func metadata(version, readme string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Metadata-Version: 2.4\nName: subbert\nVersion: %s\nSummary: Continue the pre-training of biomedical BERT models, and extract relations with them\n", version)
	b.WriteString("License-Expression: Apache-2.0\nLicense-File: LICENSE\nRequires-Python: >=3.9\nProject-URL: Source, https://github.com/subbert/subbert\n")
	for _, extra := range []string{backend.CPU, backend.CUDA, backend.TPU} {
		fmt.Fprintf(&b, "Provides-Extra: %s\n", extra)
		for _, machine := range []struct{ goarch, python string }{{"amd64", "x86_64"}, {"arm64", "aarch64"}} {
			r, err := backend.FindRelease(extra, "", "linux", machine.goarch)
			if err != nil {
				continue // there is none for such machines
			}
			for _, w := range append(r.Wheels, r.Libraries...) {
				fmt.Fprintf(&b, "Requires-Dist: %s==%s; extra == %q and sys_platform == \"linux\" and platform_machine == %q\n", w.Project, w.Version, extra, machine.python)
			}
		}
	}
	fmt.Fprintf(&b, "Description-Content-Type: text/markdown\n\n%s", readme)
	return []byte(b.String())
}
