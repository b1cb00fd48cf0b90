// The worker of the gate: the page and its parts as the page put them aside, and
// newer ones where there is a network. It sends nothing.
"use strict";

const KEPT = "gate";
const WAIT = 4000; // milliseconds before what is kept is used

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (e) => e.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (e) => {
	const url = new URL(e.request.url);
	if (e.request.method !== "GET" || url.origin !== location.origin) return;
	if (url.pathname.startsWith("/static/")) e.respondWith(part(e.request));
	else if (url.pathname === "/verify/gate") e.respondWith(page(e.request));
});

async function part(request) {
	return await caches.match(request, { cacheName: KEPT, ignoreVary: true }) ?? fetch(request);
}

async function page(request) {
	try {
		return await fetch(request, { signal: AbortSignal.timeout(WAIT) });
	} catch (err) {
		return await caches.match(request, { cacheName: KEPT, ignoreSearch: true, ignoreVary: true }) ?? Response.error();
	}
}
