package checkpoints

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/checkpoints/bucket"
)

// Remote keeps a run's checkpoints in a store as a Saver keeps them on disk: files first, manifest.json after them, and
// last the entry in the lease's ledger, without which the step is absent. The prefix of a step's objects contains the
// lease's token, so that a holder that lost the lease can neither change nor complete its successor's steps.
type Remote struct {
	store  bucket.Store
	prefix string
	lease  *bucket.Lease
	keep   int
}

// NewRemote keeps the newest keep checkpoints below prefix, and removes the objects there that earlier holders of
// the lease did not commit.
func NewRemote(ctx context.Context, store bucket.Store, prefix string, lease *bucket.Lease, keep int) (*Remote, error) {
	if keep < 1 {
		return nil, fmt.Errorf("keep %d checkpoints: want at least 1", keep)
	}
	r := &Remote{store: store, prefix: prefix, lease: lease, keep: keep}
	steps := lease.Ledger().Steps
	return r, bucket.DeleteAll(ctx, store, prefix+"/", func(name string) bool {
		return !slices.ContainsFunc(steps, func(c bucket.Committed) bool { return strings.HasPrefix(name, c.Prefix+"/") })
	})
}

// Upload uploads and commits the checkpoint in the directory dir, unless the store already has it. The error is
// bucket.ErrLost if the lease is lost; then the step is absent. It is absent, too, after the error that the checkpoint was
// replaced during the upload; another call uploads the new one.
func (r *Remote) Upload(ctx context.Context, dir string) error {
	step, err := OpenStep(dir)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(r.lease.Ledger().Steps, func(c bucket.Committed) bool { return c.Step == step.Step }) {
		return nil
	}
	at := path.Join(r.prefix, stepName(step.Step), fmt.Sprintf("t%05d", r.lease.Token()))
	for _, name := range append(slices.Sorted(maps.Keys(step.files)), manifestName) {
		if err := r.put(ctx, path.Join(at, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("upload step %d: %w", step.Step, err)
		}
	}
	if now, err := readManifest(dir); err != nil || !maps.Equal(now.Files, step.files) {
		return errors.Join(fmt.Errorf("upload step %d: it was replaced in the meantime", step.Step), err)
	}
	return r.commit(ctx, bucket.Committed{Step: step.Step, Prefix: at})
}

// put writes an object that does not exist yet. An existing object with this token comes from an upload that
// failed halfway.
func (r *Remote) put(ctx context.Context, name, file string) error {
	err := bucket.PutFile(ctx, r.store, name, file, bucket.Condition{Absent: true})
	if !errors.Is(err, bucket.ErrChanged) {
		return err
	}
	if err := r.store.Delete(ctx, name); err != nil {
		return err
	}
	return bucket.PutFile(ctx, r.store, name, file, bucket.Condition{Absent: true})
}

// commit enters the step in the ledger and removes those that are no longer kept, in that order.
func (r *Remote) commit(ctx context.Context, step bucket.Committed) error {
	var dropped []bucket.Committed
	err := r.lease.Change(ctx, func(l *bucket.Ledger) {
		l.Steps = append(l.Steps, step)
		slices.SortFunc(l.Steps, func(a, b bucket.Committed) int { return a.Step - b.Step })
		excess := max(0, len(l.Steps)-r.keep)
		dropped, l.Steps = slices.Clone(l.Steps[:excess]), slices.Clone(l.Steps[excess:])
	})
	if err != nil {
		return fmt.Errorf("commit step %d: %w", step.Step, err)
	}
	for _, d := range dropped {
		if err := bucket.DeleteAll(ctx, r.store, d.Prefix+"/", nil); err != nil {
			return fmt.Errorf("remove step %d: %w", d.Step, err)
		}
	}
	return nil
}

// Download saves the newest committed checkpoint of the ledger with saver and returns its step; -1 if there is none.
// Every file is compared with the manifest.
func Download(ctx context.Context, store bucket.Store, ledger bucket.Ledger, saver *Saver) (int, error) {
	if len(ledger.Steps) == 0 {
		return -1, nil
	}
	newest := ledger.Steps[len(ledger.Steps)-1]
	var m manifest
	if _, err := bucket.ReadJSON(ctx, store, path.Join(newest.Prefix, manifestName), &m); err != nil {
		return -1, err
	}
	if m.Format != manifestFormat || m.Step != newest.Step {
		return -1, fmt.Errorf("%s/%s: format %d of step %d, want %d of step %d", store, newest.Prefix, m.Format, m.Step, manifestFormat, newest.Step)
	}
	_, err := saver.Save(newest.Step, func(w FileWriter) error {
		for _, name := range slices.Sorted(maps.Keys(m.Files)) {
			if err := fetch(ctx, store, path.Join(newest.Prefix, name), w, name, m.Files[name]); err != nil {
				return err
			}
		}
		return nil
	})
	return newest.Step, err
}

func fetch(ctx context.Context, store bucket.Store, object string, w FileWriter, name string, want fileSeal) (err error) {
	r, _, err := store.Read(ctx, object)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	f, err := w.Create(name)
	if err != nil {
		return err
	}
	sum := new(checksum)
	_, err = io.Copy(io.MultiWriter(f, sum), r)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if got := sum.seal(); got != want {
		return fmt.Errorf("%s/%s: %d bytes with checksum %s, want %d with %s", store, object, got.Size, got.CRC32C, want.Size, want.CRC32C)
	}
	return nil
}
