package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/tpu/launch"
)

type tpuDoctorCmd struct {
	storeFlag
	Project     string `required:"" help:"Google Cloud project." env:"GOOGLE_CLOUD_PROJECT" placeholder:"ID"`
	Zone        string `required:"" help:"Zone, such as europe-west4-a." placeholder:"Z"`
	Accelerator string `default:"v3-8" help:"Type of TPU, such as v5litepod-8 (v5e), v6e-8 or v3-8." placeholder:"TYPE"`
	Runtime     string `help:"Image of the TPU VM; by default the one for the type." placeholder:"IMAGE"`
}

func (v *tpuDoctorCmd) Run(c *console) error {
	v.Runtime = cmp.Or(v.Runtime, launch.RuntimeVersion(v.Accelerator))
	cloud, err := openCloud(c, v.Project, v.Zone)
	if err != nil {
		return err
	}
	return v.with(c, func(s *gcs.Store) error {
		checks := []struct {
			name, remedy string
			run          func() error
		}{
			{"write, read and delete in " + v.Store, "roles/storage.objectUser on the bucket, for you and for the machine's service account", func() error { return tryStore(c.ctx, s) }},
			{"machines in " + v.Zone, "enable tpu.googleapis.com, and roles/tpu.admin for you", func() error {
				_, _, err := cloud.Inventory(c.ctx, "")
				return err
			}},
			{v.Accelerator + " with " + v.Runtime, "another --zone, --accelerator or --runtime", func() error {
				return cloud.Check(c.ctx, launch.Run{Accelerator: v.Accelerator, Runtime: v.Runtime, Zone: v.Zone})
			}},
		}
		failed := 0
		for _, check := range checks {
			if err := check.run(); err != nil {
				failed++
				fmt.Fprintf(c.out, "fault  %s: %s\n       %s\n", check.name, strings.ReplaceAll(err.Error(), "\n", " "), check.remedy)
				continue
			}
			fmt.Fprintf(c.out, "right  %s\n", check.name)
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d checks failed", failed, len(checks))
		}
		return nil
	})
}

// tryStore uses the store as a run does, with an object of its own.
func tryStore(ctx context.Context, s bucket.Store) error {
	const name = "doctor.json"
	generation, err := bucket.WriteJSON(ctx, s, name, time.Now(), bucket.Condition{})
	if err != nil {
		return err
	}
	if _, err := bucket.WriteJSON(ctx, s, name, time.Now(), bucket.Condition{Generation: generation}); err != nil {
		return errors.Join(err, s.Delete(ctx, name))
	}
	return s.Delete(ctx, name)
}
