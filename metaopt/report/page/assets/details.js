"use strict";

/** The dialog with everything about one trial. */
class TrialDetails {
  constructor(table) {
    this.table = table;
    this.dialog = document.getElementById("details");
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) {
        this.dialog.close(); // outside of its content
      }
    });
  }

  show(trial) {
    const row = this.table.row(trial);
    if (row === undefined) {
      return;
    }
    const close = element("button", { type: "button", onclick: () => this.dialog.close() }, "Close");
    const title = element("h2", { id: "details-title" }, `Trial ${trial}: ${row.status}`);
    this.dialog.replaceChildren(
      element(
        "div",
        {},
        element("div", { class: "dialog-head" }, title, close),
        this.facts(row),
        element("h3", {}, "Active hyperparameters"),
        TrialDetails.table(row.point.map(([name, value]) => [name || "point", formatted(value)])),
        ...this.record(row),
      ),
    );
    if (!this.dialog.open) {
      this.dialog.showModal();
    }
  }

  facts(row) {
    const columns = this.table.columns.filter(({ name }) => !["trial", "status"].includes(name));
    const facts = columns.map(({ name, label, kind }) => [label, formatted(row[name], kind)]);
    if (row.best_epoch) {
      facts.push(["best epoch", formatted(row.best_epoch)]);
    }
    if (row.violated && row.violated.length) {
      facts.push(["violated", row.violated.join(", ")]);
    }
    for (const [name, label] of [
      ["error", "error"],
      ["parent", "parent"],
      ["source", "imported from"],
    ]) {
      if (row[name] !== null && row[name] !== undefined) {
        facts.push([label, formatted(row[name])]);
      }
    }
    return TrialDetails.table(facts.filter(([, value]) => value !== "" && value !== "none"));
  }

  record(row) {
    if (!row.file) {
      return [];
    }
    const parts = [element("p", {}, element("a", { href: this.table.records + row.file }, `Record: ${row.file}`))];
    const command = this.table.command;
    if (command && row.status !== "failed") {
      const text = command.text.replace(command.placeholder, row.file);
      const copy = element("button", { type: "button" }, "Copy");
      copy.addEventListener("click", async () => {
        try {
          await navigator.clipboard.writeText(text);
          copy.textContent = "Copied";
        } catch {
          copy.textContent = "Select the text to copy it"; // the browser forbids it
        }
      });
      parts.push(element("h3", {}, "Retrain it"), element("pre", {}, text), copy);
    }
    return parts;
  }

  static table(rows) {
    const lines = rows.map(([name, value]) =>
      element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value)),
    );
    return element("table", {}, element("tbody", {}, ...lines));
  }
}
