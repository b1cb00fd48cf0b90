// The command centre's map and charts. The page is whole without this: what it adds
// is the drawing, and that everything moves. Parts of the page come ready-made from
// the server; the map gets GeoJSON.
const room = document.querySelector("[data-command]");
const sheet = room?.querySelector("[data-map]");
const css = getComputedStyle(document.documentElement);
const colour = (name) => css.getPropertyValue("--" + name).trim();
const chinese = document.documentElement.lang.startsWith("zh");
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const font = ["Noto Sans CJK SC"];

let map;

const size = parseFloat(css.fontSize) || 16;
const label = (extra) => ({
	"text-field": ["get", chinese ? "zh-Hans" : "en"],
	"text-font": font,
	"text-size": size * 0.8,
	...extra,
});

function style(land) {
	const road = (wide) => ["interpolate", ["exponential", 1.5], ["zoom"], 9, wide * 0.5, 15, wide * 3];
	const ink = { "text-color": colour("wall-ink-2"), "text-halo-color": colour("wall"), "text-halo-width": 1.5 };
	const live = { type: "geojson", data: { type: "FeatureCollection", features: [] } };
	return {
		version: 8,
		sources: { land: { type: "geojson", data: land }, matters: live, officers: live, sensors: live },
		layers: [
			{ id: "ground", type: "background", paint: { "background-color": colour("wall") } },
			{ id: "water", type: "fill", source: "land", filter: ["==", ["get", "kind"], "water"], paint: { "fill-color": colour("wall-water") } },
			...["residential", "secondary", "primary", "motorway"].map((c, i) => ({
				id: c, type: "line", source: "land", filter: ["==", ["get", "class"], c], minzoom: i === 0 ? 12 : 0,
				layout: { "line-cap": "round", "line-join": "round" },
				paint: { "line-color": colour("wall-line"), "line-width": road([0.8, 1.2, 2, 2.6][i]) },
			})),
			{ id: "names", type: "symbol", source: "land", minzoom: 13, filter: ["all", ["==", ["get", "kind"], "road"], ["has", "en"]], layout: label({ "symbol-placement": "line" }), paint: ink },
			{ id: "waters", type: "symbol", source: "land", filter: ["==", ["get", "kind"], "water"], layout: label({}), paint: { ...ink, "text-halo-color": colour("wall-water") } },
			{ id: "communities", type: "symbol", source: "land", minzoom: 12, filter: ["==", ["get", "kind"], "community"], layout: label({}), paint: ink },
			{ id: "sensors", type: "circle", source: "sensors", paint: { "circle-radius": 4, "circle-color": ["case", ["get", "alarm"], colour("wall-alarm"), colour("wall-ok")], "circle-opacity": ["case", ["get", "deaf"], 0.3, 1] } },
			{ id: "matters", type: "circle", source: "matters", paint: {
				"circle-radius": ["interpolate", ["linear"], ["get", "asked"], 1, 5, 20, 12],
				"circle-color": ["case", ["get", "late"], colour("wall-alarm"), colour("wall-live")], "circle-stroke-width": 1.5, "circle-stroke-color": colour("wall") } },
			{ id: "picked", type: "circle", source: "matters", filter: ["==", ["get", "number"], ""], paint: { "circle-radius": 16, "circle-opacity": 0, "circle-stroke-width": 2.5, "circle-stroke-color": colour("wall-amber") } },
			{ id: "officers", type: "symbol", source: "officers", layout: { "text-field": "▲", "text-font": font, "text-size": size, "text-allow-overlap": true }, paint: { "text-color": ["case", [">", ["get", "hands"], 0], colour("wall-amber"), colour("wall-ok")], "text-halo-color": colour("wall"), "text-halo-width": 1.5 } },
		],
	};
}

function bounds(land) {
	let w = 180, s = 90, e = -180, n = -90;
	const each = (c) => {
		if (typeof c[0] !== "number") return c.forEach(each);
		w = Math.min(w, c[0]); e = Math.max(e, c[0]); s = Math.min(s, c[1]); n = Math.max(n, c[1]);
	};
	land.features.forEach((f) => f.properties.class !== "motorway" && each(f.geometry.coordinates));
	return [[w, s], [e, n]];
}

