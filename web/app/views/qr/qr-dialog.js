/**
 * Dialog with the QR code of my link.
 * @module
 */

import { linkTo } from '../../links.js';
import { encodeQr } from '../../qr/qr-encoder.js';
import { shareLink } from '../../share-address.js';
import { recall } from '../../storage/web-storage.js';
import { t } from '../../texts/translation.js';
import { dialog, element, onClick } from '../dom.js';

const SVG = 'http://www.w3.org/2000/svg';
/** Light modules around the symbol, without which readers do not find it (ISO/IEC 18004, 6.3.8). */
const QUIET_ZONE = 4;

/** @param {import('../../state.js').App} app */
export function qrDialog(app) {
  const mine = () => app.state.identity?.address ?? '';
  onClick('qr-close', () => dialog('qr-dialog').close());
  onClick('qr-share', () => shareLink(app, mine()));
  for (const id of ['show-qr', 'empty-qr', 'settings-qr']) {
    onClick(id, () => {
      element('qr-code').replaceChildren(drawSymbol(linkTo(mine(), undefined, recall('whisper.name') ?? '')));
      dialog('qr-dialog').showModal();
    });
  }
}

/**
 * Draw a QR code, dark on light whatever the page looks like.
 * @param {string} text
 * @returns {SVGSVGElement}
 */
function drawSymbol(text) {
  const symbol = encodeQr(text);
  const size = symbol.size + 2 * QUIET_ZONE;
  const svg = createSvg('svg', { viewBox: `0 0 ${size} ${size}`, 'shape-rendering': 'crispEdges', role: 'img', 'aria-label': t('qr.title') });
  const lines = Array.from({ length: symbol.size }, (_, y) => lineOf(symbol, y));
  svg.append(createSvg('rect', { width: size, height: size, fill: '#fff' }), createSvg('path', { d: lines.join(''), fill: '#000' }));
  return svg;
}

/**
 * @param {import('../../qr/symbol.js').QrSymbol} symbol
 * @param {number} y
 * @returns {string} a path of the row's dark modules
 */
function lineOf(symbol, y) {
  const columns = Array.from({ length: symbol.size }, (_, x) => x).filter((x) => symbol.isDark(x, y));
  return columns.map((x) => ['M', x + QUIET_ZONE, ',', y + QUIET_ZONE, 'h1v1h-1z'].join('')).join('');
}

/**
 * @template {'svg' | 'rect' | 'path'} K
 * @param {K} tag
 * @param {Record<string, string | number>} attributes
 */
function createSvg(tag, attributes) {
  const shape = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, String(value));
  return /** @type {SVGElementTagNameMap[K]} */ (shape);
}
