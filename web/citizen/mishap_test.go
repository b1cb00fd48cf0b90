package citizen_test

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"yiwang/casework"
	"yiwang/city"
	"yiwang/credential"
	"yiwang/identity"
	"yiwang/internal/db"
)

// apply fills in the allowance up to the check, and gives the page of the check.
func (w *town) apply(v *reader) *reader {
	w.Helper()
	v.get("/items/senior-allowance").press("Start").is(200).press("Save and continue").is(200)
	v.open("Save and continue").fill("bank", "jianghai_bank").fill("bank_account", "6210990100000041206").press("Save and continue").is(200)
	v.press("Save and continue").is(200)
	v.open("Save and continue").fill("paper.identity", "yes").press("Save and continue").is(200).reads("Check your answers")
	return v
}

// file sends the allowance and lets the rule decide.
func (w *town) file(v *reader) city.CaseNumber {
	w.Helper()
	w.apply(v).open("Send application").tick("agreed", "true").press("Send application").is(200)
	n := v.number()
	w.decide()
	return n
}

func TestASessionThatEndsInTheMiddleOfAFormLosesNothing(t *testing.T) {
	w := newTown(t)
	w.leave("senior-allowance")
	v := w.visit().signIn("resident").actFor("林秀兰")
	v.get("/items/senior-allowance").press("Start").press("Save and continue").is(200)
	v.open("Save and continue").fill("bank", "rural_bank").fill("bank_account", "621099010000")
	w.clock.Advance(3 * time.Hour)
	v.press("Save and continue").is(401).reads("You have been signed out; your answers are safe")

	// a wrong password first, and then the right one: the answers go along
	v.open("Sign in").fill("login", "resident").fill("password", "wrong").press("Sign in").is(401).reads("name or the password is wrong", "your answers are safe")
	v.open("Sign in").fill("login", "resident").fill("password", "demo").press("Sign in").is(200).on("/apply/")
	v.reads("Whom to call", "You are acting for 林秀兰.")
	v.click("Back").open("Save and continue")
	if v.values.Get("bank") != "rural_bank" || v.values.Get("bank_account") != "621099010000" {
		t.Errorf("answers after signing in again: %v", v.values)
	}

	// what does something waits for the person to press the button
	v.get("/delegations").open("Give leave").fill("person.name", "周远").fill("person.citizen_number", "990102197507010252")
	w.clock.Advance(3 * time.Hour)
	v.press("Give leave").is(401)
	v.open("Sign in").fill("login", "resident").fill("password", "demo").press("Sign in").is(200).reads("Your answers are still here")
	v.press("Send it now").is(422).reads("One character of the citizen number is wrong")

	// somebody else at the same machine gets nowhere with it
	v.actFor("林秀兰").get("/matters").click("Senior-citizen allowance").open("Save and continue")
	w.clock.Advance(3 * time.Hour)
	v.press("Save and continue").is(401)
	v.open("Sign in").fill("login", "stranger").fill("password", "demo").press("Sign in").is(403)
}

func TestWhoeverPressesStartBeforeSigningInArrivesAtTheForm(t *testing.T) {
	w := newTown(t)
	v := w.visit()
	v.get("/items/own-property-certificate").press("Start").is(401)
	v.open("Sign in").fill("login", "resident").fill("password", "demo").press("Sign in").is(200).on("/apply/").reads("Save and continue")
	v.get("/sign-in?back=//evil.example/").on("/")
	v.get("/sign-in?back=/licences").on("/licences")
}

