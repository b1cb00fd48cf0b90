// The command centre's map: the ground, and over it matters, officers, sensors,
// alerts, vehicles, and what belongs to the one that was pointed at.
import { Fleet } from "./command-fleet.js";

const css = getComputedStyle(document.documentElement);
export const colour = (name) => css.getPropertyValue("--" + name).trim();
export const size = parseFloat(css.fontSize) || 16;
export const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const chinese = document.documentElement.lang.startsWith("zh");
const font = ["Noto Sans CJK SC"];
const none = { type: "FeatureCollection", features: [] };
const quiet = 15 * 60; // seconds, as vehicles.go has it

const label = (extra) => ({
	"text-field": ["get", chinese ? "zh-Hans" : "en"],
	"text-font": font,
	"text-size": size * 0.8,
	...extra,
});

const kind = (k) => ["==", ["get", "kind"], k];

function style(land) {
	const road = (wide) => ["interpolate", ["exponential", 1.5], ["zoom"], 9, wide * 0.5, 15, wide * 3];
	const ink = { "text-color": colour("wall-ink-2"), "text-halo-color": colour("wall"), "text-halo-width": 1.5 };
	const clear = { "text-color": colour("wall-ink"), "text-halo-color": colour("wall"), "text-halo-width": 2 };
	const live = { type: "geojson", data: none };
	return {
		version: 8,
		sources: { land: { type: "geojson", data: land }, matters: live, officers: live, sensors: live, noticed: live, pieces: live, reach: live, comers: live, zones: live, focus: live, tips: live },
		layers: [
			{ id: "ground", type: "background", paint: { "background-color": colour("wall") } },
			{ id: "water", type: "fill", source: "land", filter: kind("water"), paint: { "fill-color": colour("wall-water") } },
			...["residential", "secondary", "primary", "motorway"].map((c, i) => ({
				id: c, type: "line", source: "land", filter: ["==", ["get", "class"], c], minzoom: i === 0 ? 12 : 0,
				layout: { "line-cap": "round", "line-join": "round" },
				paint: { "line-color": colour("wall-line"), "line-width": road([0.8, 1.2, 2, 2.6][i]) },
			})),
			{ id: "zones", type: "fill", source: "zones", paint: { "fill-color": colour("wall-alarm"), "fill-opacity": 0.14 } },
			{ id: "zones-edge", type: "line", source: "zones", paint: { "line-color": colour("wall-alarm"), "line-width": 1.5, "line-dasharray": [1, 2] } },
			{ id: "reach", type: "fill", source: "reach", filter: kind("border"), paint: { "fill-color": colour("wall-alarm"), "fill-opacity": 0.12 } },
			{ id: "reach-edge", type: "line", source: "reach", filter: kind("border"), paint: { "line-color": colour("wall-alarm"), "line-width": 1.5, "line-dasharray": [4, 3] } },
			{ id: "reach-roads", type: "line", source: "reach", filter: kind("road"), layout: { "line-cap": "round" }, paint: { "line-color": colour("wall-alarm"), "line-width": road(1.6), "line-opacity": ["interpolate", ["linear"], ["get", "share"], 0, 0.95, 1, 0.35] } },
			{ id: "names", type: "symbol", source: "land", minzoom: 13, filter: ["all", kind("road"), ["has", "en"]], layout: label({ "symbol-placement": "line" }), paint: ink },
			{ id: "waters", type: "symbol", source: "land", filter: kind("water"), layout: label({}), paint: { ...ink, "text-halo-color": colour("wall-water") } },
			{ id: "communities", type: "symbol", source: "land", minzoom: 12, filter: kind("community"), layout: label({}), paint: ink },
			{ id: "zones-name", type: "symbol", source: "zones", layout: label({}), paint: { ...clear, "text-color": colour("wall-alarm") } },
			{ id: "gaps", type: "line", source: "pieces", filter: kind("gap"), paint: { "line-color": colour("wall-ink-2"), "line-width": 2, "line-dasharray": [1, 2] } },
			{ id: "way", type: "line", source: "pieces", filter: kind("way"), layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": colour("wall-live"), "line-width": 3, "line-opacity": 0.8 } },
			{ id: "piece", type: "line", source: "pieces", filter: kind("piece"), layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": colour("wall-amber"), "line-width": 5 } },
			{ id: "spots", type: "circle", source: "pieces", filter: kind("spot"), paint: { "circle-radius": 5, "circle-color": colour("wall"), "circle-stroke-width": 2.5, "circle-stroke-color": colour("wall-amber") } },
			{ id: "sensors", type: "circle", source: "sensors", paint: { "circle-radius": 4, "circle-color": ["case", ["get", "alarm"], colour("wall-alarm"), colour("wall-ok")], "circle-opacity": ["case", ["get", "deaf"], 0.3, 1] } },
			{ id: "matters", type: "circle", source: "matters", paint: {
				"circle-radius": ["interpolate", ["linear"], ["get", "asked"], 1, 5, 20, 12],
				"circle-color": ["case", ["get", "late"], colour("wall-alarm"), colour("wall-live")], "circle-stroke-width": 1.5, "circle-stroke-color": colour("wall") } },
			{ id: "picked", type: "circle", source: "matters", filter: ["==", ["get", "number"], ""], paint: { "circle-radius": 16, "circle-opacity": 0, "circle-stroke-width": 2.5, "circle-stroke-color": colour("wall-amber") } },
			{ id: "officers", type: "symbol", source: "officers", layout: { "text-field": "▲", "text-font": font, "text-size": size, "text-allow-overlap": true }, paint: { "text-color": ["case", [">", ["get", "hands"], 0], colour("wall-amber"), colour("wall-ok")], "text-halo-color": colour("wall"), "text-halo-width": 1.5 } },
			{ id: "junctions", type: "circle", source: "reach", filter: kind("junction"), paint: { "circle-radius": size * 0.55, "circle-color": colour("wall"), "circle-stroke-width": 1.5, "circle-stroke-color": colour("wall-alarm") } },
			{ id: "junction-numbers", type: "symbol", source: "reach", filter: kind("junction"), layout: { "text-field": ["to-string", ["get", "n"]], "text-font": font, "text-size": size * 0.75, "text-allow-overlap": true }, paint: { "text-color": colour("wall-ink") } },
			{ id: "noticed", type: "circle", source: "noticed", paint: { "circle-radius": ["case", ["get", "papers"], 6, 11], "circle-color": colour("wall-alarm"), "circle-opacity": ["case", ["get", "papers"], 0, 0.25], "circle-stroke-width": 2, "circle-stroke-color": colour("wall-alarm") } },
			{ id: "noticed-name", type: "symbol", source: "noticed", minzoom: 11.5, filter: ["!", ["get", "papers"]], layout: { "text-field": ["get", "name"], "text-font": font, "text-size": size * 0.8, "text-anchor": "left", "text-offset": [1.3, 0], "text-optional": true }, paint: { ...clear, "text-color": colour("wall-alarm") } },
			{ id: "comers", type: "symbol", source: "comers", layout: { "text-field": ["concat", "▲ ", ["get", chinese ? "zh-Hans" : "en"]], "text-font": font, "text-size": size * 0.85, "text-anchor": "left", "text-offset": [-0.5, 0], "text-allow-overlap": true }, paint: { ...clear, "text-color": ["case", ["get", "in_time"], colour("wall-ok"), colour("wall-amber")] } },
			{ id: "focus", type: "circle", source: "focus", paint: { "circle-radius": size * 1.05, "circle-opacity": 0, "circle-stroke-width": 2.5, "circle-stroke-color": colour("wall-alarm") } },
			{ id: "focus-name", type: "symbol", source: "focus", layout: { "text-field": ["get", "name"], "text-font": font, "text-size": size * 0.95, "text-anchor": "bottom-left", "text-offset": [1.1, -0.4], "text-allow-overlap": true }, paint: clear },
			{ id: "tips", type: "symbol", source: "tips", layout: { "text-field": ["get", "name"], "text-font": font, "text-size": size * 0.85, "text-anchor": "bottom", "text-offset": [0, -1], "text-allow-overlap": true }, paint: clear },
		],
	};
}

function bounds(features, skip) {
	let w = 180, s = 90, e = -180, n = -90;
	const each = (c) => {
		if (typeof c[0] !== "number") return c.forEach(each);
		w = Math.min(w, c[0]); e = Math.max(e, c[0]); s = Math.min(s, c[1]); n = Math.max(n, c[1]);
	};
	features.forEach((f) => (!skip || f.properties.class !== skip) && each(f.geometry.coordinates));
	return w > e ? null : [[w, s], [e, n]];
}

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255);

// Sheet is the map of a page. pick is told what somebody pointed at.
export class Sheet {
	#latest = {};
	#drawing = null;
	#number = "";
	#moved = [];

	constructor(box, pick) {
		this.box = box;
		this.pick = pick;
	}

	async draw() {
		const d = this.box.dataset;
		const [lib, land] = await Promise.all([import(d.maplibre), fetch(d.land).then((r) => r.json())]);
		lib.setWorkerUrl(d.worker);
		const map = new lib.Map({
			container: this.box, style: style(land), bounds: bounds(land.features, "motorway"), fitBoundsOptions: { padding: this.#room() }, attributionControl: false, dragRotate: false, pitchWithRotate: false,
			maxZoom: 18, fadeDuration: calm ? 0 : 150, localIdeographFontFamily: font[0], locale: { "Map.Title": d.title, "NavigationControl.ZoomIn": d.zoomIn, "NavigationControl.ZoomOut": d.zoomOut },
		});
		map.touchZoomRotate.disableRotation();
		map.keyboard.disableRotation();
		map.addControl(new lib.ScaleControl({ unit: "metric" }), "bottom-left");
		await map.once("load");
		this.map = map;
		this.fleet = new Fleet({ colours: [colour("wall-amber"), colour("wall-live"), colour("wall-ink-2")].map(rgb), ground: rgb(colour("wall")), size: size * 1.35, calm, quiet });
		map.addLayer(this.fleet, "noticed");
		map.on("click", (e) => this.#click(e.point));
		let looking = 0;
		map.on("mousemove", (e) => {
			if (!looking) looking = requestAnimationFrame(() => { looking = 0; this.#hover(e.point); });
		});
		for (const data of this.#moved) this.fleet.take(data);
		this.#moved = [];
		for (const [id, data] of Object.entries(this.#latest)) map.getSource(id)?.setData(data);
		if (this.#drawing) this.show(this.#drawing, true);
		setInterval(() => this.#follow(), calm ? 1000 : 250);
		this.box.dataset.ready = "";
	}

	// put replaces what a source shows.
	put(id, data) {
		this.#latest[id] = data;
		this.map?.getSource(id)?.setData(data);
		if (id === "noticed") this.box.dataset.alerts = data.features.length;
	}

	// vehicles takes what has moved.
	vehicles(data) {
		if (!this.fleet) return this.#moved.push(data);
		this.fleet.take(data);
		this.box.dataset.vehicles = this.fleet.count;
	}

	old(is) { this.fleet?.dim(is); }

	// mark rings a matter.
	mark(number) {
		this.#number = number;
		if (!this.map) return;
		this.map.setFilter("picked", ["==", ["get", "number"], number]);
		const f = this.#latest.matters?.features.find((x) => x.properties.number === number);
		if (f) this.map.easeTo({ center: f.geometry.coordinates, zoom: Math.max(this.map.getZoom(), 13), duration: calm ? 0 : 600 });
	}

	// show draws what belongs to a vehicle or an alert; null draws nothing.
	show(drawing, go) {
		this.#drawing = drawing;
		if (!this.map) return;
		for (const id of ["pieces", "reach", "comers", "zones"]) this.map.getSource(id).setData(drawing?.[id] ?? none);
		this.#follow();
		const features = ["pieces", "reach", "zones"].flatMap((id) => drawing?.[id]?.features ?? []).filter((f) => f.properties.kind !== "way" || !drawing.reach.features.length);
		if (drawing?.at && !features.length) features.push({ properties: {}, geometry: { coordinates: drawing.at } });
		this.box.dataset.reach = drawing?.reach.features.length ?? 0;
		const box = bounds(features);
		if (go && box) this.map.fitBounds(box, { padding: this.#room(), maxZoom: 15, duration: calm ? 0 : 800 });
	}

	// room is what the panels leave of the map, on a screen where they lie over it.
	#room() {
		const edge = 40, box = this.box.getBoundingClientRect();
		const pad = { left: edge, right: edge, top: edge, bottom: edge };
		for (const [part, side] of [[".left", "left"], [".right", "right"], [".below", "bottom"]]) {
			const p = this.box.closest(".room").querySelector(part)?.getBoundingClientRect();
			if (!p?.width || p.top >= box.bottom || p.bottom <= box.top) continue;
			pad[side] += side === "left" ? p.right - box.left : side === "right" ? box.right - p.left : box.bottom - p.top;
		}
		if (pad.left + pad.right > box.width * 0.8) pad.left = pad.right = edge;
		if (pad.top + pad.bottom > box.height * 0.8) pad.bottom = edge;
		return pad;
	}

	// follow rings the vehicle that was pointed at, where it is now.
	#follow() {
		const d = this.#drawing;
		const at = (d?.vehicle && this.fleet.at(d.vehicle)) || d?.at;
		const data = at ? { type: "FeatureCollection", features: [{ type: "Feature", properties: { name: d.vehicle ?? "" }, geometry: { type: "Point", coordinates: at } }] } : none;
		const said = JSON.stringify(data);
		if (said !== this.ringed) this.map.getSource("focus").setData(data);
		this.ringed = said;
	}

	#at(point) {
		const [x, y] = [point.x, point.y];
		return this.map.queryRenderedFeatures([[x - 6, y - 6], [x + 6, y + 6]], { layers: ["comers", "noticed", "matters"] })[0];
	}

	#click(point) {
		const f = this.#at(point);
		if (f?.source === "comers") return this.pick({ account: f.properties.account });
		const v = this.fleet.near(point, 14);
		if (v && f?.source !== "noticed") return this.pick({ vehicle: v.plate });
		if (f?.source === "noticed") return this.pick({ alert: f.properties.id });
		if (f) this.pick({ number: f.properties.number });
	}

	#hover(point) {
		const f = this.#at(point), v = this.fleet.near(point, 14);
		this.map.getCanvas().style.cursor = f || v ? "pointer" : "";
		const name = v ? v.plate : "";
		if (name === this.tip) return;
		this.tip = name;
		this.map.getSource("tips").setData(v ? { type: "FeatureCollection", features: [{ type: "Feature", properties: { name }, geometry: { type: "Point", coordinates: this.fleet.at(name) } }] } : none);
	}
}
