// Vehicles on the map, drawn by the graphics card: it is told where each one was and
// where it is now, and moves them between the two. Their shapes say what they carry:
// a diamond dangerous goods, a square people, a dot everything else; a small point
// shows which way one goes.
const stride = 9; // from x, y; to x, y; begins, lasts; shape, heading, strength
const longest = 30; // seconds that a move is drawn over, at most
const jump = 3000; // metres that are no move

// World coordinates of Web Mercator, 0 to 1 from the north-west.
const mercator = (lon, lat) => [lon / 360 + 0.5, 0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI)];

const vertex = `#version 300 es
in vec2 a_from; in vec2 a_to; in vec2 a_time; in vec3 a_look;
uniform vec2 u_scale; uniform vec2 u_shift; uniform float u_now; uniform float u_size;
out float v_shape; out float v_heading; out float v_strength;
void main() {
	float share = a_time.y > 0.0 ? clamp((u_now - a_time.x) / a_time.y, 0.0, 1.0) : 1.0;
	gl_Position = vec4(mix(a_from, a_to, share) * u_scale + u_shift, 0.0, 1.0);
	gl_PointSize = u_size * (a_look.x < 0.5 ? 1.0 : 0.82);
	v_shape = a_look.x; v_heading = a_look.y; v_strength = a_look.z;
}`;

const fragment = `#version 300 es
precision mediump float;
in float v_shape; in float v_heading; in float v_strength;
uniform vec3 u_colours[3]; uniform vec3 u_ground; uniform float u_dim;
out vec4 colour;
void main() {
	vec2 p = (gl_PointCoord - 0.5) * 2.0;
	float d;
	if (v_shape < 0.5) d = (abs(p.x) + abs(p.y)) - 0.58;
	else if (v_shape < 1.5) d = max(abs(p.x), abs(p.y)) - 0.42;
	else d = length(p) - 0.42;
	float tip = 1.0;
	if (v_heading >= 0.0) {
		float a = radians(v_heading);
		vec2 q = vec2(p.x * cos(a) + p.y * sin(a), -p.x * sin(a) + p.y * cos(a));
		tip = max(abs(q.x) - (q.y + 0.98) * 0.75, q.y + 0.3);
	}
	float soft = 0.09;
	float fill = 1.0 - smoothstep(-soft, soft, min(d, tip));
	float edge = 1.0 - smoothstep(-soft, soft, min(d, tip) - 0.14);
	vec3 mine = v_shape < 0.5 ? u_colours[0] : v_shape < 1.5 ? u_colours[1] : u_colours[2];
	float strength = v_strength * u_dim;
	colour = vec4(mix(u_ground, mine, fill) * edge, edge) * strength;
}`;

// Fleet is a custom layer of the map (CustomLayerInterface of MapLibre).
export class Fleet {
	id = "vehicles";
	type = "custom";
	renderingMode = "2d";
	#all = new Map(); // plate to what is known
	#rows = new Float32Array(stride * 256);
	#fresh = true;
	#origin = null;
	#until = 0;
	#dim = 1;
	#wait = 0;

	constructor({ colours, ground, size, calm, quiet }) {
		Object.assign(this, { colours, ground, size, calm, quiet });
	}