func TestAFormSentTwiceIsOneCase(t *testing.T) {
	w := newTown(t)
	w.leave()
	v := w.visit().signIn("resident").actFor("林秀兰")
	w.apply(v).open("Send application").tick("agreed", "true")
	to, form := v.at.Path, v.values.Encode()
	first := v.press("Send application").number()
	second := v.send("POST", to, "application/x-www-form-urlencoded", strings.NewReader(form)).is(200).number()
	if first != second {
		t.Errorf("two cases: %s and %s", first, second)
	}
	w.decide()
	v.get("/matters").is(200)
	if n := len(v.all(`main a[href^="/matters/JH-"]`)); n != 1 {
		t.Errorf("%d matters in the list: %s", n, v.text("main"))
	}
	// begun twice it is one draft, too
	v.get("/items/senior-allowance").press("Start")
	at := v.at.Path
	v.send("POST", "/items/senior-allowance/apply", "application/x-www-form-urlencoded", strings.NewReader("")).on(at)
	v.get("/items/senior-allowance").reads("Go on where you stopped").press("Start afresh").is(200)
	if v.at.Path == at {
		t.Error("starting afresh went on with the old draft")
	}
	v.get(at).is(404)
	v.get("/matters").click("Discard").press("Discard").on("/matters").lacks("Not sent yet")
}

func TestALeaveThatEndsEndsEverything(t *testing.T) {
	w := newTown(t)
	id := w.leave("senior-allowance")
	v := w.visit().signIn("resident").actFor("林秀兰")
	n := w.file(v)
	v.get("/licences").is(200).reads("Your leave is for single services") // leave for one item is no leave to see everything
	v.get("/matters/"+string(n)).is(200).reads("Granted", "Only the person concerned can see who looked").lacks("Checking an application by rule")
	v.get("/items/senior-allowance").press("Start").is(200)
	draft := v.at.Path

	// whoever acts as somebody else meanwhile is asked, not turned away
	v.actFor("小满厨房").get(draft).is(403).reads("Act for 林秀兰?").press("Act for 林秀兰").is(200).on(draft).reads("You are acting for 林秀兰.")

	mother := w.visit().signIn("elder")
	mother.get("/delegations").reads("林小满").click("End").press("End").is(200).reads("Ended")

	v.get(draft).is(409) // said once, so that nobody does anything for the wrong person
	v.get(draft).is(403)
	v.get("/matters/" + string(n)).is(403)
	v.send("POST", draft, "application/x-www-form-urlencoded", strings.NewReader("bank=rural_bank")).is(403)
	v.send("POST", "/acting", "application/x-www-form-urlencoded", strings.NewReader("for=leave:"+id.String())).is(403)
	mother.get("/matters/"+string(n)).is(200).reads("Granted", "Checking an application by rule")
}

func TestWhoMustNotSee(t *testing.T) {
	w := newTown(t)
	w.leave()
	v := w.visit().signIn("resident").actFor("林秀兰")
	n := w.file(v)
	v.click("My matters").is(200)
	v.get("/matters/" + string(n)).click("Senior allowance certificate")
	licence := v.at.Path
	v.get("/items/senior-allowance").press("Start")
	draft := v.at.Path

	other := w.visit().signIn("stranger")
	nobody := w.visit()
	for _, path := range []string{"/matters/" + string(n), "/matters/" + string(n) + "/withdraw", "/matters/" + string(n) + "/review", licence, licence + "/pdf", draft} {
		other.get(path)
		if other.status != http.StatusForbidden && other.status != http.StatusNotFound {
			t.Errorf("a stranger at %s: %d", path, other.status)
		}
		if strings.Contains(string(other.body), "林秀兰") {
			t.Errorf("a stranger reads a name at %s", path)
		}
		nobody.get(path).on("/sign-in?back=")
	}
	for _, path := range []string{"/matters/" + string(n) + "/rate", "/matters/" + string(n) + "/review", "/matters/" + string(n) + "/withdraw", draft} {
		other.send("POST", path, "application/x-www-form-urlencoded", strings.NewReader("level=1&reason=x&bank=rural_bank"))
		if other.status != http.StatusForbidden && other.status != http.StatusNotFound {
			t.Errorf("a stranger posts to %s: %d", path, other.status)
		}
	}
	// a number is no secret, and tells nothing of the person
	nobody.get("/matters").open("Look up").fill("number", strings.ToLower(string(n))).press("Look up").is(200).reads("Senior-citizen allowance", "Granted").lacks("林秀兰", "林小满")
	nobody.open("Look up").fill("number", "JH-2026-000001-0").press("Look up")
	if nobody.status != 422 && nobody.status != 404 {
		t.Errorf("a wrong number answers %d", nobody.status)
	}
	// posts from other sites do nothing
	r, err := http.NewRequest("POST", w.url+"/sign-out", nil)
	w.ok(err)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := v.client.Do(r)
	w.ok(err)
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a post from another site answers %d", res.StatusCode)
	}
	v.get("/account").is(200).reads("林小满")
	// the session's cookie
	v.get("/sign-out").press("Sign out").on("/")
	v.get("/account").on("/sign-in")
}

