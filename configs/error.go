package configs

import "fmt"

// Error says that a config is at fault, alone or together with the files that it names: the caller has to change it.
type Error struct{ Err error }

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Errorf is an Error made of fmt.Errorf's.
func Errorf(format string, args ...any) error { return &Error{fmt.Errorf(format, args...)} }

// Wrap is an Error of err; nil for nil.
func Wrap(err error) error {
	if err == nil {
		return nil
	}
	return &Error{err}
}
