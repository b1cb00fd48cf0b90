// A vehicle's day can be followed: a slider moves through it, and it plays by itself.
// The page says all of it without this, in its map and tables. Where the drawing
// library is there, the map can be moved, too.
const part = document.querySelector("[data-replay]");
const day = JSON.parse(document.getElementById("replay-day")?.textContent ?? "null");
const css = getComputedStyle(document.documentElement);
const colour = (name) => css.getPropertyValue("--" + name).trim();
const chinese = document.documentElement.lang.startsWith("zh");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const size = parseFloat(css.fontSize) || 16;
const font = ["Noto Sans CJK SC"];
const breaks = new Set(day?.breaks ?? []);

// pointAt finds the last place at or before a second of the day, and where between it
// and the next the vehicle was.
function pointAt(second) {
	const all = day.points;
	let low = 0, high = all.length;
	while (low < high) {
		const mid = (low + high) >> 1;
		if (all[mid][0] <= second) low = mid + 1;
		else high = mid;
	}
	if (low === 0) return null;
	const a = all[low - 1], b = all[low];
	if (!b) return { at: [a[1], a[2]], speed: a[3], old: second > a[0] + 60 };
	const share = breaks.has(low) ? 0 : (second - a[0]) / Math.max(1, b[0] - a[0]);
	return { at: [a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])], speed: a[3], old: false };
}

const clock = (minute) => `${Math.floor(minute / 60)}:${String(Math.floor(minute % 60)).padStart(2, "0")}`;

function words(minute) {
	const second = minute * 60;
	const now = day.doing.find((d) => d.from <= second && second < d.to);
	const p = pointAt(second);
	if (!now || now.kind === "quiet" || !p) return part.dataset.silent.replace("{time}", clock(minute));
	return part.dataset.say.replace("{time}", clock(minute)).replace("{doing}", now.words).replace("{speed}", now.kind === "stayed" ? 0 : p.speed);
}

// pieces are the ways between silences, as GeoJSON.
function pieces() {
	const out = [];
	let line = [];
	day.points.forEach((p, i) => {
		if (breaks.has(i)) {
			if (line.length > 1) out.push(line);
			line = [];
		}
		line.push([p[1], p[2]]);
	});
	if (line.length > 1) out.push(line);
	return { type: "Feature", properties: {}, geometry: { type: "MultiLineString", coordinates: out } };
}

const spots = (list) => ({ type: "FeatureCollection", features: (list ?? []).map((s) => ({ type: "Feature", properties: { label: s.label }, geometry: { type: "Point", coordinates: s.at } })) });

