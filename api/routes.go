package api

import "net/http"

// routes lists every path of the JSON face.
func (a *API) routes() {
	const (
		v1     = "/api/v1"
		absent = http.StatusNotFound
		wrong  = http.StatusUnprocessableEntity
		haste  = http.StatusTooManyRequests
	)
	get := func(path, id, summary string, errors ...int) route {
		return route{method: http.MethodGet, path: v1 + path, id: id, summary: summary, status: http.StatusOK, errors: errors}
	}
	post := func(path, id, summary string, status int, errors ...int) route {
		return route{method: http.MethodPost, path: v1 + path, id: id, summary: summary, status: status, errors: errors}
	}
	open := func(r route) route { r.open = true; return r }
	still := func(r route) route { r.open, r.still = true, true; return r }
	large := func(r route, most int64) route { r.maxBody = most; return r }

	register(a, open(post("/sessions", "sign-in", "Sign in with login and password. A token is told once: a repeat makes another.", http.StatusOK, http.StatusUnauthorized, http.StatusConflict, haste)), a.signIn)
	register(a, route{method: http.MethodDelete, path: v1 + "/sessions", id: "sign-out", summary: "End the session of the token.", status: http.StatusNoContent}, a.signOut)
	register(a, get("/me", "who-am-i", "Who the token stands for."), a.whoAmI)

	register(a, still(get("/items", "list-items", "What one can apply for.", wrong)), a.listItems)
	register(a, still(get("/items/{code}", "get-item", "An item with its guide, form and an example application.", absent)), a.getItem)
	upload := large(post("/uploads", "upload", "A file for an application, a draft or a correction.", http.StatusOK, absent), maxUpload+1)
	upload.file = true
	register(a, upload, a.upload)
	download := get("/uploads/{id}", "download", "An uploaded file.", absent)
	download.media = []string{"application/pdf", "image/jpeg", "image/png"}
	register(a, download, a.download)
	register(a, large(post("/applications", "apply", "Send an application; a case stands, or nothing.", http.StatusCreated, absent), 24<<20), a.apply)

	register(a, get("/cases", "list-cases", "My cases; for officers the inbox, most urgent first.", wrong), a.listCases)
	register(a, get("/cases/{number}", "get-case", "A case with its clock, history and what you can do.", absent), a.getCase)
	register(a, large(post("/cases/{number}/actions", "act", "Move a case on. 409 carries the case as it stands.", http.StatusOK, absent), 24<<20), a.act)
	register(a, get("/cases/{number}/notices", "list-notices", "Who was told what about a case, by which channel, and what became of it: yours, and for officers everybody's.", absent), a.listNotices)
	receipt := get("/cases/{number}/receipt", "get-receipt", "A receipt of the public log about a case (c2sp.org/tlog-proof@v1), the newest or the one asked for. 503 until the log has published it.", absent)
	proof := func(r route) route { r.media = []string{"text/plain"}; return r }
	register(a, proof(receipt), a.receipt)
	register(a, post("/cases/{number}/rating", "rate", "Rate the service, once.", http.StatusOK, absent), a.rate)
	register(a, post("/cases/{number}/review", "review", "Ask a person to look again at what a rule decided.", http.StatusCreated, absent), a.review)

	register(a, get("/credentials", "list-credentials", "My licences.", wrong), a.listCredentials)
	register(a, get("/credentials/{number}", "get-credential", "A licence.", absent), a.getCredential)
	register(a, post("/credentials/{number}/status", "change-credential", "Revoke, suspend or restore a licence.", http.StatusOK, absent), a.changeCredential)
	register(a, proof(get("/credentials/{number}/receipt", "get-credential-receipt", "A receipt of the public log about a licence. 503 until the log has published it.", absent)), a.licenceReceipt)
	register(a, open(post("/verify", "verify", "Check a licence's code or number.", http.StatusOK, haste)), a.verify)

	if a.Incidents != nil {
		register(a, open(post("/incidents", "report", "Report what is wrong in the streets. No account is needed.", http.StatusCreated, http.StatusConflict, haste)), a.report)
		register(a, open(get("/incidents", "list-incidents", "What was reported and anybody may see, newest first.", wrong)), a.listIncidents)

		register(a, post("/duty", "go-on-duty", "Begin your shift in a post, or move its end.", http.StatusOK, haste), a.goOnDuty)
		register(a, get("/duty", "list-duty", "Your shifts that run."), a.listDuty)
		register(a, post("/duty/end", "end-duty", "End your shift. What you have in hand goes to the next on duty, or back to the inbox.", http.StatusOK), a.endDuty)
		register(a, post("/position", "send-position", "Where you are, while you are on duty. Only the last place is kept, until the shift ends.", http.StatusOK, haste), a.position)
	}

	if a.Reach != nil {
		where := post("/reachable", "reachable", "Where a vehicle can be in some minutes, and who can be in its way.", http.StatusOK, absent)
		where.passing = true
		register(a, where, a.reachable)
	}

	readings := post("/readings", "send-readings", "What sensors measured, a JSON object a line.", http.StatusOK)
	readings.file = true
	register(a, readings, a.readings)
	register(a, get("/sensors", "list-sensors", "How the sensors stand; for officers."), a.listSensors)
	register(a, post("/sensors/{id}/release", "release-sensor", "Listen again to a sensor that was in quarantine.", http.StatusOK, absent), a.releaseSensor)

	if a.Vehicles != nil {
		positions := large(post("/positions", "send-positions", "Where vehicles were, a JSON object a line: vehicle or terminal, at, lat, lon, and what is known of datum, speed, course, altitude, ignition, fix. What is taken is on the disk; the same again changes nothing.", http.StatusOK), 16<<20)
		positions.file = true
		register(a, positions, a.positions)
	}
	register(a, get("/vehicles", "list-vehicles", "What is on record of watched vehicles, by plate; for officers.", wrong), a.listVehicles)
	register(a, get("/vehicles/{plate}", "get-vehicle", "A vehicle on record with its permit, declared routes and transport sheets.", absent, wrong), a.getVehicle)
	register(a, get("/sites", "list-sites", "What is on record of sites with dangerous goods, with their licences; for officers.", wrong), a.listSites)

	register(a, get("/risk", "list-risks", "How dangerous communities are on a day, from 0 to 100, the highest first; for officers.", wrong), a.listRisks)

	register(a, get("/alerts", "list-alerts", "What programs noticed, newest first; for officers.", wrong), a.listAlerts)
	register(a, get("/alerts/{id}", "get-alert", "An alert and what it rests on.", absent), a.getAlert)
	register(a, post("/silences", "silence", "Hold back what a rule finds, or what is found about a subject, until a time.", http.StatusCreated), a.silence)

	register(a, get("/uses", "list-uses", "Who used my data, for what.", wrong), a.listUses)
	register(a, proof(get("/uses/{id}/receipt", "get-use-receipt", "The receipt of the public log about a use of my data. 503 until the log has published it.", absent)), a.useReceipt)
	register(a, open(get("/algorithms", "list-algorithms", "The rules that decide, the models that suggest and the detectors that notice, with their counts.")), a.listAlgorithms)
	register(a, open(get("/algorithms/{rule}", "get-algorithm", "One rule, model or detector.", absent)), a.getAlgorithm)
	register(a, proof(open(get("/algorithms/{rule}/receipt", "get-algorithm-receipt", "A receipt of the public log about a rule's wording, the newest or the one asked for. 503 until the log has published it.", absent))), a.ruleReceipt)
	register(a, proof(open(get("/scorecard/{month}/receipt", "get-month-receipt", "The receipt of the public log about a month's published figures. 503 until the log has published it.", absent))), a.monthReceipt)
}
