// Choosing a place on a map: a tap, the arrow keys, or where the reader is. The
// page works without it; it asks for the address, too.
(() => {
	"use strict";

	const start = (figure) => {
		figure.dataset.mapReady = "1";
		const part = (name) => figure.querySelector(`[data-map-${name}]`);
		const sheet = part("sheet"), lat = part("lat"), lon = part("lon"), says = part("says");
		const tell = (key, place) => { says.textContent = figure.dataset[key].replace("{place}", place ?? ""); };
		const drawing = () => part("drawing");
		const box = () => {
			const d = drawing().dataset;
			return { south: +d.south, west: +d.west, north: +d.north, east: +d.east, r: +d.r };
		};
		const chosen = () => (lat.value ? { lat: +lat.value, lon: +lon.value } : null);
		let held = null; // where the arrow keys have moved the pin to

		// The name of the road that passes within 150 m, read off the drawing.
		const near = (p) => {
			if (!sheet) return figure.dataset.point;
			const b = box(), unit = (2 * b.r) / 500;
			const x = ((p.lon - b.west) / (b.east - b.west)) * 900, y = ((b.north - p.lat) / (b.north - b.south)) * 500;
			let best = 150 / unit, name = "";
			for (const path of drawing().querySelectorAll("path[data-name]")) {
				let last = null;
				for (const m of path.getAttribute("d").matchAll(/([ML])(-?[\d.]+) (-?[\d.]+)/g)) {
					const q = { x: +m[2], y: +m[3] };
					if (last && m[1] === "L") {
						const dx = q.x - last.x, dy = q.y - last.y, l = dx * dx + dy * dy;
						const t = l ? Math.min(1, Math.max(0, ((x - last.x) * dx + (y - last.y) * dy) / l)) : 0;
						const d = Math.hypot(last.x + t * dx - x, last.y + t * dy - y);
						if (d < best && path.dataset.name) [best, name] = [d, path.dataset.name];
					}
					last = q;
				}
			}
			return name ? figure.dataset.near.replace("{road}", name) : figure.dataset.point;
		};

		const show = (p) => {
			const pin = part("pin"), b = box();
			pin.setAttribute("x", (((p.lon - b.west) / (b.east - b.west)) * 100).toFixed(2) + "%");
			pin.setAttribute("y", (((b.north - p.lat) / (b.north - b.south)) * 100).toFixed(2) + "%");
			pin.classList.remove("unset");
		};
		const inside = (p, margin) => {
			const b = box(), h = (b.north - b.south) * margin, w = (b.east - b.west) * margin;
			return p.lat > b.south + h && p.lat < b.north - h && p.lon > b.west + w && p.lon < b.east - w;
		};

		let asked = 0;
		const redraw = async (p, r) => {
			if (!sheet) return;
			const mine = ++asked;
			const q = new URLSearchParams({ lat: p.lat.toFixed(6), lon: p.lon.toFixed(6), r: r.toFixed(0), name: figure.dataset.map });
			try {
				const answer = await fetch(figure.dataset.mapPath + "?" + q);
				if (!answer.ok || mine !== asked) return;
				const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-map-drawing]");
				if (next) drawing().replaceWith(next);
			} catch (err) {
				console.warn("map:", err);
			}
			if (held ?? chosen()) show(held ?? chosen());
		};

		const take = async (p, r) => {
			held = null;
			lat.value = p.lat.toFixed(6);
			lon.value = p.lon.toFixed(6);
			if (sheet && (r || !inside(p, 0.12))) await redraw(p, r ?? box().r);
			else if (sheet) show(p);
			tell("chosen", near(p));
			lat.dispatchEvent(new Event("change", { bubbles: true }));
		};

		part("tools").hidden = false;
		if (sheet) {
			part("help").hidden = false;
			sheet.tabIndex = 0;
			sheet.addEventListener("click", (e) => {
				if (e.target.closest("a")) return;
				const b = box(), f = sheet.getBoundingClientRect();
				take({
					lat: b.north - ((e.clientY - f.top) / f.height) * (b.north - b.south),
					lon: b.west + ((e.clientX - f.left) / f.width) * (b.east - b.west),
				});
			});
			const ways = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
			sheet.addEventListener("keydown", async (e) => {
				if (e.ctrlKey || e.metaKey || e.altKey || e.target !== sheet) return;
				const b = box();
				if (e.key === "Enter" && held) {
					e.preventDefault();
					return take(held);
				}
				if (e.key === "+" || e.key === "-") {
					e.preventDefault();
					return closer(e.key === "+" ? 0.5 : 2);
				}
				const way = ways[e.key];
				if (!way) return;
				e.preventDefault();
				const from = held ?? chosen() ?? { lat: (b.south + b.north) / 2, lon: (b.west + b.east) / 2 };
				const step = e.shiftKey ? 0.005 : 0.03;
				held = { lat: from.lat + way[0] * step * 1.8 * (b.north - b.south), lon: from.lon + way[1] * step * (b.east - b.west) };
				if (inside(held, 0.05)) show(held);
				else await redraw(held, b.r);
				if (held) tell("moving", near(held));
			});
			const closer = (by) => {
				const b = box();
				return redraw(held ?? chosen() ?? { lat: (b.south + b.north) / 2, lon: (b.west + b.east) / 2 }, b.r * by);
			};
			part("in").addEventListener("click", () => closer(0.5));
			part("out").addEventListener("click", () => closer(2));
		}
		part("here").addEventListener("click", () => {
			if (!navigator.geolocation) return tell("lost");
			tell("asking");
			navigator.geolocation.getCurrentPosition(
				(at) => take({ lat: at.coords.latitude, lon: at.coords.longitude }, Math.max(250, Math.min(2000, at.coords.accuracy * 2))),
				() => tell("lost"),
				{ enableHighAccuracy: true, timeout: 15000, maximumAge: 60000 },
			);
		});
	};

	const all = () => {
		for (const f of document.querySelectorAll("[data-map]:not([data-map-ready])")) start(f);
	};
	all();
	document.addEventListener("htmx:load", all);
	document.addEventListener("htmx:afterSwap", all);
})();
