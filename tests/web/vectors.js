/** The shared vectors, and what every test needs of them. */

import { readFileSync } from 'node:fs';

const VECTORS = new URL('../vectors/', import.meta.url);

/** Return the text of a vector file. */
export const textOf = (name) => readFileSync(new URL(name, VECTORS), 'utf8');
/** Return the vectors in a JSON file. */
export const vectors = (name) => JSON.parse(textOf(name));

export const fromHex = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));
export const base64 = (bytes) => Buffer.from(bytes).toString('base64');

/** Return an X25519 private key of its 32 bytes: PKCS #8 (RFC 8410, section 7) is what WebCrypto reads. */
export function x25519(raw) {
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), raw]);
  return crypto.subtle.importKey('pkcs8', pkcs8, 'X25519', false, ['deriveBits']);
}

/** Return a key that seals and opens. */
export function aes(raw) {
  return crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

/** Return what `assert.throws` and `assert.rejects` need for an error of ours: its code, or why it was dropped. */
export const withCode = (code) => ({ name: 'WhisperError', code });
export const droppedAs = (reason) => ({ name: 'Dropped', reason });
