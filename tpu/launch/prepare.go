package launch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/checkpoints/bucket"
)

// Bundle is the set of local files that are copied to the store of a run: program, config and data.
type Bundle struct {
	Config []byte            // of SetConfig, with paths of the machine
	Binary string            // file of the program, for linux/amd64
	Plugin string            // wheel of libtpu; empty for backends that need none
	Inputs map[string]string // name to file or directory

	Streams map[string]string // likewise, inputs that the trainer reads from the store
}

// inputPath is the path of an input on the machine, relative to the trainer's directory. A file is in its own
// directory.
func inputPath(name, local string) (string, error) {
	info, err := os.Stat(local)
	if err != nil {
		return "", err
	}
	if info.IsDir() {
		return path.Join(inputsPrefix, name), nil
	}
	return path.Join(inputsPrefix, name, filepath.Base(local)), nil
}

// streamPath is the address of an input that the machine reads from the store of r.
func streamPath(r Run, name string) string { return r.Store + "/" + path.Join(inputsPrefix, name) }

// Directories on the machine, relative to the trainer's directory: of the run, and of blocks of data read from the store.
const (
	RunDir   = "run"
	CacheDir = "cache"
)

// WheelVersion is the version in the name of a wheel; empty if there is none.
func WheelVersion(file string) string {
	parts := strings.Split(filepath.Base(file), "-")
	if len(parts) < 5 { // project, version and three tags
		return ""
	}
	return parts[1]
}

// Describe fills the fields of r that describe the bundle. Names of pinned objects contain their checksums, so that
// invocations with different programs do not overwrite each other's objects.
func (b *Bundle) Describe(r *Run) error {
	program, err := SHA256(b.Binary)
	if err != nil {
		return err
	}
	r.Binary = Pinned{Object: path.Join(binaryPrefix, "subbert-"+program[:12]), SHA256: program}
	sum := sha256.Sum256(b.Config)
	config := hex.EncodeToString(sum[:])
	r.Config = Pinned{Object: path.Join(configPrefix, config[:12]+".toml"), SHA256: config}
	r.Inputs, r.Streams = slices.Sorted(maps.Keys(b.Inputs)), slices.Sorted(maps.Keys(b.Streams))
	if b.Plugin == "" {
		return nil
	}
	wheel, err := SHA256(b.Plugin)
	if err != nil {
		return err
	}
	r.Plugin = &Pinned{Object: path.Join(pluginPrefix, wheel[:12], filepath.Base(b.Plugin)), SHA256: wheel}
	return nil
}

// Pack writes the bundle that r describes to the store. It must precede the run's record, so that no machine finds
// an incomplete bundle.
func (b *Bundle) Pack(ctx context.Context, s bucket.Store, r Run) error {
	for _, inputs := range []map[string]string{b.Inputs, b.Streams} {
		for _, name := range slices.Sorted(maps.Keys(inputs)) {
			if err := bucket.PutTree(ctx, s, path.Join(inputsPrefix, name), inputs[name]); err != nil {
				return err
			}
		}
	}
	if err := bucket.PutFile(ctx, s, r.Binary.Object, b.Binary, bucket.Condition{}); err != nil {
		return err
	}
	if r.Plugin != nil {
		if err := bucket.PutFile(ctx, s, r.Plugin.Object, b.Plugin, bucket.Condition{}); err != nil {
			return err
		}
	}
	_, err := s.Write(ctx, r.Config.Object, bytes.NewReader(b.Config), bucket.Condition{})
	return err
}

// SHA256 is the checksum of a file, hexadecimal.
func SHA256(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
