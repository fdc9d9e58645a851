import { everyChapter } from './journeys/every-chapter.js';
import { startStandalone } from './kit/standalone.js';

everyChapter('standalone', () => startStandalone({ underLoad: true }));
