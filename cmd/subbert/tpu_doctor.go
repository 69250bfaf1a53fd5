package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/tpu/launch"
)

type tpuDoctorCmd struct {
	storeFlag
	Project     string `required:"" help:"Google Cloud project." env:"GOOGLE_CLOUD_PROJECT" placeholder:"ID"`
	Zone        string `required:"" help:"Zone, such as europe-west4-a." placeholder:"Z"`
	Accelerator string `default:"v3-8" help:"Type of TPU, such as v5litepod-8 (v5e), v6e-8 or v3-8." placeholder:"TYPE"`
	Runtime     string `help:"Image of the TPU VM (default: the one for the type)." placeholder:"IMAGE"`
}

func (v *tpuDoctorCmd) Run(c *console) error {
	cloud, err := openCloud(c, v.Project, v.Zone)
	if err != nil {
		return err
	}
	r := launch.Run{Store: v.Store, Zone: v.Zone, Accelerator: v.Accelerator, Runtime: cmp.Or(v.Runtime, launch.RuntimeVersion(v.Accelerator))}
	return v.with(c, func(s *gcs.Store) error {
		checks, failed := launch.Verify(c.ctx, s, cloud, r), 0
		for _, check := range checks {
			if check.Err == nil {
				fmt.Fprintf(c.out, "ok      %s\n", check.Name)
				continue
			}
			failed++
			fmt.Fprintf(c.out, "failed  %s: %s\n        %s\n", check.Name, strings.ReplaceAll(check.Err.Error(), "\n", " "), check.Remedy)
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d checks failed", failed, len(checks))
		}
		return nil
	})
}
