"use strict";

/** The table of all trials: sorted, filtered, a page of rows at a time. */
class TrialTable {
  static pageSize = 50;

  constructor(parent, onTrial) {
    this.onTrial = onTrial;
    this.rows = new Map();
    this.statuses = new Set();
    this.names = new Set(); // of hyperparameters
    this.columns = [];
    this.sorting = { name: "trial", isDescending: false };
    this.page = 0;
    const changed = () => {
      this.page = 0;
      this.draw();
    };
    this.filter = element("input", {
      type: "search",
      id: "filter",
      placeholder: "e.g. adam learning_rate<0.01",
      oninput: changed,
    });
    this.status = element("select", { id: "status-filter", onchange: changed });
    this.extra = element("select", { id: "extra", onchange: changed });
    this.count = element("span", { role: "status", id: "count" });
    this.head = element("thead");
    this.body = element("tbody");
    this.previous = element("button", { type: "button", onclick: () => this.turn(-1) }, "Previous");
    this.next = element("button", { type: "button", onclick: () => this.turn(1) }, "Next");
    const label = (control, text) => element("label", {}, `${text} `, control);
    parent.append(
      element(
        "div",
        { class: "controls" },
        label(this.filter, "Filter"),
        label(this.status, "Status"),
        label(this.extra, "Column"),
      ),
      element(
        "p",
        { class: "note" },
        "Words must all occur in a row; name<number, name>=number and name=value compare.",
      ),
      element("div", { class: "table-frame" }, element("table", { class: "trials" }, this.head, this.body)),
      element("div", { class: "controls" }, this.previous, this.next, this.count),
    );
  }

  /** Take in columns and new or changed rows. */
  update(content) {
    this.columns = content.columns;
    this.command = content.command;
    this.records = content.records;
    if (content.rows.length === 0 && this.isDrawn) {
      return; // the marks of new rows stay, and the focus
    }
    this.isDrawn = true;
    const isFirst = this.rows.size === 0;
    for (const row of content.rows) {
      row.point = row.point.map(([index, value]) => [content.names[index], value]);
      row.isNew = !isFirst;
      this.rows.set(row.trial, row);
      this.statuses.add(row.status);
    }
    content.names.forEach((name) => this.names.add(name));
    TrialTable.options(this.status, "all", this.statuses);
    TrialTable.options(this.extra, "none", this.names);
    this.draw();
  }

  row(trial) {
    return this.rows.get(trial);
  }

  draw() {
    const extra = this.extra.value ? [{ name: this.extra.value, label: this.extra.value, kind: "point" }] : [];
    const columns = [...this.columns, ...extra];
    const found = this.found(columns);
    const first = this.page * TrialTable.pageSize;
    const shown = found.slice(first, first + TrialTable.pageSize);
    this.head.replaceChildren(
      element(
        "tr",
        {},
        ...columns.map((column) => this.header(column)),
        element("th", { class: "active" }, "active hyperparameters"),
      ),
    );
    this.body.replaceChildren(...shown.map((row) => this.line(row, columns)));
    this.count.textContent = found.length
      ? `${first + 1} to ${first + shown.length} of ${found.length} trials` +
        (found.length < this.rows.size ? `, ${this.rows.size} in all` : "")
      : `none of ${this.rows.size} trials`;
    this.previous.disabled = this.page === 0;
    this.next.disabled = first + shown.length >= found.length;
  }

  turn(step) {
    this.page += step;
    this.draw();
  }

  header({ name, label, kind }) {
    const isSorted = this.sorting.name === name;
    const direction = isSorted ? (this.sorting.isDescending ? "descending" : "ascending") : "none";
    const arrow = isSorted ? (this.sorting.isDescending ? " ↓" : " ↑") : "";
    const sort = () => {
      this.sorting = { name, isDescending: isSorted && !this.sorting.isDescending };
      this.page = 0;
      this.draw();
      this.head.querySelector(`[data-column="${CSS.escape(name)}"] button`).focus();
    };
    const button = element("button", { type: "button", onclick: sort }, label + arrow);
    const style = kind === "text" || kind === "point" ? "" : "number";
    return element("th", { scope: "col", class: style, "aria-sort": direction, "data-column": name }, button);
  }

