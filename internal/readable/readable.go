// Package readable writes counts and durations for people.
package readable

import (
	"fmt"
	"time"
)

// Count shortens a number to three digits and a unit of thousands: 1.23 M.
func Count(n float64) string {
	for _, unit := range []string{"", " K", " M", " G"} {
		if n < 999.5 {
			return fmt.Sprintf("%.3g%s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g T", n)
}

// Plural returns a count with its noun, whose plural ends in ending.
func Plural(n int, noun, ending string) string {
	if n != 1 {
		noun += ending
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// Duration formats a duration to the second, or to the minute if it is hours long.
func Duration(d time.Duration) string {
	d = d.Round(time.Second)
	if d >= time.Hour {
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	if d >= time.Minute {
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%ds", int(d.Seconds()))
}

// Seconds is Duration of a number of seconds.
func Seconds(s float64) string { return Duration(time.Duration(s * float64(time.Second))) }
