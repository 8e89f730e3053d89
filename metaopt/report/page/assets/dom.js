"use strict";

/** Return a new element. Children that are texts are added as text, never as HTML. */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      node.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

/** Return the parts of a text, its commands between backticks as code. */
function prose(text) {
  return text.split(/`([^`]*)`/).map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

/** Return a number for people: `1,234,567` of a count, five digits of others; other values as text. */
function formatted(value, kind = "number") {
  if (value === null || value === undefined) {
    return value === null ? "none" : "";
  }
  if (typeof value !== "number") {
    return String(value);
  }
  if (kind === "count" || Number.isInteger(value)) {
    return kind === "number" && Math.abs(value) < 10000 ? String(value) : value.toLocaleString("en");
  }
  return String(Number(value.toPrecision(5)));
}
