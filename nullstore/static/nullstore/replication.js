/* The replication page: asks every 2 s how replication is, shows what has changed, and draws the lag since it was opened. */
"use strict";

(() => {
  const root = document.querySelector("[data-replication-url]");
  const EVERY = 2000, HIDDEN_EVERY = 15000, PATIENCE = 20000;
  const contact = document.getElementById("replication-contact");
  const charts = ReplicationChart.pair(document.getElementById("replication-charts"));
  let timer = null, asking = false, lost = null, seen = null;

  /* Bring `shown` to what `said` is, and touch nothing that is the same: selections, focus and scrolling stay. */
  function update(shown, said) {
    if (shown.isEqualNode(said)) return;
    if (shown.nodeName !== said.nodeName) {
      shown.replaceWith(said.cloneNode(true));
    } else if (shown.nodeType === Node.TEXT_NODE) {
      shown.data = said.data;
    } else {
      for (const { name } of [...shown.attributes]) if (!said.hasAttribute(name)) shown.removeAttribute(name);
      for (const { name, value } of said.attributes) if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
      if (shown.childNodes.length !== said.childNodes.length) shown.replaceChildren(...said.cloneNode(true).childNodes);
      else [...shown.childNodes].forEach((child, number) => update(child, said.childNodes[number]));
    }
  }

  function show(answer) {
    for (const [part, html] of Object.entries(answer.html)) {
      const shown = document.getElementById(`replication-${part}`);
      if (!shown) continue;
      const said = shown.cloneNode(false);
      said.append(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
      update(shown, said);
    }
    // The same look once more: the servers are still being asked.
    if (answer.at !== seen) charts.add(answer);
    seen = answer.at;
    tell(answer.slow);
  }

  function tell(text) {
    if (contact.textContent !== text) contact.textContent = text;
  }

  function clock(moment) {
    return `${moment.toISOString().slice(11, 19)} UTC`;
  }

  async function ask() {
    const response = await fetch(root.dataset.replicationUrl, {
      headers: { Accept: "application/json" }, cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(PATIENCE),
    });
    if (response.type === "opaqueredirect" || response.status === 403) {
      tell("You are no longer logged in. Reload this page to log in again.");
      return;
    }
    if (!response.ok) throw new Error(`status ${response.status}`);
    show(await response.json());
    lost = null;
  }

  async function poll() {
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    const asked = new Date();
    try {
      await ask();
    } catch {
      lost ??= asked;
      charts.add(null);
      tell(`No answer since ${clock(lost)}. What is shown is from before; this page goes on asking.`);
    } finally {
      asking = false;
      timer = setTimeout(poll, document.hidden ? HIDDEN_EVERY : EVERY);
    }
  }

  document.addEventListener("visibilitychange", () => document.hidden || poll());
  addEventListener("resize", () => charts.draw());
  poll();
})();
