// Command release builds what a release consists of: archives with the static program, wheels that carry it into Python
// environments, an SBOM and checksums.
//
//	go run ./scripts/release -version 0.1.0 -out dist
//
// GoReleaser makes no wheels, and the tools that put Go programs into wheels want them static, while plugins are loaded through
// cgo: hence this program. A wheel for Linux has the cgo build of the machine that this runs on, and its tag the glibc
// that the build needs; the wheels for other systems have the static build.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
)

// target is a system and a processor, as Go calls them.
type target struct{ goos, goarch string }

func (t target) String() string { return t.goos + "/" + t.goarch }

// program is what the file of the program is called there.
func (t target) program() string {
	if t.goos == "windows" {
		return "subbert.exe"
	}
	return "subbert"
}

const everywhere = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64"

func main() {
	version := flag.String("version", "", "of the release, such as 0.1.0")
	out := flag.String("out", "dist", "directory to make; must not be there")
	targets := flag.String("targets", everywhere, "systems and processors to build for")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := release(ctx, *version, *out, parseTargets(*targets)); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func parseTargets(list string) []target {
	var targets []target
	for each := range strings.SplitSeq(list, ",") {
		goos, goarch, _ := strings.Cut(each, "/")
		targets = append(targets, target{goos, goarch})
	}
	return targets
}

// release makes the files of a release in the directory out.
func release(ctx context.Context, version, out string, targets []target) error {
	if version == "" {
		return fmt.Errorf("-version is missing")
	}
	if err := os.Mkdir(out, 0o777); err != nil {
		return err
	}
	build, err := os.MkdirTemp("", "subbert-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(build)
	var programs []string
	for _, t := range targets {
		static := filepath.Join(build, "static", t.goos+"-"+t.goarch, t.program())
		if err := compile(ctx, static, version, t, false); err != nil {
			return err
		}
		programs = append(programs, static)
		if err := writeArchive(out, version, t, static); err != nil {
			return err
		}
		if err := writeWheelOf(ctx, out, build, version, t, static); err != nil {
			return err
		}
	}
	if err := writeSBOM(filepath.Join(out, "subbert-"+version+".spdx.json"), version, programs); err != nil {
		return err
	}
	return writeChecksums(out)
}

// writeWheelOf writes the wheel for t: with the static program, or on Linux with the cgo build, which only a machine of that kind makes.
func writeWheelOf(ctx context.Context, out, build, version string, t target, static string) error {
	if t.goos != "linux" {
		return writeWheel(out, version, t, static)
	}
	if t != (target{runtime.GOOS, runtime.GOARCH}) {
		fmt.Printf("%s: no wheel; run this on such a machine\n", t)
		return nil
	}
	program := filepath.Join(build, "cgo", t.program())
	if err := compile(ctx, program, version, t, true); err != nil {
		return err
	}
	return writeWheel(out, version, t, program)
}

// compile builds the program for t.
func compile(ctx context.Context, to, version string, t target, cgo bool) error {
	fmt.Printf("%s: building, cgo %t\n", t, cgo)
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=auto", "-ldflags", "-s -w -X main.release="+version, "-o", to, "./cmd/subbert")
	c.Env = append(os.Environ(), "GOOS="+t.goos, "GOARCH="+t.goarch, "CGO_ENABLED=0")
	if cgo {
		c.Env = append(c.Env, "CGO_ENABLED=1")
	}
	if t.goarch == "amd64" {
		c.Env = append(c.Env, "GOEXPERIMENT=simd") // vector instructions, chosen at run time
	}
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	return nil
}
