// A small writing surface over the body field: paragraphs, headings, lists, links, pictures. The field stays the truth;
// without this script the field itself is edited and a line is a paragraph.
(function () {
  "use strict";
  const token = document.querySelector("#article-form input[name=csrf_token]").value;

  async function upload(address, file) {
    const form = new FormData();
    form.append("picture", file);
    form.append("csrf_token", token);
    const answer = await fetch(address, { method: "POST", body: form, headers: { Accept: "application/json" } });
    const told = await answer.json().catch(function () { return {}; });
    if (!answer.ok) { throw new Error(told.text || "图片没有上传成功，请重试。"); }
    return told;
  }

  function shown(html) { return html.replaceAll('src="media:', 'src="/media/'); }
  function stored(html) { return html.replaceAll('src="/media/', 'src="media:').replaceAll(' class="is-picked"', "").replaceAll(' class=""', ""); }

  function build(box) {
    const field = box.querySelector("textarea");
    const bar = document.createElement("div");
    const page = document.createElement("div");
    const note = document.createElement("div");
    const picker = document.createElement("input");
    bar.className = "wz-editor-bar";
    page.className = "wz-editor-page";
    page.contentEditable = "true";
    page.setAttribute("role", "textbox");
    page.setAttribute("aria-multiline", "true");
    page.setAttribute("aria-label", "正文");
    page.dataset.hint = "在这里写正文……";
    note.className = "wz-beside";
    picker.type = "file";
    picker.accept = "image/jpeg,image/png,image/gif";
    picker.hidden = true;
    page.innerHTML = shown(field.value);
    document.execCommand("defaultParagraphSeparator", false, "p");

    function sync() {
      const html = stored(page.innerHTML);
      field.value = page.textContent.trim() || page.querySelector("img") ? html : "";
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    function run(name, value) { page.focus(); document.execCommand(name, false, value); sync(); }
    function picked() { return page.querySelector("img.is-picked"); }

    const tools = [
      ["正文", "pilcrow", function () { run("formatBlock", "p"); }],
      ["小标题", "h-2", function () { run("formatBlock", "h2"); }],
      ["加粗", "bold", function () { run("bold"); }],
      ["列表", "list", function () { run("insertUnorderedList"); }],
      ["编号列表", "list-numbers", function () { run("insertOrderedList"); }],
      ["引用", "blockquote", function () { run("formatBlock", "blockquote"); }],
      ["链接", "link", function () {
        const address = window.prompt("链接地址（https:// 开头）", "https://");
        if (address && /^https?:\/\//.test(address)) { run("createLink", address); }
      }],
      ["插入图片", "photo-plus", function () { picker.click(); }],
      ["图片说明", "text-caption", function () {
        const image = picked();
        if (!image) { note.textContent = "请先点一下要说明的图片。"; return; }
        const words = window.prompt("图片说明（给读屏和搜索用）", image.alt);
        if (words !== null) { image.alt = words; sync(); }
      }],
      ["清除格式", "clear-formatting", function () { run("removeFormat"); }],
      ["撤销", "arrow-back-up", function () { run("undo"); }],
    ];
    tools.forEach(function (tool) {
      const button = document.createElement("button");
      button.type = "button";
      button.title = tool[0];
      button.setAttribute("aria-label", tool[0]);
      button.innerHTML = '<i class="ti ti-' + tool[1] + '" aria-hidden="true"></i>';
      button.addEventListener("mousedown", function (event) { event.preventDefault(); });
      button.addEventListener("click", tool[2]);
      bar.append(button);
    });
    page.addEventListener("input", sync);
    page.addEventListener("click", function (event) {
      page.querySelectorAll("img.is-picked").forEach(function (i) { i.classList.remove("is-picked"); });
      if (event.target.matches("img")) { event.target.classList.add("is-picked"); note.textContent = event.target.alt ? "图片说明：" + event.target.alt : "这张图片还没有说明，请按“图片说明”填写。"; } else { note.textContent = ""; }
    });
    page.addEventListener("paste", function (event) { // plain words only: no foreign fonts, colours or trackers
      event.preventDefault();
      const text = event.clipboardData.getData("text/plain");
      const safe = document.createElement("div");
      text.split(/\r?\n/).filter(function (l) { return l.trim(); }).forEach(function (line) {
        const p = document.createElement("p");
        p.textContent = line.trim();
        safe.append(p);
      });
      document.execCommand("insertHTML", false, safe.children.length === 1 ? safe.firstChild.innerHTML : safe.innerHTML);
      sync();
    });
    picker.addEventListener("change", async function () {
      const file = picker.files[0];
      picker.value = "";
      if (!file) { return; }
      note.textContent = "正在上传图片……";
      try {
        const told = await upload(box.dataset.upload, file);
        const words = window.prompt("图片说明（给读屏和搜索用）", "") || "";
        const image = document.createElement("img");
        image.src = "/media/" + told.sha256;
        image.alt = words;
        page.focus();
        const place = document.createElement("p");
        place.append(image);
        document.execCommand("insertHTML", false, place.outerHTML + "<p><br></p>");
        note.textContent = "";
        sync();
      } catch (error) {
        note.textContent = error.message;
      }
    });
    field.addEventListener("wz:restored", function () { page.innerHTML = shown(field.value); });
    field.hidden = true;
    box.append(bar, page, picker);
    box.after(note);
  }

  document.querySelectorAll("[data-editor]").forEach(build);

  document.querySelectorAll("[data-cover]").forEach(function (box) {
    const file = box.querySelector("input[type=file]");
    const field = box.querySelector("input[name=cover]");
    const note = document.createElement("div");
    note.className = "wz-beside";
    file.after(note);
    function show() {
      const image = document.createElement("img");
      image.src = "/media/" + field.value;
      image.alt = "封面";
      box.querySelector("img, .wz-cover-none").replaceWith(image);
    }
    file.addEventListener("change", async function () {
      if (!file.files[0]) { return; }
      note.textContent = "正在上传……";
      try {
        field.value = (await upload(box.dataset.upload, file.files[0])).sha256;
        file.value = "";
        note.textContent = "";
        show();
        field.dispatchEvent(new Event("input", { bubbles: true }));
      } catch (error) {
        note.textContent = error.message;
      }
    });
    field.addEventListener("wz:restored", function () { if (field.value) { show(); } });
  });
})();
