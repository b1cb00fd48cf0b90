package citizen_test

import (
	"testing"
)

// The mother's allowance is granted by rule, and a stranger checks the licence.
func TestTheAllowanceOfTheMother(t *testing.T) {
	w := newTown(t)
	w.leave("senior-allowance")
	v := w.visit()

	v.get("/").is(200).reads("What would you like to get done?", "Senior-citizen allowance")
	v.open("Search").fill("q", "allowance").press("Search").reads("Senior-citizen allowance")
	v.click("Senior-citizen allowance").is(200).reads("granted within seconds", "Anyone of 80 or over", "At once, if all is clear")

	v.signIn("resident").actFor("林秀兰").reads("You are acting for 林秀兰.")
	v.get("/items/senior-allowance").press("Start").is(200).on("/apply/")
	v.reads("Who receives it", "林秀兰", "12 March 1941", "from the population register", "Step 1 of")
	v.press("Save and continue").is(200).reads("Where to pay")

	// what is wrong is said at the field, and nothing is lost
	v.open("Save and continue").fill("bank_account", "6210 99").press("Save and continue").is(422)
	v.reads("12 to 19 digits", "2 answers need a change")
	v.open("Save and continue").fill("bank", "jianghai_bank")
	if got := v.values.Get("bank_account"); got != "6210 99" {
		t.Errorf("the account number typed is gone: %q", got)
	}
	v.fill("bank_account", "6210990100000041206").press("Save and continue").is(200).reads("Whom to call")
	v.press("Save and continue").is(200).reads("Papers we need", "Identity card")
	v.press("Save and continue").is(422).reads("whether we may fetch this paper")
	v.open("Save and continue").fill("paper.identity", "yes").press("Save and continue").is(200)
	v.reads("Check your answers, then send", "6210990100000041206", "Bank of Jianghai", "within seconds")

	// without the statement nothing is sent
	v.press("Send application").is(422)
	draft := v.at.Path
	v.open("Send application").tick("agreed", "true").press("Send application").is(200).on("/matters/")
	n := v.number()
	v.reads("We have your application", string(n), "Checking")
	if v.head.Get("Refresh") == "" {
		t.Error("the page does not look again by itself")
	}
	v.get(draft).is(200).on("/matters/" + string(n)) // sent is sent

	w.decide()
	v.get("/matters/"+string(n)).is(200).reads("Granted", "The person is 80 or older", "art. 3", "Ask a person to look again", "How was it?")
	if v.head.Get("Refresh") != "" {
		t.Error("a page that waits for nothing looks again")
	}
	v.click("Senior allowance").is(200).on("/licences/").reads("林秀兰", "No end date", "Download PDF")
	code := attr(v.one("[data-copy]"), "data-copy") // its blanks count, and words are read without

	stranger := w.visit()
	stranger.get("/verify").open("Verify").fill("code", code).press("Verify").is(200).reads("genuine and valid", "Senior")
	stranger.lacks("林秀兰", xiulanNumber)
}
