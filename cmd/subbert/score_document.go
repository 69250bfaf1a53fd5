package main

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
)

// articleScore is what score --level document prints.
type articleScore struct {
	Articles int `json:"articles"` // of the gold file
	evaluate.ArticleReport
	*relations.Claimed
}

func (v *scoreCmd) scoreArticles(c *console) error {
	gold, err := relations.ReadGold(v.Gold, relations.Options{Context: c.ctx, Warn: func(line string) { c.log.Warn(line) }})
	if err != nil {
		return err
	}
	claimed, err := relations.ReadClaims(v.Pred, relations.Options{Context: c.ctx}, gold)
	if err != nil {
		return err
	}
	var right []evaluate.Fact
	for _, f := range gold.Facts {
		right = append(right, evaluate.Fact(f))
	}
	var claims []evaluate.Claim
	for _, x := range claimed.Claims {
		claims = append(claims, evaluate.Claim{Fact: evaluate.Fact(x.Fact), Probability: x.Probability})
	}
	predicted := evaluate.Combine(claims, cmp.Or(v.Negative, "false"))
	s := articleScore{len(gold.Articles), evaluate.ScoreArticles(right, predicted), claimed}
	if s.Elsewhere > 0 {
		c.log.Warn(fmt.Sprintf("%s: %d of %d rows are of articles that %s does not have; they are left out", v.Pred, s.Elsewhere, s.Rows, v.Gold))
	}
	if s.Both == 0 && len(right) > 0 && len(predicted) > 0 {
		c.log.Warn(fmt.Sprintf("no predicted pair is right: %s has %s and %s in article %s, %s has %s and %s in article %s; are these identifiers written alike?",
			v.Pred, predicted[0].A, predicted[0].B, predicted[0].Article, v.Gold, right[0].A, right[0].B, right[0].Article))
	}
	return c.show(v.JSON, s, s.print)
}

func (s articleScore) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\tP\tR\tF1\tgold\tpredicted\tright\t\n")
	fmt.Fprintf(t, "pairs of identifiers\t%.2f\t%.2f\t%.2f\t%d\t%d\t%d\t\n", s.Micro.P, s.Micro.R, s.Micro.F1, s.Micro.Support, s.Predicted, s.Both)
	fmt.Fprintf(t, "with their labels\t%.2f\t%.2f\t%.2f\t%d\t\t\t\n", s.Labelled.P, s.Labelled.R, s.Labelled.F1, s.Labelled.Support)
	fmt.Fprintf(t, "\n%d articles, %d rows, %d of them without an identifier; hypernyms are %s\n", s.Articles, s.Rows, s.Unidentified, s.Hypernyms)
	return t.Flush()
}
