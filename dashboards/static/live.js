// Fragments that refresh themselves by ETag, countdowns, and the "as of" clock. Loaded on every page.
(function () {
  "use strict";
  const POLL = "X-Wenzheng-Poll";
  const asOf = document.querySelector("[data-asof]");
  let lastOk = Date.now();
  let open = []; // details the reader had opened

  function stamp() {
    lastOk = Date.now();
    if (asOf) {
      asOf.textContent = new Date().toLocaleTimeString("zh-CN", { hour12: false, timeZone: "Asia/Shanghai" });
      asOf.parentElement.classList.remove("wz-stale");
    }
  }

  function busy(box) { // never replace what somebody is typing in, choosing or reading
    const active = document.activeElement;
    return document.hidden || box.querySelector("details[open].wz-pop") ||
      (active && box.contains(active) && active.matches("input, textarea, select"));
  }

  function poller(event) {
    const box = event.detail.elt;
    return box && box.matches("[data-live]") ? box : null;
  }

  document.addEventListener("htmx:beforeRequest", function (event) {
    const box = poller(event);
    if (box && busy(box)) { event.preventDefault(); }
  });
  document.addEventListener("htmx:configRequest", function (event) {
    const box = poller(event);
    if (!box) { return; }
    event.detail.headers[POLL] = "1";
    if (box.dataset.etag) { event.detail.headers["If-None-Match"] = box.dataset.etag; }
  });
  document.addEventListener("htmx:beforeSwap", function (event) {
    const box = poller(event);
    if (box) { open = [...box.querySelectorAll("details[open][id]")].map(function (d) { return d.id; }); }
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    const box = poller(event);
    if (!box) { return; }
    const status = event.detail.xhr.status;
    if (status === 200) { box.dataset.etag = event.detail.xhr.getResponseHeader("ETag") || ""; }
    if (status === 200 || status === 304) { stamp(); return; }
    if (asOf && Date.now() - lastOk > 15000) { asOf.parentElement.classList.add("wz-stale"); }
  });
  document.addEventListener("htmx:afterSettle", function () {
    open.forEach(function (id) { const d = document.getElementById(id); if (d) { d.open = true; } });
  });

  function words(seconds) {
    const s = Math.abs(Math.trunc(seconds));
    const d = Math.floor(s / 86400), h = Math.floor(s % 86400 / 3600), m = Math.floor(s % 3600 / 60);
    if (d) { return h ? d + " 天 " + h + " 小时" : d + " 天"; }
    if (h) { return m ? h + " 小时 " + m + " 分" : h + " 小时"; }
    return m ? m + " 分" : s + " 秒";
  }
  setInterval(function () {
    document.querySelectorAll("[data-until]").forEach(function (el) {
      const left = (new Date(el.dataset.until) - Date.now()) / 1000;
      el.textContent = (left > 0 ? "剩 " : "已超 ") + words(left);
    });
  }, 1000);

  document.addEventListener("click", function (event) { // an open menu closes when something else is pressed
    document.querySelectorAll("details[open].wz-pop").forEach(function (menu) {
      if (!menu.contains(event.target)) { menu.open = false; }
    });
  });
})();