function style(land) {
	const road = (wide) => ["interpolate", ["exponential", 1.5], ["zoom"], 9, wide * 0.6, 15, wide * 4];
	const label = (extra) => ({ "text-field": ["get", chinese ? "zh-Hans" : "en"], "text-font": font, "text-size": size * 0.8, ...extra });
	const ink = { "text-color": colour("ink-2"), "text-halo-color": colour("map-land"), "text-halo-width": 1.5 };
	return {
		version: 8,
		sources: {
			land: { type: "geojson", data: land }, way: { type: "geojson", data: pieces() },
			stays: { type: "geojson", data: spots(day.stays) }, alerts: { type: "geojson", data: spots(day.alerts) }, now: { type: "geojson", data: spots([]) },
		},
		layers: [
			{ id: "ground", type: "background", paint: { "background-color": colour("map-land") } },
			{ id: "water", type: "fill", source: "land", filter: ["==", ["get", "kind"], "water"], paint: { "fill-color": colour("map-water") } },
			...["residential", "secondary", "primary", "motorway"].map((c, i) => ({
				id: c, type: "line", source: "land", filter: ["==", ["get", "class"], c], minzoom: i === 0 ? 12 : 0,
				layout: { "line-cap": "round", "line-join": "round" },
				paint: { "line-color": colour(c === "motorway" ? "amber-pale" : "map-edge"), "line-width": road([0.8, 1.2, 1.8, 2.2][i]) },
			})),
			{ id: "names", type: "symbol", source: "land", minzoom: 13, filter: ["all", ["==", ["get", "kind"], "road"], ["has", "en"]], layout: label({ "symbol-placement": "line" }), paint: ink },
			{ id: "communities", type: "symbol", source: "land", minzoom: 11, filter: ["==", ["get", "kind"], "community"], layout: label({}), paint: ink },
			{ id: "way-edge", type: "line", source: "way", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": colour("white"), "line-width": 6.5 } },
			{ id: "way", type: "line", source: "way", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": colour("river"), "line-width": 3.5 } },
			{ id: "stays", type: "circle", source: "stays", paint: { "circle-radius": 10, "circle-color": colour("white"), "circle-stroke-width": 2, "circle-stroke-color": colour("river-deep") } },
			{ id: "numbers", type: "symbol", source: "stays", layout: { "text-field": ["get", "label"], "text-font": font, "text-size": size * 0.8, "text-allow-overlap": true }, paint: { "text-color": colour("ink") } },
			{ id: "alerts", type: "symbol", source: "alerts", layout: { "text-field": "◆", "text-font": font, "text-size": size * 1.3, "text-allow-overlap": true }, paint: { "text-color": colour("seal"), "text-halo-color": colour("white"), "text-halo-width": 2 } },
			{ id: "now", type: "circle", source: "now", paint: { "circle-radius": 8, "circle-color": colour("amber"), "circle-stroke-width": 3, "circle-stroke-color": colour("white") } },
		],
	};
}

let map;
async function draw(ground) {
	const [lib, land] = await Promise.all([import(part.dataset.maplibre), fetch(part.dataset.replay).then((r) => (r.ok ? r.json() : Promise.reject(r.status)))]);
	lib.setWorkerUrl(part.dataset.worker);
	let w = 180, s = 90, e = -180, n = -90;
	for (const p of day.points) [w, e, s, n] = [Math.min(w, p[1]), Math.max(e, p[1]), Math.min(s, p[2]), Math.max(n, p[2])];
	const box = document.createElement("div");
	box.className = "drawn";
	ground.append(box);
	ground.classList.add("moves");
	try {
		map = new lib.Map({
			container: box, style: style(land), bounds: [[w, s], [e, n]], fitBoundsOptions: { padding: 50, maxZoom: 15 }, attributionControl: false, dragRotate: false, pitchWithRotate: false,
			maxZoom: 18, cooperativeGestures: false, scrollZoom: false, fadeDuration: calm.matches ? 0 : 150, localIdeographFontFamily: font[0],
			locale: { "Map.Title": part.dataset.title, "NavigationControl.ZoomIn": part.dataset.in, "NavigationControl.ZoomOut": part.dataset.out },
		});
		map.touchZoomRotate.disableRotation();
		map.addControl(new lib.NavigationControl({ showCompass: false }), "top-right");
		map.addControl(new lib.ScaleControl({ unit: "metric" }), "bottom-left");
		await map.once("load");
	} catch (fault) {
		box.remove();
		ground.classList.remove("moves");
		map = undefined;
		throw fault;
	}
	ground.dataset.ready = "";
}

// The page's own map has a mark that moves, too, for when there is no other.
function marker(ground) {
	const drawing = ground.querySelector("[data-map-drawing]");
	if (!drawing) return () => {};
	const space = "http://www.w3.org/2000/svg";
	const mark = document.createElementNS(space, "svg"), dot = document.createElementNS(space, "circle");
	mark.setAttribute("overflow", "visible");
	dot.setAttribute("class", "here");
	dot.setAttribute("r", "8");
	mark.append(dot);
	drawing.append(mark);
	const { south, north, west, east } = drawing.dataset;
	return (at) => {
		mark.setAttribute("display", at ? "inline" : "none");
		if (!at) return;
		mark.setAttribute("x", `${((at[0] - west) / (east - west)) * 100}%`);
		mark.setAttribute("y", `${((north - at[1]) / (north - south)) * 100}%`);
	};
}

if (part && day?.points?.length) {
	const find = (name) => part.querySelector(`[data-replay-${name}]`);
	const slider = find("moment"), button = find("play"), said = find("said"), pace = find("pace"), line = find("now"), ground = find("ground");
	const mark = marker(ground);
	let minute = day.start, playing = 0, last = 0;
	slider.max = day.minutes;

	function show() {
		slider.value = Math.floor(minute);
		const text = words(minute), p = pointAt(minute * 60);
		slider.setAttribute("aria-valuetext", text);
		said.textContent = text;
		line.setAttribute("d", `M${(minute / day.minutes) * 960} 0V104`);
		mark(p?.at);
		map?.getSource("now")?.setData(spots(p ? [{ at: p.at, label: "" }] : []));
	}

	function stop() {
		cancelAnimationFrame(playing);
		clearInterval(playing);
		playing = 0;
		button.textContent = part.dataset.play;
		said.setAttribute("aria-live", "polite");
	}

	// Whoever wants no motion gets a step each second.
	function play() {
		if (minute >= day.minutes) minute = day.start;
		said.setAttribute("aria-live", "off");
		button.textContent = part.dataset.pause;
		const on = (by) => {
			minute = Math.min(day.minutes, minute + by);
			show();
			if (minute >= day.minutes) stop();
		};
		if (calm.matches) {
			playing = setInterval(() => on(+pace.value), 1000);
			on(+pace.value);
			return;
		}
		last = performance.now();
		const frame = (now) => {
			playing = requestAnimationFrame(frame);
			const by = ((now - last) / 1000) * pace.value;
			last = now;
			on(Math.min(by, 30));
		};
		playing = requestAnimationFrame(frame);
	}

	button.addEventListener("click", () => (playing ? stop() : play()));
	slider.addEventListener("input", () => {
		if (playing) stop();
		minute = +slider.value;
		show();
	});
	find("controls").hidden = false;
	show();
	if (part.dataset.maplibre) draw(ground).then(show, (fault) => console.warn("no map:", fault));
}
