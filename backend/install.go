package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/subbert/subbert/internal/atomicfile"
)

// InstallOptions says where Install takes packages from.
type InstallOptions struct {
	Wheels []string // files to use; none: Fetch gets them
	Fetch  Fetcher
	Log    *slog.Logger // progress; must not be nil
}

// Fetcher downloads a wheel into dir and returns the path of the file.
type Fetcher func(ctx context.Context, w Wheel, dir string) (string, error)

// Install unpacks the wheels of a release (see [Release.On]) below dir and returns the installed plugin. The
// installation appears complete or not at all; an intact installation of the same version, with all of these wheels, is
// left as it is.
func Install(ctx context.Context, dir string, r Release, o InstallOptions) (Plugin, error) {
	files := make([]string, len(r.Wheels))
	if len(o.Wheels) > 0 {
		if err := assign(files, r, o.Wheels); err != nil {
			return Plugin{}, fmt.Errorf("install %s %s: %w", r.Name, r.Version, err)
		}
	}
	home := filepath.Join(dir, r.Name)
	target := filepath.Join(home, r.Version)
	if err := removeAbandoned(home); err != nil {
		o.Log.Warn("cannot remove the files of an abandoned installation", "error", err)
	}
	if p, err := intact(ctx, target); err == nil && len(p.lacks(r)) == 0 {
		o.Log.Info("already installed", "plugin", p.Name, "version", p.Version, "path", p.Path)
		return p, nil
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return Plugin{}, fmt.Errorf("install %s: %w", r.Name, err)
	}
	work, err := newWork(home)
	if err != nil {
		return Plugin{}, fmt.Errorf("install %s: %w", r.Name, err)
	}
	err = installInto(ctx, work, r, files, o)
	if err == nil {
		if n := len(r.Libraries); n > 0 {
			o.Log.Info("skipped the libraries for using a device, because this machine has none; the plugin can compile for other machines", "plugin", r.Name, "packages", n)
		}
		err = swap(filepath.Join(work, "tree"), target)
	}
	if err = errors.Join(err, os.RemoveAll(work)); err != nil {
		return Plugin{}, fmt.Errorf("install %s %s: %w", r.Name, r.Version, err)
	}
	return intact(ctx, target)
}

// installInto makes the complete installation in work/tree.
func installInto(ctx context.Context, work string, r Release, files []string, o InstallOptions) error {
	if err := gather(ctx, work, r, files, o); err != nil {
		return err
	}
	tree := filepath.Join(work, "tree")
	p := Plugin{Name: r.Name, Version: r.Version, Path: r.Library, Data: r.Data}
	for i, w := range r.Wheels {
		o.Log.Info("unpacking", "wheel", filepath.Base(files[i]))
		if err := unpack(ctx, files[i], tree, w.Keep); err != nil {
			return err
		}
		p.Wheels = append(p.Wheels, filepath.Base(files[i]))
	}
	library := filepath.Join(tree, r.Library)
	if err := Inspect(library); err != nil {
		return err
	}
	var err error
	if p.SHA256, p.Size, err = hashFile(ctx, library); err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(tree, manifestName), append(text, '\n'))
}

// gather fetches the wheels for which no file was given, and checks the hash of each.
func gather(ctx context.Context, work string, r Release, files []string, o InstallOptions) error {
	for i, w := range r.Wheels {
		if files[i] == "" {
			o.Log.Info("downloading", "package", w.Project, "version", w.Version)
			file, err := o.Fetch(ctx, w, work)
			if err != nil {
				return err
			}
			files[i] = file
		}
		sum, _, err := hashFile(ctx, files[i])
		if err != nil {
			return err
		}
		if sum != w.SHA256 {
			return fmt.Errorf("%s: sha256 is %s, want %s", files[i], sum, w.SHA256)
		}
	}
	return nil
}

// assign finds the given file of each wheel by name. Either all files are given or none: a mixture would use
// the network where the caller does not expect it.
func assign(files []string, r Release, given []string) error {
	for _, g := range given {
		found := false
		for i, w := range r.Wheels {
			if strings.HasPrefix(filepath.Base(g), w.file()) && strings.HasSuffix(g, ".whl") {
				files[i], found = g, true
			}
		}
		if !found {
			return fmt.Errorf("%s: not a wheel of this release, want %s*.whl", g, wanted(r))
		}
	}
	for i, w := range r.Wheels {
		if files[i] == "" {
			return fmt.Errorf("no file for %s: want %s", w, wanted(r))
		}
	}
	return nil
}

func wanted(r Release) string {
	names := make([]string, len(r.Wheels))
	for i, w := range r.Wheels {
		names[i] = w.file()
	}
	return strings.Join(names, "*.whl and ")
}

// swap replaces the tree at target, if there is one, by the new tree.
func swap(tree, target string) error {
	old := tree + ".old"
	if err := os.Rename(target, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(tree, target); err != nil {
		return err
	}
	home, err := os.Open(filepath.Dir(target))
	if err != nil {
		return err
	}
	return errors.Join(home.Sync(), home.Close())
}

// intact reads an installation and compares its library with the manifest.
func intact(ctx context.Context, target string) (Plugin, error) {
	target, err := filepath.Abs(target)
	if err != nil {
		return Plugin{}, err
	}
	p, err := readManifest(filepath.Join(target, manifestName))
	if err != nil {
		return Plugin{}, err
	}
	return p, p.verify(ctx)
}

// Verify compares the shared library's size and hash with the manifest.
func (p Plugin) Verify() error { return p.verify(context.Background()) }

func (p Plugin) verify(ctx context.Context) error {
	sum, size, err := hashFile(ctx, p.Path)
	if err != nil {
		return err
	}
	if size != p.Size || sum != p.SHA256 {
		return fmt.Errorf("plugin %s has %d bytes and sha256 %s, but %d bytes and sha256 %s were installed", p.Path, size, sum, p.Size, p.SHA256)
	}
	return nil
}
