// Work outside, with and without a signal. A form that is sent goes into the outbox
// on this telephone first, with a key made at that moment; from there it is sent, in
// order, until the city has answered. However often it arrives, it counts once.
(() => {
	"use strict";
	const account = document.documentElement.dataset.account;
	const list = document.querySelector("[data-outbox-list]");
	if (!account || !list || !self.indexedDB) return;
	const words = list.dataset;
	const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, k) => values[k] ?? "");

	// ---- what is kept on the telephone

	const base = new Promise((resolve, reject) => {
		const open = indexedDB.open("field", 1);
		open.onupgradeneeded = () => {
			open.result.createObjectStore("outbox", { keyPath: "n", autoIncrement: true });
			open.result.createObjectStore("who");
		};
		open.onsuccess = () => resolve(open.result);
		open.onerror = () => reject(open.error);
	});
	const ask = async (store, mode, what) => {
		const tx = (await base).transaction(store, mode, { durability: "strict" });
		const request = what(tx.objectStore(store));
		return new Promise((resolve, reject) => {
			tx.oncomplete = () => resolve(request.result);
			tx.onabort = tx.onerror = () => reject(tx.error ?? request.error);
		});
	};
	const all = () => ask("outbox", "readonly", (s) => s.getAll());
	const put = (item) => ask("outbox", "readwrite", (s) => s.put(item));
	const drop = (n) => ask("outbox", "readwrite", (s) => s.delete(n));

	// Pages of somebody else who used this telephone are not ours to read.
	const ours = async () => {
		const before = await ask("who", "readonly", (s) => s.get("account"));
		if (before === account) return;
		await self.caches?.delete("field-pages");
		await ask("who", "readwrite", (s) => s.put(account, "account"));
	};

	// ---- the list of what waits

	const node = (name, text, attrs = {}) => {
		const e = document.createElement(name);
		e.textContent = text ?? "";
		for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, v);
		return e;
	};
	const clock = (ms) => new Date(ms).toLocaleString(document.documentElement.lang, { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" });
	let sending = false;
	const said = (item) => item.fields.filter(([name, v]) => typeof v === "string" && /^(text|note|reason|address)$/.test(name) && v).map(([, v]) => v).join(" · ");
	const made = Number(document.documentElement.dataset.made);
	const old = Date.now() - made > 120000; // a page that was kept, not one that has long been open
	const show = async () => {
		const items = await all();
		const mine = items.filter((i) => i.account === account), others = items.length - mine.length;
		const waiting = mine.filter((i) => !i.refused);
		list.replaceChildren();
		list.hidden = items.length === 0 && !old;
		if (old) list.append(node("p", say(words.old, { at: clock(made) })));
		document.documentElement.dataset.outbox = String(waiting.length);
		if (waiting.length > 0) {
			list.append(node("b", say(words.waiting, { n: waiting.length })), node("p", sending ? words.sending : waiting.some((i) => i.signin) ? words.signin : words.kept));
		}
		const ul = node("ul");
		for (const i of mine) {
			const li = node("li", "", i.refused ? { class: "refused" } : {});
			const photos = i.fields.filter(([, v]) => v instanceof Blob).length;
			li.append(node("span", i.label), node("small", say(words.since, { at: clock(i.made) }) + (photos ? " · " + say(words.photos, { n: photos }) : "")));
			if (said(i)) li.append(node("p", said(i)));
			if (i.refused) {
				li.append(node("p", words.refused + " " + i.refused));
				const b = node("button", words.again, { type: "button", class: "link-button" });
				b.addEventListener("click", async () => { await put({ ...i, refused: "" }); await send(); });
				li.append(b);
			}
			if (i.refused || i.tries > 2) {
				const b = node("button", words.drop, { type: "button", class: "link-button" });
				b.addEventListener("click", async () => { await drop(i.n); await show(); });
				li.append(b);
			}
			ul.append(li);
		}
		list.append(ul);
		if (waiting.length > 0 && !sending) {
			if (waiting.some((i) => i.signin)) list.append(node("a", words.signin, { href: words.signInHref, class: "button" }));
			const b = node("button", words.try, { type: "button", class: "button" });
			b.addEventListener("click", () => send());
			list.append(b);
		}
		if (others > 0) list.append(node("p", say(words.other, { n: others })));
	};

	// ---- sending

	const body = (item) => {
		const form = new FormData();
		form.append("account", item.account);
		for (const [name, value, file] of item.fields) value instanceof Blob ? form.append(name, value, file) : form.append(name, value);
		return form;
	};

	// one sends an item; it gives the answer, and null where there is no signal.
	const one = async (item) => {
		let answer, said;
		try {
			answer = await fetch(item.url, { method: "POST", body: body(item), headers: { Accept: "application/json" }, signal: AbortSignal.timeout(600000) });
		} catch (err) {
			console.info("not sent yet:", err);
			return null;
		}
		try {
			said = await answer.json();
		} catch (err) { // something between here and the city spoke
			console.warn("no answer of the city:", answer.status, err);
			said = answer.status >= 400 && answer.status < 500 && ![401, 403, 408, 425, 429].includes(answer.status)
				? { state: "refused", message: "HTTP " + answer.status } : { state: "later" };
		}
		switch (said.state) {
		case "done":
			await drop(item.n);
			return said;
		case "refused":
			await put({ ...item, refused: [said.message, ...(said.faults ?? [])].filter(Boolean).join(" "), signin: false });
			return said;
		case "signin":
			await put({ ...item, signin: true });
			return said;
		}
		await put({ ...item, tries: (item.tries ?? 0) + 1 });
		return { state: "later" };
	};

	// send works through the outbox, in one tab at a time. It gives the answer to
	// the item asked about, if it was sent.
	let again = 0;
	const send = async (about) => {
		let answer = null, stuck = false;
		const work = async () => {
			sending = true;
			await show();
			const held = new Set(); // matters of which something before has not arrived
			for (const item of await all()) {
				const matter = item.url.split("/")[3] ?? item.n;
				if (item.account !== account || item.refused || held.has(matter)) continue;
				const said = await one(item);
				if (said?.state === "later") {
					held.add(matter);
					stuck = true;
					continue;
				}
				if (!said || said.state === "signin") {
					stuck = true;
					break;
				}
				if (item.n === about) answer = said;
			}
			sending = false;
			await show();
		};
		if (navigator.locks) await navigator.locks.request("field-outbox", work);
		else if (!sending) await work();
		clearTimeout(again);
		if (stuck) again = setTimeout(send, 30000);
		return answer;
	};

	// ---- forms

	const packed = async (form, button) => {
		const fields = [];
		for (const [name, value] of new FormData(form, button)) {
			if (!(value instanceof File)) fields.push([name, name === "key" ? crypto.randomUUID() : value]);
			else if (value.size > 0) fields.push([name, await self.smallPhoto(value, 2048), "photo.jpg"]);
		}
		const made = Date.now();
		fields.push(["made", new Date(made).toISOString()]);
		return { account, url: new URL(form.action).pathname, label: [form.dataset.outbox, document.querySelector(".errand-page h1")?.textContent].filter(Boolean).join(" · "), fields, made };
	};

	for (const form of document.querySelectorAll("form[data-outbox]")) {
		form.addEventListener("submit", async (e) => {
			e.preventDefault();
			if (form.dataset.sent) return;
			form.dataset.sent = "1";
			const button = e.submitter;
			button?.setAttribute("aria-busy", "true");
			let n;
			try {
				n = await put(await packed(form, button));
			} catch (err) { // no room on the telephone: straight to the city, as without a script
				console.warn("outbox:", err);
				if (navigator.onLine) return form.submit();
				list.hidden = false;
				list.append(node("p", words.broken));
				delete form.dataset.sent;
				return;
			}
			const said = await send(n);
			if (said?.state === "done" && said.href) return location.assign(said.href);
			button?.removeAttribute("aria-busy");
			delete form.dataset.sent;
			if (said?.state === "refused") { // what was typed still stands in the form
				await drop(n);
				await show();
				form.querySelector("[data-fault]")?.remove();
				const fault = node("p", [said.message, ...(said.faults ?? [])].join(" "), { role: "alert", class: "fault", "data-fault": "", tabindex: "-1" });
				form.prepend(fault);
				return fault.focus();
			}
			if (!said) form.reset();
			list.scrollIntoView({ block: "start" });
			list.setAttribute("tabindex", "-1");
			list.focus();
		});
	}

	// ---- where somebody is

	const found = (form, at) => {
		form.querySelector("[data-lat]").value = at.coords.latitude.toFixed(6);
		form.querySelector("[data-lon]").value = at.coords.longitude.toFixed(6);
	};
	for (const form of document.querySelectorAll("form:has([data-lat])")) {
		const line = form.querySelector("[data-here]");
		if (!navigator.geolocation || !line) continue;
		line.hidden = false;
		line.textContent = line.dataset.finding;
		const forget = () => { for (const e of form.querySelectorAll("[data-lat], [data-lon]")) e.value = ""; };
		navigator.geolocation.watchPosition(
			(at) => {
				found(form, at);
				line.textContent = say(line.dataset.found, { m: Math.max(1, Math.round(at.coords.accuracy)) });
			},
			() => {
				forget();
				line.textContent = line.dataset.failed;
			},
			{ enableHighAccuracy: true, timeout: 20000, maximumAge: 10000 });
		form.addEventListener("reset", forget); // the next one may be somewhere else
	}
	if (document.querySelector("[data-on-duty]") && navigator.geolocation) {
		let last = 0;
		navigator.geolocation.watchPosition((at) => {
			if (Date.now() - last < 60000) return;
			last = Date.now();
			const form = new URLSearchParams({ lat: at.coords.latitude.toFixed(6), lon: at.coords.longitude.toFixed(6), at: String(Math.round(at.timestamp)) });
			fetch("/field/position", { method: "POST", body: form, headers: { Accept: "application/json" } }).catch((err) => console.info("place not sent:", err));
		}, () => {}, { maximumAge: 60000 });
	}

	// ---- beginning

	addEventListener("online", () => send());
	document.addEventListener("visibilitychange", () => { if (!document.hidden) send(); });
	(async () => {
		await ours();
		await show();
		send();
		navigator.storage?.persist?.();
		if (navigator.serviceWorker) {
			try {
				await navigator.serviceWorker.register("/field/worker.js", { scope: "/field" });
				await navigator.serviceWorker.ready;
				// what was loaded before the worker stood is kept now
				const parts = [...document.querySelectorAll("link[rel=stylesheet], link[rel=icon], script[src]")].map((e) => e.href || e.src);
				const keep = [location.pathname, "/field", "/field/report", ...[...document.querySelectorAll("[data-keep]")].map((e) => e.dataset.keep)];
				if (navigator.onLine) {
					for (const address of [...new Set([...parts, ...keep])]) await fetch(address).catch(() => {});
				}
				document.documentElement.dataset.kept = "1";
			} catch (err) {
				console.warn("pages are not kept:", err);
			}
		}
	})();
})();
