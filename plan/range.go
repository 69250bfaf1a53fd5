package plan

// Bounds of a run's real time. A BERT on one device reaches between a sixth and six tenths of the device's peak: the
// paper's 100,000 steps took 4 hours, where the peak allows 0.72. A compiler's estimate of a TPU's time is accurate to
// 30 percent and does not include the host and the input.
const (
	bestShare  = 0.6
	worstShare = 0.15
	tolerance  = 0.3
)

// Range is a lower and an upper bound.
type Range struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// times is r with both bounds multiplied by x; nil if r is nil.
func (r *Range) times(x float64) *Range {
	if r == nil || x == 0 {
		return nil
	}
	return &Range{r.Low * x, r.High * x}
}

// bound derives the ranges of a step, the hours and the cost, if a peak is known.
func (p *Plan) bound(r Run) {
	if p.FloorMS == nil {
		return
	}
	step := Range{*p.FloorMS / bestShare, *p.FloorMS / worstShare}
	if p.Bytes != nil && r.Device.Bandwidth > 0 { // a step takes at least the time of its memory traffic
		step.Low = max(step.Low, 1000**p.Bytes/r.Device.Bandwidth)
	}
	if p.StepMS != nil {
		step.Low, step.High = (1-tolerance)**p.StepMS, max(step.High, (1+tolerance)**p.StepMS)
	}
	step.High = max(step.Low, step.High)
	p.StepRangeMS = &step
	p.HoursRange = p.StepRangeMS.times(float64(r.Steps) / 3.6e6)
	p.CostRange = p.HoursRange.times(r.Price)
	if p.StepMS != nil {
		p.note("the range is from %.0f percent less than the compiler's estimate to the time at %.0f percent of the peak, which slow runs reach", 100*tolerance, 100*worstShare)
		return
	}
	p.note("the range is the time at %.0f to %.0f percent of the peak, which BERTs reach in practice; a measured run on the device is more accurate", 100*bestShare, 100*worstShare)
}
