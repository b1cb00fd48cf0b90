package story

import (
	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// StandsAt puts the visitor at a place that their telephone finds to ten metres,
// and lets the site ask for it.
func (v *Visitor) StandsAt(lat, lon float64) {
	v.t.Helper()
	accuracy := 10.0
	must(v, emulation.SetGeolocationOverride, emulation.SetGeolocationOverrideParams{Latitude: &lat, Longitude: &lon, Accuracy: &accuracy})
	must(v, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{Permission: &cdpbrowser.PermissionDescriptor{Name: "geolocation"},
		Setting: cdpbrowser.PermissionSettingGranted, Origin: v.base.Scheme + "://" + v.base.Host, BrowserContextID: chromedp.FromContext(v.ctx).BrowserContextID})
}
