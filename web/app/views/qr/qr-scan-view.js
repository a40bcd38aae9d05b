/**
 * Scanning of a link by the camera, into the field of the dialog that adds a person. It fills the field, and nothing more.
 * @module
 */

import { wordsOfMedia } from '../../error-messages.js';
import { parseLink } from '../../links.js';
import { canScan, scan } from '../../qr/qr-scanner.js';
import { t } from '../../texts/translation.js';
import { button, byId, dialog, element, onClick, setShown, setText } from '../dom.js';

/**
 * @param {(text: string) => void} onFound
 * @returns {() => void} show the button where this browser can scan
 */
export function qrScanView(onFound) {
  let scanning = new AbortController();
  const video = byId('scan-video', HTMLVideoElement);
  const stop = () => scanning.abort();
  onClick('scan-stop', stop);
  dialog('add-dialog').addEventListener('close', stop);
  addEventListener('pagehide', stop);
  document.addEventListener('visibilitychange', () => document.hidden && stop());

  onClick('scan', async () => {
    stop();
    scanning = new AbortController();
    show(true);
    setText(element('scan-status'), t('qr.scanText'));
    const found = await scan(video, isLink, scanning.signal).catch((error) => tell(error));
    show(false);
    if (!found) return;
    setText(element('scan-status'), t('qr.found'));
    onFound(found);
  });

  return () => {
    setText(element('scan-status'), '');
    setShown(button('scan'), false);
    void canScan().then((can) => setShown(button('scan'), can));
  };
}

/** @param {boolean} isScanning */
function show(isScanning) {
  setShown(element('scan-area'), isScanning);
  setShown(button('scan'), !isScanning);
  (isScanning ? button('scan-stop') : button('scan')).focus();
  if (!isScanning) setText(element('scan-status'), '');
}

/**
 * Tell whether a QR code holds an address; say so if not, and go on looking.
 * @param {string} text
 */
function isLink(text) {
  try {
    parseLink(text);
    return true;
  } catch {
    setText(element('scan-status'), t('qr.noLink'));
    return false;
  }
}

/** @param {unknown} error */
function tell(error) {
  const { title, advice } = wordsOfMedia(error, 'camera');
  setText(element('address-fault'), `${title} ${advice}`);
  return null;
}
