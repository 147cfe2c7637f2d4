"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const filter = document.getElementById("filter");
  const live = document.getElementById("live");
  const said = document.getElementById("said");
  let order = null;

  const number = (cell) => {
    const text = cell ? cell.dataset.sort ?? cell.textContent.trim() : "";
    const n = Number(text);
    return text !== "" && !Number.isNaN(n) ? n : text;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));

  function arrange() {
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0;
    for (const section of document.querySelectorAll(".proxy")) {
      const whole = section.dataset.name.toLowerCase().includes(wanted);
      let any = whole;
      for (const row of section.querySelectorAll("tbody tr")) {
        const fits = whole || row.textContent.toLowerCase().includes(wanted);
        row.hidden = !fits;
        any = any || fits;
        shown += fits ? 1 : 0;
      }
      section.hidden = !any;
      const body = section.querySelector("tbody");
      if (order && order.section === section.dataset.name) {
        const rows = [...body.querySelectorAll("tr:not(.sum)")];
        rows.sort((a, b) => order.sign * compare(number(a.cells[order.at]), number(b.cells[order.at])));
        rows.forEach((row) => body.insertBefore(row, body.querySelector(".sum")));
      }
    }
    said.textContent = wanted ? shown + " rows" : "";
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("th button");
    if (!button) return;
    const head = button.closest("th");
    const section = button.closest(".proxy").dataset.name;
    const at = head.cellIndex;
    const again = order && order.section === section && order.at === at;
    order = { section, at, sign: again ? -order.sign : 1 };
    for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order.sign > 0 ? "ascending" : "descending");
    arrange();
  });
  filter.addEventListener("input", arrange);

  async function refresh() {
    if (!live.checked || document.hidden) return;
    try {
      const answer = await fetch(root.dataset.self, { credentials: "same-origin" });
      if (!answer.ok) throw new Error(answer.status);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const ticked = [...document.querySelectorAll("input[name=s]:checked")].map((i) => i.id);
      const focused = document.activeElement && document.activeElement.id;
      document.getElementById("facts").replaceWith(fresh.getElementById("facts"));
      const before = new Map([...document.querySelectorAll(".proxy")].map((s) => [s.dataset.name, s]));
      const proxies = document.getElementById("proxies");
      for (const section of fresh.querySelectorAll(".proxy")) {
        const old = before.get(section.dataset.name);
        if (old) {
          old.querySelector("tbody").replaceWith(section.querySelector("tbody"));
          proxies.append(old);
          before.delete(section.dataset.name);
        } else {
          proxies.append(section);
        }
      }
      before.forEach((gone) => gone.remove());
      document.getElementById("changes").replaceWith(fresh.getElementById("changes"));
      for (const id of ticked) {
        const box = document.getElementById(id);
        if (box) box.checked = true;
      }
      if (focused) document.getElementById(focused)?.focus();
      arrange();
      root.dataset.state = "live";
    } catch {
      root.dataset.state = "lost";
      said.textContent = "no answer; trying again";
    }
  }
  setInterval(refresh, Number(root.dataset.every));
})();
