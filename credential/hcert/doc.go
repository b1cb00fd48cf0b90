// Package hcert reads what a health certificate of the European Union says: the
// claims of the electronic health certificate container (hcert 1.0.8) and the
// digital COVID certificate in them (schema 1.0.0 to 1.3.0).
//
// It proves nothing: who calls it has checked the signature. Whether the contents
// keep to the schema is told by findings, which never keep a certificate from
// being read; issuers of whole countries had their own spelling of it.
package hcert
