// Package wallet takes licences into wallets of others: the holder's page with the
// code to scan, and the addresses that the wallet itself asks
// (OpenID4VCI; what is said there is in credential/wallet).
package wallet
