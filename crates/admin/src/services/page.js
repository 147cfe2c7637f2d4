"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");
  const filter = document.getElementById("filter");
  const live = document.getElementById("live");
  const sort = document.getElementById("sort");
  const said = document.getElementById("said");
  // Column and direction; without one the order of the configuration holds.
  let order = null;
  let lost = false;

  const number = (cell) => {
    const text = cell ? cell.dataset.sort ?? cell.textContent.trim() : "";
    const n = Number(text);
    return text !== "" && !Number.isNaN(n) ? n : text;
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), undefined, { numeric: true });
  };

  // Only what is in the wrong place moves: an element that moves loses the keyboard.
  function place(parent, wanted) {
    let at = parent.firstElementChild;
    for (const node of wanted) {
      if (node === at) at = at.nextElementSibling;
      else parent.insertBefore(node, at);
    }
  }

  // What sums up stays where it is.
  const rank = (row) => (row.matches(".sum") ? 2 : row.dataset.name === "FRONTEND" ? 0 : 1);

  function rows(section) {
    const all = [...section.querySelectorAll("tbody tr")];
    const by = (a, b) => {
      if (!order) return 0;
      return order.sign * compare(number(a.cells[order.at]), number(b.cells[order.at]));
    };
    return all.sort((a, b) => rank(a) - rank(b) || by(a, b) || a.dataset.at - b.dataset.at);
  }

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
      place(section.querySelector("tbody"), rows(section));
      for (const head of section.querySelectorAll("thead th")) {
        if (order && head.cellIndex === order.at) {
          head.setAttribute("aria-sort", order.sign > 0 ? "ascending" : "descending");
        } else head.removeAttribute("aria-sort");
      }
    }
    const text = lost ? "no answer, trying again" : wanted ? shown + " rows" : "";
    if (said.textContent !== text) said.textContent = text;
    sort.value = order ? String(order.at) : "";
  }

  // What a script makes of a section: places to remember and heads to click on.
  function equip(section) {
    section.querySelectorAll("tbody tr").forEach((row, at) => (row.dataset.at = at));
    for (const head of section.querySelectorAll("thead th")) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("th button");
    if (!button) return;
    const at = button.closest("th").cellIndex;
    const sign = order && order.at === at ? -order.sign : at > 2 ? -1 : 1;
    order = { at, sign };
    arrange();
  });
  sort.addEventListener("change", () => {
    const at = Number(sort.value);
    order = sort.value === "" ? null : { at, sign: at > 2 ? -1 : 1 };
    arrange();
  });
  filter.addEventListener("input", arrange);

  // The cells that differ are exchanged; a choice that was made stays.
  function renew(old, fresh) {
    old.className = fresh.className;
    [...fresh.cells].forEach((cell, at) => {
      const known = old.cells[at];
      if (known.outerHTML === cell.outerHTML) return;
      const box = known.querySelector("input");
      const next = document.importNode(cell, true);
      const fitting = next.querySelector("input");
      if (box && fitting) fitting.replaceWith(box);
      const focused = box && box === document.activeElement;
      known.replaceWith(next);
      if (focused) box.focus();
    });
  }

  function follow(section, fresh) {
    const known = new Map([...section.querySelectorAll("tbody tr")].map((r) => [r.dataset.name, r]));
    const body = section.querySelector("tbody");
    fresh.querySelectorAll("tbody tr").forEach((row, at) => {
      let old = known.get(row.dataset.name);
      known.delete(row.dataset.name);
      if (old) renew(old, row);
      else {
        old = document.importNode(row, true);
        old.classList.add("come");
        body.append(old);
      }
      old.dataset.at = at;
    });
    known.forEach((gone) => gone.remove());
  }

  function show(fresh) {
    document.getElementById("facts").replaceWith(fresh.getElementById("facts"));
    const trouble = document.getElementById("trouble");
    const told = fresh.getElementById("trouble");
    if (trouble.innerHTML !== told.innerHTML) trouble.replaceChildren(...told.childNodes);
    const before = new Map([...document.querySelectorAll(".proxy")].map((s) => [s.dataset.name, s]));
    const sections = [...fresh.querySelectorAll(".proxy")].map((section) => {
      const old = before.get(section.dataset.name);
      before.delete(section.dataset.name);
      if (old) {
        follow(old, section);
        return old;
      }
      equip(section);
      return section;
    });
    before.forEach((gone) => gone.remove());
    place(document.getElementById("proxies"), sections);
    const changes = document.getElementById("changes");
    const next = fresh.getElementById("changes");
    if (changes && next && !changes.contains(document.activeElement)) {
      for (const open of changes.querySelectorAll("details[open]")) {
        const same = next.querySelector("#" + open.id);
        if (same) same.open = true;
      }
      changes.replaceWith(next);
    }
    arrange();
  }

  async function refresh() {
    const begun = performance.now();
    if (live.checked && !document.hidden) {
      try {
        const answer = await fetch(root.dataset.self, { credentials: "same-origin" });
        if (!answer.ok) throw new Error(answer.status);
        const text = await answer.text();
        lost = false;
        show(new DOMParser().parseFromString(text, "text/html"));
      } catch {
        lost = true;
        arrange();
      }
      root.dataset.state = lost ? "lost" : "live";
    }
    // A long table is asked for less often than a short one.
    const took = performance.now() - begun;
    setTimeout(refresh, Math.max(Number(root.dataset.every), 10 * took));
  }

  document.querySelectorAll(".proxy").forEach(equip);
  arrange();
  setTimeout(refresh, Number(root.dataset.every));
})();