async function draw() {
	const [lib, land] = await Promise.all([import(sheet.dataset.maplibre), fetch(sheet.dataset.land).then((r) => r.json())]);
	lib.setWorkerUrl(sheet.dataset.worker);
	map = new lib.Map({
		container: sheet, style: style(land), bounds: bounds(land), fitBoundsOptions: { padding: 40 }, attributionControl: false, dragRotate: false, pitchWithRotate: false,
		maxZoom: 18, fadeDuration: calm ? 0 : 150, localIdeographFontFamily: font[0], locale: { "Map.Title": sheet.dataset.title, "NavigationControl.ZoomIn": sheet.dataset.zoomIn, "NavigationControl.ZoomOut": sheet.dataset.zoomOut },
	});
	map.touchZoomRotate.disableRotation();
	map.addControl(new lib.ScaleControl({ unit: "metric" }), "bottom-left");
	await map.once("load");
	for (const layer of ["matters"]) {
		map.on("click", layer, (e) => choose(e.features[0].properties.number));
		map.on("mouseenter", layer, () => (map.getCanvas().style.cursor = "pointer"));
		map.on("mouseleave", layer, () => (map.getCanvas().style.cursor = ""));
	}
	sheet.dataset.ready = "";
	places();
}

let latest;
function places(data) {
	latest = data ?? latest;
	if (!latest || sheet?.dataset.ready === undefined) return;
	for (const [id, features] of Object.entries(latest)) map.getSource(id)?.setData(features);
}

// Charts are drawn from the tables of the page.
let charts;
async function chart() {
	const box = room.querySelector("[data-chart=hours]");
	const rows = [...room.querySelectorAll("[data-part=hours] tbody tr")];
	if (!box || !rows.length || !sheet) return;
	charts ??= await import(sheet.dataset.echarts);
	box.chart ??= charts.init(box, null, { renderer: "canvas" });
	const text = { color: colour("wall-ink-2"), fontSize: size * 0.75, fontFamily: css.fontFamily };
	box.chart.setOption({
		animation: !calm,
		grid: { left: 0, right: 8, top: 12, bottom: 0, containLabel: true },
		xAxis: { type: "category", data: rows.map((r) => r.cells[0].textContent), axisLabel: { ...text, interval: 5 }, axisTick: { show: false }, axisLine: { lineStyle: { color: colour("wall-line") } } },
		yAxis: { type: "value", min: 0, minInterval: 1, splitNumber: 3, axisLabel: text, splitLine: { lineStyle: { color: colour("wall-line") } } },
		series: [{ type: "line", data: rows.map((r) => +r.cells[1].textContent), symbol: "none", lineStyle: { color: colour("wall-live"), width: 2 } }],
	});
}

// The chosen matter stands below the map.
const below = room?.querySelector("[data-chosen]");
let picked = "";

async function choose(number, body) {
	picked = number;
	mark();
	const r = await fetch(body ? sheet.dataset.send : sheet.dataset.matter + "/" + encodeURIComponent(number), {
		method: body ? "POST" : "GET", body, headers: { "X-Command-Part": "1" },
	});
	if (!r.ok && r.status !== 409) return;
	below.innerHTML = await r.text();
	below.hidden = false;
}

function mark() {
	for (const li of room.querySelectorAll("[data-part=now] li")) li.classList.toggle("picked", li.dataset.number === picked);
	if (sheet?.dataset.ready === undefined) return;
	map.setFilter("picked", ["==", ["get", "number"], picked]);
	const f = latest?.matters.features.find((x) => x.properties.number === picked);
	if (f) map.easeTo({ center: f.geometry.coordinates, zoom: Math.max(map.getZoom(), 13), duration: calm ? 0 : 600 });
}

room?.addEventListener("click", (e) => {
	const link = e.target.closest("[data-choose]");
	if (!link || !sheet || e.ctrlKey || e.metaKey || e.shiftKey) return;
	e.preventDefault();
	choose(link.dataset.choose);
});

room?.addEventListener("submit", (e) => {
	if (!e.target.matches("[data-send]") || !sheet) return;
	e.preventDefault();
	choose(picked, new URLSearchParams(new FormData(e.target)));
});

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
}

function listen() {
	const live = new EventSource(room.dataset.live);
	for (const part of ["signs", "now", "hours", "sensors"])
		live.addEventListener(part, (e) => {
			const box = room.querySelector(`[data-part=${part}]`);
			if (!box || box.contains(document.activeElement)) return;
			box.innerHTML = e.data;
			if (part === "hours") chart();
			if (part === "now") for (const li of box.querySelectorAll("li")) li.classList.toggle("picked", li.dataset.number === picked);
		});
	live.addEventListener("places", (e) => places(JSON.parse(e.data)));
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

if (room) {
	if (sheet) draw().catch((fault) => {
		console.warn("no map:", fault);
		room.querySelector(".undrawn").hidden = false;
	});
	chart();
	listen();
	setInterval(tell, 1000);
	addEventListener("resize", () => room.querySelector("[data-chart=hours]")?.chart?.resize());
}
