import { install } from 'whisper-client/worker';

install();
