/** The installed app opens with nothing that somebody else chose. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

const MANIFEST = JSON.parse(readFileSync(new URL('../../../web/manifest.webmanifest', import.meta.url), 'utf8'));

for (const member of ['share_target', 'protocol_handlers', 'file_handlers', 'launch_handler', 'shortcuts', 'note_taking']) {
  test(`there is no ${member}`, () => {
    assert.ok(!Object.hasOwn(MANIFEST, member));
  });
}

test('the app starts at its page, without a query or a fragment', () => {
  assert.equal(MANIFEST.start_url, './');
});
