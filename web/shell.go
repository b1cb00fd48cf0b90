package web

import (
	"context"
	"time"

	"github.com/a-h/templ"

	"yiwang/city"
)

// Weight is how much a button asks to be pressed; a screen has one Primary.
type Weight string

const (
	Primary   Weight = "primary"
	Secondary Weight = "secondary"
	Danger    Weight = "danger" // refuses, revokes, ends
)

func current(is bool) templ.Attributes {
	if is {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

func homePath(ctx context.Context) templ.SafeURL {
	if ViewOf(ctx).Actor.Kind == city.Officer {
		return "/desk"
	}
	return "/"
}

func pictureOf(k city.Kind) string {
	switch k {
	case city.KindNotFound:
		return "lost"
	case city.KindForbidden, city.KindUnauthenticated:
		return "closed"
	case city.KindUnavailable, city.KindRateLimited, city.KindConflict:
		return "waiting"
	}
	return "broken"
}

func currentStep(is bool) templ.Attributes {
	if is {
		return templ.Attributes{"aria-current": "step"}
	}
	return nil
}

func noticeClass(s State) string {
	switch s {
	case StateDone:
		return "done"
	case StateWaiting, StatePaused:
		return "waiting"
	case StateRefused, StateOverdue:
		return "wrong"
	}
	return ""
}

func noticeIcon(s State) string {
	switch s {
	case StateDone, StateWaiting, StatePaused, StateRefused, StateOverdue:
		return string(s)
	}
	return "info"
}

func noticeRole(s State) string {
	if s == StateRefused || s == StateOverdue {
		return "alert"
	}
	return "status"
}
