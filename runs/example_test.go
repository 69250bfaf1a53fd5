package runs_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/runstest"
)

// made returns a made-up model with all files that the examples name.
func made() (runstest.Files, func()) {
	dir, err := os.MkdirTemp("", "subbert-example-")
	if err != nil {
		log.Fatal(err)
	}
	f, err := runstest.Make(context.Background(), dir)
	if err != nil {
		log.Fatal(err)
	}
	return f, func() { os.RemoveAll(dir) }
}

// This program continues a pre-training and prints how well the model restores masked words of held-out documents.
func ExamplePretrain() {
	files, remove := made()
	defer remove()
	config, err := configs.ReadPretraining(context.Background(), files.Pretrain)
	if err != nil {
		log.Fatal(err)
	}
	r, err := runs.Pretrain(context.Background(), config, runs.Env{Resume: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Steps, "steps, held out:", r.HeldOut["heldout_mlm_loss"] > 0)
	// Output: 2 steps, held out: true
}

// This program fine-tunes a relation classifier.
func ExampleFinetune() {
	files, remove := made()
	defer remove()
	config, err := configs.ReadRelation(context.Background(), files.Finetune, "run.seed=7")
	if err != nil {
		log.Fatal(err)
	}
	r, err := runs.Finetune(context.Background(), config, runs.Env{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Pooling, r.Labels, "scored on", r.Instances, "pairs")
	// Output: attention [advise effect false int mechanism] scored on 16 pairs
}
