// Keeps a page fresh while somebody looks at it.
//
// The server sends the content of the first page's <main>; other pages are asked for again and
// again. Each section that changed is exchanged by itself, so that what the reader has opened,
// focused or scrolled to stays. A hidden tab asks for nothing. When the server is lost, the page
// says so, and how old it is. Without this script the page is whole.
"use strict";
(() => {
  const AGAIN_MS = 5000;
  const main = document.getElementById("main");
  const note = document.getElementById("live");
  let stream = null;
  let retry = 0;

  const sayOn = () => {
    note.className = "on";
    note.textContent = note.dataset.on;
  };

  const sayOff = () => {
    note.className = "off";
    note.textContent = `${note.dataset.off} ${document.getElementById("as-of").textContent}`;
  };

  // What can hold the focus, in order: its place survives the exchange, the element does not.
  const focusable = (section) => [...section.querySelectorAll("a, button, summary")];

  const renew = (old, fresh) => {
    const open = [...old.querySelectorAll("details[open]")].map((details) => details.id);
    for (const details of fresh.querySelectorAll("details")) {
      details.open = open.includes(details.id);
    }
    old.className = fresh.className;
    if (old.innerHTML === fresh.innerHTML) return;
    const place = focusable(old).indexOf(document.activeElement);
    old.replaceChildren(...fresh.childNodes);
    focusable(old)[place]?.focus({ preventScroll: true });
  };

  const show = (html) => {
    const page = document.createElement("template");
    page.innerHTML = html;
    const [left, top] = [scrollX, scrollY];
    for (const fresh of [...page.content.children]) {
      const old = document.getElementById(fresh.id);
      if (old) renew(old, fresh);
      else main.append(fresh);
    }
    scrollTo({ left, top, behavior: "instant" });
  };

  const stop = () => {
    clearTimeout(retry);
    stream?.close();
    stream = null;
  };

  const poll = async () => {
    try {
      const answer = await fetch(location.href, { signal: AbortSignal.timeout(AGAIN_MS) });
      if (!answer.ok) throw new Error(answer.statusText);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      show(page.getElementById("main").innerHTML);
      sayOn();
    } catch {
      sayOff();
    }
    if (!document.hidden) retry = setTimeout(poll, AGAIN_MS);
  };

  const start = () => {
    stop();
    if ("poll" in note.dataset) {
      poll();
      return;
    }
    stream = new EventSource("/events");
    stream.addEventListener("overview", (event) => {
      show(event.data);
      sayOn();
    });
    stream.onerror = () => {
      sayOff();
      // The browser tries again by itself, unless the server refused.
      if (stream?.readyState === EventSource.CLOSED) retry = setTimeout(start, AGAIN_MS);
    };
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", (event) => event.persisted && start());
  if (!document.hidden) start();
})();
