// Package story is the harness for tests that tell a story: a visitor in a real
// browser who sees what people see and presses what they press, and a whole
// program that is started, killed and started again.
//
//	func TestMain(m *testing.M) { os.Exit(story.Main(m)) }
//
//	func TestSomethingHappens(t *testing.T) {
//		p := story.Program{Args: []string{"demo"}}.Start(t)
//		v := story.Visit(t, p.URL, story.View{Size: story.Phone, Lang: city.English})
//		v.Go("/sign-in")
//		v.Fill("Account", "resident")
//		v.Click("Sign in")
//		v.Expect("My matters")
//	}
//
// Every page that a visitor passes is looked at by axe, must not scroll
// sideways, must load nothing from outside and must raise no script error; what
// is found fails the test in words. Stories skip with a sentence where the
// browser is missing, unless YIWANG_REQUIRE_BROWSER=1. With YIWANG_SCREENSHOTS
// set to a folder, pictures are kept there.
package story
