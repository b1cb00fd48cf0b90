// The command centre. The page is whole without this: what it adds is the drawing, and
// that everything moves. Parts of the page come ready-made from the server; the map
// gets GeoJSON.
const room = document.querySelector("[data-command]");
const box = room?.querySelector("[data-map]");
const below = room?.querySelector("[data-chosen]");
let sheet; // the map of the page

// Charts are drawn from the tables of the page.
let charts;
async function chart(name) {
	const at = room.querySelector(`[data-chart=${name}]`);
	const rows = [...room.querySelectorAll(`[data-part=${name}] tbody tr`)];
	if (!at || !rows.length || !box) return;
	charts ??= import(box.dataset.echarts);
	const [lib, { colour, size, calm }] = await Promise.all([charts, import(box.dataset.mapping)]);
	if (!at.chart) {
		at.chart = lib.init(at, null, { renderer: "canvas" });
		at.chart.resize(); // while it was empty it had no size
	}
	const text = { color: colour("wall-ink-2"), fontSize: size * 0.75, fontFamily: getComputedStyle(at).fontFamily };
	const grid = { left: 0, right: 8, top: 12, bottom: 0, containLabel: true };
	const split = { lineStyle: { color: colour("wall-line") } };
	if (name === "hours") {
		at.chart.setOption({
			animation: !calm, grid,
			xAxis: { type: "category", data: rows.map((r) => r.cells[0].textContent), axisLabel: { ...text, interval: 5 }, axisTick: { show: false }, axisLine: split },
			yAxis: { type: "value", min: 0, minInterval: 1, splitNumber: 3, axisLabel: text, splitLine: split },
			series: [{ type: "line", data: rows.map((r) => +r.cells[1].textContent), symbol: "none", lineStyle: { color: colour("wall-live"), width: 2 } }],
		});
		return;
	}
	const most = rows.map((r) => ({ name: r.cells[0].textContent.trim(), right: +r.dataset.right, wrong: +r.dataset.wrong, said: +r.dataset.said }))
		.sort((a, b) => b.said - a.said).slice(0, 6).reverse();
	const bar = (name, paint, of) => ({ type: "bar", stack: "all", name, barMaxWidth: size * 0.8, itemStyle: { color: paint }, data: most.map(of) });
	at.chart.setOption({
		animation: !calm, grid: { ...grid, top: size * 1.6, right: size * 1.5 },
		legend: { top: 0, left: 0, itemWidth: size * 0.7, itemHeight: size * 0.7, textStyle: text },
		xAxis: { type: "value", min: 0, minInterval: 1, splitNumber: 3, axisLabel: text, splitLine: split },
		yAxis: { type: "category", data: most.map((r) => r.name), axisLabel: { ...text, width: size * 8, overflow: "truncate" }, axisTick: { show: false }, axisLine: split },
		series: [
			bar(at.dataset.right, colour("wall-ok"), (r) => r.right),
			bar(at.dataset.wrong, colour("wall-ink-2"), (r) => r.wrong),
			bar(at.dataset.open, colour("wall-water"), (r) => Math.max(0, r.said - r.right - r.wrong)),
		],
	});
}

// What was pointed at stands below the map: a matter, an alert or a vehicle, by the
// address that tells of it.
let picked = "", turn = 0, asking = false;

const ask = (path, body) => fetch(path, { method: body ? "POST" : "GET", body, headers: { "X-Command-Part": "1" } });

async function choose(path, body) {
	const mine = ++turn;
	if (!body) picked = path;
	below.setAttribute("aria-busy", "true");
	try {
		const r = await ask(body ? box.dataset.send : path, body);
		if (mine !== turn || (!r.ok && r.status !== 409)) return;
		below.innerHTML = await r.text();
		below.hidden = false;
		settle(!body);
	} finally {
		if (mine === turn) below.removeAttribute("aria-busy");
	}
}

// settle draws what the part below the map is about.
function settle(go) {
	const seen = below.querySelector("[data-sight]");
	const number = below.querySelector("[data-number]")?.dataset.number ?? "";
	below.querySelectorAll("[data-close]").forEach((b) => (b.hidden = false));
	sheet?.show(seen ? JSON.parse(seen.dataset.drawing) : null, go);
	if (number && go) sheet?.mark(number);
	mark();
}

// again asks for what stands below the map, and takes in what has changed of it, but
// nothing that somebody is about to use.
async function again() {
	if (asking || below.hidden || !picked || below.hasAttribute("aria-busy")) return;
	asking = true;
	const mine = turn;
	try {
		const r = await ask(picked);
		if (!r.ok || mine !== turn) return;
		const fresh = document.createElement("div");
		fresh.innerHTML = await r.text();
		const now = fresh.querySelector("[data-sight]"), old = below.querySelector("[data-sight]");
		if (mine !== turn) return;
		if (!now || !old) {
			if (!below.contains(document.activeElement)) below.replaceChildren(...fresh.childNodes);
			return settle(false);
		}
		old.dataset.drawing = now.dataset.drawing;
		for (const part of now.querySelectorAll("[data-bit]")) {
			const there = old.querySelector(`[data-bit=${part.dataset.bit}]`);
			if (!there) {
				(part.closest(".sight-parts") ? old.querySelector(".sight-parts") : old).append(part);
			} else if (!there.contains(document.activeElement) && part.dataset.bit !== "head" && said(there) !== said(part)) {
				there.replaceWith(part);
			}
		}
		settle(false);
	} finally {
		asking = false;
	}
}

