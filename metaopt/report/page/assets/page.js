"use strict";

/** The page of one study: shows a document, and the next one where the study is followed live. */
class Page {
  constructor() {
    this.content = document.getElementById("content");
    this.summary = this.section("summary", "Summary");
    this.sections = new Map();
    this.failures = this.section("failures", "Failures");
    this.network = this.section("network", "Best network");
    this.images = this.section("images", "Training images");
    this.images.hidden = true; // a study that is followed live has no picture of them
    this.trials = this.section("trials", "Trials");
    this.table = new TrialTable(this.trials, (trial) => this.details.show(trial));
    this.details = new TrialDetails(this.table);
    this.figures = new Figures((trial) => this.details.show(trial));
    this.drawing = new NetworkDrawing(this.network);
  }

  section(name, title) {
    const section = element(
      "section",
      { id: name, "aria-labelledby": `${name}-title` },
      element("h2", { id: `${name}-title` }, title),
    );
    this.content.append(section);
    return section;
  }

  /** Show a whole document, as `report` writes it. */
  show(page) {
    this.update({ ...page, head: page });
  }

  /** Show the parts that changed; `sections` are all of them. */
  update({ head, failures, network, contact_sheet, table, sections }) {
    if (head) {
      document.title = `${head.title} · metaopt`;
      document.getElementById("title").textContent = head.title;
      document.getElementById("caption").textContent = head.caption;
      document.getElementById("written").textContent = `Written by ${head.written}.`;
      this.showSummary(head);
    }
    if (failures) {
      this.showFailures(failures);
    }
    if (network) {
      this.drawing.update(network);
    }
    if (contact_sheet) {
      this.showImages(contact_sheet);
    }
    if (table) {
      this.table.update(table);
    }
    this.showSections(sections);
    this.showContents();
  }

  showSummary(page) {
    const tiles = page.tiles.map(({ label, value, detail, trial }) => {
      const open = () => this.details.show(trial);
      const link = trial === null ? null : element("button", { type: "button", onclick: open }, `Trial ${trial}`);
      const parts = [element("dt", {}, label), element("dd", { class: "value" }, value), element("dd", {}, detail)];
      return element(
        "div",
        { class: "tile" },
        ...parts,
        link && label.startsWith("Best ") ? element("dd", {}, link) : null,
      );
    });
    const message = page.message ? element("p", { class: "problem" }, page.message) : null;
    const parts = [
      message,
      element("dl", { class: "tiles" }, ...tiles),
      ...page.sentences.map((text) => element("p", {}, ...prose(text))),
    ];
    this.summary.replaceChildren(this.summary.firstChild, ...parts.filter(Boolean));
  }

  showSections(sections) {
    const panels = new Set(sections.flatMap((section) => section.panels.map((panel) => panel.name)));
    this.figures.keep(panels);
    let before = this.summary;
    for (const { name, title, note, panels: contents } of sections) {
      let section = this.sections.get(name);
      if (section === undefined) {
        const root = this.section(name, title);
        section = { root, note: element("p", { class: "note" }), grid: element("div", { class: "panels" }) };
        root.append(section.note, section.grid);
        this.sections.set(name, section);
      }
      if (before.nextElementSibling !== section.root) {
        before.after(section.root);
      }
      before = section.root;
      section.root.firstChild.textContent = title;
      section.note.textContent = note;
      contents.forEach((content, index) => {
        const root = this.figures.place(content);
        if (section.grid.children[index] !== root) {
          section.grid.insertBefore(root, section.grid.children[index] || null);
        }
      });
    }
    const names = new Set(sections.map((section) => section.name));
    this.sections.forEach((section, name) => (section.root.hidden = !names.has(name)));
  }

  showFailures(groups) {
    this.failures.hidden = groups.length === 0;
    const entries = groups.map((group) => {
      const many = group.trials.length > 1 ? `${group.trials.length} trials: ` : "trial ";
      const numbers = group.trials.slice(0, 20).join(", ") + (group.trials.length > 20 ? ", …" : "");
      const summary = element("summary", {}, `${group.cause || "failed"} (${many}${numbers}): ${group.error}`);
      return element(
        "details",
        { class: "failure" },
        summary,
        element("pre", {}, group.traceback || "It has no traceback."),
      );
    });
    const open = [...this.failures.querySelectorAll("details")].map((entry) => entry.open);
    entries.forEach((entry, index) => (entry.open = Boolean(open[index])));
    this.failures.replaceChildren(this.failures.firstChild, ...entries);
  }

  showImages({ image }) {
    const alt = "Training images and their augmented variants";
    const note = "Each row is a training image and variants of it, as the network of the best trial saw them.";
    this.images.hidden = false;
    this.images.replaceChildren(
      this.images.firstChild,
      element("p", { class: "note" }, note),
      element("img", { class: "contact-sheet", src: image, alt }),
    );
  }

  showContents() {
    const links = [...this.content.querySelectorAll("section")].filter((section) => !section.hidden);
    const entries = links.map((section) =>
      element("a", { href: `#${section.id}` }, section.firstChild.textContent.replace(/ after .*/, "")),
    );
    document.getElementById("contents").replaceChildren(...entries);
  }
}

theme.start();
const page = new Page();
const written = document.getElementById("document");
if (written !== null) {
  page.show(JSON.parse(written.textContent));
}