	get count() { return this.#all.size; }
	at(plate) {
		const v = this.#all.get(plate);
		return v && this.#place(v, performance.now() / 1000);
	}

	// take takes what the stream brought.
	take({ at, all, list }) {
		const now = performance.now() / 1000;
		if (all) {
			const still = new Set(list.map((row) => row[0]));
			for (const plate of this.#all.keys()) if (!still.has(plate)) this.#all.delete(plate);
		}
		for (const [plate, shape, lon, lat, heading, speed, heard, engine] of list) {
			const to = [lon / 1e6, lat / 1e6];
			const old = this.#all.get(plate);
			if (old && old.heard > heard) continue;
			const v = { plate, shape, heading: speed >= 5 ? heading : -1, speed, heard, engine, to, from: to, begins: now, lasts: 0 };
			if (old && !this.calm) {
				const from = this.#place(old, now);
				const far = Math.hypot((to[0] - from[0]) * Math.cos((to[1] * Math.PI) / 180), to[1] - from[1]) * 111195;
				if (far < jump && far > 0.5) Object.assign(v, { from, lasts: Math.min(longest, Math.max(1, heard - old.heard)) });
			}
			this.#all.set(plate, v);
		}
		this.clock = at / 1000 - now; // of the server
		this.#write(now);
	}

	// dim shows that what is seen is old.
	dim(old) {
		this.#dim = old ? 0.45 : 1;
		this.map?.triggerRepaint();
	}

	// near finds the vehicle that is drawn within so many points of a place on the screen.
	near(point, within) {
		const now = performance.now() / 1000;
		let best = null, least = within;
		for (const v of this.#all.values()) {
			const p = this.map.project(this.#place(v, now));
			const d = Math.hypot(p.x - point.x, p.y - point.y);
			if (d < least) [best, least] = [v, d];
		}
		return best;
	}

	#place(v, now) {
		const share = v.lasts > 0 ? Math.min(1, Math.max(0, (now - v.begins) / v.lasts)) : 1;
		return [v.from[0] + share * (v.to[0] - v.from[0]), v.from[1] + share * (v.to[1] - v.from[1])];
	}

	#write(now) {
		if (this.#rows.length < this.#all.size * stride) this.#rows = new Float32Array(this.#all.size * stride * 2);
		let i = 0;
		this.#until = 0;
		this.#fastest = 0;
		for (const v of this.#all.values()) {
			this.#origin ??= mercator(...v.to);
			const a = mercator(...v.from), b = mercator(...v.to);
			const quiet = this.clock + now - v.heard > this.quiet;
			this.#rows.set([a[0] - this.#origin[0], a[1] - this.#origin[1], b[0] - this.#origin[0], b[1] - this.#origin[1], v.begins, v.lasts, v.shape, v.heading, quiet ? 0.35 : 1], i);
			i += stride;
			if (v.lasts > 0) {
				this.#until = Math.max(this.#until, v.begins + v.lasts);
				if (v.begins + v.lasts > now) this.#fastest = Math.max(this.#fastest, Math.hypot(b[0] - a[0], b[1] - a[1]) / v.lasts);
			}
		}
		this.#fresh = true;
		this.map?.triggerRepaint();
	}
	#fastest = 0; // in worlds a second

	onAdd(map, gl) {
		this.map = map;
		const shader = (type, source) => {
			const s = gl.createShader(type);
			gl.shaderSource(s, source);
			gl.compileShader(s);
			if (!gl.getShaderParameter(s, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(s));
			return s;
		};
		this.program = gl.createProgram();
		gl.attachShader(this.program, shader(gl.VERTEX_SHADER, vertex));
		gl.attachShader(this.program, shader(gl.FRAGMENT_SHADER, fragment));
		gl.linkProgram(this.program);
		this.array = gl.createVertexArray();
		this.buffer = gl.createBuffer();
		gl.bindVertexArray(this.array);
		gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
		for (const [name, size, from] of [["a_from", 2, 0], ["a_to", 2, 2], ["a_time", 2, 4], ["a_look", 3, 6]]) {
			const at = gl.getAttribLocation(this.program, name);
			gl.enableVertexAttribArray(at);
			gl.vertexAttribPointer(at, size, gl.FLOAT, false, stride * 4, from * 4);
		}
		gl.bindVertexArray(null);
		this.uniform = Object.fromEntries(["u_scale", "u_shift", "u_now", "u_size", "u_colours", "u_ground", "u_dim"].map((n) => [n, gl.getUniformLocation(this.program, n)]));
		this.#fresh = true;
	}

	onRemove(map, gl) {
		gl.deleteProgram(this.program);
		gl.deleteBuffer(this.buffer);
		gl.deleteVertexArray(this.array);
	}

	render(gl) {
		if (!this.#all.size || !this.#origin) return;
		gl.useProgram(this.program);
		gl.bindVertexArray(this.array);
		if (this.#fresh) {
			gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
			gl.bufferData(gl.ARRAY_BUFFER, this.#rows.subarray(0, this.#all.size * stride), gl.DYNAMIC_DRAW);
			this.#fresh = false;
		}
		const now = performance.now() / 1000;
		const canvas = this.map.getCanvas();
		const centre = this.map.getCenter(), world = 512 * 2 ** this.map.getZoom();
		const ratio = canvas.width / canvas.clientWidth;
		const wide = (2 * world) / canvas.clientWidth, high = (2 * world) / canvas.clientHeight;
		const middle = mercator(centre.lng, centre.lat);
		gl.uniform2f(this.uniform.u_scale, wide, -high);
		gl.uniform2f(this.uniform.u_shift, (this.#origin[0] - middle[0]) * wide, -(this.#origin[1] - middle[1]) * high);
		gl.uniform1f(this.uniform.u_now, now);
		gl.uniform1f(this.uniform.u_size, this.size * Math.min(1.5, Math.max(0.7, (this.map.getZoom() - 6) / 6)) * ratio);
		gl.uniform3fv(this.uniform.u_colours, this.colours.flat());
		gl.uniform3fv(this.uniform.u_ground, this.ground);
		gl.uniform1f(this.uniform.u_dim, this.#dim);
		gl.drawArrays(gl.POINTS, 0, this.#all.size);
		gl.bindVertexArray(null);
		if (now < this.#until) this.#again(this.#fastest * world);
	}

	// again draws as often as a move can be seen: twice for each point that the fastest
	// one goes.
	#again(perSecond) {
		if (this.#wait) return;
		const rate = Math.min(60, Math.max(2, 2 * perSecond));
		this.#wait = setTimeout(() => {
			this.#wait = 0;
			this.map.triggerRepaint();
		}, 1000 / rate);
	}
}
