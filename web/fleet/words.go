package fleet

import (
	"context"

	"github.com/a-h/templ"

	"yiwang/city"
	"yiwang/fleet/register"
	"yiwang/web"
)

var uses = []register.VehicleUse{register.UseHazmat, register.UseWaste, register.UseCoach, register.UseCharter, register.UseBus, register.UseTaxi,
	register.UseRideHailing, register.UseMuckTruck, register.UseFreight, register.UsePrivate}

func siteTag(s register.SiteStatus) web.Tagged {
	state := map[register.SiteStatus]web.State{register.Operating: web.StateWorking, register.Suspended: web.StatePaused, register.Closed: web.StateEnded}[s]
	if state == "" {
		state = web.StateRefused
	}
	return web.Tagged{State: state, Word: web.Words("registers.site." + string(s))}
}

func vehicleTag(s register.VehicleStatus) web.Tagged {
	state := web.StateWorking
	if s != register.Active {
		state = web.StateEnded
	}
	return web.Tagged{State: state, Word: web.Words("registers.vehicle." + string(s))}
}

// licenceTag says whether a licence counts on the day, and if not why.
func licenceTag(l *register.Licence, day city.Date) web.Tagged {
	switch {
	case l.InForce(day):
		return web.Tagged{State: web.StateDone, Word: web.Words("registers.licence.valid")}
	case l.Status == register.LicenceSuspended:
		return web.Tagged{State: web.StatePaused, Word: web.Words("registers.licence.suspended")}
	case l.Status != register.LicenceValid:
		return web.Tagged{State: web.StateRefused, Word: web.Words("registers.licence." + string(l.Status))}
	case day.Before(l.From):
		return web.Tagged{State: web.StateWaiting, Word: web.Words("registers.licence.early")}
	}
	return web.Tagged{State: web.StateOverdue, Word: web.Words("registers.licence.expired")}
}

// licencesTag says whether the site has a licence that counts for what it does.
func licencesTag(b *register.Book, s *register.Site) web.Tagged {
	n := 0
	for _, l := range append(b.LicencesAt(s.ID)[:len(b.LicencesAt(s.ID)):len(b.LicencesAt(s.ID))], b.LicencesOf(s.Firm)...) {
		if (l.Site == s.ID || l.Site == "") && l.Link == s.Link && l.InForce(b.Day()) {
			n++
		}
	}
	if n == 0 {
		return web.Tagged{State: web.StateRefused, Word: web.Words("registers.licensed.no")}
	}
	return web.Tagged{State: web.StateDone, Word: web.Words("registers.licensed.yes")}
}

func permitCell(v *register.Vehicle, day city.Date) templ.Component {
	p := &v.Permit
	switch {
	case !p.Given() && v.Use != register.UseHazmat && v.Use != register.UseWaste:
		return dash()
	case !p.Given():
		return web.Tag(web.Tagged{State: web.StateRefused, Word: web.Words("registers.permit.none")})
	case p.InForce(day):
		return web.Tag(web.Tagged{State: web.StateDone, Word: web.Words("registers.licence.valid")})
	case day.Before(p.From):
		return web.Tag(web.Tagged{State: web.StateWaiting, Word: web.Words("registers.licence.early")})
	}
	return web.Tag(web.Tagged{State: web.StateOverdue, Word: web.Words("registers.licence.expired")})
}

func dayCell(d city.Date) templ.Component {
	if d.IsZero() {
		return dash()
	}
	return web.CivilDay(d)
}

func siteCell(ctx context.Context, a asked, id register.SiteID) templ.Component {
	s := a.Book.Site(id)
	if s == nil {
		return web.Text(string(id))
	}
	return leads(SitePath(id, a.On), web.In(ctx, s.Name))
}

func substance(ctx context.Context, b *register.Book, id register.SubstanceID) string {
	if s := b.Substance(id); s != nil {
		return web.T(ctx, "registers.substance.named", "id", string(id), "name", s.Name)
	}
	return string(id)
}

func plain[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

// dayValue is a day as a form's field takes it.
func dayValue(d city.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

var dayZero city.Date

var replayScript = templ.NewOnceHandle()

// paces are how fast a day can be watched: so many of its minutes in a second.
var paces = []web.Option{{Value: "2", Label: web.Words("replay.pace.slow")}, {Value: "15", Label: web.Words("replay.pace.middle")}, {Value: "60", Label: web.Words("replay.pace.fast")}}

var (
	stepColumns = []web.Column{{Name: web.Words("replay.did")}, {Name: web.Words("replay.from")}, {Name: web.Words("replay.to")},
		{Name: web.Words("replay.long")}, {Name: web.Words("replay.where")}, {Name: web.Words("replay.far"), Number: true}, {Name: web.Words("replay.peak"), Number: true}}
	hourColumns = []web.Column{{Name: web.Words("replay.hour")}, {Name: web.Words("replay.peak"), Number: true}, {Name: web.Words("replay.hour.km"), Number: true}}
)

// drawn are the addresses of what draws the map, where it was built in.
func drawn(ctx context.Context) templ.Attributes {
	if !web.Drawn(ctx) {
		return nil
	}
	return web.DrawWith(ctx)
}
