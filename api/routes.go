package api

import "net/http"

// routes lists every path of the JSON face.
func (a *API) routes() {
	const v1 = "/api/v1"
	register(a, route{http.MethodPost, v1 + "/sessions", "sign-in", "Sign in with login and password.", http.StatusOK, true, 0}, a.signIn)
	register(a, route{http.MethodDelete, v1 + "/sessions", "sign-out", "End the session of the token.", http.StatusNoContent, false, 0}, a.signOut)
	register(a, route{http.MethodGet, v1 + "/me", "who-am-i", "Who the token stands for.", http.StatusOK, false, 0}, a.whoAmI)

	register(a, route{http.MethodGet, v1 + "/items", "list-items", "What one can apply for.", http.StatusOK, true, 0}, a.listItems)
	register(a, route{http.MethodGet, v1 + "/items/{code}", "get-item", "An item with its guide, form and an example application.", http.StatusOK, true, 0}, a.getItem)
	register(a, route{http.MethodPost, v1 + "/uploads", "upload", "A file for an application, a draft or a correction.", http.StatusOK, false, maxUpload + 1}, a.upload)
	register(a, route{http.MethodGet, v1 + "/uploads/{id}", "download", "An uploaded file.", http.StatusOK, false, 0}, a.download)
	register(a, route{http.MethodPost, v1 + "/applications", "apply", "Send an application; a case stands, or nothing.", http.StatusCreated, false, 24 << 20}, a.apply)

	register(a, route{http.MethodGet, v1 + "/cases", "list-cases", "My cases; for officers the inbox, most urgent first.", http.StatusOK, false, 0}, a.listCases)
	register(a, route{http.MethodGet, v1 + "/cases/{number}", "get-case", "A case with its clock, history and what you can do.", http.StatusOK, false, 0}, a.getCase)
	register(a, route{http.MethodPost, v1 + "/cases/{number}/actions", "act", "Move a case on. 409 carries the case as it stands.", http.StatusOK, false, 24 << 20}, a.act)
	register(a, route{http.MethodPost, v1 + "/cases/{number}/rating", "rate", "Rate the service, once.", http.StatusOK, false, 0}, a.rate)
	register(a, route{http.MethodPost, v1 + "/cases/{number}/review", "review", "Ask a person to look again at what a rule decided.", http.StatusCreated, false, 0}, a.review)

	register(a, route{http.MethodGet, v1 + "/credentials", "list-credentials", "My licences.", http.StatusOK, false, 0}, a.listCredentials)
	register(a, route{http.MethodGet, v1 + "/credentials/{number}", "get-credential", "A licence.", http.StatusOK, false, 0}, a.getCredential)
	register(a, route{http.MethodPost, v1 + "/credentials/{number}/status", "change-credential", "Revoke, suspend or restore a licence.", http.StatusOK, false, 0}, a.changeCredential)
	register(a, route{http.MethodPost, v1 + "/verify", "verify", "Check a licence's code or number.", http.StatusOK, true, 0}, a.verify)

	register(a, route{http.MethodGet, v1 + "/uses", "list-uses", "Who used my data, for what.", http.StatusOK, false, 0}, a.listUses)
	register(a, route{http.MethodGet, v1 + "/algorithms", "list-algorithms", "The rules that decide, with their counts.", http.StatusOK, true, 0}, a.listAlgorithms)
	register(a, route{http.MethodGet, v1 + "/algorithms/{rule}", "get-algorithm", "One rule.", http.StatusOK, true, 0}, a.getAlgorithm)
}
