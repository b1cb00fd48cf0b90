// Finds what a person means by its words. Called as
//   (kind, wanted, scope, group) => Element
// kind: "press" (links, buttons), "field" (what is typed or picked), "choice"
// (radio buttons, tick boxes; group is the legend they stand under).
// An exact name wins over one that begins with the words, and that over one
// that contains them; two equal candidates are an error, as is none.
((kind, wanted, scope, group) => {
  const norm = (s) => (s || "").replace(/\s+/g, " ").trim();
  const root = scope ? document.querySelector(scope) : document;
  if (!root) throw new Error(`nothing matches ${scope}`);
  const shown = (el) =>
    el.checkVisibility({ visibilityProperty: true }) && el.getClientRects().length > 0;
  const labelText = (label) => {
    const copy = label.cloneNode(true);
    copy.querySelectorAll("select, textarea, button, input").forEach((e) => e.remove());
    return norm(copy.textContent);
  };
  const name = (el) => {
    const by = el.getAttribute("aria-labelledby");
    if (by) {
      return norm(by.split(/\s+/).map((id) => document.getElementById(id)?.textContent).join(" "));
    }
    if (el.getAttribute("aria-label")) return norm(el.getAttribute("aria-label"));
    if (el.labels && el.labels.length) return norm([...el.labels].map(labelText).join(" "));
    if (el instanceof HTMLInputElement && /^(submit|button|reset)$/.test(el.type)) return norm(el.value);
    return norm(el.innerText) || norm(el.querySelector("img[alt]")?.alt) ||
      norm(el.querySelector("svg title")?.textContent) || norm(el.alt) || norm(el.title) || norm(el.placeholder);
  };
  const kinds = {
    press: "a[href], button, summary, input[type=submit], input[type=button], input[type=reset], " +
      "[role=button], [role=link], [role=tab], [role=menuitem], [role=option]",
    field: "input, textarea, select, [contenteditable=true], [role=textbox], [role=combobox]",
    choice: "input[type=radio], input[type=checkbox], [role=radio], [role=checkbox], [role=switch]",
  };
  const notFields = /^(hidden|submit|button|reset|image|radio|checkbox)$/;
  const reachable = (el) => shown(el) || [...(el.labels || [])].some(shown);
  let all = [...root.querySelectorAll(kinds[kind])].filter(reachable);
  if (kind === "field") all = all.filter((el) => !(el instanceof HTMLInputElement && notFields.test(el.type)));
  if (group) {
    all = all.filter((el) => {
      const set = el.closest("fieldset, [role=radiogroup], [role=group]");
      if (!set) return false;
      const by = set.getAttribute("aria-labelledby");
      const title = set.getAttribute("aria-label") ||
        (by && by.split(/\s+/).map((id) => document.getElementById(id)?.textContent).join(" ")) ||
        set.querySelector("legend")?.textContent;
      return norm(title).includes(group);
    });
  }
  const named = all.map((el) => ({ el, name: name(el) }));
  const words = norm(wanted);
  for (const fits of [(n) => n === words, (n) => n.startsWith(words), (n) => n.includes(words)]) {
    const hits = named.filter((x) => fits(x.name));
    if (!hits.length) continue;
    const sameLink = hits.every((x) => x.el.href && x.el.href === hits[0].el.href);
    if (hits.length > 1 && !sameLink) {
      throw new Error(`${hits.length} things are called “${words}”: ` + hits.map((x) => x.el.outerHTML.slice(0, 120)).join(" | "));
    }
    return hits[0].el;
  }
  const offers = [...new Set(named.map((x) => x.name).filter(Boolean))].slice(0, 40);
  throw new Error(`nothing to ${kind} is called “${words}”; there is: ${offers.join(" · ") || "nothing"}`);
})
