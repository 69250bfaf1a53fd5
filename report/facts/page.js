"use strict";
const table = document.querySelector("table");
const bodies = [...table.tBodies];
const words = bodies.map(b => b.textContent.toLowerCase());
document.getElementById("search").addEventListener("input", e => {
  const wanted = e.target.value.toLowerCase().split(/\s+/).filter(w => w);
  let shown = 0;
  bodies.forEach((b, i) => {
    b.hidden = !wanted.every(w => words[i].includes(w));
    if (!b.hidden) shown++;
  });
  document.getElementById("shown").textContent = shown;
});
table.tHead.addEventListener("click", e => {
  const button = e.target.closest("button");
  if (!button) return;
  const head = button.parentElement, key = +button.dataset.key, numeric = "numeric" in button.dataset;
  const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : numeric;
  for (const th of head.parentElement.children) th.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const value = b => { const t = b.rows[0].cells[key].textContent.trim(); return numeric ? +t : t; };
  const order = numeric ? (a, b) => value(a) - value(b) : (a, b) => value(a).localeCompare(value(b));
  const sorted = [...bodies].sort((a, b) => down ? order(b, a) : order(a, b));
  table.append(...sorted);
});
