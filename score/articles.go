package score

import (
	"cmp"
	"context"
	"fmt"

	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/evaluate"
)

// ArticleReport is the result of Articles.
type ArticleReport struct {
	Articles int `json:"articles"` // of the gold file
	evaluate.ArticleReport
	*relations.Claimed
}

// Articles counts pairs of identifiers in articles. The gold file is PubTator text with relations; the predictions are
// rows of extract, as TSV, which evaluate.Combine combines. Without Negative the label false means no relation.
func (f Files) Articles(ctx context.Context) (*ArticleReport, error) {
	gold, err := relations.ReadGold(f.Gold, relations.Options{Context: ctx, Warn: f.Warn})
	if err != nil {
		return nil, err
	}
	claimed, err := relations.ReadClaims(f.Pred, relations.Options{Context: ctx}, gold)
	if err != nil {
		return nil, err
	}
	var right []evaluate.Fact
	for _, x := range gold.Facts {
		right = append(right, evaluate.Fact(x))
	}
	var claims []evaluate.Claim
	for _, x := range claimed.Claims {
		claims = append(claims, evaluate.Claim{Fact: evaluate.Fact(x.Fact), Probability: x.Probability})
	}
	predicted := evaluate.Combine(claims, cmp.Or(f.Negative, "false"))
	r := &ArticleReport{len(gold.Articles), evaluate.ScoreArticles(right, predicted), claimed}
	if r.Elsewhere > 0 {
		f.Warn(fmt.Sprintf("%s: skipped %d of %d rows, because %s does not have their articles", f.Pred, r.Elsewhere, r.Rows, f.Gold))
	}
	if r.Both == 0 && len(right) > 0 && len(predicted) > 0 {
		p, g := predicted[0], right[0]
		f.Warn(fmt.Sprintf("no predicted pair is right: %s has %s and %s in article %s, %s has %s and %s in article %s; do both files write identifiers in the same way?",
			f.Pred, p.A, p.B, p.Article, f.Gold, g.A, g.B, g.Article))
	}
	return r, nil
}
