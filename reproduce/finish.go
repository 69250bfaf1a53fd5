package reproduce

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/sweep"
)

// concluding is how long an interrupted reproduction takes to show what is complete.
const concluding = 1500 * time.Millisecond

// Finish reads the results of the runs of p, writes them to outcome.json and to a page in the directory out, and returns
// them with the path of the page. If ctx has ended, Finish shows what it can read in a short time.
func Finish(ctx context.Context, out string, r Request, p *Plan, chosen []*Experiment, report *sweep.Report) (o *Outcome, page string, err error) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), concluding)
		defer cancel()
	}
	if o, err = Conclude(ctx, r, p, report); err != nil {
		return nil, "", err
	}
	if err := atomicfile.WriteJSON(filepath.Join(out, "outcome.json"), o); err != nil {
		return nil, "", err
	}
	page = filepath.Join(out, result.PageFile)
	return o, page, WritePage(ctx, page, r, p, chosen, o, report)
}

// WriteText writes the verdict, the tables of the chosen experiments and what was used, for a terminal.
func (o *Outcome) WriteText(w io.Writer, r Request, chosen []*Experiment) error {
	if verdict := o.Verdict(chosen); verdict != "" {
		fmt.Fprintf(w, "%s\n\n", verdict)
	}
	for _, e := range chosen {
		fmt.Fprintf(w, "%s: %s\n", e.Where, e.Title)
		if err := TableOf(e, o, r.Sources, r.Experiments).Text(w); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	for _, line := range o.Used {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
