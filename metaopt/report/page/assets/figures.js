"use strict";

/** Panels with figures. A figure is drawn when it comes into view, as a page may have seventy of them. */
class Figures {
  constructor(onTrial) {
    this.onTrial = onTrial;
    this.panels = new Map();
    this.observer = new IntersectionObserver((entries) => entries.forEach((entry) => this.seen(entry)), {
      rootMargin: "400px",
    });
    theme.listeners.push(() => this.panels.forEach((panel) => this.redraw(panel)));
  }

  /** Return the element of a panel, new or updated. */
  place(content) {
    let panel = this.panels.get(content.name);
    if (panel === undefined) {
      panel = { isVisible: false, isDrawn: false };
      panel.title = element("h3");
      panel.plot = element("div", { class: "plot", role: "img" });
      panel.message = element("p", { class: "message" });
      panel.note = element("p", { class: "note" });
      const frame = element("div", { class: "plot-frame" }, panel.plot);
      panel.root = element("figure", { "data-name": content.name }, panel.title, frame, panel.message, panel.note);
      this.panels.set(content.name, panel);
      this.observer.observe(panel.root);
    }
    if (panel.content === content) {
      return panel.root; // it has not changed
    }
    panel.content = content;
    panel.root.className = `panel ${content.width}`;
    panel.title.textContent = content.title;
    panel.note.textContent = content.note;
    panel.message.textContent = content.message;
    panel.plot.hidden = content.figure === null;
    panel.plot.style.height = `${content.height}px`;
    panel.plot.setAttribute("aria-label", `${content.title}. ${content.note}`);
    panel.figure = content.figure;
    panel.width = content.width;
    this.redraw(panel);
    return panel.root;
  }

  seen(entry) {
    const panel = this.panels.get(entry.target.dataset.name);
    if (panel === undefined) {
      return; // it was removed meanwhile
    }
    panel.isVisible = entry.isIntersecting;
    if (panel.isVisible && !panel.isDrawn) {
      setTimeout(() => this.redraw(panel)); // one after the other, so that the page answers in between
    } else if (!panel.isVisible && panel.isDrawn && Figures.usesGpu(panel.figure)) {
      Plotly.purge(panel.plot); // a browser has few WebGL contexts
      panel.isDrawn = false;
    }
  }

  redraw(panel) {
    if (!panel.isVisible || panel.figure === null) {
      panel.isDrawn = panel.isDrawn && panel.figure === null;
      return;
    }
    const isNew = !panel.isDrawn;
    const layout = theme.layout(panel.figure.layout);
    if (matchMedia("(pointer: coarse)").matches) {
      layout.dragmode = false; // a finger scrolls the page
    }
    const removed = ["select2d", "lasso2d", "autoScale2d"];
    const hasButtons = panel.width !== "small" && !panel.figure.data.some((trace) => trace.type === "bar");
    const config = {
      responsive: true,
      displaylogo: false,
      modeBarButtonsToRemove: removed,
      displayModeBar: hasButtons && undefined,
    };
    Plotly.react(panel.plot, theme.coloured(panel.figure.data), layout, config);
    panel.isDrawn = true;
    if (isNew && !panel.plot.dataset.listens) {
      panel.plot.dataset.listens = "true";
      panel.plot.on("plotly_click", (event) => {
        const trial = event.points[0].customdata;
        if (typeof trial === "number") {
          this.onTrial(trial);
        }
      });
    }
  }

  /** Remove the panels that a new document does not have. */
  keep(names) {
    for (const [name, panel] of this.panels) {
      if (!names.has(name)) {
        this.observer.unobserve(panel.root);
        if (panel.isDrawn) {
          Plotly.purge(panel.plot);
        }
        panel.root.remove();
        this.panels.delete(name);
      }
    }
  }

  static usesGpu(figure) {
    return figure !== null && figure.data.some((trace) => ["scattergl", "parcoords"].includes(trace.type));
  }
}