func TestARuleThatIsNotSureGivesTheMatterToAPersonAndSaysWhy(t *testing.T) {
	w := newTown(t)
	v := w.visit().signIn("resident") // 34 years old
	w.hold("resident-id-card", credential.Holder{Person: w.stranger, Name: "周远", Code: "990102197507010122"})
	n := w.file(v)
	v.get("/matters/"+string(n)).is(200).reads("Why a person has to look", "By the register the person is not yet 80", "1992", "art. 3", "Received", "Who looked at my data", "Checking an application by rule")
	v.press("Ask to hurry").is(200).lacks("Ask to hurry")
	v.click("Withdraw").reads("stops working on it")
	form := v.open("Withdraw").values.Encode()
	v.press("Withdraw").is(200).reads("Withdrawn")
	v.send("POST", "/matters/"+string(n)+"/withdraw", "application/x-www-form-urlencoded", strings.NewReader(form)).is(200) // sent twice
	v.get("/").reads("Withdrawn")

	v.get("/uses").is(200).reads("Checking an application by rule", "Resident identity card", "date of birth")
	v.get("/account").is(200).reads("Senior-citizen allowance")
	v.get("/notices").is(200).press("Mark").is(200).lacks("Mark")
}

func TestAPersonLooksAgain(t *testing.T) {
	w := newTown(t)
	v := w.visit().signIn("elder")
	n := w.file(v)
	v.get("/matters/"+string(n)).click("Ask a person to look again").open("Ask a person to look again").fill("reason", "I am older than you think.")
	v.press("Ask a person to look again").is(200).on("/matters/").reads("A person looks again (Senior-citizen allowance)", "within 5 working days")
	review := v.number()
	v.get("/matters/" + string(n) + "/review").on("/matters/" + string(review)) // asked once
	v.get("/matters/" + string(n)).lacks("Ask a person to look again").reads("What came of it")
}

func TestAnswersThatAreNotThere(t *testing.T) {
	w := newTown(t)
	v := w.visit().signIn("resident")
	for path, status := range map[string]int{
		"/nowhere": 404, "/items/nothing": 404, "/events/nothing": 404, "/algorithms/nothing": 404, "/licences/nothing": 404, "/matters/nothing": 404,
		"/apply/nothing/step": 404, "/files/nothing": 404, "/credentials/status/x": 404, "/credentials/status/9999": 404, "/delegations/x/end": 404,
		"/algorithms/senior-allowance?from=yesterday": 200, "/items?q=%00&after=-7": 200, "/items/511600-2001": 200, "/uses?after=x": 200, "/verify?code=%F0%9F": 200,
		"/matters?after=zzz": 422,
	} {
		if v.get(path); v.status != status {
			t.Errorf("%s: %d, want %d: %s", path, v.status, status, v.text("main"))
		}
	}
	v.get("/items?q=采伐").is(200).reads("林木采伐许可证核发", "The guide is still to be written")
	v.click("林木采伐许可证核发").is(200).reads("This guide is still to be written", "12345")
	v.get("/events/older-parents").is(200).reads("Senior-citizen allowance", "Social")
	v.get("/items?q=qqqqzzzz").is(200).reads("Nothing found")
	v.get("/counters").is(200).reads("Binjiang Service Centre", "Open now")
	v.get("/algorithms").is(200).click("Senior allowance granted by rule").is(200).reads("years(birth_date, today) >= 80", "from the population register", "granted")
	v.get("/credentials/trust.pem").is(200).reads("BEGIN CERTIFICATE")
	v.get("/credentials/trust.zip").is(200)
	v.get("/credentials/status/1")
	if v.status == 200 && v.head.Get("Content-Type") != "application/statuslist+cwt" {
		t.Errorf("a status list is called %q", v.head.Get("Content-Type"))
	}
}

