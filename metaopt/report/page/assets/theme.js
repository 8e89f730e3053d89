"use strict";

/** Light or dark mode: that of the system until the reader chooses one. */
const theme = {
  /** Colours of figures in dark mode, by their colour in light mode. */
  dark: {
    "#222222": "#e8e8e8",
    "#0072B2": "#4fa8e0",
    "#D55E00": "#f0803c",
    "#767676": "#a0a0a0",
    "#56B4E9": "#8fd0f5",
    // The scale of panel.py, from the strongest to the weakest contrast.
    "#440154": "#fde725",
    "#472b7a": "#bcdf2a",
    "#3c4f8a": "#7cd14f",
    "#2e6f8e": "#46be6f",
    "#238c8c": "#28a883",
    "#29aa82": "#22908c",
    "#55c467": "#2a788e",
    "#9cd83b": "#355f8c",
  },
  /** Attributes of traces with data instead of colours. */
  dataKeys: new Set(["x", "y", "z", "text", "customdata", "values", "ticktext", "tickvals"]),
  listeners: [],
  known: null,

  get isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  },

  start() {
    const button = document.getElementById("theme");
    try {
      const stored = localStorage.getItem("metaopt-theme");
      if (stored === "dark" || stored === "light") {
        document.documentElement.dataset.theme = stored;
      }
    } catch {
      // A browser may forbid storage to files.
    }
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = this.isDark ? "light" : "dark";
      try {
        localStorage.setItem("metaopt-theme", document.documentElement.dataset.theme);
      } catch {
        // The choice holds for this page only.
      }
      this.changed();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.changed());
    this.changed();
  },

  changed() {
    this.known = null;
    document.getElementById("theme").textContent = this.isDark ? "Light mode" : "Dark mode";
    this.listeners.forEach((listener) => listener());
  },

  /** Return a part of a figure in the colours of the mode. */
  coloured(value) {
    if (typeof value === "string") {
      return (this.isDark && this.dark[value]) || value;
    }
    if (Array.isArray(value)) {
      return value.map((item) => this.coloured(item));
    }
    if (value === null || typeof value !== "object") {
      return value;
    }
    const parts = Object.entries(value);
    return Object.fromEntries(parts.map(([key, part]) => [key, this.dataKeys.has(key) ? part : this.coloured(part)]));
  },

  /** Return the colours of the style sheet in this mode, which plotly takes as rgb() only. */
  colours() {
    if (!this.known) {
      const probe = document.createElement("span");
      document.body.append(probe);
      const names = ["ink", "muted", "line", "card"];
      this.known = Object.fromEntries(
        names.map((name) => {
          probe.style.color = `var(--${name})`;
          return [name, getComputedStyle(probe).color];
        }),
      );
      probe.remove();
    }
    return this.known;
  },

  /** Return a layout with the colours of text, grid and background. */
  layout(layout) {
    const { ink, muted, line, card } = this.colours();
    const axis = { gridcolor: line, linecolor: muted, tickcolor: muted };
    const clear = "rgba(0,0,0,0)";
    const themed = this.coloured(layout);
    return {
      ...themed,
      xaxis: { ...axis, ...themed.xaxis },
      yaxis: { ...axis, ...themed.yaxis },
      font: { color: ink, size: 12, family: "system-ui, sans-serif" },
      hoverlabel: { bgcolor: card, bordercolor: line, font: { color: ink } },
      modebar: { bgcolor: clear, color: muted, activecolor: ink },
      paper_bgcolor: clear,
      plot_bgcolor: clear,
    };
  },
};
