// The worker of /field: pages come from the city while there is a signal, and from
// the telephone, as they were last seen, when there is none. Nothing is sent from
// here; the outbox of the page does that.
"use strict";

const PAGES = "field-pages"; // of whoever is signed in
const PARTS = "field-parts"; // styles and scripts, the same for everybody
const WAIT = 6000; // milliseconds for a page before the kept one is shown
const MOST = 200; // of each

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (e) => e.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (e) => {
	const url = new URL(e.request.url);
	if (e.request.method !== "GET" || url.origin !== location.origin) return;
	if (url.pathname.startsWith("/static/")) e.respondWith(part(e.request));
	else if (url.pathname === "/field" || url.pathname.startsWith("/field/")) e.respondWith(page(e.request, url));
});

// Names under /static/ carry a hash of what they hold, so what is kept is right.
async function part(request) {
	const kept = await caches.match(request, { cacheName: PARTS });
	if (kept) return kept;
	const answer = await fetch(request);
	if (answer.ok) keep(PARTS, request, answer.clone());
	return answer;
}

// name is the address without what was said on the last visit.
const name = (url) => url.origin + url.pathname;

async function page(request, url) {
	const photo = url.pathname.includes("/photos/");
	if (photo) {
		const kept = await caches.match(name(url), { cacheName: PAGES });
		if (kept) return kept;
	}
	const timer = new AbortController();
	const alarm = setTimeout(() => timer.abort(), WAIT);
	try {
		const answer = await fetch(request, { signal: timer.signal });
		clearTimeout(alarm);
		if (answer.ok && !answer.redirected && answer.type === "basic" && url.pathname !== "/field/worker.js") {
			await belongs(answer);
			keep(PAGES, name(url), answer.clone());
		}
		return answer;
	} catch (err) {
		clearTimeout(alarm);
		const kept = await caches.match(name(url), { cacheName: PAGES });
		if (kept) return kept;
		if (request.mode === "navigate") {
			const home = await caches.match(location.origin + "/field", { cacheName: PAGES });
			if (home) return home;
		}
		return Response.error();
	}
}

// belongs drops what is kept of somebody else, before anything of whoever is
// signed in now is kept.
async function belongs(answer) {
	const who = answer.headers.get("Yiwang-Account");
	if (!who) return;
	try {
		const mark = await caches.match("/field/who", { cacheName: PAGES });
		if (mark && await mark.text() === who) return;
		await caches.delete(PAGES);
		await (await caches.open(PAGES)).put("/field/who", new Response(who));
	} catch (err) {
		console.warn("not kept:", err);
	}
}

// keep puts an answer aside; where there is no room, the page is read all the same.
async function keep(cacheName, key, answer) {
	try {
		const cache = await caches.open(cacheName);
		await cache.put(key, answer);
		const keys = await cache.keys();
		for (const old of keys.slice(0, Math.max(0, keys.length - MOST))) {
			if (!old.url.endsWith("/field/who")) await cache.delete(old);
		}
	} catch (err) {
		console.warn("not kept:", err);
	}
}
