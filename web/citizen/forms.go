package citizen

import (
	"yiwang/web"
)

// Addresses that the account's forms post to.
const (
	PathActivate      = "/activate"
	PathSignInPasskey = "/sign-in/passkey"
	PathPasskeys      = "/account/passkeys"
	PathPassword      = "/account/password"
	PathSessions      = "/account/sessions"
)

// mostOne bounds a name, a login or a code, in characters.
const mostOne = 64

// SignInPasskey is the form that signs in with a passkey: options and signed as
// identity.BeginPasskeySignIn gives them.
func SignInPasskey(options, signed, back string) *web.Passkey {
	return &web.Passkey{Action: PathSignInPasskey, Options: options, Signed: signed, Back: back, Do: web.Words("citizen.sign_in.passkey")}
}

// AddPasskey is the form that makes a passkey: options and signed as
// identity.BeginPasskey gives them. It posts "name" too.
func AddPasskey(options, signed string) *web.Passkey {
	return &web.Passkey{
		Action: PathPasskeys, Create: true, Options: options, Signed: signed, Do: web.Words("citizen.account.passkeys.add"),
		Name: web.Field{Name: "name", Type: web.FieldText, Label: web.Words("citizen.account.passkeys.name"), Required: true, Max: mostOne},
	}
}

// PasswordFields are the fields that change a password: "current" and
// "password".
func PasswordFields() []web.Field {
	return []web.Field{
		{Name: "current", Type: web.FieldPassword, Label: web.Words("citizen.account.password.current"), Required: true, Autocomplete: "current-password"},
		newPassword(),
	}
}

// ActivateFields are the fields of ActivatePage: "code", "login" unless the
// account has one, and "password".
func ActivateFields(code, login string, hasLogin bool) []web.Field {
	fields := []web.Field{{Name: "code", Type: web.FieldText, Label: web.Words("citizen.activate.code"), Required: true, Max: mostOne, Value: code, Autocomplete: "one-time-code"}}
	if !hasLogin {
		fields = append(fields, web.Field{Name: "login", Type: web.FieldText, Label: web.Words("citizen.sign_in.login"), Required: true, Max: mostOne, Value: login, Autocomplete: "username"})
	}
	return append(fields, newPassword())
}

func newPassword() web.Field {
	return web.Field{Name: "password", Type: web.FieldPassword, Label: web.Words("citizen.account.password.new"), Hint: web.Words("citizen.account.password.hint"), Required: true, Autocomplete: "new-password"}
}

// DelegationFields are the fields that give leave: "person.name" and
// "person.citizen_number", "items" (none means all) and "until".
func DelegationFields(items []web.Option) []web.Field {
	return []web.Field{
		{Name: "person", Type: web.FieldPerson, Label: web.Words("citizen.delegations.person"), Required: true},
		{Name: "items", Type: web.FieldMultiChoice, Label: web.Words("citizen.delegations.items"), Hint: web.Words("citizen.delegations.items.hint"), Options: items},
		{Name: "until", Type: web.FieldDate, Label: web.Words("citizen.delegations.until"), Required: true},
	}
}

// DelegationTag says how a delegation stands: offered, live, over or ended.
func DelegationTag(state string) web.Tagged {
	shape := map[string]web.State{"offered": web.StateWaiting, "live": web.StateDone}[state]
	if shape == "" {
		shape = web.StateEnded
	}
	return web.Tagged{State: shape, Word: web.Words("citizen.delegations." + state)}
}

// LicenceTag says how a licence stands, by its status code of GB/T 36904 (01
// valid … 07 revoked).
func LicenceTag(status string) web.Tagged {
	shape := map[string]web.State{"01": web.StateDone, "02": web.StatePaused, "03": web.StateRefused, "07": web.StateRefused}[status]
	if shape == "" {
		shape = web.StateEnded
	}
	return web.Tagged{State: shape, Word: capital(web.Words("credential.status." + status))}
}
