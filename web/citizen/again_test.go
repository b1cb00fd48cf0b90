package citizen_test

import (
	"testing"
	"time"
)

// Some minutes after the sign-in a passkey can't be added from an open page; a
// second sign-in brings the form back.
func TestAPasskeyAsksToSignInAgain(t *testing.T) {
	w := newTown(t)
	v := w.visit().signIn("resident")
	v.get("/account").is(200).reads("Add this device").lacks("Sign in once more")
	w.clock.Advance(11 * time.Minute)
	v.get("/account").is(200).reads("Sign in once more to add this device").lacks("Add this device")
	v.get("/sign-in?back=%2Faccount").on("/account")
	v.get("/sign-in?again=1&back=%2Faccount").is(200).on("/sign-in").open("Sign in").fill("login", "resident").fill("password", "demo").press("Sign in")
	v.is(200).on("/account").reads("Add this device").lacks("Sign in once more")
}
