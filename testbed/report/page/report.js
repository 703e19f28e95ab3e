"use strict";
// Light or dark by a button; without one the page is as the reader's system prefers.
const root = document.documentElement;
const button = document.getElementById("theme");
const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
const show = () => { button.setAttribute("aria-pressed", String(dark())); };
button.hidden = false;
button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; show(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
show();
// What is folded up on the screen is unfolded on paper, but for long tables: they are in the CSV files.
addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details:not([open], .data)")) { each.open = true; each.dataset.folded = ""; }
});
addEventListener("afterprint", () => {
  for (const each of document.querySelectorAll("details[data-folded]")) { each.open = false; delete each.dataset.folded; }
});
