// Package serviceitem knows what one can apply for: the item with its guide, its
// form, rule and kind of case, its materials, fee and promise.
package serviceitem
