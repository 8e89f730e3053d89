"use strict";

/** Keeps the page of a study up to date: the server tells that it changed, and the page asks for what changed. */
class Live {
  constructor(shown) {
    this.page = shown;
    this.status = document.getElementById("status");
    this.version = 0;
    this.generation = 0;
    this.isAsking = false;
    this.isOutdated = false;
    this.sections = new Map();
    this.status.textContent = "Reading the study …";
    this.events = new EventSource("events");
    this.events.onmessage = (event) => {
      if (Number(event.data) !== this.version) {
        this.ask();
      }
    };
    this.events.onerror = () => {
      this.status.textContent = "The server does not answer. The page shows the last state.";
    };
  }

  /** Ask for the changes; what changes meanwhile is asked for afterwards. */
  async ask() {
    this.isOutdated = true;
    if (this.isAsking) {
      return;
    }
    this.isAsking = true;
    try {
      while (this.isOutdated) {
        this.isOutdated = false;
        const answer = await fetch(`changes?since=${this.version}&generation=${this.generation}`);
        this.take(await answer.json());
      }
    } finally {
      this.isAsking = false;
    }
  }

  take(changes) {
    if (this.version > 0 && changes.generation !== this.generation) {
      location.reload(); // another study is in the folder
      return;
    }
    this.version = changes.version;
    this.generation = changes.generation;
    this.status.textContent = changes.error || "";
    this.status.className = changes.error ? "problem" : "";
    if (!changes.order) {
      return;
    }
    changes.sections.forEach((section) => this.sections.set(section.name, section));
    const sections = changes.order.map((name) => this.sections.get(name)).filter(Boolean);
    this.page.update({ ...changes, sections });
  }
}

page.live = new Live(page);
