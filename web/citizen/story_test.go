package citizen_test

import (
	"io/fs"
	"strings"
	"testing"

	"yiwang/casework"
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

// A permit is applied for, corrected, looked at on site and granted; the applicant
// sees each turn of it.
func TestTheFoodPermit(t *testing.T) {
	w := newTown(t)
	v := w.visit().signIn("resident")

	v.get("/items/food-permit").press("Start").is(422).reads("is for firms")
	v.actFor("小满厨房").reads("You are acting for 小满厨房（江海）有限公司")
	v.get("/items/food-permit").press("Start").is(200).reads("The business", "from the company register")
	v.press("Save and continue").reads("The food")
	v.open("Save and continue").fill("application", "new").fill("business", "restaurant").tick("food_kinds", "hot").tick("food_kinds", "cold")
	v.press("Save and continue").is(200).reads("The place", "Binjianglu Community")

	// a file that is not what it is called
	v.open("Save and continue").fill("premises_region", "990101001002").fill("area_m2", "86")
	v.attach("floor_plan", "plan.pdf", []byte("dear city, this is no PDF at all"))
	v.press("Save and continue").is(422).reads("called a PDF and isn't one")
	v.open("Save and continue")
	if v.values.Get("area_m2") != "86" || v.values.Get("premises_region") != "990101001002" {
		t.Errorf("answers were lost: %v", v.values)
	}
	// one that is far too large: what was typed beside it stays
	v.fill("area_m2", "87").attach("floor_plan", "large.pdf", append([]byte("%PDF-1.4\n"), make([]byte, 40<<20)...))
	v.press("Save and continue").is(422).reads("too large")
	v.open("Save and continue")
	if v.values.Get("area_m2") != "87" {
		t.Errorf("the area typed beside a large file was lost: %v", v.values)
	}
	v.attach("floor_plan", "平面图.pdf", pdf(w, "floor-plan.pdf")).press("Save and continue").is(200).reads("The kitchen")
	v.click("Back").reads("平面图.pdf")
	v.click("平面图.pdf").is(200)
	if d := v.head.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") || v.head.Get("Content-Type") != "application/pdf" {
		t.Errorf("an upload comes back as %q, %q", v.head.Get("Content-Type"), d)
	}

	// saved, and gone on with on another device
	v = w.visit().signIn("resident").actFor("小满厨房")
	v.get("/matters").reads("Not sent yet", "Food business permit").click("permit").on("/apply/").reads("The kitchen")
	v.open("Save and continue").fill("fuel", "gas").fill("exhaust", "true").fill("cold_room", "true").press("Save and continue").is(200).reads("The people")
	v.open("Save and continue").fill("manager", "林小满").fill("staff", "three").press("Save and continue").is(422)
	v.open("Save and continue").fill("staff", "3").press("Save and continue").is(200).reads("Papers we need")
	v.open("Save and continue").fill("paper.business_licence", "yes").fill("paper.health_certificate", "yes").fill("paper.fire_opinion", "no").tick("paper.fire_opinion.later", "true")
	v.press("Save and continue").is(200).reads("Check your answers", "平面图.pdf", "We fetch it, with your yes", "To follow", "Piped gas")

	// change one answer and come back
	v.click("Change : Floor area").reads("The place").open("Save and continue").fill("area_m2", "90").press("Save and continue").on("/apply/").reads("Check your answers", "90 m²")
	v.open("Send application").tick("agreed", "true").press("Send application").is(200)
	n := v.number()
	v.reads("Within 5 working days an officer tells you", "Market Regulation", "Withdraw").lacks("Checking; this takes")

	// asked to correct, once with all points
	w.act("clerk", n, casework.Action{Name: casework.ActSupplement, Points: []casework.Point{
		{Field: "floor_plan", Text: "The drain of the kitchen is missing on the plan."}, {Field: "area_m2", Text: "Is this with the store room?"}}})
	v.get("/matters/"+string(n)).reads("2 things to correct", "The drain of the kitchen", "7 December", "Waiting for you")
	v.get("/").reads("Waiting for you")
	v.click("Food").reads("2 things to correct").click("Correct now").reads("We have: 平面图.pdf")
	v.open("Send corrections").fill("area_m2", "-4").attach("floor_plan", "new.png", []byte("not a picture")).press("Send corrections").is(422)
	v.open("Send corrections").attach("floor_plan", "new.pdf", pdf(w, "floor-plan.pdf")).press("Send corrections").is(422).reads("new.pdf")
	v.open("Send corrections").fill("area_m2", "104.5")
	supply, again := v.at.Path, v.values.Encode()
	v.press("Send corrections").is(200).on("/matters/").reads("Correction received").lacks("Correct now")
	v.get(supply).on("/matters/" + string(n)).is(200)                                                                          // nothing is asked any more
	v.send("POST", supply, "application/x-www-form-urlencoded", strings.NewReader(again)).is(200).reads("Correction received") // sent twice
	v.send("POST", supply, "application/x-www-form-urlencoded", strings.NewReader("key=another")).is(409).reads("No correction is being waited for")

	w.act("clerk", n, casework.Action{Name: "accept"})
	w.act("inspector", n, casework.Action{Name: casework.ActSpecialProcedure, Procedure: "site_inspection"})
	w.clock.Set(monday.AddDate(0, 0, 3))
	v = w.visit().signIn("resident").actFor("小满厨房")
	v.get("/matters/"+string(n)).reads("Clock paused", "site inspection", "Promised within").lacks("Withdrawn")
	w.act("inspector", n, casework.Action{Name: casework.ActResume, Note: "Everything is where the plan says."})
	w.act("inspector", n, casework.Action{Name: "inspected"})
	w.act("reviewer", n, casework.Action{Name: casework.ActCompleteTask, Opinion: "agree", Note: "an inner thought"})
	w.act("fire", n, casework.Action{Name: casework.ActCompleteTask, Opinion: "agree", Note: "another"})
	w.act("approver", n, casework.Action{Name: "approve"})
	v.get("/matters/"+string(n)).reads("Granted", "Everything is where the plan says.", "Paused", "One office has finished its part").lacks("an inner thought")
	v.click("Food").on("/licences/").reads("小满厨房（江海）有限公司")
	v.click("Download PDF")
	if v.status != 200 && !strings.Contains(v.text("main"), "font") {
		t.Errorf("the PDF answers %d: %s", v.status, v.text("main"))
	}

	// two stars, once, and a person follows it up
	v.get("/matters/" + string(n)).open("Send rating").press("Send rating").is(422).reads("choose one to five stars")
	v.open("Send rating").fill("level", "4").fill("words", "Nobody answered the telephone.").press("Send rating").is(200)
	v.reads("Your rating", "Dissatisfied", "Nobody answered the telephone.", "What came of it", "within 1 working day")
	v.send("POST", "/matters/"+string(n)+"/rate", "application/x-www-form-urlencoded", strings.NewReader("level=4")).is(200) // sent twice
	v.send("POST", "/matters/"+string(n)+"/rate", "application/x-www-form-urlencoded", strings.NewReader("level=1")).is(409)
}

// pdf is an example of the pack.
func pdf(w *town, name string) []byte {
	w.Helper()
	b, err := fs.ReadFile(w.pack.Files, "examples/"+name)
	w.ok(err)
	return b
}
