package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// figure is the content of docs/minilm.json: the numbers that README shows, as measured.
type figure struct {
	Title, Measure, Source string
	Bars                   []struct {
		Name      string
		Value     float64
		Low, High *float64 // of the 95 % interval
	}
}

// TestFigure checks docs/minilm.svg against docs/minilm.json; -update draws it again.
func TestFigure(t *testing.T) {
	const picture = "../../docs/minilm.svg"
	text, err := os.ReadFile("../../docs/minilm.json")
	if err != nil {
		t.Fatal(err)
	}
	var f figure
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	got := f.svg()
	if *update {
		if err := os.WriteFile(picture, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not drawn from the figures (-file +figures); go test ./cmd/subbert -run Figure -update:\n%s", picture, diff)
	}
}

// svg draws a bar for each method. Colours are legible on white and on black.
func (f figure) svg() []byte {
	const left, width, row, top = 190.0, 400.0, 34.0, 52.0
	x := func(value float64) float64 { return left + width*value/60 }
	bottom := top + row*float64(len(f.Bars))
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 %.0f" width="640" font-family="sans-serif" font-size="14" fill="#7a7f87">`+"\n", bottom+62)
	fmt.Fprintf(&b, "<title>%s</title>\n"+`<text x="8" y="22" font-size="16" font-weight="bold">%s</text>`+"\n", f.Title, f.Title)
	for tick := 0.0; tick <= 60; tick += 20 {
		fmt.Fprintf(&b, `<path d="M%.1f %.1fV%.1f" stroke="#7a7f87" stroke-opacity="0.35"/><text x="%.1f" y="%.1f" text-anchor="middle">%.0f</text>`+"\n", x(tick), top-8, bottom, x(tick), bottom+18, tick)
	}
	for i, bar := range f.Bars {
		y, colour := top+row*float64(i), "#8a94a3"
		if bar.Low != nil {
			colour = "#2f7ed8"
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="end">%s</text><rect x="%.1f" y="%.1f" width="%.1f" height="20" fill="%s"/>`+"\n", left-8, y+15, bar.Name, left, y, x(bar.Value)-left, colour)
		end := x(bar.Value)
		if bar.Low != nil {
			fmt.Fprintf(&b, `<path d="M%.1f %.1fH%.1fM%.1f %.1fv10M%.1f %.1fv10" stroke="#7a7f87" stroke-width="2" fill="none"/>`+"\n", x(*bar.Low), y+10, x(*bar.High), x(*bar.Low), y+5, x(*bar.High), y+5)
			end = x(*bar.High)
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f">%.1f</text>`+"\n", end+8, y+15, bar.Value)
	}
	fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", left+width/2, bottom+36, f.Measure)
	fmt.Fprintf(&b, `<text x="8" y="%.1f" font-size="10">%s</text>`+"\n</svg>\n", bottom+56, f.Source)
	return b.Bytes()
}
