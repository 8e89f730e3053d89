"use strict";

/** The drawing of the best network: scrolled as any content, enlarged with buttons or the keys +, - and 0. */
class NetworkDrawing {
  constructor(parent) {
    this.zoom = 1;
    this.title = element("p", { class: "note" });
    this.image = element("img", {});
    const button = (text, label, change) =>
      element("button", { type: "button", "aria-label": label, onclick: change }, text);
    const controls = [
      button("+", "enlarge", () => this.scale(1.4)),
      button("−", "reduce", () => this.scale(1 / 1.4)),
      button("Fit", "fit the width", () => this.fit()),
    ];
    const keys = (event) => {
      const action = { "+": () => this.scale(1.4), "-": () => this.scale(1 / 1.4), 0: () => this.fit() }[event.key];
      if (action) {
        action();
        event.preventDefault();
      }
    };
    this.frame = element(
      "div",
      { class: "network-frame", tabindex: "0", "aria-label": "drawing of the network", onkeydown: keys },
      this.image,
    );
    this.image.addEventListener("load", () => this.fit());
    this.controls = element("div", { class: "controls" }, ...controls);
    parent.append(this.title, this.controls, this.frame);
  }

  update(content) {
    const isDrawn = content.image !== undefined;
    this.frame.hidden = this.controls.hidden = !isDrawn;
    this.title.replaceChildren(...prose(isDrawn ? `Network of trial ${content.trial}, the best.` : content.message));
    if (isDrawn && this.image.src !== content.image) {
      this.image.alt = this.title.textContent;
      this.image.src = content.image;
    }
  }

  fit() {
    const width = this.frame.clientWidth || 600;
    this.zoom = Math.min(1, width / (this.image.naturalWidth || width));
    this.scale(1);
  }

  scale(factor) {
    const { frame } = this;
    const middle = (frame.scrollLeft + frame.clientWidth / 2) / (this.image.width || 1);
    this.zoom = Math.min(Math.max(this.zoom * factor, 0.1), 12);
    this.image.style.width = `${Math.round(this.zoom * (this.image.naturalWidth || 600))}px`;
    frame.scrollLeft = middle * this.image.width - frame.clientWidth / 2;
  }
}