  line(row, columns) {
    const cells = columns.map(({ name, kind }) => {
      if (name === "trial") {
        const open = () => this.onTrial(row.trial);
        return element(
          "td",
          { class: "number" },
          element("button", { type: "button", onclick: open }, String(row.trial)),
        );
      }
      const value = TrialTable.value(row, name, kind);
      return element(
        "td",
        { class: typeof value === "number" ? "number" : "" },
        value === null && kind !== "point" ? "" : formatted(value, kind),
      );
    });
    const line = element(
      "tr",
      { class: row.isNew ? "new" : "", "data-trial": row.trial },
      ...cells,
      element("td", { class: "active" }, TrialTable.text(row)),
    );
    row.isNew = false;
    return line;
  }

  /** Return the rows that match the filters, sorted; rows without a value come last. */
  found(columns) {
    const terms = this.filter.value
      .toLowerCase()
      .split(/\s+/)
      .filter(Boolean)
      .map((term) => this.condition(term));
    const status = this.status.value;
    const rows = [...this.rows.values()].filter(
      (row) => (!status || row.status === status) && terms.every((isMet) => isMet(row)),
    );
    const { name, isDescending } = this.sorting;
    const kind = (columns.find((column) => column.name === name) || {}).kind;
    const key = (row) => TrialTable.value(row, name, kind);
    return rows.sort((a, b) => TrialTable.compare(key(a), key(b), isDescending) || a.trial - b.trial);
  }

  /** Return the condition of one word of the filter. */
  condition(term) {
    const parts = term.match(/^([^<>=]+)(<=|>=|<|>|=)(.+)$/);
    if (!parts) {
      return (row) => TrialTable.searched(row).includes(term);
    }
    const [, name, operator, text] = parts;
    const column = this.columns.find((one) => [one.name, one.label].includes(name));
    const bound = Number(text.replaceAll(",", ""));
    return (row) => {
      const values = column
        ? [row[column.name]]
        : row.point
            .filter(([key]) => key.toLowerCase() === name || key.toLowerCase().endsWith(`.${name}`))
            .map(([, value]) => value);
      return values.some((value) => {
        if (operator === "=") {
          return formatted(value).toLowerCase() === text || (typeof value === "number" && value === bound);
        }
        if (typeof value !== "number" || Number.isNaN(bound)) {
          return false;
        }
        return { "<": value < bound, ">": value > bound, "<=": value <= bound, ">=": value >= bound }[operator];
      });
    };
  }

  /** Return the active hyperparameters of a row as one text. */
  static text(row) {
    return row.point.map(([name, value]) => `${name}=${formatted(value)}`).join(", ");
  }

  /** Return the text in which words are searched; made when it is needed, as it takes time for 10,000 rows. */
  static searched(row) {
    row.searched ??= `${row.trial} ${row.status} ${TrialTable.text(row)} ${row.error || ""}`.toLowerCase();
    return row.searched;
  }

  static value(row, name, kind) {
    return kind === "point" ? (row.point.find(([key]) => key === name) || [])[1] : row[name];
  }

  static compare(a, b, isDescending) {
    const isMissing = (value) => value === null || value === undefined;
    if (isMissing(a) || isMissing(b)) {
      return Number(isMissing(a)) - Number(isMissing(b));
    }
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return isDescending ? -order : order;
  }

  /** Give a list the options that there are, and keep what is chosen. */
  static options(select, all, names) {
    if (select.options.length === names.size + 1) {
      return;
    }
    const chosen = select.value;
    select.replaceChildren(
      element("option", { value: "" }, all),
      ...[...names].map((name) => element("option", { value: name }, name)),
    );
    select.value = chosen;
  }
}
