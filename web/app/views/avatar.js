/**
 * Avatar: a letter or two on a colour that belongs to the address.
 * @module
 */

import { create, setText } from './dom.js';

/**
 * @param {string} address
 * @param {string} name
 * @returns {HTMLElement}
 */
export function avatar(address, name) {
  const sign = create('span', { class: 'avatar', 'aria-hidden': 'true' });
  drawAvatar(sign, address, name);
  return sign;
}

/**
 * @param {HTMLElement} sign
 * @param {string} address
 * @param {string} name empty: the address gives the letters
 */
export function drawAvatar(sign, address, name) {
  setText(sign, monogram(name) || address.slice(0, 2));
  const hue = String(hueOf(address));
  if (sign.style.getPropertyValue('--hue') !== hue) sign.style.setProperty('--hue', hue);
}

/** @param {string} name */
function monogram(name) {
  const words = name.split(/\s+/).filter(Boolean);
  const first = words[0] ?? '';
  const last = words.length > 1 ? (words.at(-1) ?? '') : '';
  return (firstLetter(first) + firstLetter(last)).toLocaleUpperCase();
}

/** @param {string} word */
function firstLetter(word) {
  const [letter] = new Intl.Segmenter().segment(word);
  return letter?.segment ?? '';
}

/**
 * Every bit of the address counts, so that two people rarely look alike.
 * @param {string} address
 */
function hueOf(address) {
  let hash = 0;
  for (const character of address) hash = (hash * 31 + character.charCodeAt(0)) % 360_007;
  return hash % 360;
}
