"use strict";

/** The overview of several studies: a table, and their best scores so far in one figure. */
class Overview {
  constructor() {
    this.content = document.getElementById("content");
    this.status = document.getElementById("status");
    this.table = element("tbody");
    const names = ["study", "trials", "best", "objective", "strategy", "data", "state"];
    const head = element("thead", {}, element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name))));
    const frame = element("div", { class: "table-frame" }, element("table", { id: "studies" }, head, this.table));
    this.sections = new Map();
    this.drawn = new Map(); // panel → its content as JSON
    this.content.append(frame);
    this.figures = new Figures(() => {});
    this.ask();
  }

  async ask() {
    try {
      const text = await (await fetch("overview")).text();
      if (text !== this.text) {
        this.text = text;
        this.show(JSON.parse(text));
      }
      this.status.textContent = "";
    } catch {
      this.status.textContent = "The server does not answer. The page shows the last state.";
    }
    setTimeout(() => this.ask(), 2000);
  }

  show(overview) {
    this.table.replaceChildren(...overview.studies.map((study) => Overview.row(study)));
    this.figures.keep(new Set(overview.sections.flatMap((section) => section.panels.map((panel) => panel.name))));
    for (const { name, title, panels } of overview.sections) {
      if (!this.sections.has(name)) {
        const grid = element("div", { class: "panels" });
        const root = element("section", {}, element("h2", {}, title), grid);
        this.content.append(root);
        this.sections.set(name, { root, grid });
      }
      const { root, grid } = this.sections.get(name);
      root.firstChild.textContent = title;
      panels.forEach((panel, index) => this.place(panel, grid, index));
    }
  }

  /** Place a panel, if it has changed. */
  place(panel, grid, index) {
    const text = JSON.stringify(panel);
    if (this.drawn.get(panel.name) !== text) {
      this.drawn.set(panel.name, text);
      const root = this.figures.place(panel);
      if (grid.children[index] !== root) {
        grid.append(root);
      }
    }
  }

  static row(study) {
    const link = element("a", { href: study.address }, study.name);
    if (study.error) {
      return element("tr", {}, element("td", {}, link), element("td", { class: "problem", colspan: "6" }, study.error));
    }
    const goal = study.goal !== null && study.goal >= study.trials ? ` of ${study.goal}` : "";
    const age = Math.round(study.age_s);
    const since = age < 100 ? `${age} s` : age < 6000 ? `${Math.round(age / 60)} min` : `${Math.round(age / 3600)} h`;
    const state = study.is_completed ? "completed" : `last change ${since} ago`;
    const best = study.score === null ? "none yet" : formatted(study.score);
    const cells = [`${study.trials}${goal}`, best, study.objective, study.strategy, study.subject, state];
    return element("tr", {}, element("td", {}, link), ...cells.map((text) => element("td", {}, text)));
  }
}

theme.start();
const overview = new Overview();
