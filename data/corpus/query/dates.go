package query

import (
	"fmt"
	"strconv"
	"strings"
)

// Date is a day; Month and Day may be 0 if unknown. As in PubMed, a date without a month counts as January, and
// a date without a day as the first of the month.
type Date struct{ Year, Month, Day int }

// number orders dates. A missing month or day counts as fillMonth or fillDay.
func (d Date) number(fillMonth, fillDay int) int {
	if d.Month == 0 {
		d.Month = fillMonth
	}
	if d.Day == 0 {
		d.Day = fillDay
	}
	return (d.Year*100+d.Month)*100 + d.Day
}

// Within reports whether d lies between from and to, both included: 2010 to 2012 includes December 31 of
// 2012.
func (d Date) Within(from, to Date) bool {
	n := d.number(1, 1)
	return d.Year > 0 && from.number(1, 1) <= n && n <= to.number(12, 31)
}

func (d Date) String() string {
	s := strconv.Itoa(d.Year)
	if d.Month > 0 {
		s += fmt.Sprintf("/%02d", d.Month)
	}
	if d.Day > 0 {
		s += fmt.Sprintf("/%02d", d.Day)
	}
	return s
}

func parseDate(s string) (Date, bool) {
	var parts [3]int
	fields := strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == '-' })
	if len(fields) < 1 || len(fields) > 3 || len(fields[0]) != 4 {
		return Date{}, false
	}
	for i, f := range fields {
		n, err := strconv.ParseUint(f, 10, 16)
		if err != nil || n == 0 {
			return Date{}, false
		}
		parts[i] = int(n)
	}
	return Date{parts[0], parts[1], parts[2]}, parts[1] <= 12 && parts[2] <= 31
}

// dates reads the range of a term of [dp]: 2010, 2010/05, 2010:2012, or "2010"[dp] : "2012"[dp].
func (p *parser) dates(t *term) error {
	from, to, isRange := strings.Cut(t.text, ":")
	if !isRange {
		to = from
	}
	if !isRange && p.token.kind == text && p.token.text == ":" {
		p.next()
		if to = p.token.text; p.token.kind != text && p.token.kind != quoted {
			return p.fault(p.token.at, "want a date, such as 2010 or 2010/05/31")
		}
		p.next()
		if p.token.kind == tag {
			p.next()
		}
	}
	var ok, ok2 bool
	t.from, ok = parseDate(strings.TrimSpace(from))
	t.to, ok2 = parseDate(strings.TrimSpace(to))
	if !ok || !ok2 {
		return p.fault(t.at, "%q is not a date; want 2010, 2010/05, 2010/05/31 or two of them with : between", t.text)
	}
	if t.from.number(1, 1) > t.to.number(12, 31) {
		return p.fault(t.at, "the range of dates ends before it begins: %s to %s", t.from, t.to)
	}
	return nil
}
