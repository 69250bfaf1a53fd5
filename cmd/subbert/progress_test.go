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

// TestProgressInTurn reports two stages in turn, as two seeds that predict at the same time do, and one that begins anew.
func TestProgressInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := newMeter(&console{err: &log})
		for second := range 130 {
			m.counts("seed-1: predicting", second, 1300)
			m.counts("seed-2: predicting", 2*second, 1300)
			time.Sleep(time.Second)
		}
		m.counts("seed-1: predicting", 0, 100)
		for second := range 60 {
			m.counts("seed-1: predicting", second, 100)
			time.Sleep(time.Second)
		}
		want := "seed-1: predicting: 60 of 1300, 1/s, 20m40s left\nseed-1: predicting: 120 of 1300, 1/s, 19m40s left\nseed-1: predicting: 50 of 100, 1/s, 50s left\n"
		if got := log.String(); got != want {
			t.Errorf("the log is\n%swant\n%s", got, want)
		}
	})
}

// TestProgressWithoutARate: while the first reports come too fast to measure, nothing is shown, not a rate of 0.
func TestProgressWithoutARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := newMeter(&console{err: &log})
		m.between = 0
		for i := range 40 {
			m.counts("predicting", 32*i, 6400)
			time.Sleep(10 * time.Millisecond)
		}
		if got := log.String(); strings.Contains(got, " 0/s") || !strings.HasPrefix(got, "predicting: 160 of 6400, 3200/s\n") {
			t.Errorf("the log is\n%s", got)
		}
	})
}

// TestEveryMinute counts the calls in four minutes and a half, and expects none later.
func TestEveryMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		stop := everyMinute(func() { calls++ })
		time.Sleep(4*time.Minute + 30*time.Second)
		stop()
		time.Sleep(5 * time.Minute)
		if calls != 4 {
			t.Errorf("%d calls, want 4", calls)
		}
	})
}