func TestLeaveIsGivenAcceptedAndGivenBack(t *testing.T) {
	w := newTown(t)
	mother, daughter := w.visit().signIn("elder"), w.visit().signIn("resident")
	mother.get("/delegations").open("Give leave").fill("person.name", "林小满").fill("person.citizen_number", "990101199205200288")
	mother.press("Give leave").is(422).reads("answer needs a change")
	mother.open("Give leave").fill("person.citizen_number", xiaomanNumber).tick("items", "senior-allowance").fill("until.year", "2020")
	mother.press("Give leave").is(422)
	mother.open("Give leave")
	if mother.values.Get("person.name") != "林小满" || mother.values.Get("until.year") != "2020" {
		t.Errorf("what was typed is gone: %v", mother.values)
	}
	mother.fill("until.year", "2027")
	form := url.Values{}
	for k, v := range mother.values {
		form[k] = v
	}
	mother.press("Give leave").is(200).reads("林小满", "Senior-citizen allowance")
	mother.send("POST", "/delegations", "application/x-www-form-urlencoded", strings.NewReader(form.Encode())).is(200) // sent twice
	if n := len(mother.all(`a[href$="/end"]`)); n != 1 {
		t.Errorf("%d leaves were given", n)
	}
	daughter.get("/delegations").reads("林秀兰").press("Accept").is(200)
	daughter.press("林秀兰").is(200).reads("You are acting for 林秀兰.")
	daughter.get("/items/id-card-renewal").press("Start").is(422).reads("in person") // nobody can for anybody
	daughter.get("/delegations").click("Give it back").reads("Stop acting for 林秀兰").press("Give it back").is(200).lacks("You are acting for")
	mother.get("/delegations").reads("Ended")
}

func TestTheAccount(t *testing.T) {
	w := newTown(t)
	v := w.visit().signIn("resident")
	elsewhere := w.visit().signIn("resident")
	v.get("/account").is(200).reads("林小满", "resident", "小满厨房")
	v.press("Sign out everywhere else")
	elsewhere.get("/account").on("/sign-in")

	v.get("/account").open("Change password").fill("current", "wrong").fill("password", "a better one").press("Change password").is(422).reads("present password")
	v.open("Change password").fill("current", "demo").fill("password", "a better one").press("Change password").is(200).reads("Your password was changed")

	v.get("/account/tokens").open("Make the token").press("Make the token").is(422)
	v.open("Make the token").fill("name", "bookkeeping").tick("scopes", "read").fill("days", "30")
	form := v.values.Encode()
	v.press("Make the token").is(200).reads("It is shown only now")
	secret := v.text(".code-text")
	k, err := w.identity.Actor(context.Background(), secret)
	w.ok(err)
	if k.Method != identity.ByToken || len(k.Actor.Scopes) != 1 || k.Actor.Scopes[0] != "case.read" {
		t.Errorf("the token is %+v", k)
	}
	v.send("POST", "/account/tokens", "application/x-www-form-urlencoded", strings.NewReader(form)).is(422).reads("There is a token with this name")
	v.get("/account/tokens").lacks(secret).press("End").is(200).lacks("End bookkeeping")
	if _, err := w.identity.Actor(context.Background(), secret); city.KindOf(err) != city.KindUnauthenticated {
		t.Errorf("a token that was ended is still good: %v", err)
	}

	// a code from the counter opens an account
	var code string
	w.do(func(ctx context.Context, tx *db.Tx) error {
		who, err := w.directory.PersonByNumber(ctx, tx, xiulanNumber)
		w.ok(err)
		a, _, err := w.identity.AccountOf(ctx, tx, who, city.Resident)
		w.ok(err)
		code, _, err = w.identity.IssueCode(ctx, tx, program, a.ID)
		return err
	})
	fresh := w.visit()
	fresh.get("/activate").open("Set").fill("code", "AAAA-BBBB-CCCC").fill("login", "xiulan").fill("password", "four words in a row").press("Set").is(422)
	fresh.open("Set").fill("code", code).fill("login", "elder").fill("password", "four words in a row").press("Set").is(200).on("/").reads("林秀兰")
}

