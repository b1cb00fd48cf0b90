// Runs the browser's checker over jobs from standard input; see kit_test.go.
"use strict";
const fs = require("node:fs");
require(require("node:path").resolve(process.argv[2]));
(async () => {
	const go = new Go();
	const code = await WebAssembly.instantiate(fs.readFileSync(process.argv[3]), go.importObject);
	go.run(code.instance);
	const answers = [];
	let open = "";
	for (const job of JSON.parse(fs.readFileSync(0, "utf8"))) {
		const kit = JSON.stringify(job.kit);
		if (kit !== open) {
			const fault = gate.open(new TextEncoder().encode(kit));
			if (fault) throw new Error(fault);
			open = kit;
		}
		answers.push(gate.result(job.text, job.at));
	}
	process.stdout.write(JSON.stringify(answers), () => process.exit(0));
})();
