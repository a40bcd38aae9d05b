import { install } from 'http://localhost:8000/js/worker.js';

install();
