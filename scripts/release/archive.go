package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// made is the time of every member of every archive, so that the same source gives the same bytes.
var made = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// member is a file of an archive.
type member struct {
	name string
	data []byte
	mode int64
}

// writeArchive writes subbert-VERSION-OS-ARCH.tar.gz, or .zip for Windows.
func writeArchive(out, version string, t target, program string) error {
	base := fmt.Sprintf("subbert-%s-%s-%s", version, t.goos, t.goarch)
	var members []member
	for _, file := range []string{program, "README.md", "LICENSE", "CHANGELOG.md"} {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		m := member{base + "/" + filepath.Base(file), data, 0o644}
		if file == program {
			m.mode = 0o755
		}
		members = append(members, m)
	}
	if t.goos == "windows" {
		return writeZip(filepath.Join(out, base+".zip"), members)
	}
	return writeTar(filepath.Join(out, base+".tar.gz"), members)
}

func writeTar(name string, members []member) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	packed := gzip.NewWriter(f)
	w := tar.NewWriter(packed)
	for _, m := range members {
		if err == nil {
			err = w.WriteHeader(&tar.Header{Name: m.name, Mode: m.mode, Size: int64(len(m.data)), ModTime: made})
		}
		if err == nil {
			_, err = w.Write(m.data)
		}
	}
	return errors.Join(err, w.Close(), packed.Close(), f.Close())
}

func writeZip(name string, members []member) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := zip.NewWriter(f)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: made}
		h.SetMode(os.FileMode(m.mode))
		var to io.Writer
		if err == nil {
			to, err = w.CreateHeader(h)
		}
		if err == nil {
			_, err = to.Write(m.data)
		}
	}
	return errors.Join(err, w.Close(), f.Close())
}

// writeChecksums writes SHA256SUMS of the files in out, as sha256sum -c reads it.
func writeChecksums(out string) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), e.Name())
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(sums.String()), 0o666)
}

// spdxPackage is a module in an SBOM of SPDX 2.3.
type spdxPackage struct {
	ID       string `json:"SPDXID"`
	Name     string `json:"name"`
	Version  string `json:"versionInfo"`
	Location string `json:"downloadLocation"`
	Licence  string `json:"licenseConcluded"`
}

// writeSBOM lists the modules that are linked into programs.
func writeSBOM(name, version string, programs []string) error {
	modules, toolchain := map[string]string{}, ""
	for _, p := range programs {
		info, err := buildinfo.ReadFile(p)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		toolchain = info.GoVersion
		for _, m := range info.Deps {
			modules[m.Path] = m.Version
		}
	}
	packages := []spdxPackage{
		{"SPDXRef-subbert", "github.com/subbert/subbert", version, "NOASSERTION", "Apache-2.0"},
		{"SPDXRef-go", "std", toolchain, "NOASSERTION", "BSD-3-Clause"},
	}
	relations := []map[string]string{{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-subbert"}}
	for i, path := range slices.Sorted(maps.Keys(modules)) {
		p := spdxPackage{fmt.Sprintf("SPDXRef-module-%d", i), path, modules[path], "NOASSERTION", "NOASSERTION"}
		packages = append(packages, p)
		relations = append(relations, map[string]string{"spdxElementId": "SPDXRef-subbert", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": p.ID})
	}
	text, err := json.MarshalIndent(map[string]any{
		"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "subbert-" + version,
		"documentNamespace": "https://github.com/subbert/subbert/sbom/" + version,
		"creationInfo":      map[string]any{"created": made.Format(time.RFC3339), "creators": []string{"Tool: subbert-release"}},
		"packages":          packages, "relationships": relations,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o666)
}
