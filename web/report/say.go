package report

import (
	"errors"

	"yiwang/city"
)

func messageOf(err error) city.Message {
	var e *city.Error
	if errors.As(err, &e) && e.Message.Key != "" {
		return e.Message
	}
	return city.Message{Key: "error.fields", Args: []any{"n", 1}}
}

// fieldsOf are the fields that an error points at.
func fieldsOf(err error) []city.Field {
	var e *city.Error
	if errors.As(err, &e) {
		return e.Fields
	}
	return nil
}