func TestAStrangerChecksALicence(t *testing.T) {
	w := newTown(t)
	v := w.visit().signIn("elder")
	n := w.file(v)
	v.get("/matters/" + string(n)).click("Senior allowance certificate")
	code := attr(v.one("[data-copy]"), "data-copy")
	picture := qrPicture(t, code)

	s := w.visit()
	s.get("/verify?code=" + url.QueryEscape(code)).is(200).reads("genuine and valid")
	s.get("/verify").open("Verify").attach("file", "code.png", picture).press("Verify").is(200).reads("genuine and valid")
	s.get("/verify").open("Verify").attach("file", "code.txt", []byte(code+"\n")).press("Verify").is(200).reads("genuine and valid")
	s.get("/verify").open("Verify").press("Verify").is(422).reads("Please paste a number")
	blank := s.get("/verify").open("Verify").attach("file", "blank.png", []byte("\x89PNG\r\n\x1a\n")).press("Verify").is(422)
	if len(blank.all(`.field.wrong input[type="file"]`)) != 1 || len(blank.all(`.field.wrong textarea`)) != 0 {
		t.Error("what is wrong with a picture is not said at the picture")
	}
	s.open("Verify").attach("file", "empty.png", []byte("\x89PNG\r\n\x1a\nnonsense")).press("Verify").is(422).reads("can't be opened")
	s.get("/verify").open("Verify").fill("code", code[:40]).press("Verify").is(200).reads("We can't tell from this")

	// revoked at the desk
	var number credential.Number
	w.do(func(ctx context.Context, tx *db.Tx) error {
		list, err := w.credentials.ByCase(ctx, tx, program, n)
		w.ok(err)
		number = list[0].Number
		_, err = w.credentials.Revoke(ctx, tx, program, credential.Change{Number: number, Reason: "Paid twice."})
		return err
	})
	s.get("/verify?code="+url.QueryEscape(code)).reads("can't be relied on", "has been revoked")
	v.get("/licences/"+string(number)).is(200).reads("Paid twice.", "Revoked")
	if len(v.all(".qr")) != 0 {
		t.Error("a revoked licence still shows its code")
	}
	v.get("/licences").reads("No longer valid")
}

// The office may see what is its own; the applicant's pages are not for officers.
func TestAnOfficerOnTheResidentsSide(t *testing.T) {
	w := newTown(t)
	e := w.visit().signIn("elder")
	n := w.file(e)
	v := w.visit()
	v.get("/sign-in").open("Sign in").fill("login", "clerk").fill("password", "demo").press("Sign in").on("/desk")
	v.get("/").is(200)
	v.get("/matters/" + string(n)).is(403)
	v.get("/account").is(200)
}

