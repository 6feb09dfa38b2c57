// Enhancement only: every page works without this file.
"use strict";
(() => {
  const all = (selector) => document.querySelectorAll(selector);
  for (const node of all("[data-js]")) node.hidden = false;
  document.querySelector("[data-focus]")?.focus();

  // The price, the stock word and the total follow the choice. The server decides again on submit.
  const buy = document.getElementById("buy");
  const quantity = buy?.elements.quantity;
  if (quantity) {
    const money = (price, minor) => {
      const [, before, , decimals = "", after] = /^(\D*)([\d,]+)(?:\.(\d+))?(.*)$/.exec(price);
      const digits = String(minor).padStart(decimals.length + 1, "0");
      const cut = digits.length - decimals.length;
      return before + Number(digits.slice(0, cut)).toLocaleString("en-US") + (decimals && "." + digits.slice(cut)) + after;
    };
    const follow = () => {
      const sku = buy.querySelector("[name=sku]:checked, option:checked")?.dataset;
      if (!sku) return;
      const wanted = Math.trunc(Number(quantity.value)) || 1;
      const count = Math.min(Math.max(wanted, Number(quantity.min)), Number(quantity.max));
      const table = document.getElementById(sku.table ?? "");
      let unit = Number(sku.minor);
      for (const row of table?.tBodies[0].rows ?? []) {
        const is = Number(row.dataset.from) <= count && count <= Number(row.dataset.to);
        row.className = is ? "on" : "";
        if (is) unit = Number(row.dataset.minor);
      }
      for (const fold of all("[data-fold]")) fold.hidden = !table;
      for (const other of all(".tiers")) other.hidden = other !== table;
      const total = unit * count;
      const now = buy.querySelector("[data-price]");
      now.lastChild.data = money(sku.price, unit).slice(now.firstElementChild?.textContent.length ?? 0);
      buy.querySelector("[data-face]").textContent = sku.face;
      const stock = buy.querySelector("[data-stock]");
      stock.className = "state " + sku.stock;
      stock.textContent = sku.word;
      for (const node of all("[data-sum]")) node.hidden = false;
      for (const node of all("[data-total]")) node.textContent = money(sku.price, total);
    };
    buy.addEventListener("input", follow);
    for (const button of buy.querySelectorAll("[data-step]")) {
      button.addEventListener("click", () => {
        quantity.stepUp(Number(button.dataset.step));
        follow();
      });
    }
    follow();
  }

  // A pressed submit button rests until the answer is here.
  document.addEventListener("submit", ({ submitter }) => {
    if (!submitter || "stay" in submitter.dataset) return;
    setTimeout(() => {
      submitter.dataset.label = submitter.textContent;
      submitter.disabled = true;
      if (submitter.dataset.busy) submitter.textContent = submitter.dataset.busy;
    });
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    for (const button of all("button[data-label]")) {
      button.textContent = button.dataset.label;
      button.disabled = false;
    }
  });

  // A page that waits asks how things stand, and is shown anew when they have changed.
  const watch = document.querySelector("[data-watch]")?.dataset;
  const every = Number(watch?.every) * 1000 || 2000;
  let failures = 0;
  const ask = async () => {
    if (document.hidden) return setTimeout(ask, every);
    try {
      const answer = await fetch(watch.watch, { cache: "no-store" });
      if (!answer.ok) throw answer.status;
      const { state, is_final: isFinal } = await answer.json();
      if (state !== watch.state) return location.reload();
      if (isFinal) return;
      failures = 0;
    } catch {
      failures += 1;
    }
    setTimeout(ask, every * 2 ** Math.min(failures, 4));
  };
  if (watch) setTimeout(ask, every);

  // What is left of the time to pay, by the second.
  const left = document.querySelector("[data-left]");
  if (left) {
    const end = performance.now() + Number(left.dataset.left) * 1000;
    const tick = () => {
      const seconds = Math.ceil((end - performance.now()) / 1000);
      if (seconds <= 0) return setTimeout(() => location.reload(), 1500);
      left.textContent = Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
      setTimeout(tick, 500);
    };
    tick();
  }

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.body.appendChild(document.createElement("textarea"));
      area.className = "sr";
      area.value = text;
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy], [data-hide]");
    if (!button) return;
    if ("hide" in button.dataset) {
      for (const node of all("[data-mask]")) {
        node.textContent = node.dataset.mask;
        node.className = "hide";
      }
      for (const node of all("[data-shown]")) node.hidden = true;
      for (const node of all("[data-masked]")) node.hidden = false;
      document.querySelector("[data-masked] button").focus();
      return;
    }
    await copy([...all(button.dataset.copy)].map((node) => node.textContent.trim()).join("\n"));
    const label = button.querySelector("span");
    const word = (button.dataset.word ??= label.textContent);
    label.textContent = document.getElementById("status").textContent = button.dataset.copied;
    button.focus();
    setTimeout(() => { label.textContent = word; }, 2000);
  });
})();
