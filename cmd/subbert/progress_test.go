package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestProgressInALog counts the lines of five minutes of work without a terminal, reported every second.
func TestProgressInALog(t *testing.T) {
	for name, c := range map[string]struct {
		quiet bool
		make  func(*console) *meter
		want  int
	}{
		"a verb":     {false, newMeter, 4},
		"a training": {false, newLogMeter, 59},
		"quiet":      {true, newMeter, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				m := c.make(&console{err: &log, quiet: c.quiet})
				for second := range 300 {
					m.counts("reading", second, 300)
					time.Sleep(time.Second)
				}
				m.end()
				lines := strings.Count(log.String(), "\n")
				if lines != c.want {
					t.Errorf("%d lines, want %d:\n%s", lines, c.want, &log)
				}
				if want := "reading: 120 of 300, 1/s, 3m00s left\n"; c.want == 4 && !strings.Contains(log.String(), want) {
					t.Errorf("the log lacks %q:\n%s", want, &log)
				}
			})
		})
	}
}
