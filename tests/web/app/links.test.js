/** Links of the app, which select a person, whatever else is in them. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { linkTo, linkToDevice, localhostUrl, nameInLink, parseLink, readDeviceLink, readLink } from '../../../web/app/links.js';
import { vectors, withCode } from '../vectors.js';

const ALICE = vectors('wire.json').keys.alice.public;
const ESCAPED = encodeURIComponent(ALICE);

test('a link that was made is read', () => {
  assert.equal(readLink(linkTo(ALICE, 'https://example.org/index.html?a=b#c')), ALICE);
});

test('a link has nothing but the page and the address', () => {
  assert.equal(linkTo(ALICE, 'https://example.org/index.html?a=b#c'), `https://example.org/#${ESCAPED}`);
});

for (const typed of [ALICE, ` ${ALICE}\n`, `https://example.org/#${ALICE}`, `/#${ESCAPED}`, `https://example.org/?x#${ESCAPED} `]) {
  test(`an address is found in ${JSON.stringify(typed)}`, () => {
    assert.equal(parseLink(typed), ALICE);
  });
}

for (const typed of ['', '#', 'https://example.org/', 'https://example.org/#%', `#answer=${ESCAPED}`]) {
  test(`there is no address in ${JSON.stringify(typed)}`, () => {
    assert.throws(() => parseLink(typed), withCode('invalid_address'));
  });
}

for (const rest of ['', '#', '#%', `#answer=${ESCAPED}`, `?answer=${ESCAPED}`, `?${ESCAPED}`, `#${ESCAPED}&answer`, `#dial=${ESCAPED}`]) {
  test(`a page that was opened at ${JSON.stringify(rest)} selects nobody`, () => {
    assert.equal(readLink(`https://example.org/${rest}`), null);
  });
}

test('the loopback address is known by its name, and nothing else is', () => {
  assert.equal(localhostUrl('http://127.0.0.1:8000/a/?b=c#d'), 'http://localhost:8000/a/?b=c#d');
  assert.equal(localhostUrl('http://[::1]:8000/'), 'http://localhost:8000/');
  for (const page of ['https://127.0.0.1:8000/', 'http://localhost:8000/', 'http://127.0.0.1.example.org/', 'http://192.0.2.7/']) assert.equal(localhostUrl(page), null);
});

test('a link may have the name that its person gives themselves', () => {
  const link = linkTo(ALICE, 'https://example.org/', 'Zoë ~ #1');

  assert.deepEqual([readLink(link), parseLink(link), nameInLink(link)], [ALICE, ALICE, 'Zoë ~ #1']);
  assert.equal(nameInLink(linkTo(ALICE, 'https://example.org/')), '');
});

test('a link to another device carries what is sealed, in the fragment, and selects nobody', () => {
  const link = linkToDevice('{"key":"a+/="}', 'https://example.org/index.html?a=b#c');

  assert.equal(link.split('#')[0], 'https://example.org/');
  assert.equal(readDeviceLink(link), '{"key":"a+/="}');
  assert.equal(readLink(link), null);
});

for (const rest of ['', `#${ESCAPED}`, '?device=x', '#restore=x']) {
  test(`a page that was opened at ${JSON.stringify(rest)} brings no device`, () => {
    assert.equal(readDeviceLink(`https://example.org/${rest}`), null);
  });
}
