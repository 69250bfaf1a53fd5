package launch

import (
	"context"
	"errors"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
)

// Check is one check of what a run needs from the cloud.
type Check struct {
	Name   string
	Remedy string
	Err    error // nil: it succeeded
}

// Verify checks the bucket, the roles and the accelerator that r needs: its Store, Zone, Accelerator and Runtime.
func Verify(ctx context.Context, s bucket.Store, cloud *Cloud, r Run) []Check {
	_, _, listed := cloud.Inventory(ctx, "")
	return []Check{
		{"write, read and delete in " + r.Store, "roles/storage.objectUser on the bucket, for you and for the machine's service account", tryStore(ctx, s)},
		{"machines in " + r.Zone, "enable tpu.googleapis.com, and roles/tpu.admin for you", listed},
		{r.Accelerator + " with " + r.Runtime, "another --zone, --accelerator or --runtime", cloud.Check(ctx, r)},
	}
}

// tryStore writes, replaces and deletes an object, as a run does.
func tryStore(ctx context.Context, s bucket.Store) error {
	const name = "doctor.json"
	generation, err := bucket.WriteJSON(ctx, s, name, time.Now(), bucket.Condition{})
	if err != nil {
		return err
	}
	_, err = bucket.WriteJSON(ctx, s, name, time.Now(), bucket.Condition{Generation: generation})
	return errors.Join(err, s.Delete(ctx, name))
}
