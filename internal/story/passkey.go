package story

import "github.com/chromedp/cdproto/webauthn"

// HoldsPasskeys gives the visitor a device that makes passkeys and unlocks them at
// once, as a telephone does with a finger on it. Passkeys need a site whose name
// is localhost or that has a certificate.
func (v *Visitor) HoldsPasskeys() {
	v.t.Helper()
	must(v, webauthn.Enable, webauthn.EnableParams{})
	must(v, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
}
