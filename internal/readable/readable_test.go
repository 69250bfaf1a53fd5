package readable

import (
	"testing"
	"time"
)

func TestCount(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 7: "7", 999: "999", 999.6: "1 K", 1234: "1.23 K", 999_600: "1 M", 2.5e9: "2.5 G", 3e15: "3e+03 T"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%g) is %q, want %q", n, got, want)
		}
	}
}

func TestPlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 runs", 1: "1 run", 2: "2 runs"} {
		if got := Plural(n, "run", "s"); got != want {
			t.Errorf("Plural(%d) is %q, want %q", n, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		400 * time.Millisecond: "0s", 59600 * time.Millisecond: "1m00s", 61 * time.Second: "1m01s",
		time.Hour - time.Millisecond: "1h00m", 90*time.Minute + 40*time.Second: "1h30m", 50 * time.Hour: "50h00m",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) is %q, want %q", d, got, want)
		}
	}
	if got := Seconds(90.2); got != "1m30s" {
		t.Errorf("Seconds(90.2) is %q, want 1m30s", got)
	}
}
