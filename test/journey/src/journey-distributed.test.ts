import { everyChapter } from './journeys/every-chapter.js';
import { startDistributed } from './kit/distributed.js';

everyChapter('distributed', startDistributed);
