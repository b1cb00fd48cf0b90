// Package alerts is the desk's face of what programs noticed: the list with its
// filters, one alert with what it rests on and where it was, and the silences that
// hold findings back, with their reasons.
package alerts
