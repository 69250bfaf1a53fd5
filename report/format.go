package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// noValue represents an unknown value in a table.
const noValue = "–"

// count writes a whole number with a thousands separator: 27,792.
func count(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// fixed writes x with a fixed number of decimals and a typographic minus sign.
func fixed(x float64, decimals int) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return noValue
	}
	s := strconv.FormatFloat(x, 'f', decimals, 64)
	if strings.Trim(s, "-0.") == "" {
		s = strings.TrimPrefix(s, "-") // no negative zero
	}
	return strings.Replace(s, "-", "−", 1)
}

// percent writes a score that is already in percent.
func percent(x float64) string { return fixed(x, 1) }

// value writes a measurement of any size with about four significant digits.
func value(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return noValue
	case x == 0:
		return "0"
	case a < 1e-3:
		return scientific(x)
	case a >= 1e6:
		return scaled(x)
	case a >= 1000 || x == math.Trunc(x):
		return count(int(math.Round(x)))
	case a >= 100:
		return fixed(x, 1)
	case a >= 10:
		return fixed(x, 2)
	}
	return fixed(x, 3)
}

// scientific writes a small number as people type learning rates: 2e−5, 1.25e−6.
func scientific(x float64) string {
	s := strconv.FormatFloat(x, 'e', 3, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	n, err := strconv.Atoi(exponent)
	if err != nil {
		return s // not reached: FormatFloat writes whole exponents
	}
	return strings.ReplaceAll(mantissa+"e"+strconv.Itoa(n), "-", "−") // no line breaks at a minus sign
}

// scaled writes x with a decimal prefix, as on an axis: 1.5 M, 20 k, 0.5.
func scaled(x float64) string {
	for _, p := range []struct {
		unit float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(x) >= p.unit {
			return trimmed(x/p.unit) + "\u00a0" + p.name // a no-break space
		}
	}
	return trimmed(x)
}

// trimmed writes x with at most three significant digits and no trailing zeros.
func trimmed(x float64) string {
	return strings.Replace(strconv.FormatFloat(x, 'g', 3, 64), "-", "−", 1)
}

// duration writes seconds for people: 4.2 s, 45 s, 12 min 3 s, 3 h 7 min, 2 d 4 h.
func duration(seconds float64) string {
	s := int(math.Round(seconds))
	switch {
	case seconds < 10:
		return fixed(seconds, 1) + " s"
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return strings.TrimSuffix(fmt.Sprintf("%d min %d s", s/60, s%60), " 0 s")
	case s < 86400:
		return strings.TrimSuffix(fmt.Sprintf("%d h %d min", s/3600, s%3600/60), " 0 min")
	}
	return strings.TrimSuffix(fmt.Sprintf("%d d %d h", s/86400, s%86400/3600), " 0 h")
}
