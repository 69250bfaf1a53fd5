package configs

import "fmt"

// Error is a fault of a config, or of a config together with the files that it names: the user must change the
// config.
type Error struct{ Err error }

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Errorf returns the error of fmt.Errorf as an Error.
func Errorf(format string, args ...any) error { return &Error{fmt.Errorf(format, args...)} }

// Wrap returns err as an Error; nil for nil.
func Wrap(err error) error {
	if err == nil {
		return nil
	}
	return &Error{err}
}
