// What pages do better with a script. Every page works without it.
(() => {
	"use strict";

	// A form that came back with faults: start the reader there.
	document.querySelector("[data-focus]")?.focus();

	// Choices of language and mode are kept in a cookie; the address stays clean.
	const url = new URL(location.href);
	if (url.searchParams.has("lang") || url.searchParams.has("elder")) {
		url.searchParams.delete("lang");
		url.searchParams.delete("elder");
		history.replaceState(history.state, "", url);
	}

	// Where scripts run, the page of a matter that is about to be decided looks again
	// by itself; the cookie tells the server that it needn't load the page anew.
	document.cookie = "yw_script=1; path=/; samesite=lax";
	if (!document.querySelector('script[src*="htmx"]')) {
		const look = async () => {
			const here = document.querySelector("#matter[data-hx-trigger]");
			if (!here) return;
			try {
				const page = await (await fetch(location.href)).text();
				const next = new DOMParser().parseFromString(page, "text/html").getElementById("matter");
				if (next) here.replaceWith(next);
			} catch (err) {
				console.warn("look again:", err);
			}
			setTimeout(look, 2000);
		};
		setTimeout(look, 2000);
	}

	// A code that counts for a minute is fetched anew before it ends, for as long as
	// somebody looks at the page. Without a connection the page says so.
	const renewing = () => {
		const live = document.querySelector("[data-renew]");
		if (!live) return;
		const due = Date.now() + Number(live.dataset.renew) * 1000;
		live.querySelector("[data-renewing]")?.removeAttribute("hidden");
		const tick = setInterval(async () => {
			if (Date.now() < due || document.hidden) return;
			try {
				const answer = await fetch(location.href, { cache: "no-store" });
				const page = new DOMParser().parseFromString(await answer.text(), "text/html");
				const next = page.getElementById(live.id);
				if (!answer.ok || !next) {
					location.reload();
					return;
				}
				clearInterval(tick);
				live.replaceWith(next);
				const text = page.querySelector(".code-text");
				if (text) document.querySelector(".code-text")?.replaceWith(text);
				renewing();
			} catch {
				live.querySelector("[data-stale]").hidden = false;
			}
		}, 1000);
	};
	renewing();

	// Pages kept for work without a signal are gone with whoever signed out.
	if (document.querySelector("[data-signed-out]")) self.caches?.delete("field-pages");

	// What somebody chose while a newer part of the page was under way stays chosen.
	document.addEventListener("change", (e) => {
		const box = e.target.closest("#guess");
		if (!box || e.target.type !== "radio") return;
		const { name, value } = e.target;
		const stay = new MutationObserver(() => {
			const again = document.querySelector(`#guess input[type=radio][name="${CSS.escape(name)}"][value="${CSS.escape(value)}"]`);
			if (again && !again.form.querySelector(`[name="${CSS.escape(name)}"]:checked`)) again.checked = true;
		});
		stay.observe(box.parentNode, { childList: true });
		setTimeout(() => stay.disconnect(), 3000);
	});

	// Buttons that only a script can serve show themselves.
	for (const b of document.querySelectorAll("[data-print]")) {
		b.hidden = false;
		b.addEventListener("click", () => window.print());
	}
	for (const b of document.querySelectorAll("[data-copy]")) {
		if (!navigator.clipboard) break;
		b.hidden = false;
		b.addEventListener("click", async () => {
			await navigator.clipboard.writeText(b.dataset.copy);
			b.querySelector("[data-word]").textContent = b.dataset.copied;
		});
	}

	// Reading aloud, in the language of the page, heading by heading.
	const reader = document.querySelector("[data-read-aloud]");
	if (reader && "speechSynthesis" in window) {
		const word = reader.querySelector("span");
		const start = word.textContent;
		const stop = () => {
			speechSynthesis.cancel();
			word.textContent = start;
			reader.setAttribute("aria-pressed", "false");
		};
		reader.hidden = false;
		reader.setAttribute("aria-pressed", "false");
		reader.addEventListener("click", () => {
			if (reader.getAttribute("aria-pressed") === "true") return stop();
			const main = document.getElementById("main");
			const parts = main.innerText.split(/\n+/).map((s) => s.trim()).filter(Boolean);
			parts.forEach((text, i) => {
				const u = new SpeechSynthesisUtterance(text);
				u.lang = document.documentElement.lang === "en" ? "en-GB" : "zh-CN";
				u.rate = 0.85;
				if (i === parts.length - 1) u.onend = stop;
				speechSynthesis.speak(u);
			});
			word.textContent = reader.dataset.stop;
			reader.setAttribute("aria-pressed", "true");
		});
		addEventListener("pagehide", () => speechSynthesis.cancel());
	}

	// A file that is too large is told before it is sent.
	for (const input of document.querySelectorAll("input[type=file][data-max-mb]")) {
		const max = Number(input.dataset.maxMb) * 1048576;
		input.addEventListener("change", () => {
			const big = max > 0 && [...input.files].some((f) => f.size > max);
			input.setCustomValidity(big ? input.dataset.tooLarge : "");
			if (big) input.reportValidity();
		});
	}

	// Photos are made small before they are sent, shown, and may be chosen one after
	// the other; what the browser can't open is sent as it is. Work outside does it too.
	const small = async (file, longest) => {
		try {
			const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
			const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
			const canvas = document.createElement("canvas");
			canvas.width = Math.max(1, Math.round(bitmap.width * scale));
			canvas.height = Math.max(1, Math.round(bitmap.height * scale));
			const paint = canvas.getContext("2d");
			paint.fillStyle = "#fff";
			paint.fillRect(0, 0, canvas.width, canvas.height);
			paint.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
			bitmap.close();
			const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
			return blob ? new File([blob], file.name.replace(/\.[^.]*$/, "") + ".jpg", { type: "image/jpeg" }) : file;
		} catch (err) {
			console.warn("photo:", err);
			return file;
		}
	};
	self.smallPhoto = small;
	for (const part of document.querySelectorAll("[data-photos]")) {
		const input = part.querySelector("input[type=file][data-shrink]");
		if (!input || !window.DataTransfer) continue;
		const list = part.querySelector(".shots");
		const most = Number(part.dataset.most);
		let held = [];
		let busy = Promise.resolve();
		let pending = 0;
		const show = () => {
			const files = new DataTransfer();
			for (const h of held) files.items.add(h.file);
			input.files = files.files;
			for (const li of list.querySelectorAll("[data-new]")) li.remove();
			const before = list.children.length;
			held.forEach((h, i) => {
				const name = part.dataset.alt + (before + i + 1);
				const li = document.createElement("li");
				li.dataset.new = "1";
				const img = document.createElement("img");
				img.src = h.url;
				img.alt = name;
				const drop = document.createElement("button");
				drop.type = "button";
				drop.className = "link-button";
				drop.textContent = part.dataset.remove;
				const unseen = document.createElement("span");
				unseen.className = "unseen";
				unseen.textContent = name;
				drop.append(unseen);
				drop.addEventListener("click", () => {
					URL.revokeObjectURL(h.url);
					held = held.filter((x) => x !== h);
					show();
					input.focus();
				});
				li.append(img, drop);
				list.append(li);
			});
		};
		input.addEventListener("change", () => {
			const chosen = [...input.files];
			pending++;
			busy = busy.then(async () => {
				const room = most - list.querySelectorAll(":not([data-new])[name=kept]").length - held.length;
				for (const f of chosen.slice(0, Math.max(room, 0) + 1)) {
					const file = await small(f, Number(input.dataset.shrink));
					held.push({ file, url: URL.createObjectURL(file) });
				}
				show();
				pending--;
			});
		});
		input.form.addEventListener("submit", (e) => { // not before the photos are small
			if (!pending) return;
			e.preventDefault();
			e.stopImmediatePropagation();
			const button = e.submitter;
			busy.then(() => setTimeout(() => input.form.requestSubmit(button)));
		});
	}

	// Passkeys: the browser answers a challenge, the form carries the answer.
	const keys = window.PublicKeyCredential;
	for (const form of document.querySelectorAll("form[data-passkey]")) {
		if (!keys?.parseRequestOptionsFromJSON || !keys?.parseCreationOptionsFromJSON) break;
		form.hidden = false;
		form.addEventListener("submit", async (e) => {
			const response = form.elements.response;
			if (response.value) return;
			e.preventDefault();
			e.stopImmediatePropagation();
			const fault = form.querySelector("[data-passkey-fault]");
			fault.hidden = true;
			try {
				const options = JSON.parse(form.dataset.options).publicKey;
				const answer = form.dataset.passkey === "create"
					? await navigator.credentials.create({ publicKey: keys.parseCreationOptionsFromJSON(options) })
					: await navigator.credentials.get({ publicKey: keys.parseRequestOptionsFromJSON(options) });
				response.value = JSON.stringify(answer.toJSON());
				form.requestSubmit();
			} catch (err) {
				console.warn("passkey:", err);
				fault.hidden = false;
			}
		});
	}

	// A form is sent once; the server would answer the second time like the first.
	for (const form of document.querySelectorAll("form[method=post]:not([data-outbox])")) {
		form.addEventListener("submit", (e) => {
			if (form.dataset.sent) return e.preventDefault();
			form.dataset.sent = "1";
		});
	}
	addEventListener("pageshow", () => {
		for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
	});

	// Lists of the desk stay where they were scrolled to.
	for (const list of document.querySelectorAll("[data-keep-scroll]")) {
		const box = list.closest(".pane") ?? list;
		const name = "scroll:" + list.dataset.keepScroll;
		box.scrollTop = Number(sessionStorage.getItem(name) ?? 0);
		list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
		addEventListener("pagehide", () => sessionStorage.setItem(name, box.scrollTop));
	}

	// Keys of the desk: "/" searches, a letter presses the button that shows it.
	// Whoever's other tools use the same keys can switch them off (WCAG 2.1.4).
	let listening = localStorage.getItem("keys") !== "off";
	const showKeys = () => {
		document.documentElement.classList.toggle("quiet-keys", !listening);
		for (const b of document.querySelectorAll("[data-keys-toggle]")) b.textContent = listening ? b.dataset.off : b.dataset.on;
	};
	for (const help of document.querySelectorAll("[data-keys-help]")) {
		help.hidden = false;
		help.querySelector("[data-keys-toggle]").addEventListener("click", () => {
			listening = !listening;
			localStorage.setItem("keys", listening ? "on" : "off");
			showKeys();
		});
	}
	showKeys();
	const typing = (t) => t.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName);
	addEventListener("keydown", (e) => {
		if (e.key === "Escape" && typing(e.target)) return e.target.blur();
		if (!listening || e.ctrlKey || e.metaKey || e.altKey || e.isComposing || typing(e.target)) return;
		const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
		const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
		if (!target) return;
		e.preventDefault();
		if (/^(INPUT|TEXTAREA)$/.test(target.tagName)) target.focus();
		else target.click();
	});
})();
