package desk

import (
	"yiwang/credential"
	"yiwang/web"
)

// licenceTag says the status of a licence (证照状态).
func licenceTag(s credential.Status) web.Tagged {
	t := web.Tagged{State: web.StateRefused, Word: web.Words("credential.status." + string(s))}
	switch s {
	case credential.StatusValid:
		t.State = web.StateDone
	case credential.StatusSuspended:
		t.State = web.StatePaused
	case credential.StatusLapsed, credential.StatusTransferred, credential.StatusCancelled:
		t.State = web.StateEnded
	}
	return t
}