// said is what a part says; keys of its forms are new each time and say nothing.
const said = (part) => part.innerHTML.replace(/name="key" value="[^"]*"/g, "");

function close() {
	turn++;
	picked = "";
	below.hidden = true;
	below.replaceChildren();
	sheet?.show(null);
	sheet?.mark("");
	mark();
}

function mark() {
	const path = picked.replace(/\?.*/, "");
	for (const li of room.querySelectorAll("[data-part=now] li, [data-part=alerts] li"))
		li.classList.toggle("picked", !!path && [...li.querySelectorAll("a")].some((a) => a.getAttribute("href") === path));
}

room?.addEventListener("click", (e) => {
	if (e.target.closest("[data-close]")) return close();
	const link = e.target.closest("[data-choose], [data-look]");
	if (!link || !box || e.ctrlKey || e.metaKey || e.shiftKey) return;
	e.preventDefault();
	choose(link.getAttribute("href"));
});

room?.addEventListener("keydown", (e) => {
	if (e.key === "Escape" && !below.hidden) close();
});

room?.addEventListener("submit", (e) => {
	if (!box) return;
	if (e.target.matches("[data-send]")) {
		e.preventDefault();
		choose(picked, new URLSearchParams(new FormData(e.target)));
	} else if (e.target.matches("[data-minutes]")) {
		e.preventDefault();
		choose(`${e.target.getAttribute("action")}?minutes=${encodeURIComponent(e.submitter.value)}`);
	}
});

function pick(what) {
	const d = box.dataset;
	if (what.vehicle) choose(`${d.vehicles}/${encodeURIComponent(what.vehicle)}`);
	else if (what.alert) choose(`${d.alerts}/${encodeURIComponent(what.alert)}`);
	else if (what.number) choose(`${d.matter}/${encodeURIComponent(what.number)}`);
	else if (what.account) below.querySelector(`[data-account="${CSS.escape(what.account)}"] button`)?.focus();
}

// What moves comes as server-sent events; the browser begins anew after a break.
const age = document.querySelector("[data-wall-age]");
const clock = document.querySelector("[data-wall-clock]");
let heard = Date.now(), lost = false;

function tell() {
	const n = Math.round((Date.now() - heard) / 1000);
	const late = lost || n > 15;
	age.classList.toggle("lost", late);
	const words = (late ? age.dataset.lost : age.dataset.fresh).replace("{n}", n);
	if (late || !age.dataset.quiet) age.textContent = words;
	age.setAttribute("aria-live", late ? "polite" : "off");
	sheet?.old(late);
}

function listen() {
	const live = new EventSource(room.dataset.live);
	for (const part of ["signs", "alerts", "now", "hours", "sensors", "fleet", "rules"])
		live.addEventListener(part, (e) => {
			const at = room.querySelector(`[data-part=${part}]`);
			if (!at || at.contains(document.activeElement)) return;
			at.innerHTML = e.data;
			if (part === "hours" || part === "rules") chart(part);
			if (part === "now" || part === "alerts") mark();
		});
	live.addEventListener("places", (e) => {
		for (const [id, features] of Object.entries(JSON.parse(e.data))) sheet?.put(id, features);
	});
	live.addEventListener("noticed", (e) => sheet?.put("noticed", JSON.parse(e.data)));
	live.addEventListener("vehicles", (e) => sheet?.vehicles(JSON.parse(e.data)));
	live.addEventListener("stir", again);
	live.addEventListener("tick", (e) => {
		const t = JSON.parse(e.data);
		heard = Date.now();
		lost = false;
		clock.dateTime = t.at;
		clock.textContent = t.clock;
		tell();
	});
	live.onerror = () => {
		lost = true;
		tell();
	};
}

const aheadEvery = 5000; // where a vehicle can be moves with it

if (room) {
	if (box) {
		import(box.dataset.mapping).then((m) => {
			sheet = new m.Sheet(box, pick);
			listen();
			return sheet.draw();
		}).catch((fault) => {
			console.warn("no map:", fault);
			room.querySelector(".undrawn").hidden = false;
			if (!sheet) listen();
		});
	} else {
		listen();
	}
	chart("hours");
	chart("rules");
	setInterval(tell, 1000);
	setInterval(() => below.querySelector("[data-vehicle]:not([data-vehicle=''])") && again(), aheadEvery);
	addEventListener("resize", () => room.querySelectorAll("[data-chart]").forEach((c) => c.chart?.resize()));
}
