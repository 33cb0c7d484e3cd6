"use strict";
(() => {
  const picture = document.querySelector(".network");
  const about = document.getElementById("about");
  const connections = [...picture.querySelectorAll(".connection")];
  const nodes = new Map(
    [...picture.querySelectorAll(".node")].map((node) => [node.dataset.node, node]),
  );
  let pinned = null; // number of the node that stays selected, as a string

  function look(number) {
    const chosen = number ?? pinned;
    picture.classList.toggle("looking", chosen !== null);
    picture.classList.toggle("pinned", pinned !== null && chosen === pinned);
    for (const node of nodes.values()) node.classList.remove("selected", "read", "reader");
    for (const connection of connections) {
      const { source, target } = connection.dataset;
      const incoming = target === chosen;
      const outgoing = source === chosen;
      connection.classList.toggle("incoming", incoming);
      connection.classList.toggle("outgoing", outgoing);
      if (incoming) nodes.get(source).classList.add("read");
      if (outgoing) nodes.get(target).classList.add("reader");
    }
    nodes.get(chosen)?.classList.add("selected");
    const shown = chosen === null ? "about-network" : `about-${chosen}`;
    for (const article of about.children) article.hidden = article.id !== shown;
  }

  function pin(number) {
    pinned = number;
    for (const [key, node] of nodes) node.setAttribute("aria-pressed", String(key === pinned));
    const address = location.href.split("#")[0];
    try {
      const fragment = pinned === null ? "" : `#${nodes.get(pinned).id}`;
      history.replaceState(null, "", address + fragment);
    } catch {
      // a page shown inside another one may have no address of its own
    }
    look(null);
  }

  function pinFromAddress() {
    const node = document.getElementById(location.hash.slice(1));
    pin(node?.dataset.node ?? null);
  }

  for (const [number, node] of nodes) {
    const title = node.querySelector("title");
    node.setAttribute("aria-label", title.textContent);
    title.remove(); // the panel says the same, at once
    node.setAttribute("tabindex", "0");
    node.setAttribute("role", "button");
    node.addEventListener("pointerenter", () => pinned === null && look(number));
    node.addEventListener("pointerleave", () => pinned === null && look(null));
    node.addEventListener("focus", () => look(number));
    node.addEventListener("blur", () => look(null));
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      pin(pinned === number ? null : number);
    });
  }

  picture.addEventListener("click", (event) => {
    const number = event.target.closest(".node")?.dataset.node ?? null;
    pin(number === pinned ? null : number);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && pin(null));
  about.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (link === null) return;
    event.preventDefault();
    pin(link.dataset.node);
    nodes.get(pinned).focus({ preventScroll: true });
  });
  window.addEventListener("hashchange", pinFromAddress);
  pinFromAddress();
})();
