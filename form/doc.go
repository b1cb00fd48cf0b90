// Package form describes what an applicant is asked, cleans what comes back and
// says at which field something is wrong.
//
// A Form is steps of fields, read from a city pack. Compile checks it and gives a
// Compiled, which
//
//   - Clean: turns whatever was sent into answers. Unknown names and hidden fields
//     are dropped, sizes bounded, values brought into one form (full-width digits,
//     spaces, a lower-case x, composed characters). Nothing that somebody typed
//     into a visible field is lost: what can't be understood stays as text, so that
//     it can be shown again beside its fault.
//   - Validate, ValidateStep: list the faults of answers, field by field, in the
//     order of the form, as texts of the catalogue in both languages.
//   - Visible: the steps and fields that are asked, given the answers so far.
//
// All three give the same for the same input, whatever the order it came in.
// Cleaning twice changes nothing, nor does storing answers as JSON in between.
//
// # Answers
//
// Answers are a map from field id to value. The value of a field without a fault
// is
//
//	text, longtext, phone, citizen_number, uscc, email, choice, region   string
//	date                     string, "2026-01-31"
//	integer                  int64
//	money                    int64, in fen; a number that is sent is fen, a string is yuan as people write it
//	decimal                  float64
//	yesno, statement         bool; a statement that isn't agreed to is absent
//	multichoice              []string, in the order of the options
//	file                     []string, identifiers of uploaded blobs, whose kind and size the caller checks
//	person                   map[string]string{"name", "citizen_number"}
//	address                  map[string]string{"region", "detail"}
//
// An empty value is absent. In an HTML form the parts of a person or an address
// are named "father.name", "home.region", and a date may come as "born.year",
// "born.month", "born.day".
//
// # Conditions
//
// show_when of a step or field is a rule.Condition over the answers to fields that
// stand before it; a hidden field counts as unanswered. An unanswered multichoice
// or file field is an empty list; anything else unanswered is unknown, and what
// depends on it stays hidden until it is answered. A condition that fails on its
// values (an index out of range) shows the field: better to ask in vain than not
// to ask.
//
// # Prefilled fields
//
// prefill says where the city knows the answer from. Prefill gives a draft its
// first answers. A field that is locked as well can't be changed by what is sent
// as long as the city knows the value; when it doesn't, the field is open.
package form
