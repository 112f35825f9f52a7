// Nothing typed is ever lost: every change goes to this browser's storage, and comes back after a closed tab, a fault or
// a session time-out. It is dropped once the server has a newer version than the one typed over.
(function () {
  "use strict";
  document.querySelectorAll("form[data-autosave]").forEach(function (form) {
    const key = "wenzheng:" + form.dataset.autosave;
    const version = Number(form.dataset.version || 0);
    const notice = document.getElementById("restored");
    const state = document.getElementById("autosave-state");
    const skipped = ["csrf_token", "version"];
    let timer = 0;

    function fields() {
      return [...form.elements].filter(function (f) { return f.name && !skipped.includes(f.name) && !["file", "submit", "button", "password"].includes(f.type) && f.tagName !== "BUTTON"; });
    }
    function values() {
      return fields().map(function (f) { return [f.name, ["checkbox", "radio"].includes(f.type) ? f.value : "", ["checkbox", "radio"].includes(f.type) ? f.checked : f.value]; });
    }
    function put(kept) {
      kept.forEach(function (one) {
        const field = fields().find(function (f) { return f.name === one[0] && (one[1] === "" || f.value === one[1]); });
        if (!field) { return; }
        if (["checkbox", "radio"].includes(field.type)) { field.checked = one[2]; return; }
        if (field.value !== one[2]) { field.value = one[2]; field.dispatchEvent(new Event("wz:restored")); field.dispatchEvent(new Event("input", { bubbles: true })); }
      });
    }
    function keep() {
      try {
        localStorage.setItem(key, JSON.stringify({ version: version, at: new Date().toISOString(), values: values() }));
        if (state) { state.textContent = "已暂存在本机 " + new Date().toLocaleTimeString("zh-CN", { hour12: false }); }
      } catch (error) {
        if (state) { state.textContent = "本机存储不可用，请及时保存。"; }
      }
    }

    const before = JSON.stringify(values());
    let stored = null;
    try { stored = JSON.parse(localStorage.getItem(key) || "null"); } catch (error) { stored = null; }
    if (stored && stored.version < version) { localStorage.removeItem(key); stored = null; }
    if (stored && JSON.stringify(stored.values) !== before && !form.dataset.shown) {
      put(stored.values);
      if (notice) {
        const time = new Date(stored.at).toLocaleString("zh-CN", { hour12: false });
        const drop = document.createElement("button");
        notice.textContent = "已恢复您 " + time + " 写下、还没保存的内容。";
        drop.type = "button";
        drop.className = "btn btn-sm";
        drop.textContent = "不要，用已保存的";
        drop.addEventListener("click", function () { localStorage.removeItem(key); location.reload(); });
        notice.append(" ", drop);
        notice.hidden = false;
      }
    }
    form.addEventListener("input", function () { clearTimeout(timer); timer = setTimeout(keep, 600); });
    form.addEventListener("change", function () { clearTimeout(timer); timer = setTimeout(keep, 600); });
    form.addEventListener("submit", function () { clearTimeout(timer); keep(); });
  });

  // a new article has an address of its own after the first save: what was typed under "new" is stored then
  const fresh = document.querySelector("form[data-autosave]");
  if (fresh && !fresh.dataset.autosave.endsWith(":new") && document.referrer.endsWith("/articles/new")) {
    localStorage.removeItem("wenzheng:" + fresh.dataset.autosave.split(":")[0] + ":new");
  }
})();
