package extract_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/runstest"
)

// tuned returns a made-up model, fine-tuned for an epoch, and sentences to apply it to.
func tuned() (model, sentences string, remove func()) {
	dir, err := os.MkdirTemp("", "subbert-example-")
	if err != nil {
		log.Fatal(err)
	}
	f, err := runstest.Make(context.Background(), dir)
	if err != nil {
		log.Fatal(err)
	}
	config, err := configs.ReadRelation(context.Background(), f.Finetune)
	if err != nil {
		log.Fatal(err)
	}
	r, err := runs.Finetune(context.Background(), config, runs.Env{})
	if err != nil {
		log.Fatal(err)
	}
	return r.Model, f.Test, func() { os.RemoveAll(dir) }
}

func ExampleOpen() {
	model, _, remove := tuned()
	defer remove()
	m, err := extract.Open(context.Background(), model, extract.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Println(m.Labels(), "without a relation:", m.Negative())
	// Output: [advise effect false int mechanism] without a relation: false
}

// This program predicts the relations of marked sentences with a fine-tuned model.
func ExampleModel_Predict() {
	model, sentences, remove := tuned()
	defer remove()
	m, err := extract.Open(context.Background(), model, extract.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	n := 0
	for p, err := range m.Predict(context.Background(), relations.Read("tsv", sentences, relations.Options{})) {
		if err != nil || p.Label == "" || len(p.Probabilities) != len(m.Labels()) {
			log.Fatal(p, err)
		}
		n++
	}
	fmt.Println(n, "pairs")
	// Output: 16 pairs
}
