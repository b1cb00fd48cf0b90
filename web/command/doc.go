// Package command is the command centre: one map with what is happening, the
// city's vital signs, and whom to send. The map is the page; a table says the same
// for those who don't see it, and stands alone where scripts don't run. What is on
// the page moves by server-sent events, which begin anew by themselves after a
// break; what they bring is what the page was made of.
//
// Officers are shown by post and by the last place alone, and only to those whom the
// duty roster answers.
package command
