/**
 * DOM helpers: creation and update of elements; text is never parsed as HTML.
 * @module
 */

import { timeOf } from '../format.js';

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | EventListener>} Props */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Make an element. A property that is a function listens: `{ onclick: save }`; one that is true is an empty attribute.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function create(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name.replace(/^on/, ''), value);
    else setAttribute(element, name, value);
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/**
 * @param {string} name of a symbol in the page
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  svg.append(use);
  return svg;
}

/** @param {Date} at */
export function timeElement(at) {
  return create('time', { datetime: at.toISOString() }, timeOf(at));
}

/**
 * Return the element of the page with this id.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return element;
}

/** @param {string} id */
export const element = (id) => byId(id, HTMLElement);
/** @param {string} id */
export const button = (id) => byId(id, HTMLButtonElement);
/** @param {string} id */
export const input = (id) => byId(id, HTMLInputElement);
/** @param {string} id */
export const dialog = (id) => byId(id, HTMLDialogElement);

/** @returns {boolean} whether the focus is in a field: no other element may take it away */
export function isTyping() {
  return document.activeElement instanceof HTMLInputElement || document.activeElement instanceof HTMLTextAreaElement;
}

/**
 * Call *run* at each click.
 * @param {string} id
 * @param {() => unknown} run
 */
export function onClick(id, run) {
  button(id).addEventListener('click', () => void run());
}

/**
 * Set a text, only when it changes: a live region speaks at each change.
 * @param {Element} target
 * @param {string} text
 */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Set an attribute, only when it changes.
 * @param {Element} target
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value false and nothing take it away
 */
export function setAttribute(target, name, value) {
  if (value === false || value === null || value === undefined) target.removeAttribute(name);
  else {
    const text = value === true ? '' : String(value);
    if (target.getAttribute(name) !== text) target.setAttribute(name, text);
  }
}

/**
 * @param {HTMLElement} target
 * @param {boolean} shown
 */
export function setShown(target, shown) {
  if (target.hidden === shown) target.hidden = !shown;
}
