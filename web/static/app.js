import { initAll } from "./nhsuk-frontend.js";
initAll();

// The replay has two fields. With a script, a slider moves the first of them; letting it go opens the view.
for (const form of document.querySelectorAll("form[data-replay]")) {
  const day = 86400000;
  const first = Date.parse(form.dataset.replay), last = Date.parse(form.dataset.until);
  const field = form.querySelector("[name=as_at]");
  if (!(last > first)) continue;
  const name = document.createElement("label");
  const slider = document.createElement("input");
  name.className = "app-slider";
  name.textContent = "Move through the case, day by day";
  Object.assign(slider, { type: "range", min: 0, max: Math.round((last - first) / day), step: 1 });
  slider.value = Math.round(((field.value ? Date.parse(field.value) : last) - first) / day);
  const said = () => {
    field.value = new Date(first + slider.value * day).toISOString().slice(0, 10);
    slider.setAttribute("aria-valuetext", new Date(first + slider.value * day).toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" }));
  };
  slider.addEventListener("input", said);
  slider.addEventListener("pointerup", () => form.requestSubmit());
  // The browser would submit the form as well, and the second request would break off the first.
  slider.addEventListener("keydown", (key) => { if (key.key === "Enter") { key.preventDefault(); form.requestSubmit(); } });
  if (field.value) said();
  name.append(slider);
  form.prepend(name);
}
