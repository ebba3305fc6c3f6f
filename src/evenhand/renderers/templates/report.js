/* Works the sliders from the report inside the page, and opens what is folded before printing. */
(() => {
  "use strict";
  const read = async () => {
    const found = JSON.parse(document.getElementById("report").textContent);
    if (!found.encoding) return found;
    const bytes = Uint8Array.from(atob(found.report), (sign) => sign.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  };
  const sum = (list, from) => list.slice(from).reduce((total, rows) => total + Number(rows), 0);
  const percent = (part, whole) => whole > 0 ? (100 * part / whole).toFixed(1) + "%" : "not defined";
  const rates = (profile, first) => {
    const positives = profile.scores_positive || [];
    const above = sum(profile.scores, first), rows = sum(profile.scores, 0);
    const hits = sum(positives, first), positive = sum(positives, 0);
    const known = positives.length ? positive : 0;
    return [percent(above, rows), percent(hits, known), percent(above - hits, positives.length ? rows - positive : 0)];
  };
  const explore = (place, profiles) => {
    const slider = place.querySelector("input"), lines = place.querySelectorAll("tbody tr");
    const low = Number(place.dataset.low), high = Number(place.dataset.high);
    const show = () => {
      const first = Number(slider.value);
      const at = String(Number((low + (high - low) * first / Number(slider.max)).toPrecision(4)));
      place.querySelector("output").textContent = at;
      slider.setAttribute("aria-valuetext", "threshold " + at);
      profiles.forEach((profile, number) => {
        const shown = rates(profile, first);
        lines[number].querySelectorAll("td").forEach((cell, column) => { cell.textContent = shown[column]; });
      });
    };
    slider.addEventListener("input", show);
    place.hidden = false;
    show();
  };
  const places = document.querySelectorAll(".explore");
  if (places.length) {
    read().then((report) => places.forEach((place) => {
      explore(place, place.dataset.profiles.split(" ").map((number) => report.profiles[Number(number)]));
    })).catch(() => {});
  }
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => { opened.forEach((part) => { part.open = false; }); });
})();
