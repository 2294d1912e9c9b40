// Follows the fleet: swaps the content for each fresh fragment, keeping what the reader opened.
// The page is complete without it.
(() => {
  const content = document.getElementById("content");
  const state = document.querySelector(".live-state");
  let source = null;
  let seen = new Date();

  const show = (on) => {
    if (!state) return;
    state.className = on ? "live-state on" : "live-state off";
    state.textContent = on
      ? state.dataset.on
      : state.dataset.off + " " + seen.toLocaleTimeString();
  };

  const swap = (html) => {
    const open = [...content.querySelectorAll("details")].map((details) => details.open);
    const focused = document.activeElement && document.activeElement.getAttribute("href");
    content.innerHTML = html;
    content.querySelectorAll("details").forEach((details, index) => {
      details.open = open[index] || false;
    });
    if (focused) {
      const again = [...content.querySelectorAll("a")].find(
        (link) => link.getAttribute("href") === focused,
      );
      if (again) again.focus({ preventScroll: true });
    }
  };

  const start = () => {
    if (source) return;
    source = new EventSource("/events");
    source.onopen = () => show(true);
    source.onerror = () => show(false);
    source.addEventListener("overview", (event) => {
      seen = new Date();
      show(true);
      swap(event.data);
    });
  };

  const stop = () => {
    if (source) source.close();
    source = null;
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  window.addEventListener("pagehide", stop);
  start();
})();