// A database that is gone for a moment costs nobody what they typed.
func TestAnOutageKeepsTheForm(t *testing.T) {
	w := newTown(t)
	v := w.visit().signIn("resident")
	v.get("/items/own-property-certificate").press("Start").is(200)
	v.open("Save and continue")
	to := v.at.Path
	w.down.Store(true)
	v.send("POST", to, "application/x-www-form-urlencoded", strings.NewReader("purpose=school&words=%E4%B8%89")).is(503)
	if v.head.Get("Retry-After") == "" {
		t.Error("nobody says when to try again")
	}
	v.open("Try again")
	if v.values.Get("purpose") != "school" || v.values.Get("words") != "三" {
		t.Errorf("what was typed is gone: %v", v.values)
	}
	w.down.Store(false)
	if v.press("Try again"); v.status == 503 {
		t.Errorf("still down: %s", v.text("main"))
	}
}

func TestAnElderGivesLeaveWithTwoTaps(t *testing.T) {
	w := newTown(t)
	mother := w.visit().signIn("elder")
	mother.get("/delegations?elder=1").reads("Your family", "林小满 (child)").click("Let them act").reads("Let 林小满 act for you?", "23 November 2027")
	at := mother.at.Path
	mother.press("Give leave").is(200).on("/delegations").reads("林小满").lacks("Your family")
	mother.send("POST", at, "application/x-www-form-urlencoded", nil).is(200) // sent twice
	if n := len(mother.all(`a[href$="/end"]`)); n != 1 {
		t.Errorf("%d leaves", n)
	}
	mother.get("/family/" + w.stranger.String()).is(404)
	w.visit().signIn("resident").get("/delegations").press("Accept").is(200)
	mother.get("/").reads("林小满 may act for you until 23 November 2027")
}

func TestNobodyLeafsThroughNumbers(t *testing.T) {
	w := newTown(t)
	v := w.visit()
	for range 30 {
		v.get("/verify?code=YW1:NOTHING").is(200)
	}
	v.get("/verify?code=YW1:NOTHING").is(429)
	v.get("/matters?number=JH-2026-000001-7").is(429)
	w.clock.Advance(10 * time.Second)
	v.get("/matters?number=JH-2026-000001-7").is(404)
}

// Opening a picture costs most of all, so it counts even where no code is in it.
func TestNobodyHasPicturesOpenedAllDay(t *testing.T) {
	w := newTown(t)
	v := w.visit()
	bad := []byte("\x89PNG\r\n\x1a\nnonsense")
	for range 30 {
		v.get("/verify").open("Verify").attach("file", "bad.png", bad).press("Verify").is(422)
	}
	v.get("/verify").open("Verify").attach("file", "bad.png", bad).press("Verify").is(429)

	// of several files in one form the first is looked at
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, text := range []string{"YW1:FIRST", "990101 not a code"} {
		part, err := m.CreateFormFile("file", "code.txt")
		w.ok(err)
		_, err = part.Write([]byte(text))
		w.ok(err)
	}
	w.ok(m.Close())
	w.clock.Advance(time.Minute)
	v.send(http.MethodPost, "/verify", m.FormDataContentType(), &b).is(200).reads("YW1:FIRST")
}

// What comes too late changes nothing and shows how the matter stands now.
func TestTooLateShowsTheFreshState(t *testing.T) {
	w := newTown(t)
	v := w.visit().signIn("resident")
	n := w.file(v) // too young: it waits for an officer
	v.get("/matters/" + string(n) + "/withdraw").open("Withdraw")
	to, form := v.at.Path, v.values.Encode()
	w.act("civilclerk", n, casework.Action{Name: "not_accepted", Reason: "Not yet 80.", Appeal: "Ask again in 2072."})
	v.send("POST", to, "application/x-www-form-urlencoded", strings.NewReader(form)).is(409).reads("Below is how it stands now", "Not accepted", "Not yet 80.", "Ask again in 2072.")
	v.send("POST", "/matters/"+string(n)+"/supply", "application/x-www-form-urlencoded", strings.NewReader("version=1&key=x")).is(409)
}
