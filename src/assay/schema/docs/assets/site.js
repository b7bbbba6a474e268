// The theme switch, the search, and the diagram that can be moved. Everything else works without a script.
"use strict";

// --- theme

(function () {
  const button = document.getElementById("theme");
  const name = document.getElementById("theme-name");
  const order = ["system", "dark", "light"];
  const root = document.documentElement;
  const show = () => { name.textContent = `Theme: ${root.dataset.theme || "system"}`; };
  button.addEventListener("click", () => {
    const next = order[(order.indexOf(root.dataset.theme || "system") + 1) % order.length];
    if (next === "system") delete root.dataset.theme; else root.dataset.theme = next;
    try {
      if (next === "system") localStorage.removeItem("assay-theme"); else localStorage.setItem("assay-theme", next);
    } catch { /* it holds until the page is left */ }
    show();
  });
  show();
})();

// --- the menu on narrow screens

(function () {
  const navigation = document.getElementById("navigation");
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && location.hash === "#navigation") location.hash = "#content";
  });
  const here = navigation.querySelector("[aria-current]");
  if (here) navigation.scrollTop = here.offsetTop - navigation.clientHeight / 2;
})();

// --- search

(function () {
  const input = document.getElementById("search");
  const list = document.getElementById("found");
  const root = document.body.dataset.root;
  const index = (window.assayIndex || []).map((entry) => ({ entry, lower: entry[0].toLowerCase() }));
  const most = 30;
  let active = -1;

  function rank(item, words) {
    let total = 0;
    for (const word of words) {
      const at = item.lower.indexOf(word);
      if (at < 0) {
        if (!item.entry[2].toLowerCase().includes(word)) return -1;
        total += 40;
      } else {
        total += (item.lower === word ? 0 : at === 0 ? 2 : 10 + at) + (item.lower.length - word.length) / 8;
      }
    }
    return total + (item.entry[1] === "column" ? 6 : 0);
  }

  function find(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    return index.map((item, place) => ({ item, place, rank: rank(item, words) }))
      .filter((one) => one.rank >= 0)
      .sort((a, b) => a.rank - b.rank || a.place - b.place)
      .slice(0, most)
      .map((one) => one.item.entry);
  }

  function part(kind, text) {
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = text;
    return span;
  }

  function close() {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function show() {
    const found = find(input.value);
    list.replaceChildren(...found.map((entry, number) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = root + entry[3];
      link.tabIndex = -1;
      link.append(part("found-name", entry[0]), part("found-kind", entry[1]), part("found-more", entry[2]));
      item.append(link);
      item.id = `found-${number}`;
      item.setAttribute("role", "option");
      return item;
    }));
    if (!found.length && input.value.trim()) {
      const none = document.createElement("li");
      none.className = "none";
      none.textContent = "Nothing has that name";
      list.append(none);
    }
    list.hidden = !input.value.trim();
    input.setAttribute("aria-expanded", String(!list.hidden));
    mark(found.length ? 0 : -1);
  }

  function mark(number) {
    const items = [...list.querySelectorAll("[role=option]")];
    active = items.length ? (number + items.length) % items.length : -1;
    items.forEach((item, place) => item.setAttribute("aria-selected", String(place === active)));
    if (active >= 0) {
      items[active].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", items[active].id);
    } else input.removeAttribute("aria-activedescendant");
  }

  input.addEventListener("input", show);
  input.addEventListener("focus", () => { if (input.value) show(); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); mark(active + 1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); mark(active - 1); }
    else if (event.key === "Escape") { close(); input.blur(); }
    else if (event.key === "Enter" && active >= 0 && !list.hidden) {
      event.preventDefault();
      const link = list.querySelectorAll("[role=option] a")[active];
      close();
      link.click();
    }
  });
  document.addEventListener("click", (event) => { if (!event.target.closest(".search")) close(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      input.focus();
      input.select();
    }
  });
})();

// --- what a table has to do with, in any diagram

(function () {
  for (const svg of document.querySelectorAll("svg.erd")) {
    const links = [...svg.querySelectorAll(".erd-link")];
    const tables = [...svg.querySelectorAll(".erd-table")];
    const show = (table) => {
      const name = table && table.dataset.table;
      const near = new Set([name]);
      for (const link of links) {
        const own = name && (link.dataset.child === name || link.dataset.parent === name);
        link.classList.toggle("erd-hot", Boolean(own));
        if (own) {
          near.add(link.dataset.child).add(link.dataset.parent);
          link.parentNode.insertBefore(link, tables[0]); // above the other lines of the same trunk
        }
      }
      svg.classList.toggle("erd-choosing", Boolean(name));
      for (const each of tables) each.classList.toggle("erd-near", near.has(each.dataset.table));
    };
    for (const table of tables) {
      table.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") show(table); });
      table.addEventListener("pointerleave", () => show(null));
      table.addEventListener("focus", () => show(table));
      table.addEventListener("blur", () => show(null));
    }
    svg.assayShow = show;
  }
})();

