// Checking at a door: the checker runs here, by keys and lists put aside on this
// device. Nothing that is checked is sent or kept; only how many there were.
(() => {
	"use strict";
	const root = document.querySelector("[data-gate]");
	if (!root) return;
	document.querySelector("[data-gate-bare]").remove();
	root.hidden = false;
	const words = root.dataset;
	const $ = (what) => root.querySelector(`[data-gate-${what}]`);
	const lamp = $("lamp"), verdict = $("verdict"), why = $("why"), notes = $("notes"), rows = $("rows");
	const input = root.querySelector("[name=code]");
	const REFRESH = 60000, SHOWN = 20000, ONCE = 5000, IDLE = 400; // milliseconds

	// ---- what is kept on the device: this page, its parts, the kit

	const keep = async () => {
		const parts = [...document.querySelectorAll("script[src], link[rel=stylesheet], link[rel=icon]")].map((e) => e.src || e.href);
		const want = [location.pathname, words.checker, ...parts].map((a) => new URL(a, location.href).href);
		const cache = await caches.open("gate");
		const kit = new URL(words.kit, location.href).href;
		for (const old of await cache.keys()) {
			if (old.url !== kit && !want.includes(old.url)) await cache.delete(old);
		}
		for (const a of want) {
			if (a === want[0] || !(await cache.match(a, { ignoreVary: true }))) await cache.add(a);
		}
	};

	let made = 0, alone = false, fetched = 0;
	const take = async (answer) => {
		const body = new Uint8Array(await answer.arrayBuffer());
		const fault = gate.open(body);
		if (fault) throw new Error(fault);
		made = Date.parse(JSON.parse(new TextDecoder().decode(body)).made);
	};
	// refresh takes a new kit where there is a network; one that isn't whole is not used.
	const refresh = async () => {
		try {
			const answer = await fetch(words.kit, { cache: "no-store", signal: AbortSignal.timeout(8000) });
			if (!answer.ok) throw new Error("HTTP " + answer.status);
			const copy = answer.clone();
			await take(answer);
			alone = false;
			fetched = Date.now();
			await (await caches.open("gate")).put(words.kit, copy).catch((err) => console.warn("not kept:", err));
		} catch (err) {
			console.info("no new trust list:", err);
			alone = true;
			if (!made) {
				const kept = await caches.match(words.kit, { cacheName: "gate", ignoreVary: true });
				if (kept) await take(kept).catch((fault) => console.warn("what was kept can't be used:", fault));
			}
		}
		age();
	};
	const age = () => {
		const at = new Date(made).toLocaleString(words.lang, { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" });
		$("kit").textContent = made ? (alone ? words.alone : words.of).replace("{at}", at) : words.none;
		root.dataset.state = made ? (alone ? "alone" : "ready") : "none";
	};

	// ---- the answer

	const line = (name, text) => Object.assign(document.createElement(name), { textContent: text });
	let wipe = 0;
	const show = (a) => {
		clearTimeout(wipe);
		lamp.className = "verdict gate-lamp " + (a.lamp ?? "");
		lamp.dataset.reason = a.reason ?? "";
		verdict.textContent = a.verdict;
		why.textContent = a.why ?? "";
		notes.replaceChildren(...(a.notes ?? []).map((n) => line("p", n)));
		rows.replaceChildren(...(a.rows ?? []).flatMap((r) => [line("dt", r.name), line("dd", r.value)]));
		if (a.lamp) wipe = setTimeout(() => show({ verdict: words.ready }), SHOWN);
	};

	const counts = JSON.parse(localStorage.getItem("gate-counts") ?? "null") ?? { done: 0, waiting: 0, refused: 0 };
	const tell = () => {
		for (const [name, n] of Object.entries(counts)) root.querySelector(`[data-count="${name}"]`).textContent = n;
		localStorage.setItem("gate-counts", JSON.stringify(counts));
	};
	$("reset").addEventListener("click", () => { for (const name in counts) counts[name] = 0; tell(); });

	const seen = new Map(); // what was shown in the last seconds, in memory alone
	const judge = (text) => {
		text = text.trim();
		if (!text || !made) return;
		const now = Date.now();
		const a = JSON.parse(gate.answer(text, now, words.lang, alone));
		show(a);
		for (const [old, at] of seen) if (now - at > ONCE) seen.delete(old);
		if (!seen.has(text)) {
			counts[a.lamp]++;
			tell();
			navigator.vibrate?.(a.lamp === "done" ? 60 : [120, 80, 120]);
		}
		seen.set(text, now);
		if (!alone && now - fetched > REFRESH) refresh();
	};

	// ---- typed, scanned by a device that types, from a picture, by the camera

	$("form").addEventListener("submit", (e) => {
		e.preventDefault();
		const text = input.value;
		input.value = "";
		judge(text);
	});
	let typed = "", last = 0;
	document.addEventListener("keydown", (e) => {
		if (e.target.closest("input, textarea, select") || e.ctrlKey || e.altKey || e.metaKey) return;
		if (e.timeStamp - last > IDLE) typed = "";
		last = e.timeStamp;
		if (e.key === "Enter" && typed.length > 3) {
			e.preventDefault();
			judge(typed);
			typed = "";
		} else if (e.key.length === 1) {
			if (typed && e.key === " ") e.preventDefault(); // part of a code, no press of a button
			typed += e.key;
		}
	});

	const canvas = document.createElement("canvas");
	const look = (source, width, height) => {
		const scale = Math.min(1, 1280 / Math.max(width, height));
		canvas.width = Math.round(width * scale);
		canvas.height = Math.round(height * scale);
		const pen = canvas.getContext("2d", { willReadFrequently: true });
		pen.drawImage(source, 0, 0, canvas.width, canvas.height);
		return gate.read(pen.getImageData(0, 0, canvas.width, canvas.height).data, canvas.width, canvas.height);
	};
	root.querySelector("[name=picture]").addEventListener("change", async (e) => {
		const file = e.target.files[0];
		if (!file || !made) return;
		let text = "";
		try {
			const picture = await createImageBitmap(file);
			text = look(picture, picture.width, picture.height);
		} catch (err) {
			console.info("no picture:", err);
		}
		e.target.value = "";
		text ? judge(text) : show({ lamp: "waiting", reason: "no_qr_code", verdict: words.noCode });
	});

	const view = $("view"), button = $("camera");
	let stream = null;
	const watch = () => {
		if (!stream) return;
		if (view.videoWidth && made) {
			const text = look(view, view.videoWidth, view.videoHeight);
			if (text && Date.now() - (seen.get(text) ?? 0) > 1000) judge(text);
		}
		setTimeout(watch, 120);
	};
	const shut = () => {
		stream?.getTracks().forEach((t) => t.stop());
		stream = null;
		view.hidden = true;
		button.setAttribute("aria-pressed", "false");
	};
	button.addEventListener("click", async () => {
		if (stream) return shut();
		try {
			stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
			view.srcObject = stream;
			view.hidden = false;
			button.setAttribute("aria-pressed", "true");
			await view.play();
			watch();
		} catch (err) {
			console.info("no camera:", err);
			shut();
			show({ lamp: "waiting", reason: "no_camera", verdict: words.noCamera });
		}
	});

	// ---- beginning

	const begin = async () => {
		tell();
		const go = new Go();
		const code = await WebAssembly.instantiateStreaming(fetch(words.checker), go.importObject);
		go.run(code.instance);
		await refresh();
		show({ verdict: made ? words.ready : words.none });
		addEventListener("online", refresh);
		addEventListener("offline", () => { alone = true; age(); });
		setInterval(refresh, REFRESH);
		if (navigator.serviceWorker && self.caches) {
			await navigator.serviceWorker.register(words.worker);
			await navigator.serviceWorker.ready;
			if (!alone) await keep();
			document.documentElement.dataset.kept = "1";
		}
	};
	begin().catch((err) => {
		console.warn("the checker doesn't run:", err);
		if (!made) show({ verdict: words.none });
	});
})();
