/** Header extensions whose numbers two browsers use for different ones. */

import assert from 'node:assert/strict';
import test from 'node:test';

import { extensionsOf, withoutConflicts } from '../../../../client/rtc/header-extensions.js';

const AUDIO = 'm=audio 9 UDP/TLS/RTP/SAVPF 109';
const LEVEL = 'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level';
const CLIENTS = 'a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level';
const MID = 'a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid';
const ALLOWED = 'a=extmap-allow-mixed';
const sdpOf = (/** @type {string[]} */ ...lines) => [...lines, ''].join('\r\n');
const SDP = sdpOf('v=0', ALLOWED, AUDIO, LEVEL, CLIENTS, MID, 'a=mid:1');

test('an extension is known by its number', () => {
  assert.deepEqual(
    [...extensionsOf(SDP)],
    [
      ['1', 'urn:ietf:params:rtp-hdrext:ssrc-audio-level'],
      ['2', 'urn:ietf:params:rtp-hdrext:csrc-audio-level'],
      ['3', 'urn:ietf:params:rtp-hdrext:sdes:mid'],
    ]
  );
});

test('one whose number stands for another is left out', () => {
  const taken = new Map([
    ['1', 'urn:ietf:params:rtp-hdrext:ssrc-audio-level'],
    ['2', 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time'],
  ]);

  assert.equal(withoutConflicts(SDP, taken), sdpOf('v=0', ALLOWED, AUDIO, LEVEL, MID, 'a=mid:1'));
});

test('nothing is left out where no number was taken', () => {
  assert.equal(withoutConflicts(SDP, new Map()), SDP);
});
