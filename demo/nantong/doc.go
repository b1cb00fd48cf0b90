// Package nantong makes a city's regulated traffic from a seed: registers, and where
// 2,000 vehicles were on sampled days of eight months, with certain matters hidden
// among what is allowed and only looks like them. Nantong published how many of each
// its own programs had found; a Size holds those numbers. Whoever watches gets
// readings and registers; what was hidden is told apart, to be compared afterwards.
//
// The same seed and size always make the same city. Readings are made for one
// vehicle and one day at a time, so nothing large is ever held.
package nantong
