// Keyboard in lists (j, k, Enter, /), filters that apply at once, bulk choice, live length counters.
(function () {
  "use strict";
  const rows = [...document.querySelectorAll("[data-rows] > *, [data-rows] tbody > tr")].filter(function (r) { return r.matches("tr, li, article"); });
  let at = -1;

  function go(step) {
    if (!rows.length) { return; }
    if (rows[at]) { rows[at].classList.remove("is-at"); }
    at = Math.min(rows.length - 1, Math.max(0, at + step));
    rows[at].classList.add("is-at");
    rows[at].focus({ preventScroll: true });
    rows[at].scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", function (event) {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.ctrlKey || event.metaKey || event.altKey) { return; }
    if (event.key === "Escape" && typing) { event.target.blur(); return; }
    if (typing) { return; }
    if (event.key === "/") {
      const fields = [...document.querySelectorAll("[data-search]")];
      if (fields.length) { event.preventDefault(); fields[fields.length - 1].focus(); fields[fields.length - 1].select(); }
    } else if (event.key === "j") { go(1); } else if (event.key === "k") { go(-1);
    } else if (event.key === "Enter" && rows[at] && event.target === rows[at]) {
      const link = rows[at].querySelector("[data-open], a.wz-strong, a[href]");
      if (link) { link.click(); }
    }
  });

  document.querySelectorAll("form[data-auto]").forEach(function (form) {
    form.addEventListener("change", function (event) { if (event.target.matches("select, input[type=checkbox], input[type=date]")) { form.requestSubmit(); } });
    form.addEventListener("submit", function () { // an address without empty filters can be sent to a colleague
      form.querySelectorAll("input, select").forEach(function (field) { if (!field.value) { field.disabled = true; } });
    });
  });

  document.querySelectorAll("form[data-bulk]").forEach(function (form) {
    const all = form.querySelector("[data-all]");
    const bar = form.querySelector(".wz-bulk");
    const boxes = [...form.querySelectorAll("input[type=checkbox][name]")];
    function show() {
      const chosen = boxes.filter(function (b) { return b.checked; }).length;
      if (bar) { bar.hidden = !chosen; bar.querySelector("[data-chosen]").textContent = "已选 " + chosen + " 条"; }
    }
    if (all) { all.addEventListener("change", function () { boxes.forEach(function (b) { b.checked = all.checked; }); show(); }); }
    form.addEventListener("change", show);
    show();
  });

  // Weibo counts two half-width characters as one; the exact figure comes from the channel's own check when saved.
  function length(kind, text) {
    if (kind !== "weibo") { return [...text].length; }
    const links = text.match(/https?:\/\/[A-Za-z0-9\-._~:/?#@!$&'*+,;=%]+/g) || [];
    const rest = links.reduce(function (left, link) { return left.replace(link, ""); }, text);
    return Math.ceil([...rest].reduce(function (sum, c) { return sum + (c.codePointAt(0) < 128 ? 1 : 2); }, 20 * links.length) / 2);
  }
  document.querySelectorAll("[data-count]").forEach(function (field) {
    const counter = document.createElement("span");
    counter.className = "wz-counter";
    field.after(counter);
    const limit = Number(field.dataset.limit || 0);
    function show() {
      const n = length(field.dataset.count, field.value);
      counter.textContent = n + (limit ? " / " + limit : "") + " 字";
      counter.classList.toggle("is-over", Boolean(limit) && n > limit);
    }
    field.addEventListener("input", show);
    show();
  });
})();