// --- the diagram's own page

(function () {
  const stage = document.getElementById("stage");
  if (!stage) return;
  const svg = stage.querySelector("svg");
  const said = document.getElementById("diagram-said");
  const [width, height] = [svg.width.baseVal.value, svg.height.baseVal.value];
  const pointers = new Map();
  let view = { x: 0, y: 0, scale: 1 };
  let moved = 0;

  stage.classList.add("movable");
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  function apply() {
    const margin = 60;
    view.x = clamp(view.x, margin - width * view.scale, stage.clientWidth - margin);
    view.y = clamp(view.y, margin - height * view.scale, stage.clientHeight - margin);
    svg.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  }

  function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
    const scale = clamp(view.scale * factor, Math.min(0.05, fitted()), 4);
    view.x = x - (x - view.x) * (scale / view.scale);
    view.y = y - (y - view.y) * (scale / view.scale);
    view.scale = scale;
    apply();
  }

  const fitted = () => Math.min(stage.clientWidth / width, stage.clientHeight / height) || 1;

  function fit() {
    view.scale = Math.min(fitted(), 1.25);
    view.x = (stage.clientWidth - width * view.scale) / 2;
    view.y = (stage.clientHeight - height * view.scale) / 2;
    apply();
  }

  function goTo(name) {
    const table = [...svg.querySelectorAll(".erd-table")].find((each) => each.dataset.table === name);
    if (!table) return false;
    const box = table.getBBox();
    const place = table.transform.baseVal.consolidate().matrix;
    view.scale = Math.max(view.scale, 0.9);
    view.x = stage.clientWidth / 2 - (place.e + 16 + box.width / 2) * view.scale;
    view.y = stage.clientHeight / 2 - (place.f + 16 + box.height / 2) * view.scale;
    apply();
    svg.assayShow(table);
    return true;
  }

  // The wheel zooms; pinching on a touchpad arrives as a wheel with ctrl.
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    const step = event.deltaMode === 1 ? 20 : 1;
    zoom(Math.exp(-event.deltaY * step * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });

  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    moved = 0;
  });
  stage.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...pointers].find(([id]) => id !== event.pointerId);
    if (other) {
      const box = stage.getBoundingClientRect();
      const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
      const was = distance(before, other[1]);
      if (was > 0) {
        const middle = { x: (now.x + other[1].x) / 2 - box.left, y: (now.y + other[1].y) / 2 - box.top };
        zoom(distance(now, other[1]) / was, middle.x, middle.y);
      }
    } else {
      view.x += now.x - before.x;
      view.y += now.y - before.y;
      apply();
    }
    moved += Math.hypot(now.x - before.x, now.y - before.y);
    // Only now, so that a click on a table stays one.
    if (moved > 4 && !stage.hasPointerCapture(event.pointerId)) stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, now);
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    stage.addEventListener(kind, (event) => pointers.delete(event.pointerId));
  }
  stage.addEventListener("click", (event) => { if (moved > 4) event.preventDefault(); }, true);
  stage.addEventListener("dragstart", (event) => event.preventDefault());

  stage.addEventListener("keydown", (event) => {
    const step = 60;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (moves[event.key]) { view.x += moves[event.key][0]; view.y += moves[event.key][1]; apply(); }
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  });
  // A table that is reached by the Tab key is brought into sight.
  stage.addEventListener("focusin", (event) => {
    const table = event.target.closest(".erd-table");
    if (table && table.matches(":focus-visible")) { stage.scrollTo(0, 0); goTo(table.dataset.table); }
  });

  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      const kind = button.dataset.zoom;
      if (kind === "fit") fit();
      else zoom(kind === "in" ? 1.25 : kind === "out" ? 0.8 : 1 / view.scale);
    });
  }

  const find = document.getElementById("find-table");
  const options = [...document.querySelectorAll("#table-names option")];
  function search(exact) {
    const text = find.value.trim().toLowerCase();
    const found = options.find((one) => one.value.toLowerCase() === text)
      || (!exact && text && options.find((one) => one.value.toLowerCase().includes(text)));
    if (found && goTo(found.dataset.table)) said.textContent = `${found.value} is in the middle`;
    else said.textContent = text && !exact ? "No table has that name" : "";
  }
  find.addEventListener("input", () => search(true));
  find.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); search(false); } });

  function fromAddress() {
    const slug = decodeURIComponent(location.hash.slice(1));
    const found = options.find((one) => one.dataset.slug === slug);
    if (found) goTo(found.dataset.table);
    return Boolean(found);
  }
  window.addEventListener("hashchange", fromAddress);
  let last = stage.clientWidth;
  new ResizeObserver(() => { if (stage.clientWidth !== last) { last = stage.clientWidth; fit(); } }).observe(stage);
  fit();
  fromAddress();
})();
